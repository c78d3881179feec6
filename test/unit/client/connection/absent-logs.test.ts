/** Which own logs a server does not have. */
import { expect, test } from "vitest";
import { idFromBytes, type LogId } from "../../../../core/base/ids.ts";
import { SUBSCRIPTIONS_PER_CONNECTION_MAX } from "../../../../core/base/limits.ts";
import { err, ok } from "../../../../core/base/result.ts";
import { createAbsentLogs } from "../../../../core/client/connection/absent-logs.ts";
import type { Gateway } from "../../../../core/client/connection/gateway.ts";
import { bad, good } from "../../../support/client-world.ts";

function logAt(number: number): LogId {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return idFromBytes("log", bytes);
}

/** A server that has the logs of even numbers. */
function createServer() {
  const asked: (readonly LogId[])[] = [];
  const point = { incarnation: 0, seq: 0, chain: new Uint8Array(32) };
  const answers = { isThere: true };
  const call = async (_: string, { logIds }: { readonly logIds: readonly LogId[] }) => {
    asked.push(logIds);
    if (!answers.isThere) return err({ type: "NotOnline" });
    const heads = logIds.map((logId) => ({
      logId,
      head: Number.parseInt(logId.slice(0, 8), 16) % 2 === 0 ? point : null,
    }));
    return ok({ type: "heads", heads });
  };
  return { asked, answers, absent: createAbsentLogs({ call } as unknown as Pick<Gateway, "call">) };
}

test("[DM17] each log is asked for once, as many together as a frame holds, and one that was made is there", async () => {
  const { asked, absent } = createServer();
  const logIds = Array.from({ length: SUBSCRIPTIONS_PER_CONNECTION_MAX + 1 }, (_, number) => logAt(number));
  good(await absent.ask(logIds));
  expect(asked.map(({ length }) => length)).toEqual([SUBSCRIPTIONS_PER_CONNECTION_MAX, 1]);
  expect([0, 1, 2, 3].map((number) => absent.has(logAt(number)))).toEqual([false, true, false, true]);
  absent.note(logAt(1), true);
  good(await absent.ask(logIds));
  expect(asked).toHaveLength(2);
  expect(absent.has(logAt(1))).toBe(false);
});

test("[DM17] of what the server does not answer nothing is known", async () => {
  const { answers, absent } = createServer();
  answers.isThere = false;
  expect(bad(await absent.ask([logAt(1)]))).toEqual({ type: "NotOnline" });
  expect(absent.has(logAt(1))).toBe(false);
  answers.isThere = true;
  good(await absent.ask([logAt(1)]));
  expect(absent.has(logAt(1))).toBe(true);
});
