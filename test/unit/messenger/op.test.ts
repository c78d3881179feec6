/** Ops: their bytes are pinned, anything not canonical is no op, and every field has its limit. */
import { beforeAll, describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../../core/base/bytes.ts";
import {
  MESSAGE_TEXT_BYTES_MAX,
  OP_BYTES_MAX,
  OPS_PER_BUCKET_MAX,
  UNSENT_RUNS_MAX,
} from "../../../core/base/limits.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { HLC_MAX } from "../../../core/messenger/hlc.ts";
import {
  bucketPlaceOf,
  createOp,
  directConversationId,
  introductionPayloadShape,
  markPayloadShape,
  messagePayloadShape,
  OP_KIND,
  parseOp,
  unsentPayloadShape,
  unsentRuns,
} from "../../../core/messenger/op.ts";
import {
  accountOf,
  conversationOf,
  deviceOf,
  filled,
  logOf,
  messageOp,
  opFields,
} from "../../support/messages.ts";

beforeAll(cryptoReady);

describe("[MS1] an op", () => {
  test("has these bytes and this id", () => {
    const op = messageOp();
    expect({ id: op.id, bytes: toHex(op.bytes) }).toMatchInlineSnapshot(`
      {
        "bytes": "8c015820010101010101010101010101010101010101010101010101010101010101010158200202020202020202020202020202020202020202020202020202020202020202500303030303030303030303030303030300f61b00068c617140000001f647816568656c6c6ff6f6",
        "id": "5a1f64ccad157be263df285881a5b65a7f6a0e6443b4d3a65b93049665dfd0ef",
      }
    `);
    expect(parseOp(fromHex(toHex(op.bytes)))).toEqual({ ok: true, value: op });
  });

  test("is of one kind: no two have one number", () => {
    const numbers = Object.values(OP_KIND);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  test("of other content has another id, whichever field differs", () => {
    const changes = [
      { conversationId: conversationOf(9) },
      { author: accountOf(9) },
      { device: deviceOf(9) },
      { deviceSeq: 1 },
      { devicePrev: messageOp().id },
      { hlc: 1 },
      { kind: OP_KIND.mark },
      { target: messageOp().id },
      { payload: filled(1, 3) },
      { expire: 5 },
      { ext: filled(1, 3) },
    ];
    const ids = changes.map((change) => messageOp(change).id);
    expect(new Set([...ids, messageOp().id]).size).toBe(changes.length + 1);
  });

  test("of a kind this version does not know is kept", () => {
    for (const kind of [4, 77, 65_535])
      expect(parseOp(messageOp({ kind, payload: filled(1, 9) }).bytes)).toMatchObject({
        ok: true,
        value: { op: { kind } },
      });
  });

  const valid = () => messageOp().bytes;
  /** The op's bytes with the byte at `index` set. */
  const withByte = (index: number, byte: number) => valid().map((old, i) => (i === index ? byte : old));

  test.each([
    ["nothing", () => new Uint8Array(0)],
    ["one field less", () => withByte(0, 0x8b)],
    ["one field more", () => withByte(0, 0x8d)],
    ["another version", () => withByte(1, 2)],
    ["a byte after it", () => Uint8Array.from([...valid(), 0])],
    ["a byte less", () => valid().slice(0, -1)],
    ["a number in a longer form", () => Uint8Array.from([valid()[0] ?? 0, 0x18, 0x01, ...valid().slice(2)])],
    [
      "an id that is too short",
      () => Uint8Array.from([...valid().slice(0, 2), 0x58, 31, ...valid().slice(5)]),
    ],
  ])("is none with %s", (_what, bytes) => {
    expect(parseOp(bytes()).ok).toBe(false);
  });

  test("has at most 65,536 bytes, a text of 32,768, an extension of 1,024, and times up to the year 2200", () => {
    const large = (size: number) =>
      createOp(opFields({ kind: 9, payload: filled(1, OP_BYTES_MAX - 2_048), ext: filled(1, size) }));
    expect(parseOp(large(1_024).bytes).ok).toBe(true);
    expect(() => large(1_025)).toThrow("fits");
    expect(() => createOp(opFields({ payload: filled(1, OP_BYTES_MAX - 2_047) }))).toThrow("fits");
    expect(large(1_024).bytes.length).toBeLessThanOrEqual(OP_BYTES_MAX);
    const padded = (length: number) => parseOp(Uint8Array.from({ length }, (_, i) => valid()[i] ?? 0));
    expect(padded(OP_BYTES_MAX)).toMatchObject({ ok: false, error: { type: "MalformedCbor" } });
    expect(padded(OP_BYTES_MAX + 1)).toEqual({
      ok: false,
      error: { type: "OpTooLarge", sizeBytes: OP_BYTES_MAX + 1, sizeBytesMax: OP_BYTES_MAX },
    });
    expect(parseOp(messageOp({ hlc: HLC_MAX }).bytes).ok).toBe(true);
    expect(() => messageOp({ hlc: HLC_MAX + 1 })).toThrow("fits");
    const text = (length: number) => encode(messagePayloadShape, { text: "x".repeat(length) });
    expect(decode(messagePayloadShape, text(MESSAGE_TEXT_BYTES_MAX)).ok).toBe(true);
    expect(() => text(MESSAGE_TEXT_BYTES_MAX + 1)).toThrow("fits");
    expect(messageOp({}, "x".repeat(MESSAGE_TEXT_BYTES_MAX)).bytes.length).toBeLessThan(OP_BYTES_MAX);
  });
});

describe("payloads", () => {
  test("[MS1] of introductions and marks are pinned", () => {
    const introduction = {
      displayName: "Ada",
      origin: "https://dove.example",
      reply: { logId: logOf(1), appendSeed: filled(2), outerKey: filled(3), turn: 4, generation: 5 },
      isAccept: true,
    };
    const mark = { delivered: [{ device: deviceOf(1), next: 7 }], readUpTo: null, wantsMissing: false };
    expect([
      toHex(encode(introductionPayloadShape, introduction)),
      toHex(encode(markPayloadShape, mark)),
    ]).toMatchInlineSnapshot(`
      [
        "84634164617468747470733a2f2f646f76652e6578616d706c65855820010101010101010101010101010101010101010101010101010101010101010158200202020202020202020202020202020202020202020202020202020202020202582003030303030303030303030303030303030303030303030303030303030303030405f5",
        "838182500101010101010101010101010101010107f6f4",
      ]
    `);
    expect(decode(introductionPayloadShape, encode(introductionPayloadShape, introduction))).toEqual({
      ok: true,
      value: introduction,
    });
    expect(decode(markPayloadShape, encode(markPayloadShape, mark))).toEqual({ ok: true, value: mark });
  });

  test("[MS1] a mark tells of at most 1,024 devices", () => {
    const mark = (count: number) =>
      encode(markPayloadShape, {
        delivered: Array.from({ length: count }, () => ({ device: deviceOf(1), next: 0 })),
        readUpTo: null,
        wantsMissing: true,
      });
    expect(decode(markPayloadShape, mark(1_024)).ok).toBe(true);
    expect(decode(markPayloadShape, mark(1_025)).ok).toBe(false);
  });
});

test("[MS7] both sides compute the same conversation, and another pair another one", () => {
  expect(directConversationId(accountOf(1), accountOf(2))).toBe(
    directConversationId(accountOf(2), accountOf(1)),
  );
  expect(directConversationId(accountOf(1), accountOf(2))).toMatchInlineSnapshot(
    `"c9f211e717a908b667c532e9be983b76e7bf3053c4ad6587eab6cd17bbb33574"`,
  );
  expect(directConversationId(accountOf(1), accountOf(3))).not.toBe(
    directConversationId(accountOf(1), accountOf(2)),
  );
});

test("[MS5] the bucket of an op follows from the op", () => {
  const bucket = (deviceSeq: number) => bucketPlaceOf(messageOp({ deviceSeq }).op);
  expect(bucket(0)).toEqual({
    conversationId: conversationOf(1),
    device: deviceOf(3),
    index: 0,
  });
  expect(
    [OPS_PER_BUCKET_MAX - 1, OPS_PER_BUCKET_MAX, 2 * OPS_PER_BUCKET_MAX - 1, 2 * OPS_PER_BUCKET_MAX].map(
      (seq) => bucket(seq).index,
    ),
  ).toEqual([0, 1, 1, 2]);
});

describe("[MS8] an op that tells what was not sent", () => {
  const runs = (count: number) => Array.from({ length: count }, (_, i) => ({ start: 2 * i, end: 2 * i + 1 }));
  const telling = (payload: Uint8Array, deviceSeq = 10_000) =>
    createOp(opFields({ kind: OP_KIND.unsent, deviceSeq, payload }));

  test("names runs of earlier ops only", () => {
    const payload = encode(unsentPayloadShape, {
      runs: [
        { start: 3, end: 5 },
        { start: 6, end: 6 },
        { start: 7, end: 10 },
        { start: 8, end: 11 },
        { start: 0, end: Number.MAX_SAFE_INTEGER },
      ],
    });
    expect(unsentRuns(telling(payload, 10))).toEqual([
      { start: 3, end: 5 },
      { start: 7, end: 10 },
    ]);
    expect(unsentRuns(createOp(opFields({ deviceSeq: 10, payload })))).toEqual([]);
    expect(unsentRuns(telling(new Uint8Array([1]), 10))).toEqual([]);
  });

  test.each([
    [UNSENT_RUNS_MAX - 1, true],
    [UNSENT_RUNS_MAX, true],
    [UNSENT_RUNS_MAX + 1, false],
  ])("of %i runs is read: %s", (count, isRead) => {
    const payload = encode(unsentPayloadShape, { runs: runs(count) });
    expect(unsentRuns(telling(payload))).toHaveLength(isRead ? count : 0);
  });
});
