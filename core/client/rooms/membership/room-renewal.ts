/**
 * Fresh keys for this device's leaf of each room by the calendar, where nobody comes, goes or changes anything: who has copied what
 * a device keeps of a room reads on until it has made a commit. Runs within the serial. Rule RM71.
 */
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import type { ConversationId } from "../../../base/ids.ts";
import { ROOM_LEAF_RENEW_MS_MAX, ROOM_LEAF_RENEW_MS_MIN } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { isActive, ownLeafKey } from "../../../group/group.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomCommits } from "../sending/room-commits.ts";
import type { RoomGroups } from "./room-groups.ts";
import type { RoomPlanner } from "./room-plan.ts";

/** When a commit that could not be made is tried again. */
const RETRY_MS = 3_600_000;

export interface RoomRenewalDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "times" | "clock">;
  readonly groups: Pick<RoomGroups, "load">;
  readonly planner: Pick<RoomPlanner, "renewal">;
  readonly commits: Pick<RoomCommits, "make">;
  /** Looks after a room soon. */
  kick(roomId: ConversationId): void;
}

export interface RoomRenewal {
  /** Makes a commit with nothing in it, where the own leaf's keys are due. False when they are not, or it cannot be made now. */
  renew(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
  /** Waits for nothing any more. */
  close(): void;
}

export function createRoomRenewal(all: RoomRenewalDeps): RoomRenewal {
  const { context, groups, planner, commits, kick } = all;
  const { tables, store, times, clock } = context;
  /** What the rows say, as far as they were read. */
  const leafByRoom = new Map<ConversationId, { readonly key: Bytes; readonly sinceMs: number }>();
  const failedAtMs = new Map<ConversationId, number>();
  /** Rooms that are looked at when keys come due, by counted time. */
  const waits = new Map<ConversationId, { readonly dueMs: number; readonly cancel: () => void }>();

  /** Since when the leaf has this key, as far as this device has seen. */
  async function sinceMs(roomId: ConversationId, key: Bytes): Promise<Result<number, ClientError>> {
    const nowMs = times.steadyMs();
    const known = leafByRoom.get(roomId);
    const row = known === undefined ? await tables.roomleaf.get(roomId) : ok(known);
    if (!row.ok) return row;
    // Counted time begins anew where its own row was lost.
    const isSame = row.value !== null && equalBytes(row.value.key, key) && row.value.sinceMs <= nowMs;
    const leaf = isSame ? row.value : { key, sinceMs: nowMs };
    const stored = isSame ? ok() : await store.batch([tables.roomleaf.put([roomId], leaf)]);
    if (!stored.ok) return stored;
    leafByRoom.set(roomId, leaf);
    return ok(leaf.sinceMs);
  }

  function wait(
    roomId: ConversationId,
    { dueMs, nowMs }: { readonly dueMs: number; readonly nowMs: number },
  ): void {
    const known = waits.get(roomId);
    if (known?.dueMs === dueMs) return;
    known?.cancel();
    const cancel = clock.schedule(dueMs - nowMs, () => {
      waits.delete(roomId);
      kick(roomId);
    });
    waits.set(roomId, { dueMs, cancel });
  }

  async function renew(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>> {
    const group = await groups.load(roomId);
    if (!group.ok) return group;
    const key = group.value === null || !isActive(group.value) ? null : ownLeafKey(group.value);
    if (key === null) return ok(false);
    const since = await sinceMs(roomId, key);
    if (!since.ok) return since;
    const nowMs = times.steadyMs();
    const agedMs = since.value + renewalAgeMs(key);
    const dueMs = Math.max(agedMs, (failedAtMs.get(roomId) ?? 0) + RETRY_MS);
    if (nowMs < dueMs) {
      wait(roomId, { dueMs, nowMs });
      return ok(false);
    }
    const plan = await planner.renewal(roomId);
    if (!plan.ok || plan.value === null) return plan.ok ? ok(false) : plan;
    const made = await commits.make(roomId, room, plan.value);
    if (made.ok || (made.error.type !== "RoomRefused" && made.error.type !== "RoomTooLarge")) return made;
    // RM60: what cannot be committed holds up nothing else.
    failedAtMs.set(roomId, nowMs);
    wait(roomId, { dueMs: nowMs + RETRY_MS, nowMs });
    return ok(false);
  }

  return {
    renew,
    close() {
      for (const { cancel } of waits.values()) cancel();
      waits.clear();
    },
  };
}

/** At which age a leaf's key is replaced. The key, which is random, draws it: so the devices of a room do not all commit at once. */
export function renewalAgeMs(key: Bytes): number {
  const share = new DataView(key.buffer, key.byteOffset).getUint32(0) / 2 ** 32;
  return ROOM_LEAF_RENEW_MS_MIN + Math.floor(share * (ROOM_LEAF_RENEW_MS_MAX - ROOM_LEAF_RENEW_MS_MIN));
}
