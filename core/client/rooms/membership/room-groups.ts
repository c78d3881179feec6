/** The groups of rooms on disk: loaded once, and then written as far as a step has changed them. Rule RM16. */
import type { Bytes } from "../../../base/bytes.ts";
import type { ConversationId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import {
  decodeGroup,
  decodeNextGroup,
  encodeEpoch,
  encodeGroupStep,
  type StoredGroup,
} from "../../../group/group-codec.ts";
import { canSend } from "../../../group/group-message.ts";
import type { Group, GroupDeps } from "../../../group/group.ts";
import { encodeRatchets } from "../../../group/ratchets.ts";
import { rowKeyLastNumber, rowKeyNumber, rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { CommitRow, Tables } from "../../tables.ts";

export interface RoomGroups {
  load(roomId: ConversationId): Promise<Result<Group | null, ClientError>>;
  /** Writes that bring the stored group to `next`; call `keep` once they are durable. */
  step(roomId: ConversationId, next: Group): Promise<Result<readonly WriteOp[], ClientError>>;
  /** Writes of a group that takes another's place. */
  whole(roomId: ConversationId, group: Group): readonly WriteOp[];
  keep(roomId: ConversationId, group: Group | null): void;
  /** Writes that forget a group, and what was on its way in it. */
  forget(roomId: ConversationId): Promise<Result<readonly WriteOp[], ClientError>>;
}

/** Leaves are judged where commits and Welcomes are; what is stored was. */
const trusted = { authenticate: () => true };

export function createRoomGroups(tables: Tables, { suite }: Pick<GroupDeps, "suite">): RoomGroups {
  const cache = new Map<ConversationId, Group>();

  async function stored(roomId: ConversationId): Promise<Result<StoredGroup | null, ClientError>> {
    const group = await tables.group.get(roomId);
    if (!group.ok) return group;
    if (group.value === null) return ok(null);
    const facts = await tables.epochfacts.scan({ under: [roomId] });
    if (!facts.ok) return facts;
    const rows = await tables.ratchet.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const ratchets = new Map<number, Map<number, Bytes>>();
    for (const { key, value } of rows.value) {
      const [epoch = 0, number = 0] = rowKeyParts(key)
        .slice(-2)
        .map(rowKeyNumber)
        .map((part) => part ?? 0);
      ratchets.set(epoch, (ratchets.get(epoch) ?? new Map<number, Bytes>()).set(number, value.part));
    }
    const past = facts.value
      .map(({ key, value }): [number, Bytes] => [rowKeyLastNumber(key), value.facts])
      .filter(([number]) => ratchets.has(number));
    return ok({ epoch: group.value.epoch, past: new Map(past), ratchets });
  }

  async function load(roomId: ConversationId): Promise<Result<Group | null, ClientError>> {
    const known = cache.get(roomId);
    if (known !== undefined) return ok(known);
    const parts = await stored(roomId);
    if (!parts.ok || parts.value === null) return parts.ok ? ok(null) : parts;
    const group = await decodeGroup(trusted, parts.value);
    if (!group.ok) return err({ type: "StoreCorrupt", key: tables.group.key(roomId) });
    // Of a device whose own ratchet was damaged and dropped nothing could be read any more.
    if (!(await canSend({ suite }, group.value))) return ok(null);
    cache.set(roomId, group.value);
    return group;
  }

  function stepWrites(roomId: ConversationId, before: Group | null, next: Group): readonly WriteOp[] {
    const { epoch, ratchets, past, forgotten } = encodeGroupStep(before, next);
    const writes: WriteOp[] = [];
    if (epoch !== null) writes.push(tables.group.put([roomId], { epoch }));
    for (const [number, facts] of past) writes.push(tables.epochfacts.put([roomId, number], { facts }));
    for (const [number, parts] of ratchets)
      for (const [at, part] of parts) writes.push(tables.ratchet.put([roomId, number, at], { part }));
    for (const [number, parts] of forgotten) {
      writes.push(tables.epochfacts.remove(roomId, number));
      for (const at of parts) writes.push(tables.ratchet.remove(roomId, number, at));
    }
    return writes;
  }

  return {
    load,
    async step(roomId, next) {
      const before = await load(roomId);
      return before.ok ? ok(stepWrites(roomId, before.value, next)) : before;
    },
    whole: (roomId, group) => stepWrites(roomId, null, group),
    keep(roomId, group) {
      if (group === null) cache.delete(roomId);
      else cache.set(roomId, group);
    },
    async forget(roomId) {
      const facts = await tables.epochfacts.scan({ under: [roomId] });
      if (!facts.ok) return facts;
      const ratchets = await tables.ratchet.scan({ under: [roomId] });
      if (!ratchets.ok) return ratchets;
      // Of another group with the same numbers they would say nothing.
      const past = await tables.roompast.scan({ under: [roomId] });
      if (!past.ok) return past;
      return ok([
        tables.group.remove(roomId),
        tables.commit.remove(roomId),
        ...[...facts.value, ...ratchets.value, ...past.value].map(({ key }) => ({
          type: "delete" as const,
          key,
        })),
      ]);
    },
  };
}

/** The epoch a commit of ours makes, as its row holds it. */
export function nextEpochParts(next: Group): Pick<CommitRow, "epoch" | "ratchets"> {
  const ratchets = [...encodeRatchets(next.ratchets)].map(([number, part]) => ({ number, part }));
  return { epoch: encodeEpoch(next), ratchets };
}

/** The group once a commit of ours has its place, with what was read since it was made. */
export async function groupAfter(group: Group, { epoch, ratchets }: CommitRow): Promise<Group | null> {
  const parts = new Map(ratchets.map(({ number, part }) => [number, part]));
  const next = await decodeNextGroup(group, { epoch, ratchets: parts });
  return next.ok ? next.value : null;
}
