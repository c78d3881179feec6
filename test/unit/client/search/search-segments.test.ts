import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import {
  SEARCH_SEGMENT_BYTES_MAX,
  SEARCH_SEGMENT_OPS_MAX,
  SEARCH_SEGMENTS_MAX,
} from "../../../../core/base/limits.ts";
import { createSearchSegments } from "../../../../core/client/search/search-segments.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createOp, messagePayloadShape, type NamedOp, OP_KIND } from "../../../../core/messenger/op.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";

beforeAll(cryptoReady);

const conversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));
const author = idFromBytes("account", new Uint8Array(32).fill(2));
const device = idFromBytes("device", new Uint8Array(16).fill(3));

function message(deviceSeq: number, text: string): NamedOp {
  return createOp({
    version: 1,
    conversationId,
    author,
    device,
    deviceSeq,
    devicePrev: null,
    hlc: deviceSeq,
    kind: OP_KIND.message,
    target: null,
    payload: encode(messagePayloadShape, { text }),
    expire: null,
    ext: null,
  });
}

const messages = (count: number, text = "x") => Array.from({ length: count }, (_, i) => message(i, text));

function open() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  return { segments: createSearchSegments(store, tables), tables };
}

describe("segments", () => {
  test("have at most SEARCH_SEGMENT_OPS_MAX ops", async () => {
    for (const [count, rows] of [
      [SEARCH_SEGMENT_OPS_MAX - 1, 1],
      [SEARCH_SEGMENT_OPS_MAX, 1],
      [SEARCH_SEGMENT_OPS_MAX + 1, 2],
    ] as const) {
      const { segments, tables } = open();
      good(await segments.append(messages(count), 1));
      expect(good(await tables.search.scan())).toHaveLength(rows);
      const stored = good(await segments.load());
      expect(stored?.documents).toHaveLength(count);
      expect(stored?.countByConversation.get(conversationId)).toBe(count);
    }
  });

  test("have at most SEARCH_SEGMENT_BYTES_MAX of ops", async () => {
    const size = message(1, "x".repeat(30_000)).bytes.length;
    const fitting = Math.floor(SEARCH_SEGMENT_BYTES_MAX / size);
    for (const [count, rows] of [
      [fitting - 1, 1],
      [fitting, 1],
      [fitting + 1, 2],
    ] as const) {
      const { segments, tables } = open();
      good(await segments.append(messages(count, "x".repeat(30_000)), 1));
      expect(good(await tables.search.scan())).toHaveLength(rows);
    }
  });

  test("are at most SEARCH_SEGMENTS_MAX, and begin anew after that", async () => {
    const { segments, tables } = open();
    const [op] = messages(1);
    if (op === undefined) throw new Error("there is one");
    good(await segments.append([op], 1));
    const [row] = good(await tables.search.scan());
    if (row === undefined) throw new Error("it is stored");
    for (const number of [SEARCH_SEGMENTS_MAX - 2, SEARCH_SEGMENTS_MAX - 1]) {
      const last = open();
      const store = createMemoryTxStore();
      const lastTables = createTables(store);
      good(await store.batch([lastTables.search.put([number], row.value)]));
      last.segments = createSearchSegments(store, lastTables);
      good(await last.segments.load());
      const rest = good(await last.segments.append([op], 1));
      expect(rest).toHaveLength(number === SEARCH_SEGMENTS_MAX - 1 ? 1 : 0);
      expect(good(await lastTables.search.scan())).toHaveLength(number === SEARCH_SEGMENTS_MAX - 1 ? 0 : 2);
    }
  });

  test("wait until there are enough ops", async () => {
    const { segments, tables } = open();
    expect(good(await segments.append(messages(4), 5))).toHaveLength(4);
    expect(good(await tables.search.scan())).toHaveLength(0);
  });
});
