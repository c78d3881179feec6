/** Entries that wait: who ends the wait, how long it lasts, how many there may be. */
import { describe, expect, test } from "vitest";
import { REPLACED_AHEAD_MAX } from "../../../../core/client/conversations/replaced-ahead.ts";
import {
  type AsideEntry,
  type AsideEvents,
  ASIDE_MS_MAX,
  ASIDES_PER_LOG_MAX,
  createSetAside,
} from "../../../../core/client/conversations/set-aside.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { type AccountId, idFromBytes } from "../../../../core/base/ids.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { accountOf, deviceOf, entryOf, filled, logOf } from "../../../support/messages.ts";

const NOW_MS = 1_800_000_000_000;
const aside = (byte: number, changes: Partial<AsideEntry> = {}): AsideEntry => ({
  logId: logOf(1),
  seq: byte,
  entryId: entryOf(byte),
  contact: accountOf(1),
  device: deviceOf(1),
  reason: "NoEnvelope",
  waiting: null,
  ...changes,
});
const numbered = (index: number) =>
  idFromBytes(
    "entry",
    filled(7).map((byte, i) => (i < 2 ? (index >> (8 * i)) & 255 : byte)),
  );
const waiting = (byte: number) =>
  aside(byte, {
    reason: "ChainWanted",
    waiting: {
      origin: "https://x.example",
      entry: { seq: byte, header: filled(1, 3), sealed: filled(2, 9) },
    },
  });

async function started(store = createMemoryTxStore(), nowMs = NOW_MS) {
  const tables = createTables(store);
  const setAside = createSetAside(store, tables);
  expect((await setAside.start(nowMs)).ok).toBe(true);
  const apply = async (events: AsideEvents) => {
    const change = setAside.change(events, nowMs);
    expect((await store.batch(change.writes)).ok).toBe(true);
    change.commit();
    return change;
  };
  const rowCount = async () =>
    (await Promise.all([tables.aside.scan(), tables.archived.scan(), tables.replaced.scan()])).map((rows) =>
      rows.ok ? rows.value.length : -1,
    );
  return { store, setAside, apply, rowCount };
}

describe("[DM9] an entry set aside", () => {
  test("holds back its log's acknowledgement until it is resolved, also after a restart", async () => {
    const { store, setAside, apply } = await started();
    await apply({ added: [aside(5), aside(3), aside(1, { logId: logOf(2) })] });
    expect([
      setAside.lowestSeq(logOf(1)),
      setAside.lowestSeq(logOf(2)),
      setAside.lowestSeq(logOf(3)),
    ]).toEqual([3, 1, null]);
    const again = await started(store);
    expect(again.setAside.lowestSeq(logOf(1))).toBe(3);
    expect([...(await again.apply({ resolved: [entryOf(3), entryOf(77)] })).freedLogs]).toEqual([logOf(1)]);
    expect(again.setAside.lowestSeq(logOf(1))).toBe(5);
    expect(await again.rowCount()).toEqual([2, 0, 0]);
  });

  test("goes when a sibling's op names it", async () => {
    const { setAside, apply, rowCount } = await started();
    await apply({ added: [aside(5)] });
    await apply({ archived: [entryOf(5)] });
    expect(setAside.lowestSeq(logOf(1))).toBe(null);
    expect(await rowCount()).toEqual([0, 0, 0]);
  });

  test("need not be set aside when the sibling was first, until it was read", async () => {
    const { store, setAside, apply, rowCount } = await started();
    await apply({ archived: [entryOf(5), entryOf(5)] });
    expect(setAside.isArchived(entryOf(5), null)).toBe(true);
    const again = await started(store);
    expect(again.setAside.isArchived(entryOf(5), null)).toBe(true);
    await again.apply({ read: [entryOf(5), entryOf(6)] });
    expect(again.setAside.isArchived(entryOf(5), null)).toBe(false);
    expect(await rowCount()).toEqual([0, 0, 0]);
  });

  test("goes when its sender says so, also where both are read at once, and at nobody else's word", async () => {
    const { setAside, apply, rowCount } = await started();
    await apply({ added: [aside(3), aside(5)] });
    const says = (contact: AccountId, ...bytes: number[]) =>
      bytes.map((byte) => ({ entryId: entryOf(byte), contact }));
    const others = await apply({ replaced: says(accountOf(2), 3, 5) });
    expect([setAside.lowestSeq(logOf(1)), others.freedLogs.size]).toEqual([3, 0]);
    await apply({
      replaced: says(accountOf(1), 3, 7),
      added: [aside(7), aside(8)],
      read: [entryOf(7), entryOf(8)],
    });
    expect(setAside.lowestSeq(logOf(1))).toBe(5);
    await apply({ replaced: says(accountOf(1), 5, 8) });
    expect(await rowCount()).toEqual([0, 0, 0]);
  });

  test("need not be set aside when its sender has replaced it in another log that was read first, and at nobody else's word", async () => {
    const { store, setAside, apply } = await started();
    await apply({ replaced: [{ entryId: entryOf(5), contact: accountOf(1) }], read: [entryOf(9)] });
    expect(
      [accountOf(1), accountOf(2), null].map((sender) => setAside.isArchived(entryOf(5), sender)),
    ).toEqual([true, false, false]);
    const again = await started(store);
    expect(again.setAside.isArchived(entryOf(5), accountOf(1))).toBe(true);
    await again.apply({ archived: [entryOf(5)] });
    expect(again.setAside.isArchived(entryOf(5), accountOf(2))).toBe(true);
    await again.apply({ read: [entryOf(5)] });
    expect(await again.rowCount()).toEqual([0, 0, 0]);
  });

  test("is remembered so for the last 512 entries of a contact, and for those of another all the same", async () => {
    const { setAside, apply, rowCount } = await started();
    const one = (index: number, contact = accountOf(1)) => ({ entryId: numbered(index), contact });
    const isKnown = (index: number, contact = accountOf(1)) => setAside.isArchived(numbered(index), contact);
    await apply({ replaced: Array.from({ length: REPLACED_AHEAD_MAX - 1 }, (_, index) => one(index)) });
    await apply({ replaced: [one(REPLACED_AHEAD_MAX)] });
    expect([await rowCount(), isKnown(0)]).toEqual([[0, 0, REPLACED_AHEAD_MAX], true]);
    await apply({ replaced: [one(REPLACED_AHEAD_MAX + 1), one(REPLACED_AHEAD_MAX + 2, accountOf(2))] });
    expect(await rowCount()).toEqual([0, 0, REPLACED_AHEAD_MAX + 1]);
    expect([isKnown(0), isKnown(1), isKnown(REPLACED_AHEAD_MAX + 1)]).toEqual([false, true, true]);
    expect(isKnown(REPLACED_AHEAD_MAX + 2, accountOf(2))).toBe(true);
    await apply({
      replaced: Array.from({ length: REPLACED_AHEAD_MAX + 1 }, (_, index) => one(1_000 + index)),
    });
    expect([await rowCount(), isKnown(1_000), isKnown(1_001)]).toEqual([
      [0, 0, REPLACED_AHEAD_MAX + 1],
      false,
      true,
    ]);
  });

  test("is missing from its contact unless it only waits for a chain", async () => {
    const { setAside, apply } = await started();
    await apply({ added: [waiting(1)] });
    expect(setAside.isMissing(accountOf(1))).toBe(false);
    await apply({ added: [aside(2)] });
    expect(setAside.isMissing(accountOf(1))).toBe(true);
    expect(setAside.isMissing(accountOf(2))).toBe(false);
  });

  test("may be set aside again for another reason in the same change", async () => {
    const { store, apply } = await started();
    await apply({ added: [waiting(4)] });
    await apply({ resolved: [entryOf(4)], added: [aside(4)] });
    const { setAside } = await started(store);
    expect(setAside.chainsWanted().size).toBe(0);
    expect(setAside.isMissing(accountOf(1))).toBe(true);
  });
});

