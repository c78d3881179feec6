/** Reading a log: gaps, repetition, rollbacks, forks, quotes. */
import { beforeAll, describe, expect, test } from "vitest";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  checkHead,
  checkQuote,
  createLogReader,
  type LogReader,
  readEntries,
  RECENT_POINTS_MAX,
} from "../../../core/log/log-reader.ts";
import { chainNext, chainStart, entryId, type PlacedEntry } from "../../../core/protocol/entry.ts";
import { filled, logOf } from "../../support/messages.ts";

const LOG = logOf(1);
const entryAt = (seq: number, byte = seq % 251): PlacedEntry => ({
  seq,
  header: filled(byte, 3),
  sealed: filled(byte, 5),
});
const entriesTo = (last: number, first = 1): PlacedEntry[] =>
  Array.from({ length: last - first + 1 }, (_, i) => entryAt(first + i));

/** A reader after these entries, which it must take. */
function readAll(reader: LogReader, entries: readonly PlacedEntry[]): LogReader {
  const read = readEntries(reader, entries);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value.reader;
}

beforeAll(cryptoReady);

describe("readEntries", () => {
  test("[LR2] computes ids and chain from the bytes it is given", () => {
    const read = readEntries(createLogReader(LOG), entriesTo(3));
    const ids = entriesTo(3).map((entry) => entryId(LOG, entry));
    expect(read).toMatchObject({
      ok: true,
      value: { fresh: entriesTo(3).map((entry, i) => ({ ...entry, id: ids[i] })) },
    });
    const chain = ids.reduce(chainNext, chainStart(LOG));
    expect(read).toMatchObject({ ok: true, value: { reader: { point: { incarnation: 0, seq: 3, chain } } } });
  });

  test("[LR1] skips what it has passed, so a repetition changes nothing", () => {
    const reader = readAll(createLogReader(LOG), entriesTo(5));
    const again = readEntries(reader, entriesTo(5));
    expect(again).toEqual({ ok: true, value: { reader, fresh: [] } });
    const overlapping = readEntries(reader, entriesTo(7, 3));
    expect(overlapping).toMatchObject({ ok: true, value: { fresh: [{ seq: 6 }, { seq: 7 }] } });
    expect(readAll(reader, entriesTo(7, 3)).point).toEqual(readAll(createLogReader(LOG), entriesTo(7)).point);
  });

  test("[LR1] refuses a gap, at the start, in the middle, and takes nothing of that delivery", () => {
    const reader = readAll(createLogReader(LOG), entriesTo(2));
    expect(readEntries(reader, [entryAt(4)])).toEqual({
      ok: false,
      error: { type: "LogGap", expectedSeq: 3, seq: 4 },
    });
    expect(readEntries(reader, [entryAt(3), entryAt(5)])).toEqual({
      ok: false,
      error: { type: "LogGap", expectedSeq: 4, seq: 5 },
    });
    expect(readEntries(reader, [entryAt(4), entryAt(3)])).toEqual({
      ok: false,
      error: { type: "LogGap", expectedSeq: 3, seq: 4 },
    });
    expect(reader.point.seq).toBe(2);
  });

  test("[LR2] goes on from a stored point as if it had read all before it", () => {
    const { point } = readAll(createLogReader(LOG), entriesTo(4));
    expect(readAll(createLogReader(LOG, point), entriesTo(6)).point).toEqual(
      readAll(createLogReader(LOG), entriesTo(6)).point,
    );
  });
});

describe("checkHead", () => {
  const reader = () => readAll(createLogReader(LOG), entriesTo(5));
  const pointAt = (seq: number) => readAll(createLogReader(LOG), entriesTo(seq)).point;

  test("[LR3] accepts the point reached and any head further on", () => {
    expect(checkHead(reader(), pointAt(5)).ok).toBe(true);
    expect(checkHead(reader(), pointAt(9)).ok).toBe(true);
    expect(checkHead(createLogReader(LOG), pointAt(3)).ok).toBe(true);
  });

  test("[LR3] names a head that is behind, of another incarnation, or another chain", () => {
    expect(checkHead(reader(), pointAt(4))).toEqual({
      ok: false,
      error: { type: "LogRolledBack", seenSeq: 5, headSeq: 4 },
    });
    expect(checkHead(reader(), { ...pointAt(5), incarnation: 1 })).toEqual({
      ok: false,
      error: { type: "LogIncarnationChanged", seen: 0, incarnation: 1 },
    });
    expect(checkHead(reader(), { ...pointAt(5), chain: filled(7) })).toEqual({
      ok: false,
      error: { type: "LogForked", seq: 5 },
    });
  });
});

describe("checkQuote", () => {
  test("[LR4] compares a quoted point with the chain at its seq", () => {
    const reader = readAll(createLogReader(LOG), entriesTo(5));
    const third = readAll(createLogReader(LOG), entriesTo(3)).point;
    expect(checkQuote(reader, third).ok).toBe(true);
    expect(checkQuote(reader, { ...third, chain: filled(7) })).toEqual({
      ok: false,
      error: { type: "LogForked", seq: 3 },
    });
  });

  test("[LR4] does not judge what is further on or of another incarnation", () => {
    const reader = readAll(createLogReader(LOG), entriesTo(5));
    expect(checkQuote(reader, { incarnation: 0, seq: 6, chain: filled(7) }).ok).toBe(true);
    expect(checkQuote(reader, { incarnation: 1, seq: 3, chain: filled(7) }).ok).toBe(true);
  });

  test("[LR2] keeps the chain values of the last 4,096 seqs and no more", () => {
    const last = RECENT_POINTS_MAX + 10;
    const reader = readAll(createLogReader(LOG), entriesTo(last));
    const wrong = (seq: number) => checkQuote(reader, { incarnation: 0, seq, chain: filled(7) }).ok;
    expect(wrong(last - RECENT_POINTS_MAX)).toBe(false);
    expect(wrong(last - RECENT_POINTS_MAX - 1)).toBe(true);
    expect(reader.recentChains.size).toBe(RECENT_POINTS_MAX + 1);
    expect(readAll(reader, entriesTo(last + 5, last + 1)).recentChains.size).toBe(RECENT_POINTS_MAX + 1);
  });
});
