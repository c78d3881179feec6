/** One connection against a server that misbehaves: every wait ends, and says why. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  connectGateway,
  type Gateway,
  PING_INTERVAL_MS,
  REQUEST_TIMEOUT_MS,
} from "../../../../core/client/connection/gateway.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { ClientFrame } from "../../../../core/protocol/client-frame.ts";
import { padFrame } from "../../../../core/protocol/frame-padding.ts";
import { serverFrameShape } from "../../../../core/protocol/server-frame.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { CHALLENGE, createScriptedServer, type ScriptedServer } from "../../../support/scripted-server.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";
import { filled, logOf } from "../../../support/messages.ts";

const ORIGIN = "https://dove.example";
beforeAll(cryptoReady);

async function connected(
  server: ScriptedServer,
  clock = createManualClock(),
): Promise<{ gateway: Gateway; clock: typeof clock }> {
  const opened = await connectGateway(
    { connector: server.connector, clock, random: createSeededRandom("gateway") },
    ORIGIN,
  );
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  return { gateway: opened.value, clock };
}

const requestIdOf = (frame: ClientFrame) => ("requestId" in frame ? frame.requestId : 0);
const ping = (gateway: Gateway) => gateway.call("pong", { type: "ping" });
const pong = (frame: ClientFrame) =>
  frame.type === "ping" ? ({ type: "pong", requestId: frame.requestId } as const) : null;

describe("connecting", () => {
  test("says hello after the challenge, with a nonce of its own", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    expect(server.heard).toEqual([
      {
        type: "hello",
        versionMin: 1,
        versionMax: 1,
        clientNonce: gateway.nonces.clientNonce,
        padding: "padme",
      },
    ]);
    expect(gateway.nonces).toMatchObject({ origin: ORIGIN, serverNonce: CHALLENGE.serverNonce });
  });

  test.each([
    [2, 9, false],
    [1, 1, true],
    [1, 9, true],
  ])("to a server of versions %i to %i", async (versionMin, versionMax, isOk) => {
    const server = createScriptedServer({ ...CHALLENGE, versionMin, versionMax });
    const opened = await connectGateway(
      { connector: server.connector, clock: createManualClock(), random: createSeededRandom(1) },
      ORIGIN,
    );
    expect(opened.ok).toBe(isOk);
    if (isOk) return;
    expect(opened).toEqual({ ok: false, error: { type: "IncompatibleServer", versionMin, versionMax } });
    expect(server.heard).toEqual([]);
    expect(server.isClosedByClient()).toBe(true);
  });

  test.each([
    ["a server that says nothing", (_server: ScriptedServer) => {}, "no challenge from the server"],
    ["a server that hangs up", (server: ScriptedServer) => server.hangUp(), "connection closed"],
  ])("to %s fails", async (_what, act, detail) => {
    const server = createScriptedServer(null);
    const clock = createManualClock();
    const opening = connectGateway(
      { connector: server.connector, clock, random: createSeededRandom(1) },
      ORIGIN,
    );
    await Promise.resolve();
    await Promise.resolve();
    act(server);
    await clock.advance(REQUEST_TIMEOUT_MS);
    expect(await opening).toEqual({
      ok: false,
      error: { type: "ServerUnreachable", origin: ORIGIN, detail },
    });
    expect(clock.scheduledCount()).toBe(0);
  });

  test("to a server that greets with something else fails", async () => {
    const server = createScriptedServer({ type: "goodbye", code: "overloaded" });
    expect(
      await connectGateway(
        { connector: server.connector, clock: createManualClock(), random: createSeededRandom(1) },
        ORIGIN,
      ),
    ).toEqual({ ok: false, error: { type: "Refused", code: "overloaded" } });
  });
});

describe("a request", () => {
  test("gets its own answer, in whatever order they come", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    const [first, second] = [ping(gateway), ping(gateway)];
    const ids = server.heard.slice(1).map(requestIdOf);
    expect(new Set(ids).size).toBe(2);
    for (const requestId of [...ids].reverse()) server.say({ type: "pong", requestId });
    expect([await first, await second]).toMatchObject(
      ids.map((requestId) => ({ ok: true, value: { type: "pong", requestId } })),
    );
  });

  test("that is refused is an error and the connection stays", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    server.answer = (frame) => ({ type: "failed", requestId: requestIdOf(frame), code: "quota" });
    expect(await ping(gateway)).toEqual({ ok: false, error: { type: "Refused", code: "quota" } });
    expect(gateway.isOpen()).toBe(true);
  });

  test("answered by a frame of another type ends the connection", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    server.answer = (frame) => ({ type: "done", requestId: requestIdOf(frame) });
    expect(await ping(gateway)).toEqual({
      ok: false,
      error: { type: "ServerMisbehaved", why: "answered done to a request for pong" },
    });
    expect(gateway.isOpen()).toBe(false);
    expect(server.isClosedByClient()).toBe(true);
  });

  test("without an answer ends the connection after its time, with all other requests", async () => {
    const server = createScriptedServer();
    const { gateway, clock } = await connected(server);
    const both = Promise.all([ping(gateway), ping(gateway)]);
    await clock.advance(REQUEST_TIMEOUT_MS);
    const unanswered = {
      ok: false,
      error: { type: "ServerUnreachable", origin: ORIGIN, detail: "the server did not answer in time" },
    };
    expect(await both).toEqual([unanswered, unanswered]);
    expect(gateway.isOpen()).toBe(false);
    await gateway.whenClosed;
    expect(clock.scheduledCount()).toBe(0);
  });

  test("after the end fails at once", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    gateway.close();
    expect(await ping(gateway)).toMatchObject({ ok: false, error: { type: "ServerUnreachable" } });
    expect(server.heard.length).toBe(1);
  });
});

describe("what comes unasked", () => {
  test.each([
    [
      "a frame that is none",
      (server: ScriptedServer) => server.sayBytes(padFrame(filled(0xff, 9), "padme")),
      { type: "ServerMisbehaved", why: "sent a malformed frame (MalformedCbor)" },
    ],
    [
      "a frame of no known kind",
      (server: ScriptedServer) => server.sayBytes(padFrame(Uint8Array.from([0x82, 0x18, 99, 0]), "padme")),
      { type: "ServerMisbehaved", why: "sent a malformed frame (MalformedShape)" },
    ],
    [
      "[GW15] a frame without the padding that was asked for",
      (server: ScriptedServer) => server.sayBytes(encode(serverFrameShape, { type: "pong", requestId: 1 })),
      { type: "ServerMisbehaved", why: "sent a malformed frame (BadPadding)" },
    ],
    [
      "[GW15] a frame with another padding",
      (server: ScriptedServer) =>
        server.sayBytes(padFrame(encode(serverFrameShape, { type: "pong", requestId: 1 }), "fixed")),
      { type: "ServerMisbehaved", why: "sent a malformed frame (BadPadding)" },
    ],
    [
      "[GW15] a goodbye from before the server read the hello",
      (server: ScriptedServer) =>
        server.sayBytes(encode(serverFrameShape, { type: "goodbye", code: "not-signed-in" })),
      { type: "Refused", code: "not-signed-in" },
    ],
    [
      "a goodbye",
      (server: ScriptedServer) => server.say({ type: "goodbye", code: "revoked-device" }),
      { type: "Refused", code: "revoked-device" },
    ],
    [
      "the end",
      (server: ScriptedServer) => server.hangUp(),
      { type: "ServerUnreachable", origin: ORIGIN, detail: "connection closed" },
    ],
  ])("%s ends every wait with its reason", async (_what, act, error) => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    const waiting = ping(gateway);
    act(server);
    expect(await waiting).toEqual({ ok: false, error });
    await gateway.whenClosed;
    expect(gateway.isOpen()).toBe(false);
  });

  test("an answer to nothing, and a second challenge, change nothing", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    server.say({ type: "pong", requestId: 77 });
    server.say({ ...CHALLENGE, serverNonce: filled(9) });
    server.answer = pong;
    expect((await ping(gateway)).ok).toBe(true);
    expect(gateway.nonces.serverNonce).toEqual(CHALLENGE.serverNonce);
  });

  test("a delivery goes to the log's handler and to no other", async () => {
    const server = createScriptedServer();
    const { gateway } = await connected(server);
    const seen: number[] = [];
    gateway.onDeliver(logOf(1), (entries) => seen.push(...entries.map((entry) => entry.seq)));
    const entry = (seq: number) => ({ seq, header: filled(1, 3), sealed: filled(2, 3) });
    server.say({ type: "deliver", logId: logOf(1), entries: [entry(1), entry(2)] });
    server.say({ type: "deliver", logId: logOf(2), entries: [entry(9)] });
    expect(seen).toEqual([1, 2]);
  });
});

test("a quiet connection is asked for a sign of life, again and again, until there is none", async () => {
  const server = createScriptedServer();
  const { gateway, clock } = await connected(server);
  server.answer = pong;
  for (let i = 1; i <= 3; i++) {
    await clock.advance(PING_INTERVAL_MS);
    expect(server.heard.filter((frame) => frame.type === "ping").length).toBe(i);
  }
  server.answer = () => null;
  await clock.advance(PING_INTERVAL_MS + REQUEST_TIMEOUT_MS);
  expect(gateway.isOpen()).toBe(false);
  expect(clock.scheduledCount()).toBe(0);
});