test("[DM5] what waits for a chain keeps its bytes and says whose chain", async () => {
  const { store, apply } = await started();
  await apply({ added: [waiting(1), aside(2), waiting(3)] });
  const { setAside } = await started(store);
  expect([...setAside.chainsWanted()]).toEqual([[accountOf(1), "https://x.example"]]);
  expect(await setAside.waitingFor(accountOf(1))).toEqual({ ok: true, value: [waiting(1), waiting(3)] });
  expect(await setAside.waitingFor(accountOf(2))).toEqual({ ok: true, value: [] });
});

describe("[DM16] waiting ends", () => {
  test.each([
    ["at 30 days not yet", ASIDE_MS_MAX, 1],
    ["a moment later", ASIDE_MS_MAX + 1, null],
    ["with a clock set back by more", -ASIDE_MS_MAX - 1, null],
    ["with a clock set back by less not", -ASIDE_MS_MAX, 1],
  ])("%s", async (_when, laterMs, seq) => {
    const { store, apply } = await started();
    await apply({ added: [aside(1)] });
    const later = await started(store, NOW_MS + laterMs);
    expect(later.setAside.lowestSeq(logOf(1))).toBe(seq);
    expect(await later.rowCount()).toEqual([seq === null ? 0 : 1, 0, 0]);
  });

  test("at once for what is more than 512 entries of one log", async () => {
    const { setAside, apply, rowCount } = await started();
    const entry = (seq: number) =>
      aside(1, {
        seq,
        entryId: numbered(seq),
      });
    await apply({ added: Array.from({ length: ASIDES_PER_LOG_MAX - 1 }, (_, i) => entry(i + 1)) });
    await apply({ added: [entry(ASIDES_PER_LOG_MAX)] });
    expect(await rowCount()).toEqual([ASIDES_PER_LOG_MAX, 0, 0]);
    await apply({ added: [entry(ASIDES_PER_LOG_MAX + 1), aside(9, { logId: logOf(2) })] });
    expect(setAside.lowestSeq(logOf(2))).toBe(9);
    expect(await rowCount()).toEqual([ASIDES_PER_LOG_MAX + 1, 0, 0]);
  });
});
