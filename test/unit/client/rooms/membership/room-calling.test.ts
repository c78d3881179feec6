/** By whom a device was called into its group, and whose word on it is not gone by. Rule RM72. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ROOM_DOUBTED_MAX } from "../../../../../core/base/limits.ts";
import { createRoomCalling } from "../../../../../core/client/rooms/membership/room-calling.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { roomLogId } from "../../../../../core/protocol/room-log-id.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const DOUBT_MS = 600_000;
const account = (byte: number) => idFromBytes("account", new Uint8Array(32).fill(byte));
const roomId = idFromBytes("conversation", new Uint8Array(32).fill(1));
const self = account(1);
const founder = account(2);

function world() {
  let nowMs = 1_000;
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const calling = createRoomCalling({
    ...{ tables, clock: { nowMs: () => nowMs } },
    identity: { accountId: self },
  } as never);
  const others = [self, founder, account(3), account(4)].map((accountId) => ({ accountId }));
  const cameIn = async (
    by: AccountId,
    {
      members = others,
      known = others,
      invitedBy = founder,
      since = 1,
      isElsewhere = false,
      isProven = true,
    } = {},
  ) => {
    const room = {
      keys: { logId: roomLogId(founder, new Uint8Array(16)) },
      standing: { by: invitedBy, since },
      info: { epoch: 5, members: known },
    };
    const at = { incarnation: 0, seq: 7 };
    const came = good(
      await calling.cameIn(roomId, room as never, {
        ...{ by, isProven, context: { members } as never, at, isElsewhere },
      }),
    );
    good(await store.batch([came.write]));
    return { isCalled: came.isCalled, lacksKnown: came.lacksKnown };
  };
  const left = async () => good(await store.batch([good(await calling.left(roomId))]));
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { calling, cameIn, left, pass, others, store };
}

test("[RM72] called is who came in by somebody else than an own device, the founder, or who has asked them in as they come first, while others are there", async () => {
  const { calling, cameIn, others } = world();
  const called = async () => good(await calling.of(roomId))?.by ?? null;
  expect(await called()).toBe(null);
  expect(await cameIn(account(3))).toEqual({ isCalled: true, lacksKnown: false });
  expect(await called()).toBe(account(3));
  for (const by of [self, founder]) {
    expect((await cameIn(by)).isCalled).toBe(false);
    expect(await called()).toBe(null);
  }
  // A leaf of the founder's that no chain of theirs knows anybody can make.
  expect((await cameIn(founder, { isProven: false })).isCalled).toBe(true);
  expect((await cameIn(account(3), { invitedBy: account(3), since: 6, isProven: false })).isCalled).toBe(
    true,
  );
  // Who has asked them in is believed of the room they have not seen, and no more when they have been in.
  expect((await cameIn(account(3), { invitedBy: account(3), since: 6 })).isCalled).toBe(false);
  expect((await cameIn(account(3), { invitedBy: account(3), since: 5 })).isCalled).toBe(true);
  // Nobody else is there who could say otherwise, unless they were and the group has forgotten them.
  const two = others.filter(({ accountId }) => accountId === self || accountId === account(3));
  expect(await cameIn(account(3), { members: two, known: two })).toEqual({
    ...{ isCalled: false, lacksKnown: false },
  });
  expect(await cameIn(account(3), { members: two })).toEqual({ isCalled: true, lacksKnown: true });
});

test(`[RM72] whose group was left for another's is not gone by for ten minutes, and ${ROOM_DOUBTED_MAX} of them are known`, async () => {
  const { calling, cameIn, left, pass, store } = world();
  const heeded = async (by: AccountId) => good(await calling.isHeeded(roomId, by));
  await cameIn(account(3));
  await left();
  expect(good(await calling.of(roomId))).toBe(null);
  expect([await heeded(account(3)), await heeded(account(4))]).toEqual([false, true]);
  // A Welcome into another group leaves the one before.
  await cameIn(account(4), { isElsewhere: true });
  expect(await heeded(account(4))).toBe(true);
  await cameIn(account(5), { isElsewhere: true });
  expect([await heeded(account(3)), await heeded(account(4))]).toEqual([false, false]);
  good(await store.batch([good(await calling.confirmed(roomId))]));
  expect(good(await calling.of(roomId))).toBe(null);
  expect(await heeded(account(4))).toBe(false);
  pass(DOUBT_MS);
  expect([await heeded(account(3)), await heeded(account(4))]).toEqual([true, true]);
  for (let byte = 10; byte <= 10 + ROOM_DOUBTED_MAX; byte++) {
    await cameIn(account(byte));
    await left();
  }
  expect([await heeded(account(10)), await heeded(account(11))]).toEqual([true, false]);
});
