/** Members whose chains were not there when this device came in. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../../core/base/assert.ts";
import { type ConversationId, idFromBytes, type LinkHash, type LogId } from "../../../../../core/base/ids.ts";
import { ROOM_UNPROVEN_OPS_MAX } from "../../../../../core/base/limits.ts";
import { err, ok } from "../../../../../core/base/result.ts";
import { createSerial } from "../../../../../core/client/serial.ts";
import { createRoomGroups } from "../../../../../core/client/rooms/membership/room-groups.ts";
import { hasPlace, standInChain } from "../../../../../core/client/rooms/reading/room-judge.ts";
import { createRoomUnproven } from "../../../../../core/client/rooms/reading/room-unproven.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { createOp, OP_KIND } from "../../../../../core/messenger/op.ts";
import { encodeRoomContext } from "../../../../../core/messenger/room/room-context.ts";
import type { ChainState } from "../../../../../core/sigchain/chain-state.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";
import { createManualClock } from "../../../../support/manual-clock.ts";

beforeAll(cryptoReady);

const roomId: ConversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));
const logId: LogId = idFromBytes("log", new Uint8Array(32).fill(3));
const head: LinkHash = idFromBytes("link", new Uint8Array(32).fill(2));

/** A group of this device, with a member of whom nothing but the group's word is here. */
async function createCase() {
  const world = createGroupWorld("unproven");
  const own = world.device("ada", "laptop");
  const { accountId, deviceId } = own.member;
  const member = {
    ...{ accountId, name: "Ada", origin: "https://one.example", sinceEpoch: 0 },
    ...{ role: "owner" as const, seq: 3, head, mutedUntilMs: null },
  } as const;
  const room = { name: "room", about: "", keysSince: 0, lifetimeMs: null, history: null };
  const group = await world.found(own, encodeRoomContext({ ...room, members: [member] }));
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const groups = createRoomGroups(tables, { suite: world.suite });
  good(await store.batch([...groups.whole(roomId, group), tables.roomunproven.put([roomId, accountId], {})]));
  groups.keep(roomId, group);
  const alarms: unknown[] = [];
  const taken: string[] = [];
  let chain: ChainState | null = null;
  const clock = createManualClock();
  let asks = 0;
  const unproven = createRoomUnproven({
    context: {
      ...{ tables, store, clock, serial: createSerial() },
      raise: (alarm: unknown) => void alarms.push(alarm),
      contactChain: async () => {
        asks++;
        return chain === null ? err({ type: "NotOnline" }) : ok(chain);
      },
    },
    groups,
    conversations: {
      takeRoom: async (
        ops: readonly { readonly op: { readonly id: string } }[],
        _: unknown,
        writes: Parameters<typeof store.batch>[0],
      ) => {
        taken.push(...ops.map(({ op }) => op.id));
        return store.batch(writes);
      },
    },
    limit: async () => ok(new Set()),
    lookIn: () => {},
    onChanged: () => {},
  } as never);
  const word = (number: number) => ({
    op: createOp({
      ...{ version: 1, conversationId: roomId, author: accountId, device: deviceId, deviceSeq: number },
      ...{ devicePrev: null, hlc: number, kind: OP_KIND.message, target: null },
      ...{ payload: new Uint8Array(1), expire: null, ext: null },
    } as never),
    entry: { id: idFromBytes("entry", new Uint8Array(32).fill(7)), seq: number } as never,
    dueMs: null,
  });
  return {
    ...{ group, groups, tables, store, unproven, alarms, taken, clock, member, deviceId, word },
    asksSoFar: () => asks,
    answer: (with_: ChainState | null) => {
      chain = with_;
    },
  };
}

test(`[RM65] of what waits the newest ${ROOM_UNPROVEN_OPS_MAX} of an account are kept, until its chain is there`, async () => {
  const { tables, store, unproven, taken, clock, member, group, word, answer, asksSoFar } =
    await createCase();
  const keep = async (from: number, count: number) =>
    good(
      await store.batch(
        good(
          await unproven.keep(
            roomId,
            member.accountId,
            Array.from({ length: count }, (_, index) => word(from + index)),
          ),
        ),
      ),
    );
  const count = async () => good(await tables.roomwords.scan({ under: [roomId] })).length;
  await keep(1, ROOM_UNPROVEN_OPS_MAX - 1);
  expect(await count()).toBe(ROOM_UNPROVEN_OPS_MAX - 1);
  await keep(ROOM_UNPROVEN_OPS_MAX, 1);
  expect(await count()).toBe(ROOM_UNPROVEN_OPS_MAX);
  await keep(ROOM_UNPROVEN_OPS_MAX + 1, 1);
  expect(await count()).toBe(ROOM_UNPROVEN_OPS_MAX);
  expect(good(await unproven.prove(roomId, logId))).toBe(false);
  answer(standInChain(group, member));
  // A server that does not answer is not asked all the time.
  expect(good(await unproven.prove(roomId, logId))).toBe(false);
  expect(asksSoFar()).toBe(1);
  await clock.advance(60_000);
  expect(good(await unproven.prove(roomId, logId))).toBe(true);
  expect(taken).toHaveLength(ROOM_UNPROVEN_OPS_MAX);
  expect(taken).not.toContain(word(1).op.id);
  expect(await count()).toBe(0);
  expect(good(await unproven.isUnproven(roomId, member.accountId))).toBe(false);
});

test("[RM65] a chain that went elsewhere frees nothing; one whose keys are others than the group's ends the group", async () => {
  const { group, groups, tables, unproven, alarms, taken, clock, member, deviceId, answer, store, word } =
    await createCase();
  good(await store.batch(good(await unproven.keep(roomId, member.accountId, [word(1)]))));
  const stood = standInChain(group, member);
  expect(hasPlace(stood, member)).toBe(true);
  const elsewhere = idFromBytes("link", new Uint8Array(32).fill(9));
  answer({ ...stood, head: elsewhere, hashes: [elsewhere, elsewhere, elsewhere] });
  expect(good(await unproven.prove(roomId, logId))).toBe(false);
  expect(alarms).toEqual([{ type: "ChainDistrusted", accountId: member.accountId, rule: "ForkedChain" }]);
  expect(good(await unproven.isUnproven(roomId, member.accountId))).toBe(true);
  // One that is behind says nothing yet.
  answer({ ...stood, seq: 1, hashes: [elsewhere] });
  await clock.advance(3_600_000);
  expect(good(await unproven.prove(roomId, logId))).toBe(false);
  expect(alarms).toHaveLength(1);
  const device = present(stood.devicesById.get(deviceId), "the device");
  answer({ ...stood, devicesById: new Map([[deviceId, { ...device, mlsKey: new Uint8Array(32).fill(4) }]]) });
  await clock.advance(3_600_000);
  expect(good(await unproven.prove(roomId, logId))).toBe(true);
  expect(alarms).toHaveLength(2);
  expect(taken).toEqual([]);
  expect(good(await tables.roomwords.scan())).toEqual([]);
  expect(good(await groups.load(roomId))).toBe(null);
});
