/** When a room is looked at again for letters that did not open, and how often a device asks to be added. Rules RM23, RM24, RM72. */
import { beforeAll, expect, test } from "vitest";
import { type ConversationId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ok } from "../../../../../core/base/result.ts";
import { createRoomAsking, type RoomAskingDeps } from "../../../../../core/client/rooms/log/room-asking.ts";
import { createRoomMissed } from "../../../../../core/client/rooms/reading/room-missed.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import { encodeRoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";

beforeAll(cryptoReady);

const MINUTE_MS = 60_000;
const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const OWNER = {
  ...({ role: "owner", sinceEpoch: 0, seq: 1, name: "", origin: "", mutedUntilMs: null } as const),
  head: idFromBytes("link", filled(0)),
};

test("[RM24] a room is looked at again when its next letter is to be asked for, and not before", async () => {
  let nowMs = 1_000;
  const store = createMemoryTxStore();
  const missed = createRoomMissed(createTables(store));
  const looks: (readonly [ConversationId, number])[] = [];
  const devicesById = new Map([1, 2].map((id) => [id, { id, addedSeq: id, revokedSeq: null }]));
  const asking = createRoomAsking({
    context: { clock: { nowMs: () => nowMs }, chain: () => ({ seq: 2, devicesById }) },
    groups: { load: async () => ok(null) },
    calling: { of: async () => ok(null) },
    missed,
    lookIn: (id: ConversationId, afterMs: number) => void looks.push([id, afterMs]),
  } as unknown as RoomAskingDeps);
  const room = {} as RoomRecord;
  const letter = {
    ...{ header: new Uint8Array(0), sealed: filled(9), seq: 7 },
    id: idFromBytes("entry", filled(3)),
  };
  const change = missed.change(roomId, { missed: [letter], found: [] }, nowMs);
  good(await store.batch(change.writes));
  change.commit();
  expect(good(await asking.takeStand(roomId, room))).toBe(false);
  nowMs += MINUTE_MS / 2;
  expect(good(await asking.takeStand(roomId, room))).toBe(false);
  expect(looks).toEqual([
    [roomId, MINUTE_MS],
    [roomId, MINUTE_MS / 2],
  ]);
  // In no group it can ask nobody, and coming into one it is looked at anyway.
  nowMs += MINUTE_MS / 2;
  expect(good(await asking.takeStand(roomId, room))).toBe(false);
  expect(looks).toHaveLength(2);
  const asked = missed.asked(roomId, [letter.id], nowMs);
  good(await store.batch(asked.writes));
  asked.commit();
  nowMs += MINUTE_MS;
  expect(good(await asking.takeStand(roomId, room))).toBe(false);
  expect(looks.at(-1)).toEqual([roomId, 59 * MINUTE_MS]);
});

test("[RM72] a device that was called into its group says so once more where it is started again, and once only", async () => {
  const world = createGroupWorld("asking");
  const founded = await world.found(world.device("ada", "laptop"));
  const context = encodeRoomContext({
    ...{ name: "", about: "", keysSince: 0, lifetimeMs: null, history: null },
    members: [{ ...OWNER, accountId: idFromBytes("account", filled(4)) }],
  });
  const sealed: boolean[] = [];
  const started = (called: object | null) =>
    createRoomAsking({
      context: {
        clock: { nowMs: () => 1_000 },
        chain: () => ({ seq: 1, devicesById: new Map() }),
        identity: { accountId: idFromBytes("account", filled(4)) },
      },
      groups: { load: async () => ok({ ...founded, context }) },
      letters: {
        sealStand: async (_: unknown, __: unknown, { isCalled }: { isCalled: boolean }) => {
          sealed.push(isCalled);
          return ok(true);
        },
      },
      calling: { of: async () => ok(called) },
      missed: { due: () => [], dueInMs: () => null },
      lookIn: () => {},
    } as unknown as RoomAskingDeps);
  const asking = started({ by: "somebody" });
  const says = async (of: typeof asking) => good(await of.takeStand(roomId, {} as RoomRecord));
  expect([await says(asking), await says(asking)]).toEqual([true, false]);
  expect(await says(started(null))).toBe(false);
  expect(sealed).toEqual([true]);
});

test("[RM23] a device that nobody brings back asks again by itself, each time after twice as long, up to about an hour", async () => {
  let nowMs = 1_000;
  const looks: number[] = [];
  const asking = createRoomAsking({
    context: { clock: { nowMs: () => nowMs } },
    groups: { load: async () => ok(null) },
    letters: { sealRejoin: async () => ok() },
    lookIn: (_: ConversationId, afterMs: number) => void looks.push(afterMs),
  } as unknown as RoomAskingDeps);
  for (let round = 0; round < 8; round++) {
    expect(good(await asking.askToComeBack(roomId, {} as RoomRecord))).toBe(true);
    nowMs += looks.at(-1) ?? 0;
  }
  expect(looks.map((afterMs) => afterMs / MINUTE_MS)).toEqual([2, 4, 8, 16, 32, 64, 64, 64]);
});

test("[RM23] [RM72] who says another state time and again has a device ask to be added at once, and once a minute besides", async () => {
  let nowMs = 1_000;
  let asked = 0;
  const looks: number[] = [];
  const sealRejoin = async () => {
    asked++;
    return ok();
  };
  const asking = createRoomAsking({
    context: { clock: { nowMs: () => nowMs } },
    groups: { load: async () => ok(null) },
    letters: { sealRejoin },
    lookIn: (_: ConversationId, afterMs: number) => void looks.push(afterMs),
  } as unknown as RoomAskingDeps);
  const ask = async () => good(await asking.askToComeBack(roomId, {} as RoomRecord));
  expect([await ask(), await ask()]).toEqual([true, false]);
  for (let round = 0; round < 4; round++) {
    asking.askAgain(roomId, "out");
    await ask();
  }
  expect(asked).toBe(2);
  // What it was kept from then it does by itself.
  expect(looks.filter((afterMs) => afterMs === MINUTE_MS)).toHaveLength(3);
  nowMs += MINUTE_MS;
  expect([await ask(), await ask()]).toEqual([true, false]);
  asking.askAgain(roomId, "out");
  expect(await ask()).toBe(true);
});
