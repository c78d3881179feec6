/** Letters a device could not open, until their ops come another way. Rule RM24. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import { createRoomMissed, writerOf } from "../../../../../core/client/rooms/reading/room-missed.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { encodeEntryHeader, ENTRY_KIND, writerTag } from "../../../../../core/protocol/entry.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const logId = idFromBytes("log", filled(2));

/** The entry of a writer at a place. */
function letterOf(writer: number, seq: number) {
  const place = { kind: ENTRY_KIND.roomMessage, writerSeq: seq, epoch: null, expect: null };
  const header = encodeEntryHeader({ version: 1, writerTag: writerTag(logId, filled(writer)), ...place });
  return { header, sealed: filled(9), seq, id: idFromBytes("entry", filled(100 + seq)) };
}

async function createCase() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const missed = createRoomMissed(tables);
  const apply = async ({ writes, commit }: ReturnType<typeof missed.change>) => {
    good(await store.batch(writes));
    commit();
  };
  const again = async () => {
    const opened = createRoomMissed(tables);
    good(await opened.start());
    return opened;
  };
  return { store, tables, missed, apply, again };
}

test("[RM24] a letter has come in another one of its own author's, not when somebody else says so", async () => {
  const { missed, apply, again, tables } = await createCase();
  const [own, other] = [letterOf(3, 7), letterOf(4, 8)];
  await apply(missed.change(roomId, { missed: [own], found: [] }, 1_000));
  const said = (by: typeof own) => [{ entry: own.id, writer: writerOf(by) }];
  for (const device of [missed, await again()]) {
    await apply(device.change(roomId, { missed: [], found: said(other) }, 2_000));
    expect(device.due(roomId, 2_000, false)).toEqual([own.id]);
  }
  // Nor when it is said before the letter is read, in one page with it.
  const late = letterOf(3, 9);
  await apply(
    missed.change(roomId, { missed: [late], found: [{ entry: late.id, writer: writerOf(other) }] }, 2_000),
  );
  expect(missed.due(roomId, 2_000, false)).toEqual([own.id, late.id]);
  const reopened = await again();
  await apply(reopened.change(roomId, { missed: [], found: said(letterOf(3, 10)) }, 3_000));
  expect(reopened.due(roomId, 3_000, false)).toEqual([late.id]);
  expect(good(await tables.missed.scan()).map(({ value }) => value.entryId)).toEqual([late.id]);
});

test("[RM24] what was written down without its author is given up by anybody's word, and by a sibling's always", async () => {
  const { store, tables, apply, again } = await createCase();
  const row = { entryId: letterOf(3, 7).id, sinceMs: 0, asks: 0, askedAtMs: 0 };
  good(await store.batch([tables.missed.put([roomId, 7], row)]));
  const missed = await again();
  await apply(missed.change(roomId, { missed: [letterOf(3, 8)], found: [] }, 1_000));
  await apply(missed.asked(roomId, [row.entryId], 1_000));
  expect(good(await tables.missed.scan())).toHaveLength(2);
  await apply(
    missed.change(
      roomId,
      { missed: [], found: [{ entry: row.entryId, writer: writerOf(letterOf(4, 9)) }] },
      1_000,
    ),
  );
  await apply(missed.found([letterOf(3, 8).id]));
  expect(good(await tables.missed.scan())).toEqual([]);
});

test("[RM24] a letter whose ops came with history is not one that did not open, whichever comes first", async () => {
  const { missed, apply } = await createCase();
  const [early, late, other] = [letterOf(3, 7), letterOf(3, 8), letterOf(3, 9)];
  await apply(missed.change(roomId, { missed: [early], found: [] }, 1_000));
  await apply(missed.found([early.id, late.id], { isHistory: true }));
  // What a sibling has just put there has a row that says so until its entry is read.
  await apply(missed.found([other.id]));
  await apply(missed.change(roomId, { missed: [early, late, other], found: [] }, 2_000));
  expect(missed.due(roomId, 2_000, false)).toEqual([other.id]);
});

test("[RM24] a letter is asked for three times, an hour apart, when it is due and no sooner, and anew once the device is back", async () => {
  const HOUR_MS = 3_600_000;
  const { missed, apply, again } = await createCase();
  const letter = letterOf(3, 7);
  await apply(missed.change(roomId, { missed: [letter], found: [] }, 1_000));
  expect(missed.dueInMs(roomId, 1_000, true)).toBe(60_000);
  expect(missed.due(roomId, 60_999, true)).toEqual([]);
  expect(missed.dueInMs(roomId, 1_000, false)).toBe(0);
  let nowMs = 61_000;
  for (let ask = 0; ask < 3; ask++) {
    expect(missed.due(roomId, nowMs, true)).toEqual([letter.id]);
    await apply(missed.asked(roomId, [letter.id], nowMs));
    expect(missed.dueInMs(roomId, nowMs + 60_000, true)).toBe(ask < 2 ? HOUR_MS - 60_000 : null);
    expect(missed.due(roomId, nowMs + HOUR_MS - 1, true)).toEqual([]);
    nowMs += HOUR_MS;
  }
  for (const device of [missed, await again()]) expect(device.due(roomId, nowMs, true)).toEqual([]);
  await apply(missed.renew(roomId));
  expect(missed.due(roomId, nowMs, true)).toEqual([letter.id]);
});
