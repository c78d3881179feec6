/** Spans of sending and receiving: one an op, from taking it to its end, and a bound for what waits. */
import { beforeAll, describe, expect, test } from "vitest";
import { SPANS_OPEN_MAX } from "../../../core/base/limits.ts";
import type { Span } from "../../../core/base/spans.ts";
import { createClientSpans } from "../../../core/client/client-spans.ts";
import { createOutbox } from "../../../core/client/conversations/outbox.ts";
import { createRoomOutbox } from "../../../core/client/rooms/room-outbox.ts";
import { encode } from "../../../core/codec/shape.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { markPayloadShape, OP_KIND } from "../../../core/messenger/op.ts";
import type { FailureCode } from "../../../core/protocol/failure.ts";
import type { AppendResult } from "../../../core/protocol/server-frame.ts";
import { filled } from "../../support/messages.ts";
import {
  acquaint,
  createSide,
  expectValue,
  keepOps,
  opOf,
  pendingOf,
  routeTo,
  sealFor,
} from "../../support/messenger-side.ts";

beforeAll(cryptoReady);

function createRecorder() {
  const told: Span[] = [];
  let ms = 0;
  const spans = createClientSpans({ monotonicMs: () => ms, record: (span) => void told.push(span) });
  const pass = (byMs: number): void => {
    ms += byMs;
  };
  return { spans, told, pass };
}

describe("a span of sending", () => {
  test("lasts from taking the op to its end, and counts how often it was tried", () => {
    const { spans, told, pass } = createRecorder();
    spans.taken("a");
    pass(10);
    spans.tried(["a", "unknown"]);
    pass(5);
    spans.tried(["a"]);
    spans.ended("a", null);
    spans.ended("a", null);
    spans.taken("b");
    spans.ended("b", "log-closed");
    spans.taken("c");
    spans.dropped("c");
    spans.ended("c", null);
    expect(told).toEqual([
      { name: "send", durationMs: 15, error: null, attempts: 2 },
      { name: "send", durationMs: 0, error: "log-closed", attempts: 0 },
    ]);
  });

  test("is made for so many at once; what is over it has none, and nothing grows", () => {
    const { spans, told } = createRecorder();
    for (let i = 0; i <= SPANS_OPEN_MAX; i++) spans.taken(`${i}`);
    spans.ended(`${SPANS_OPEN_MAX}`, null);
    expect(told.length).toBe(0);
    spans.ended(`${SPANS_OPEN_MAX - 1}`, null);
    expect(told.length).toBe(1);
    spans.taken("room again");
    spans.ended("room again", null);
    expect(told.length).toBe(2);
  });
});

test("a span of receiving says how it ended", () => {
  const { spans, told, pass } = createRecorder();
  pass(4);
  spans.received(1, { ok: true, value: undefined });
  spans.received(4, { ok: false, error: { type: "StoreUnavailable" } });
  expect(told).toEqual([
    { name: "receive", durationMs: 3, error: null, attempts: null },
    { name: "receive", durationMs: 0, error: "StoreUnavailable", attempts: null },
  ]);
});

describe("the outbox", () => {
  const accepted: AppendResult = { type: "accepted", seq: 1, chain: filled(1) };
  const refused = (code: FailureCode): AppendResult => ({ type: "refused", code, writerSeq: null });

  async function sending() {
    const recorder = createRecorder();
    const [ada, ben] = [await createSide("ada"), await createSide("ben")];
    await acquaint(ada, ben);
    const outbox = createOutbox({ ...ada.context, spans: recorder.spans });
    expectValue(await outbox.start());
    const traced = { ...ada, outbox };
    const send = async (result: AppendResult): Promise<void> => {
      await sealFor(traced, ben);
      const parcels = await pendingOf(traced, routeTo(ada, ben), 0);
      expectValue(await outbox.receipts(parcels, [result]));
    };
    return { ...recorder, ada: traced, ben, send };
  }

  test("ends the span of an op with the server's receipt, and has none for a mark", async () => {
    const { ada, ben, told, send } = await sending();
    const mark = opOf(ada, ben, 1, {
      kind: OP_KIND.mark,
      payload: encode(markPayloadShape, { delivered: [], readUpTo: null, wantsMissing: false }),
    });
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0), mark]);
    expect(told).toEqual([]);
    await send(accepted);
    expect(told).toEqual([{ name: "send", durationMs: 0, error: null, attempts: 0 }]);
  });

  test("ends it with the reason when the server refuses for good, and not before when it may be tried again", async () => {
    const { ada, ben, told, send } = await sending();
    await keepOps(ada, ben.accountId, [opOf(ada, ben, 0)]);
    await send(refused("rate-limited"));
    expect(told).toEqual([]);
    await send(refused("entry-too-large"));
    expect(told).toMatchObject([{ name: "send", error: "entry-too-large" }]);
  });

  test("has none for what is taken back, and names no turn of a closed log", async () => {
    const { ada, ben, told } = await sending();
    const [first, second] = [opOf(ada, ben, 0), opOf(ada, ben, 1)];
    await keepOps(ada, ben.accountId, [first, second]);
    expectValue(await ada.outbox.withdraw([first.id]));
    expect(told).toEqual([]);
    expectValue(await ada.outbox.close(ben.accountId, 3));
    expect(told).toMatchObject([{ name: "send", error: "log-closed" }]);
  });

  test("of rooms does the same", async () => {
    const { spans, told } = createRecorder();
    const [ada, ben] = [await createSide("ada"), await createSide("ben")];
    await acquaint(ada, ben);
    const outbox = createRoomOutbox(ada.context.tables, () => {}, spans);
    const keep = (index: number): string => {
      const op = opOf(ada, ben, index);
      outbox.put(op).commit();
      return outbox.keysOf(op.op.conversationId).at(-1) ?? "";
    };
    outbox.remove([keep(0)]).commit();
    outbox.fail([keep(1)], "outside").commit();
    keep(2);
    outbox.withdraw([opOf(ada, ben, 2).id]).commit();
    expect(told.map(({ error }) => error)).toEqual([null, "outside"]);
  });
});
