/** The groups of rooms on disk: loaded once, and then written as far as a step has changed them. Rule RM16. */
import type { ConversationId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decodeGroup, encodeGroup, encodeGroupStep, type StoredGroup } from "../../group/group-codec.ts";
import type { Group } from "../../group/group.ts";
import { rowKeyNumber, rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { CommitRow, Tables } from "../tables.ts";

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

export function createRoomGroups(tables: Tables): RoomGroups {
  const cache = new Map<ConversationId, Group>();

  async function stored(roomId: ConversationId): Promise<Result<StoredGroup | null, ClientError>> {
    const group = await tables.group.get(roomId);
    if (!group.ok) return group;
    const ratchet = await tables.ratchet.get(roomId);
    if (!ratchet.ok) return ratchet;
    if (group.value === null || ratchet.value === null) return ok(null);
    const facts = await tables.epochfacts.scan({ under: [roomId] });
    if (!facts.ok) return facts;
    const past: [number, StoredGroup["past"] extends ReadonlyMap<number, infer P> ? P : never][] = [];
    for (const { key, value } of facts.value) {
      const number = rowKeyNumber(rowKeyParts(key).at(-1)) ?? 0;
      const ratchets = await tables.epochratchet.get(roomId, number);
      if (!ratchets.ok) return ratchets;
      if (ratchets.value !== null) past.push([number, { ...value, ...ratchets.value }]);
    }
    return ok({ epoch: group.value.epoch, ratchets: ratchet.value.ratchets, past: new Map(past) });
  }

  async function load(roomId: ConversationId): Promise<Result<Group | null, ClientError>> {
    const known = cache.get(roomId);
    if (known !== undefined) return ok(known);
    const parts = await stored(roomId);
    if (!parts.ok || parts.value === null) return parts.ok ? ok(null) : parts;
    const group = await decodeGroup(trusted, parts.value);
    if (!group.ok) return err({ type: "StoreCorrupt", key: tables.group.key(roomId) });
    cache.set(roomId, group.value);
    return group;
  }

  function stepWrites(roomId: ConversationId, before: Group | null, next: Group): readonly WriteOp[] {
    const { epoch, ratchets, past, forgotten } = encodeGroupStep(before, next);
    const writes: WriteOp[] = [];
    if (epoch !== null) writes.push(tables.group.put([roomId], { epoch }));
    if (ratchets !== null) writes.push(tables.ratchet.put([roomId], { ratchets }));
    for (const [number, one] of past) {
      if (one.facts !== null) writes.push(tables.epochfacts.put([roomId, number], { facts: one.facts }));
      if (one.ratchets !== null)
        writes.push(tables.epochratchet.put([roomId, number], { ratchets: one.ratchets }));
    }
    for (const number of forgotten)
      writes.push(tables.epochfacts.remove(roomId, number), tables.epochratchet.remove(roomId, number));
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
      const numbers = facts.value.map(({ key }) => rowKeyNumber(rowKeyParts(key).at(-1)) ?? 0);
      return ok([
        tables.group.remove(roomId),
        tables.ratchet.remove(roomId),
        tables.commit.remove(roomId),
        ...numbers.flatMap((number) => [
          tables.epochfacts.remove(roomId, number),
          tables.epochratchet.remove(roomId, number),
        ]),
      ]);
    },
  };
}

/** A group as the row of a commit holds it. */
export function groupParts(group: Group): Pick<CommitRow, "epoch" | "ratchets" | "past"> {
  const { epoch, ratchets, past } = encodeGroup(group);
  return { epoch, ratchets, past: [...past].map(([number, one]) => ({ number, ...one })) };
}

/** The group a commit of ours makes. */
export async function groupOf(row: CommitRow): Promise<Group | null> {
  const past = new Map(row.past.map(({ number, facts, ratchets }) => [number, { facts, ratchets }]));
  const group = await decodeGroup(trusted, { epoch: row.epoch, ratchets: row.ratchets, past });
  return group.ok ? group.value : null;
}
