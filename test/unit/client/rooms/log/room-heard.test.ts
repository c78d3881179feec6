/** Letters of others that are kept for a room's log that begins anew, and which of them go with a commit there. Rule RM75. */
import { expect, test } from "vitest";
import {
  ROOM_BROUGHT_LETTERS_BYTES_MAX,
  ROOM_HEARD_ENTRIES_MAX,
  ROOM_HEARD_LETTER_BYTES_MAX,
} from "../../../../../core/base/limits.ts";
import type { AccountId, ConversationId } from "../../../../../core/base/ids.ts";
import { keepHeard, lettersToBring } from "../../../../../core/client/rooms/log/room-heard.ts";
import { createTables, type RoomHeardRow } from "../../../../../core/client/tables.ts";
import type { RoomContext } from "../../../../../core/messenger/room/room-context.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { must } from "../../../../support/chain-world.ts";

const roomId = "c".repeat(64) as ConversationId;
const [ada, ben, cara] = ["a", "b", "d"].map((one) => one.repeat(64) as AccountId) as [
  AccountId,
  AccountId,
  AccountId,
];

/** Who is in the room, since which epoch. */
const roomWith = (...members: readonly (readonly [AccountId, number])[]) =>
  ({
    members: members.map(([accountId, sinceEpoch]) => ({ accountId, sinceEpoch })),
  }) as unknown as RoomContext;

function device() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const hear = async (one: Partial<RoomHeardRow> & { readonly seq: number }) => {
    const sealed = new Uint8Array(1).fill(one.seq % 256);
    const row = { incarnation: 0, epoch: 1, accountId: cara, sealed, ...one };
    must(await store.batch(keepHeard(tables, roomId, row)));
  };
  const brought = async (
    now: RoomContext,
    { incarnation = 1, epoch = 1 }: { readonly incarnation?: number; readonly epoch?: number } = {},
  ) =>
    must(await lettersToBring(tables, roomId, { incarnation, epoch, now })).map((sealed) => sealed[0] ?? -1);
  return { hear, brought };
}

test("[RM75] a commit brings, in order, what those wrote in its epoch who were in the room then and are not", async () => {
  const { hear, brought } = device();
  await hear({ seq: 9 });
  await hear({ seq: 4 });
  await hear({ seq: 5, accountId: ben });
  await hear({ seq: 6, epoch: 2 });
  expect(await brought(roomWith([ada, 0], [ben, 0]))).toEqual([4, 9]);
  expect(await brought(roomWith([ada, 0]))).toEqual([4, 5, 9]);
  expect(await brought(roomWith([ada, 0], [ben, 1]), { epoch: 2 })).toEqual([6]);
  // Who is in sends it themselves; who came again since has kept nothing of it.
  expect(await brought(roomWith([ada, 0], [ben, 0], [cara, 1]))).toEqual([]);
  expect(await brought(roomWith([ada, 0], [ben, 0], [cara, 3]))).toEqual([4, 9]);
});

test("[RM75] nothing is brought in the incarnation it was read in, nor while the log is as it was first begun", async () => {
  const { hear, brought } = device();
  await hear({ seq: 1 });
  await hear({ seq: 2, incarnation: 1 });
  const now = roomWith([ada, 0]);
  expect(await brought(now, { incarnation: 0 })).toEqual([]);
  expect(await brought(now, { incarnation: 1 })).toEqual([1]);
  expect(await brought(now, { incarnation: 2 })).toEqual([1, 2]);
});

test(`[RM75] what was read ${ROOM_HEARD_ENTRIES_MAX} entries before goes, and the incarnation after leaves it there`, async () => {
  const { hear, brought } = device();
  const now = roomWith([ada, 0]);
  await hear({ seq: 3 });
  await hear({ seq: 4 });
  await hear({ seq: 3 + ROOM_HEARD_ENTRIES_MAX, sealed: new Uint8Array(1).fill(77) });
  expect(await brought(now)).toEqual([4, 77]);
  await hear({ seq: 4, incarnation: 1, sealed: new Uint8Array(1).fill(78) });
  expect(await brought(now)).toEqual([4, 77]);
  await hear({ seq: 4, incarnation: 2, sealed: new Uint8Array(1).fill(79) });
  expect(await brought(now, { incarnation: 3 })).toEqual([77, 78, 79]);
});

test(`[RM75] of more than ${ROOM_BROUGHT_LETTERS_BYTES_MAX} bytes the newest go, nothing without what was said after it, and no letter of more than ${ROOM_HEARD_LETTER_BYTES_MAX}`, async () => {
  const { hear, brought } = device();
  const now = roomWith([ada, 0]);
  const sized = (seq: number, bytes: number) => ({ seq, sealed: new Uint8Array(bytes).fill(seq) });
  await hear(sized(99, ROOM_HEARD_LETTER_BYTES_MAX + 1));
  expect(await brought(now)).toEqual([]);
  const whole = Math.floor(ROOM_BROUGHT_LETTERS_BYTES_MAX / ROOM_HEARD_LETTER_BYTES_MAX);
  const rest = ROOM_BROUGHT_LETTERS_BYTES_MAX - whole * ROOM_HEARD_LETTER_BYTES_MAX;
  await hear(sized(1, 1));
  await hear(sized(2, rest));
  for (let seq = 3; seq < 3 + whole; seq++) await hear(sized(seq, ROOM_HEARD_LETTER_BYTES_MAX));
  const kept = Array.from({ length: whole }, (_, index) => index + 3);
  expect(await brought(now)).toEqual([2, ...kept]);
  await hear(sized(2, rest + 1));
  expect(await brought(now)).toEqual(kept);
});
