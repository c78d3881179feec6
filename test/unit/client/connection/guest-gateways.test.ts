/** Connections to other people's logs: what is sent before the server knows that anything is proven. */
import { beforeAll, expect, test } from "vitest";
import { createGuestGateways } from "../../../../core/client/connection/guest-gateways.ts";
import { signKeyPairFromSeed } from "../../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { ClientFrame } from "../../../../core/protocol/client-frame.ts";
import type { ServerFrame } from "../../../../core/protocol/server-frame.ts";
import type { ServerConnector } from "../../../../core/transport/server-connector.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { filled, logOf } from "../../../support/messages.ts";
import { createScriptedServer, type ScriptedServer } from "../../../support/scripted-server.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

const ORIGIN = "https://dove.example";
const LOGS = 40;
beforeAll(cryptoReady);

function answerTo(frame: Extract<ClientFrame, { readonly type: "openLog" }>): ServerFrame {
  const { requestId, logId } = frame;
  // The first is not there any more: nothing is proven by it.
  if (logId === logOf(0)) return { type: "failed", requestId, code: "unknown-log" };
  const head = { incarnation: 0, seq: 0, chain: filled(1, 32) };
  return { type: "opened", requestId, head, reseed: null, trimmedUpto: 0, writerSeq: 0, isClosed: false };
}

test("[GW2] many logs at once are opened one at a time until one is proven, and then all at once", async () => {
  const server = createScriptedServer();
  const deps = {
    connector: server.connector,
    clock: createManualClock(),
    random: createSeededRandom("guests"),
    padding: () => "fixed" as const,
    meter: null,
  };
  const guests = createGuestGateways(deps);
  const capability = signKeyPairFromSeed(filled(2));
  const opening = Array.from({ length: LOGS }, (_, i) =>
    guests.open(ORIGIN, { logId: logOf(i), right: "append", capability, writer: null }),
  );
  const opens = () => server.heard.flatMap((frame) => (frame.type === "openLog" ? [frame] : []));
  const answer = (nth: number) => {
    const frame = opens()[nth];
    if (frame === undefined) throw new Error("the log is asked for");
    server.say(answerTo(frame));
  };
  await expect.poll(() => opens().length).toBe(1);
  answer(0);
  await expect.poll(() => opens().length).toBe(2);
  answer(1);
  await expect.poll(() => opens().length).toBe(LOGS);
  for (let nth = 2; nth < LOGS; nth++) answer(nth);
  const opened = await Promise.all(opening);
  expect(opened.map(({ ok }) => ok)).toEqual(Array.from({ length: LOGS }, (_, i) => i > 0));
  await guests.closeAll();
});

test("[GW5] closing all waits for no server that is still dialled, and forgets nothing of what is opened next", async () => {
  const servers: ScriptedServer[] = [];
  const dialling = Promise.withResolvers<Awaited<ReturnType<ServerConnector["connect"]>>>();
  const connector: ServerConnector = {
    ...createScriptedServer().connector,
    connect(origin, handlers) {
      if (origin !== ORIGIN) return dialling.promise;
      const server = createScriptedServer();
      server.answer = (frame) => (frame.type === "openLog" ? answerTo(frame) : null);
      servers.push(server);
      return server.connector.connect(origin, handlers);
    },
  };
  const guests = createGuestGateways({
    ...{ connector, clock: createManualClock(), random: createSeededRandom("guests"), meter: null },
    padding: () => "off",
  });
  const capability = signKeyPairFromSeed(filled(2));
  const open = (origin: string, nth: number) =>
    guests.open(origin, { logId: logOf(nth), right: "append", capability, writer: null });
  expect((await open(ORIGIN, 1)).ok).toBe(true);
  const slow = open("https://slow.example", 2);
  const closed = guests.closeAll();
  expect((await open(ORIGIN, 3)).ok).toBe(true);
  expect(servers.map((server) => server.isClosedByClient())).toEqual([true, false]);
  dialling.resolve({
    ok: false,
    error: { type: "ServerUnreachable", origin: "https://slow.example", detail: "away" },
  });
  await closed;
  expect((await slow).ok).toBe(false);
  expect((await open(ORIGIN, 4)).ok).toBe(true);
  expect(servers.map((server) => server.isClosedByClient())).toEqual([true, false]);
  await guests.closeAll();
});
