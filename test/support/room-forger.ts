/** A member of a room with a changed program: commits and entries of its own making, put into the log past its client. */
import { expect } from "vitest";
import { present } from "../../core/base/assert.ts";
import { type AccountId, type ConversationId, idBytes } from "../../core/base/ids.ts";
import { ok } from "../../core/base/result.ts";
import { capabilityKey, writerKey } from "../../core/client/devices/device-identity.ts";
import type { Engine } from "../../core/client/engine.ts";
import { createGuestGateways } from "../../core/client/connection/guest-gateways.ts";
import { createRoomAnew } from "../../core/client/rooms/log/room-anew.ts";
import { keysOf } from "../../core/client/rooms/room-book.ts";
import { createRoomSending, type RoomSendingDeps } from "../../core/client/rooms/sending/room-sending.ts";
import { createRoomMissed } from "../../core/client/rooms/reading/room-missed.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { createCommit } from "../../core/group/create-commit.ts";
import { createGroup, groupEpoch } from "../../core/group/group.ts";
import type { GroupMember } from "../../core/group/group-member.ts";
import {
  createKeyPackage,
  type VerifiedKeyPackage,
  verifyPublishedKeyPackage,
} from "../../core/group/key-package.ts";
import { createLogReader } from "../../core/log/log-reader.ts";
import { encodeRoomContext, type RoomContext } from "../../core/messenger/room/room-context.ts";
import {
  cutRoomCommit,
  type RoomBody,
  type RoomCommit,
  sealRoomEntry,
} from "../../core/messenger/room/room-entry.ts";
import { ENTRY_KIND, type Entry, encodeEntryHeader, writerTag } from "../../core/protocol/entry.ts";
import { good } from "./client-world.ts";

/** What sends in an engine, past what reads it. */
export function sendingDeps({ context, chains, rooms, roomOutbox, tables }: Engine): RoomSendingDeps {
  return {
    context,
    chains,
    groups: rooms.groups,
    outbox: roomOutbox,
    missed: createRoomMissed(tables),
    anew: createRoomAnew(tables),
    deps: { suite: createGroupCrypto(context.random) },
    intake: {
      place: () => Promise.reject(new Error("nothing is said")),
      reader: async (room) => ok(createLogReader(keysOf(room).logId)),
    },
  };
}

/** A commit that one entry holds. */
export const commitBody = (commit: RoomCommit): RoomBody =>
  present(good(cutRoomCommit(commit)).at(-1), "the last entry of a commit");

/** A commit that this member's role forbids, or whose evidence is none, put into the room's log past their own client. */
export async function forge(
  engine: Engine,
  roomId: ConversationId,
  change: (room: RoomContext) => RoomContext,
) {
  const { context, rooms } = engine;
  const room = present(good(await rooms.book.get(roomId)), "the room");
  const group = present(good(await rooms.groups.load(roomId)), "the group");
  const before = present(good(await rooms.contextOf(roomId)), "its context");
  const known = new Map<AccountId, ReturnType<typeof context.chain>>();
  for (const { accountId } of before.members)
    known.set(accountId, present(good(await context.storedChain(accountId)) ?? context.chain(), "a chain"));
  const { commits } = createRoomSending(sendingDeps(engine));
  const made = await commits.make(roomId, room, {
    epoch: Number(groupEpoch(group)),
    before,
    after: change(before),
    add: [],
    removeLeaves: [],
    departures: [],
    chains: known,
    invitees: [],
    carried: [],
  });
  expect(good(made)).toBe(true);
  const { entry, entryId } = present(good(await engine.tables.commit.get(roomId)), "the commit");
  good(await context.store.batch([engine.tables.commit.remove(roomId)]));
  await append(engine, roomId, () => entry);
  // The next one is to follow this one, which his own program has not read.
  good(await context.store.batch([engine.tables.handshake.put([roomId], { last: entryId })]));
}

