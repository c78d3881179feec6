/**
 * Making commits of a room, and bringing past ones again. Each is stored with its final bytes before it is sent, and sent as those bytes
 * until the server has decided. Runs within the serial. Rules RM18, RM20, RM62.
 */
import { present } from "../../../base/assert.ts";
import type { ConversationId, EntryId } from "../../../base/ids.ts";
import { ROOM_EVIDENCE_LINKS_MAX } from "../../../base/limits.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { decode, encode } from "../../../codec/shape.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { createCommit } from "../../../group/create-commit.ts";
import { type GroupDeps, groupEpoch, isActive, withAuthenticate } from "../../../group/group.ts";
import { encodeRoomContext } from "../../../messenger/room/room-context.ts";
import {
  cutRoomCommit,
  type RoomBody,
  roomCommitShape,
  type RoomEvidence,
  roomEvidenceShape,
} from "../../../messenger/room/room-entry.ts";
import { ENTRY_KIND } from "../../../protocol/entry.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ChainStore } from "../../contacts/chain-store.ts";
import type { EngineContext } from "../../engine-context.ts";
import { nextToBring, type RoomAnew } from "../log/room-anew.ts";
import { publicRoomKey, roomKeysOf } from "../log/room-keys.ts";
import { NO_ENTRY } from "../log/room-landmarks.ts";
import { nextEpochParts, type RoomGroups } from "../membership/room-groups.ts";
import type { RoomPlan } from "../membership/room-plan.ts";
import { authenticateBy } from "../reading/room-judge.ts";
import { keysOf } from "../room-book.ts";
import type { RoomOutgoing } from "./room-outgoing.ts";
import { NO_OPS, type RoomSealing, type SealedEntry } from "./room-sealing.ts";

const MS_MIN = 0;

export interface RoomCommitsDeps {
  readonly context: Pick<EngineContext, "tables" | "store" | "times">;
  readonly chains: Pick<ChainStore, "links">;
  readonly groups: RoomGroups;
  readonly anew: RoomAnew;
  readonly deps: Pick<GroupDeps, "suite">;
  readonly sealing: RoomSealing;
  readonly outgoing: Pick<RoomOutgoing, "waiting">;
  /** What one entry holds of a commit that takes several, if it is to be less than it could. */
  readonly partBytes?: number;
}

export interface RoomCommits {
  /** Makes the commit of a plan and stores it. False when the group has moved on meanwhile. */
  make(roomId: ConversationId, room: RoomRecord, plan: RoomPlan): Promise<Result<boolean, ClientError>>;
  /** Brings the next past commit again that the log has not come to. False when there is none. RM62 */
  bring(roomId: ConversationId, room: RoomRecord): Promise<Result<boolean, ClientError>>;
}

