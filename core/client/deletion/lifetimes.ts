/**
 * Messages that go by themselves: hidden when their time is over, and then taken out of every row, the search index and their buckets.
 *
 * When that is stands in the op, or in the groups document where its room allows less than it says. Rows by that time say what is next,
 * so one timer is enough and a program that ends goes on where it was. Nothing is erased by a clock alone. Runs within the serial.
 * Rules RM34-RM37.
 */
import { type ConversationId, idBytes, type OpId } from "../../base/ids.ts";
import { ROOM_LIMITS_PER_DEVICE_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { limitKey, type RoomPart } from "../../document/schema/groups.ts";
import { INBOX } from "../../document/schema/inbox.ts";
import { clearField } from "../../document/schema/state-field.ts";
import type { BucketPlace } from "../../log/document-name.ts";
import { perishesAtMs } from "../../messenger/lifetime.ts";
import { bucketPlaceOf, type NamedOp } from "../../messenger/op.ts";
import { rowKeyNumber, rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { Times } from "../calendar/times.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { OpStore } from "../conversations/op-store.ts";
import type { RoomBook } from "../rooms/room-book.ts";
import { placeText } from "./deletion-state.ts";

const HOUR_MS = 3_600_000;
/** Own devices whose clocks differ by less than this find the same to be over when they write a bucket anew. */
const CLOCKS_DIFFER_MS = 300_000;
const SWEEP_ROWS = 256;
/** Looks at the clock further apart than an hour are taken for a jump of it, after which nothing is erased. */
const WAKE_MS_MAX = 1_800_000;

/** A message that goes earlier than it says. */
export interface RoomLimit {
  readonly op: NamedOp;
  readonly dueMs: number;
}

export interface LifetimesDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "clock" | "serial"> & {
    readonly times: Pick<Times, "surelyMs" | "isHeard">;
    readonly identity: Pick<EngineContext["identity"], "accountId">;
  };
  readonly log: Pick<AccountLog, "edit">;
  readonly ops: Pick<OpStore, "get" | "remove">;
  book(): Pick<RoomBook, "all" | "get" | "set">;
  /** Takes texts out of the search index and what is stored of it. */
  forgetTexts(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Own ops that are not to be sent any more. */
  withdraw(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  dropArchiving(ids: readonly OpId[]): void;
  /** Writes buckets anew, and makes `writes` with knowing that it has to. */
  renewSoon(places: readonly BucketPlace[], writes: readonly WriteOp[]): Promise<Result<void, ClientError>>;
  onGone(conversationId: ConversationId): void;
}

export interface Lifetimes {
  /** Reads what the groups document says goes earlier. */
  refresh(): Promise<Result<void, ClientError>>;
  /** When an op goes by itself; null for never. */
  perishesAtMs(op: NamedOp): number | null;
  /** Its time is over by any clock there is: it is shown to nobody. */
  isHidden(op: NamedOp): boolean;
  /** Its time is over for certain: nothing of it may be kept. */
  isOver(op: NamedOp): boolean;
  /** Notes which of a room's messages go earlier than they say. Gives those whose author writes too many of them. RM35 */
  limit(
    roomId: ConversationId,
    limits: readonly RoomLimit[],
  ): Promise<Result<ReadonlySet<OpId>, ClientError>>;
  /** Ops were stored; some of them may go. */
  added(ops: readonly NamedOp[]): void;
  /** A bucket holds what is over. */
  later(place: BucketPlace): Promise<Result<void, ClientError>>;
  /** Erases what is over, and sees to what will be. */
  sweep(): Promise<Result<void, ClientError>>;
  stop(): void;
}

export function createLifetimes(deps: LifetimesDeps): Lifetimes {
  const { context, ops } = deps;
  const { tables, store, times, clock, identity } = context;
  const noted = new Map<OpId, number>();
  let wake: { readonly atMs: number; cancel(): void } | null = null;
  let isStopped = false;
  /** Up to when faces have been told of what is hidden and not erased yet. */
  let hiddenUpToMs = 0;

  function perishes({ id, op }: NamedOp): number | null {
    const ownMs = perishesAtMs(op, identity.accountId);
    const notedMs = noted.get(id);
    return notedMs === undefined ? ownMs : Math.min(notedMs, ownMs ?? notedMs);
  }

  const isPast = (op: NamedOp): boolean => {
    const dueMs = perishes(op);
    return dueMs !== null && dueMs <= times.surelyMs();
  };

  async function refresh(): Promise<Result<void, ClientError>> {
    const rooms = await deps.book().all();
    if (!rooms.ok) return rooms;
    const writes: WriteOp[] = [];
    for (const [roomId, { limits }] of rooms.value) {
      for (const { op: id, device, hlc, dueMs } of limits) {
        if ((noted.get(id) ?? Number.POSITIVE_INFINITY) <= dueMs) continue;
        noted.set(id, dueMs);
        writes.push(tables.due.put([dueMs, "op", roomId, hlc, device, id], {}));
        wakeBy(dueMs);
      }
    }
    for (let from = 0; from < writes.length; from += SWEEP_ROWS) {
      const written = await store.batch(writes.slice(from, from + SWEEP_ROWS));
      if (!written.ok) return written;
    }
    return ok();
  }

  const limit: Lifetimes["limit"] = async (roomId, limits) => {
    const fresh = limits.filter(({ op, dueMs }) => (noted.get(op.id) ?? Number.POSITIVE_INFINITY) > dueMs);
    if (fresh.length === 0) return ok(new Set());
    const room = await deps.book().get(roomId);
    if (!room.ok) return room;
    const countByDevice = new Map<string, number>();
    for (const { device } of room.value?.limits ?? [])
      countByDevice.set(device, (countByDevice.get(device) ?? 0) + 1);
    const refused = new Set<OpId>();
    const parts = new Map<string, RoomPart>();
    for (const { op, dueMs } of fresh) {
      const { device, hlc, author } = op.op;
      const count = countByDevice.get(device) ?? 0;
      if (count >= ROOM_LIMITS_PER_DEVICE_MAX && author !== identity.accountId) {
        refused.add(op.id);
        continue;
      }
      countByDevice.set(device, count + 1);
      parts.set(limitKey(idBytes(op.id)), { type: "limit", op: op.id, device, hlc, dueMs });
    }
    const told = parts.size === 0 ? ok() : await deps.book().set(roomId, parts);
    if (!told.ok) return told;
    const read = await refresh();
    return read.ok ? ok(refused) : read;
  };

  /** RM37: at most hourly, and at the same time on all own devices. */
  const renewalAfter = (ms: number): number =>
    (Math.floor((ms + CLOCKS_DIFFER_MS) / HOUR_MS) + 1) * HOUR_MS + CLOCKS_DIFFER_MS;

  function renewalRows(places: readonly BucketPlace[], atMs: number): readonly WriteOp[] {
    const byText = new Map(places.map((place) => [placeText(place), place]));
    return [...byText.values()].map(({ conversationId, device, index }) =>
      tables.due.put([atMs, "bucket", conversationId, device, index], {}),
    );
  }

  const later: Lifetimes["later"] = async (place) => {
    const atMs = renewalAfter(times.surelyMs());
    const written = await store.batch(renewalRows([place], atMs));
    if (written.ok) wakeBy(atMs);
    return written;
  };

  async function sweep(): Promise<Result<void, ClientError>> {
    wake?.cancel();
    wake = null;
    const nowMs = times.surelyMs();
    for (;;) {
      const rows = await tables.due.scan({ limit: SWEEP_ROWS });
      if (!rows.ok) return rows;
      const keys = rows.value.map(({ key }) => key);
      const over = keys.filter((key) => dueOf(key) <= nowMs);
      // RM36: without the server's word it is hidden and kept.
      if (over.length > 0 && !times.isHeard()) return hide(over, nowMs);
      const erased = over.length === 0 ? ok() : await settle(over);
      if (!erased.ok) return erased;
      if (over.length === SWEEP_ROWS) continue;
      const next = keys[over.length];
      if (next !== undefined) wakeBy(dueOf(next));
      return ok();
    }
  }

  async function settle(keys: readonly string[]): Promise<Result<void, ClientError>> {
    const gone: NamedOp[] = [];
    const places: BucketPlace[] = [];
    for (const key of keys) {
      const [, , what, conversationId = "", a = "", b = "", id = ""] = rowKeyParts(key);
      const room = conversationId as ConversationId;
      if (what === "bucket") {
        places.push({
          conversationId: room,
          device: a as BucketPlace["device"],
          index: rowKeyNumber(b) ?? 0,
        });
        continue;
      }
      const place = { hlc: rowKeyNumber(a) ?? 0, device: b as BucketPlace["device"], id: id as OpId };
      const op = await ops.get({ conversationId: room, ...place });
      if (!op.ok) return op;
      if (op.value !== null && isPast(op.value)) gone.push(op.value);
    }
    const erased = gone.length === 0 ? ok() : await erase(gone);
    if (!erased.ok) return erased;
    return deps.renewSoon(
      places,
      keys.map((key) => ({ type: "delete" as const, key })),
    );
  }

  /** What stands in buckets goes a while later: each time one is written anew it costs as much as all that is in it. */
  async function erase(gone: readonly NamedOp[]): Promise<Result<void, ClientError>> {
    const ids = gone.map(({ id }) => id);
    const texts = await deps.forgetTexts(ids);
    if (!texts.ok) return texts;
    const withdrawn = await deps.withdraw(ids);
    if (!withdrawn.ok) return withdrawn;
    const starless = await deps.log.edit({ type: "inbox" }, (draft) => {
      for (const { op, id } of gone) clearField(draft, INBOX.starred, [op.conversationId, id] as const);
    });
    if (!starless.ok) return starless;
    const removal = await ops.remove(gone.map(({ op, id }) => ({ ...op, id })));
    if (!removal.ok) return removal;
    const atMs = renewalAfter(times.surelyMs());
    const written = await store.batch([
      ...removal.value.writes,
      ...ids.map((id) => tables.archive.remove(id)),
      ...renewalRows(
        gone.map(({ op }) => bucketPlaceOf(op)),
        atMs,
      ),
    ]);
    if (!written.ok) return written;
    removal.value.commit();
    deps.dropArchiving(ids);
    wakeBy(atMs);
    for (const id of new Set(gone.map(({ op }) => op.conversationId))) deps.onGone(id);
    return ok();
  }

  async function hide(over: readonly string[], nowMs: number): Promise<Result<void, ClientError>> {
    const fresh = over.filter((key) => dueOf(key) > hiddenUpToMs);
    hiddenUpToMs = nowMs;
    for (const id of new Set(fresh.map((key) => rowKeyParts(key)[3]))) deps.onGone(id as ConversationId);
    const next = await tables.due.scan({ after: tables.due.key(nowMs + 1), limit: 1 });
    if (!next.ok) return next;
    const [row] = next.value;
    if (row !== undefined) wakeBy(dueOf(row.key));
    return ok();
  }

  function wakeBy(atMs: number): void {
    if (isStopped || (wake !== null && wake.atMs <= atMs)) return;
    wake?.cancel();
    const delayMs = Math.min(WAKE_MS_MAX, Math.max(0, atMs - times.surelyMs()));
    const cancel = clock.schedule(delayMs, () => {
      wake = null;
      void context.serial.run(sweep);
    });
    wake = { atMs, cancel };
  }

  return {
    refresh,
    perishesAtMs: perishes,
    isHidden: isPast,
    isOver: (op) => times.isHeard() && isPast(op),
    limit,
    added(fresh) {
      for (const op of fresh) {
        const dueMs = perishes(op);
        if (dueMs !== null) wakeBy(dueMs);
      }
    },
    later,
    sweep,
    stop() {
      isStopped = true;
      wake?.cancel();
    },
  };
}

function dueOf(key: string): number {
  return rowKeyNumber(rowKeyParts(key)[1]) ?? 0;
}
