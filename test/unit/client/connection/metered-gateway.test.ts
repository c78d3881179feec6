/** What a client counts of a connection, by a gateway that answers as it is told to. */
import { describe, expect, test } from "vitest";
import { parseId } from "../../../../core/base/ids.ts";
import { err, ok, type Result } from "../../../../core/base/result.ts";
import type { Gateway, ServerError } from "../../../../core/client/connection/gateway.ts";
import { meterGateway } from "../../../../core/client/connection/metered-gateway.ts";
import type { PlacedEntry } from "../../../../core/protocol/entry.ts";
import type { FailureCode } from "../../../../core/protocol/failure.ts";
import type { ServerFrame } from "../../../../core/protocol/server-frame.ts";
import { good } from "../../../support/client-world.ts";

const LOG = good(parseId("log", "ab".repeat(32)));
const NO_BYTES = new Uint8Array();

const entry = (seq: number, sealedBytes: number): PlacedEntry => ({
  seq,
  header: NO_BYTES,
  sealed: new Uint8Array(sealedBytes),
});
const headAt = (seq: number) => ({ incarnation: 0, seq, chain: NO_BYTES });

function counted(answers: readonly Result<ServerFrame, ServerError>[]) {
  const counts: unknown[] = [];
  const waiting = [...answers];
  const closed = Promise.withResolvers<void>();
  let goodbye: FailureCode | null = null;
  let deliver: (entries: readonly PlacedEntry[]) => void = () => {};
  const gateway: Gateway = {
    nonces: { origin: "https://server.example", serverNonce: NO_BYTES, clientNonce: NO_BYTES },
    // Whoever calls has asked for the type that is told here.
    call: async () => waiting.shift() as never,
    onDeliver: (_logId, handler) => {
      deliver = handler;
    },
    isOpen: () => goodbye === null,
    close: () => {},
    goodbye: () => goodbye,
    whenClosed: closed.promise,
  };
  const metered = meterGateway(gateway, {
    entry: (direction, bytes) => counts.push([direction, bytes]),
    replayed: (entries) => counts.push(["replayed", entries]),
    acked: () => counts.push(["acked"]),
    refused: (code) => counts.push(["refused", code]),
  });
  return {
    counts,
    metered,
    deliver: (entries: readonly PlacedEntry[]) => deliver(entries),
    async end(code: FailureCode) {
      goodbye = code;
      closed.resolve();
      await closed.promise;
    },
  };
}

describe("a connection that is counted", () => {
  test("counts what is sent, and each entry of it that is refused", async () => {
    const { counts, metered } = counted([
      ok({
        type: "appended",
        requestId: 1,
        results: [
          { type: "duplicate", seq: 4 },
          { type: "refused", code: "quota", writerSeq: 2 },
        ],
      }),
    ]);
    const entries = [entry(1, 100), entry(2, 200)];
    good(await metered.call("appended", { type: "append", channel: 1, entries, admission: null }));
    expect(counts).toEqual([
      ["sent", 100],
      ["sent", 200],
      ["refused", "quota"],
    ]);
  });

  test("counts what came, and how much there was before a log was up to date", async () => {
    const { counts, metered, deliver } = counted([
      ok({ type: "entries", requestId: 1, entries: [entry(1, 10), entry(2, 20)], head: headAt(3) }),
      ok({ type: "entries", requestId: 2, entries: [entry(3, 30)], head: headAt(3) }),
      ok({ type: "entries", requestId: 3, entries: [], head: headAt(3) }),
      ok({ type: "done", requestId: 4 }),
    ]);
    for (const after of [0, 2, 3])
      good(await metered.call("entries", { type: "read", channel: 7, after, limit: 2 }));
    good(await metered.call("done", { type: "ack", channel: 7, upto: 3 }));
    const heard: (readonly PlacedEntry[])[] = [];
    metered.onDeliver(LOG, (entries) => heard.push(entries));
    deliver([entry(4, 40)]);
    expect(heard).toEqual([[entry(4, 40)]]);
    expect(counts).toEqual([
      ["received", 10],
      ["received", 20],
      ["received", 30],
      ["replayed", 3],
      ["replayed", 0],
      ["acked"],
      ["received", 40],
    ]);
  });

  test("counts a refusal once, also when it ends the connection and all that waits on it", async () => {
    const refused = err({ type: "Refused", code: "rate-limited" } as const);
    const replaced = err({ type: "Refused", code: "replaced" } as const);
    const { counts, metered, end } = counted([refused, replaced, replaced]);
    const ack = () => metered.call("done", { type: "ack", channel: 1, upto: 1 });
    await ack();
    await end("replaced");
    await Promise.all([ack(), ack()]);
    expect(counts).toEqual([
      ["refused", "rate-limited"],
      ["refused", "replaced"],
    ]);
  });
});