export function createRoomCommits(all: RoomCommitsDeps): RoomCommits {
  const { context, chains, groups, anew, deps, sealing, outgoing } = all;
  const { tables, store, times } = context;

  const make: RoomCommits["make"] = async (roomId, room, plan) => {
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const busy = await outgoing.waiting(roomId);
    if (!busy.ok) return busy;
    const group = loaded.value;
    if (group === null || busy.value !== null || Number(groupEpoch(group)) !== plan.epoch) return ok(false);
    const begun = await anew.of(roomId);
    if (!begun.ok) return begun;
    // RM62: it would count nowhere before the log has come to the keys of this epoch.
    if (begun.value !== null && plan.before.keysSince !== keysOf(room).generation) return ok(false);
    const evidence = await evidenceOf(plan);
    if (!evidence.ok) return evidence;
    const authenticate = authenticateBy(plan.chains);
    const committed = await createCommit({ ...deps, authenticate }, withAuthenticate(group, authenticate), {
      add: plan.add,
      removeLeaves: plan.removeLeaves,
      authenticatedData: encode(roomEvidenceShape, evidence.value),
      ...(plan.after === plan.before ? {} : { context: encodeRoomContext(plan.after) }),
    });
    // What cannot be committed stays as it is; the room goes on without it.
    if (!committed.ok) return err({ type: "RoomRefused", rule: committed.error.rule });
    const { commit, welcome, next } = committed.value;
    const last = await tables.handshake.get(roomId);
    if (!last.ok) return last;
    const firstSeq = await sealing.nextSeq(room);
    if (!firstSeq.ok) return firstSeq;
    const isBrought = plan.after !== plan.before || welcome !== null;
    const bodies = cutRoomCommit(
      { commit, context: isBrought ? next.context : null, welcome },
      all.partBytes,
    );
    if (!bodies.ok) return err({ type: "RoomTooLarge" });
    const cut = cutInto(roomId, room, bodies.value, { firstSeq: firstSeq.value, expect: last.value?.last });
    if (!cut.ok) return cut;
    const { parts, made, writerSeq } = cut.value;
    // RM29
    const isRekeyed = plan.after.keysSince === plan.epoch + 1;
    const keys = isRekeyed ? await roomKeysOf(deps, keysOf(room).logId, next) : null;
    const stored = await store.batch([
      ...parts,
      tables.commit.put([roomId], {
        ...made,
        rekey: keys === null ? null : publicRoomKey(keys),
        writerSeq,
        ...nextEpochParts(next),
        invitees: plan.invitees,
        added: plan.add.map(({ member }) => member.deviceId),
        carried: plan.carried,
      }),
      sealing.writerWrite(room, writerSeq),
    ]);
    return stored.ok ? ok(true) : stored;
  };

  const bring: RoomCommits["bring"] = async (roomId, room) => {
    const row = await anew.of(roomId);
    if (!row.ok) return row;
    const loaded = await groups.load(roomId);
    if (!loaded.ok) return loaded;
    const group = loaded.value;
    const logEpoch = row.value?.logEpoch ?? null;
    if (logEpoch === null || group === null || !isActive(group) || logEpoch >= Number(groupEpoch(group)))
      return ok(false);
    const past = await anew.past(roomId, Number(groupEpoch(group)));
    if (!past.ok) return past;
    const next = nextToBring(past.value, logEpoch, keysOf(room).generation);
    const busy = await outgoing.waiting(roomId);
    if (!busy.ok) return busy;
    const commit = next === null ? null : decode(roomCommitShape, next.commit);
    if (next === null || commit?.ok !== true || busy.value !== null) return ok(false);
    const { before, after } = next;
    const last = await tables.handshake.get(roomId);
    if (!last.ok) return last;
    const firstSeq = await sealing.nextSeq(room);
    if (!firstSeq.ok) return firstSeq;
    const bodies = cutRoomCommit(commit.value, all.partBytes);
    if (!bodies.ok) return err({ type: "RoomTooLarge" });
    const cut = cutInto(roomId, room, bodies.value, { firstSeq: firstSeq.value, expect: last.value?.last });
    if (!cut.ok) return cut;
    const { parts, made, writerSeq } = cut.value;
    const rekey = after.generation === before.generation ? null : publicRoomKey(after);
    const stored = await store.batch([
      ...parts,
      tables.roombring.put([roomId], { ...made, rekey, writerSeq }),
      sealing.writerWrite(room, writerSeq),
    ]);
    return stored.ok ? ok(true) : stored;
  };

  /** RM38: what one entry does not hold goes before it, as letters go. */
  function cutInto(
    roomId: ConversationId,
    room: RoomRecord,
    bodies: readonly RoomBody[],
    { firstSeq, expect = NO_ENTRY }: { readonly firstSeq: number; readonly expect: EntryId | undefined },
  ): Result<
    {
      readonly parts: readonly WriteOp[];
      readonly made: SealedEntry;
      readonly writerSeq: number;
    },
    ClientError
  > {
    const parts: WriteOp[] = [];
    const writerSeq = firstSeq + bodies.length - 1;
    for (const [at, body] of bodies.slice(0, -1).entries()) {
      const place = { kind: ENTRY_KIND.roomMessage, writerSeq: firstSeq + at, expect: null };
      const part = sealing.sealed(room, place, body);
      if (!part.ok) return part;
      parts.push(tables.letter.put([roomId, place.writerSeq], { ...part.value, ...NO_OPS }));
    }
    const lastBody = present(bodies.at(-1), "a commit has a last entry");
    const made = sealing.sealed(room, { kind: ENTRY_KIND.roomHandshake, writerSeq, expect }, lastBody);
    return made.ok ? ok({ parts, made: made.value, writerSeq }) : made;
  }

  /** Links from where the room has each chain to where the plan has it. RM2 */
  async function evidenceOf({
    before,
    after,
    departures,
  }: RoomPlan): Promise<Result<RoomEvidence, ClientError>> {
    const brought: RoomEvidence["chains"][number][] = [];
    for (const { accountId, seq } of after.members) {
      const known = before.members.find((member) => member.accountId === accountId)?.seq ?? 0;
      if (seq <= known) continue;
      const links = await chains.links(accountId, known + 1, seq);
      if (!links.ok) return links;
      // RM60
      if (links.value.length > ROOM_EVIDENCE_LINKS_MAX) return err({ type: "RoomTooLarge" });
      brought.push({ accountId, firstSeq: known + 1, links: links.value });
    }
    const timeMs = Math.max(MS_MIN, times.likelyMs());
    return ok({ version: 1, timeMs, chains: brought, departures });
  }

  return { make, bring };
}