async function append(
  { context, rooms }: Engine,
  roomId: ConversationId,
  entryAt: (writerSeq: number) => Entry,
  rekey: Uint8Array | null = null,
): Promise<void> {
  const guests = createGuestGateways(context);
  const { logId, accessSeed, origin } = keysOf(present(good(await rooms.book.get(roomId)), "the room"));
  const opened = good(
    await guests.open(origin, {
      logId,
      right: "append",
      capability: capabilityKey(accessSeed),
      writer: writerKey(context.identity.seeds, logId),
    }),
  );
  const entry = entryAt(opened.channel.writerSeq + 1);
  const { channel } = opened;
  const placed =
    rekey === null ? good(await channel.append([entry])) : [good(await channel.appendAndRekey(entry, rekey))];
  expect(placed).toMatchObject([{ type: "accepted" }]);
  await guests.closeAll();
}

/** Puts a body of his own making into the log: a stand or a request as what it is, anything else as a commit. */
export async function forgeBody(
  engine: Engine,
  roomId: ConversationId,
  body: RoomBody,
  rekey: Uint8Array | null = null,
): Promise<void> {
  const { context, rooms } = engine;
  const { logId, roomKey } = keysOf(present(good(await rooms.book.get(roomId)), "the room"));
  const tag = writerTag(logId, writerKey(context.identity.seeds, logId).publicKey);
  await append(
    engine,
    roomId,
    (writerSeq) => {
      const kind =
        body.type === "stand" || body.type === "rejoin" ? ENTRY_KIND.roomMessage : ENTRY_KIND.roomHandshake;
      const place = { kind, writerTag: tag, writerSeq, epoch: null, expect: null };
      const header = encodeEntryHeader({ version: 1, ...place });
      return { header, sealed: good(sealRoomEntry(context.random, roomKey, { logId, header }, body)) };
    },
    rekey,
  );
}

/**
 * Calls devices into a group of this member's own under the room's id, in which it owns the room, with a commit that nobody can judge who
 * is in the true one. `change` makes of the room's context what that group says.
 */
export async function callInto(
  engine: Engine,
  roomId: ConversationId,
  devices: readonly GroupMember[],
  change: (room: RoomContext) => RoomContext = (room) => room,
): Promise<void> {
  const { context, rooms } = engine;
  const { identity, random, clock } = context;
  const room = present(good(await rooms.book.get(roomId)), "the room");
  const group = present(good(await rooms.groups.load(roomId)), "the group");
  const now = present(good(await rooms.contextOf(roomId)), "its context");
  const deps = { suite: createGroupCrypto(random), authenticate: () => true };
  const nowMs = clock.nowMs();
  const { accountId, deviceId } = identity;
  const self = await createKeyPackage(
    deps.suite,
    { member: { accountId, deviceId }, signSeed: identity.seeds.mls },
    { fromMs: nowMs - 86_400_000, untilMs: nowMs + 86_400_000 },
  );
  const members = now.members.map((one) => ({
    ...one,
    role: one.accountId === accountId ? ("owner" as const) : ("member" as const),
  }));
  const said = encodeRoomContext(change({ ...now, members }));
  const own = good(
    await createGroup(deps, idBytes(keysOf(room).logId), self, said, Number(groupEpoch(group))),
  );
  const add: VerifiedKeyPackage[] = [];
  const directory = context.directory(keysOf(room).origin);
  for (const called of devices) {
    const claimed = good(await directory.claimKeyPackages(called.accountId, [called.deviceId]));
    const { keyPackage } = present(claimed.keyPackages[0], "a key package");
    add.push(good(await verifyPublishedKeyPackage(deps.suite, keyPackage, { ...deps, nowMs })));
  }
  const { commit, welcome, next } = good(await createCommit(deps, own, { add }));
  await forgeBody(engine, roomId, commitBody({ commit, context: next.context, welcome }));
}
