/** Who may do what on a connection, against the real program over real sockets. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../core/base/ids.ts";
import { present } from "../../core/base/assert.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { clientFrameShape } from "../../core/protocol/client-frame.ts";
import {
  AUTH_DEADLINE_MS,
  BEFORE_AUTH_BYTES_MAX,
  BEFORE_HELLO_BYTES_MAX,
  PROOF_FAILURES_MAX,
} from "../../sync-server/limits.ts";
import { decode, encode } from "../../core/codec/shape.ts";
import { padFrame } from "../../core/protocol/frame-padding.ts";
import { registerShape } from "../../core/protocol/directory.ts";
import {
  addDevice,
  createWorld,
  moveHome,
  must,
  revokeDevices,
  stateOf,
  TEST_ORIGIN,
} from "../support/chain-world.ts";
import {
  appendOne,
  capabilityProof,
  connectRaw,
  connectSignedIn,
  createWriter,
  expectFrame,
  nextEntry,
  openRequest,
  type RawClient,
  recoveryRequest,
  signInRequest,
} from "../support/raw-client.ts";
import {
  createAccountLog,
  createInbound,
  pushLink,
  registerWorld,
  registration,
} from "../support/server-account.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let server: ServerProcess;
beforeAll(async () => {
  await cryptoReady();
  server = await startServer(folder.path, ["--rate-factor", "1000", "--sockets-per-address", "64"]);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  folder.discard();
});

const failed = (code: string) => ({ type: "failed", code });

describe("before anything is proven", () => {
  test("[GW1] a client that speaks no version of the server's is told so", async () => {
    const client = await connectRaw(server.origin, { skipsHello: true });
    client.sendFrame({
      type: "hello",
      versionMin: 2,
      versionMax: 255,
      clientNonce: client.clientNonce,
      padding: "off",
    });
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "unsupported-version" });
  });

  test("[GW1] hello comes first and once", async () => {
    const first = await connectRaw(server.origin, { skipsHello: true });
    expect(await first.call({ type: "ping" })).toEqual({ type: "closed" });
    expect(first.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
    const twice = await connectRaw(server.origin);
    twice.sendFrame({
      type: "hello",
      versionMin: 1,
      versionMax: 1,
      clientNonce: twice.clientNonce,
      padding: "off",
    });
    await twice.whenClosed;
    expect(twice.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
  });

  test.each([
    ["before hello", true, BEFORE_HELLO_BYTES_MAX],
    ["before a proof", false, BEFORE_AUTH_BYTES_MAX],
  ] as const)(
    "[GW2] what is sent %s is cut off at its limit, though it never becomes a frame",
    async (_when, skipsHello, bytesMax) => {
      const client = await connectRaw(server.origin, { skipsHello });
      // A message of many fragments that is never finished: nothing above the socket sees it.
      const room = bytesMax - 200;
      client.ws.send(new Uint8Array(room), { fin: false });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(client.ws.readyState).toBe(client.ws.OPEN);
      client.ws.send(new Uint8Array(400), { fin: false });
      await client.whenClosed;
      // By the deadline it would have been told so.
      expect(client.unasked).not.toContainEqual({ type: "goodbye", code: "not-signed-in" });
    },
  );

  test("[GW2] rubbish before hello is answered with a reason", async () => {
    const small = await connectRaw(server.origin, { skipsHello: true });
    small.sendBytes(new Uint8Array(BEFORE_HELLO_BYTES_MAX / 2));
    await small.whenClosed;
    expect(small.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
  });

  test("[GW2] a large frame is refused until something is proven", async () => {
    const world = await registerWorld(server.origin, "large frame");
    const client = await connectRaw(server.origin);
    const logIds = Array.from({ length: 200 }, () => idFromBytes("log", world.random.bytes(32)));
    expect(await client.call({ type: "heads", logIds })).toEqual({ type: "closed" });
    const proven = await connectSignedIn(server.origin, world);
    expectFrame(await proven.call({ type: "heads", logIds }), "heads");
    proven.close();
  });

  test.each(["padme", "fixed"] as const)(
    "[GW15] padding (%s) is no part of a frame that may be so large before a proof, and no room to send more",
    async (padding) => {
      const world = await registerWorld(server.origin, `padded ${padding}`);
      const client = await connectSignedIn(server.origin, world, undefined, { padding });
      expectFrame(await client.call({ type: "ping" }), "pong");
      client.close();
      const logIds = Array.from({ length: 200 }, () => idFromBytes("log", world.random.bytes(32)));
      const large = await connectRaw(server.origin, { padding });
      expect(await large.call({ type: "heads", logIds })).toEqual({ type: "closed" });
      expect(large.unasked.at(-1)).toEqual({ type: "goodbye", code: "not-signed-in" });
    },
  );

  test.each([
    ["without padding", "fixed", (frame: Uint8Array) => frame],
    ["with the padding of another setting", "fixed", (frame: Uint8Array) => padFrame(frame, "padme")],
    ["with zeros after a connection said off", "off", (frame: Uint8Array) => padFrame(frame, "padme")],
    ["with one byte in its padding", "padme", (frame: Uint8Array) => padFrame(frame, "padme").with(-1, 1)],
  ] as const)("[GW15] a frame %s is malformed", async (_what, padding, write) => {
    const client = await connectRaw(server.origin, { padding });
    client.sendBytes(write(encode(clientFrameShape, { type: "ping", requestId: 1 })));
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
  });

  test("[GW2] one address holds so many connections and no more", async () => {
    const small = await startLocalServer({ socketsPerAddressMax: 3 });
    const clients = await Promise.all([1, 2, 3].map(() => connectRaw(small.origin)));
    await expect(connectRaw(small.origin)).rejects.toThrow("429");
    clients[0]?.close();
    await clients[0]?.whenClosed;
    await expect.poll(() => small.connectionCount()).toBe(2);
    await connectRaw(small.origin);
    await small.close();
  });

  test("[GW2] a connection that proves nothing is closed in time", { timeout: 20_000 }, async () => {
    const client = await connectRaw(server.origin);
    const startMs = Date.now();
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "not-signed-in" });
    expect(Date.now() - startMs).toBeGreaterThan(AUTH_DEADLINE_MS - 1_000);
  });

  test("[GW12] a page of another server is let in and not signed in; one that is of no server is not let in", async () => {
    const world = await registerWorld(server.origin, "other pages");
    for (const origin of ["null", "file://", "https://other.example/path"])
      await expect(connectRaw(server.origin, { headers: { origin } })).rejects.toThrow("403");
    const ours = await connectRaw(server.origin, { headers: { origin: server.origin } });
    expectFrame(await ours.call(signInRequest(ours, world)), "signedIn");
    ours.close();
    const other = await connectRaw(server.origin, { headers: { origin: "https://other.example" } });
    expect(await other.call(signInRequest(other, world))).toMatchObject(failed("forbidden"));
    expect(await other.call(recoveryRequest(other, world))).toMatchObject(failed("forbidden"));
    expect(await other.call({ type: "resume", token: new Uint8Array(32) })).toMatchObject(
      failed("resume-expired"),
    );
    expectFrame(await other.call({ type: "ping" }), "pong");
    other.close();
  });

  test("[GW12] a page signs in the devices of accounts whose chain names its server, by whatever way, and no recovery key", async () => {
    const fromPage = (origin: string) => connectRaw(server.origin, { headers: { origin } });
    const came = await registerWorld(server.origin, "came from elsewhere");
    const [first, second] = [await fromPage(TEST_ORIGIN), await fromPage(TEST_ORIGIN)];
    const { resumeToken } = expectFrame(await first.call(signInRequest(first, came)), "signedIn");
    expect(await second.call(recoveryRequest(second, came))).toMatchObject(failed("forbidden"));
    const token = present(resumeToken, "a device is given a token");
    // What one page was given is worth nothing to another one.
    const thief = await fromPage("https://next.example");
    expect(await thief.call({ type: "resume", token })).toMatchObject(failed("forbidden"));
    expect(await thief.call(signInRequest(thief, came))).toMatchObject(failed("forbidden"));
    moveHome(came, "https://next.example");
    expect(await pushLink(server.origin, came)).toBe(null);
    expectFrame(await thief.call(signInRequest(thief, came)), "signedIn");
    // What is not here is told as to anybody.
    const nobody = createWorld("nobody here");
    const third = await fromPage("https://next.example");
    expect(await third.call(signInRequest(third, nobody))).toMatchObject(failed("unknown-device"));
    for (const client of [first, second, third, thief]) client.close();
  });

  test("[GW12] what a page of another server brings here was somewhere before", async () => {
    const world = createWorld("brought by a page");
    const bring = async (body: Bytes, origin = TEST_ORIGIN) => {
      const headers = { "content-type": "application/cbor", origin };
      const init = { method: "POST", headers, body: new Uint8Array(body) };
      const { status, headers: answered } = await fetch(`${server.origin}/v1/accounts`, init);
      return [status, answered.get("access-control-allow-origin")];
    };
    const isNew = registration(world);
    expect(await bring(isNew)).toEqual([403, "*"]);
    const restored = encode(registerShape, {
      ...must(decode(registerShape, isNew)),
      restores: stateOf(world).head,
    });
    expect(await bring(restored, "null")).toEqual([403, null]);
    expect(await bring(restored)).toEqual([200, "*"]);
  });

  test("[GW12] pages of other servers read what writing to somebody here takes, and nothing else", async () => {
    const { accountId } = stateOf(await registerWorld(server.origin, "asked about"));
    const ask = async (method: string, path: string, origin = "https://other.example") => {
      const { status, headers } = await fetch(server.origin + path, { method, headers: { origin } });
      return [status, headers.get("access-control-allow-origin")];
    };
    const account = `/v1/accounts/${accountId}`;
    expect(await ask("GET", `${account}/chain?after=0`)).toEqual([200, "*"]);
    expect(await ask("GET", "/v1/server")).toEqual([200, "*"]);
    expect(await ask("GET", "/v1/handles/nobody")).toEqual([200, "*"]);
    expect(await ask("POST", `${account}/prekeys`)).toEqual([415, "*"]);
    expect(await ask("POST", `${account}/key-packages`)).toEqual([415, "*"]);
    expect(await ask("GET", `${account}/key-packages`)).toEqual([403, null]);
    expect(await ask("POST", "/v1/accounts")).toEqual([415, "*"]);
    expect(await ask("POST", `${account}/links`)).toEqual([415, "*"]);
    expect(await ask("GET", "/v1/rendezvous/anything")).toEqual([400, "*"]);
    expect(await ask("DELETE", account)).toEqual([403, null]);
    expect(await ask("GET", "/")).toEqual([403, null]);
    expect(await ask("GET", "/v1/server", "null")).toEqual([403, null]);
    // As when a page came from another address of this very server.
    expect(await ask("GET", "/v1/server", server.origin)).toEqual([200, "*"]);
    expect(await ask("GET", "/", server.origin)).toEqual([200, null]);
    const preflight = (path: string, method: string) =>
      fetch(server.origin + path, {
        method: "OPTIONS",
        headers: { origin: "https://other.example", "access-control-request-method": method },
      });
    const allowed = await preflight(`${account}/prekeys`, "POST");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-headers")).toBe("content-type");
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    expect((await preflight(`${account}/links`, "DELETE")).status).toBe(403);
    expect((await preflight(`${account}/prekeys`, "DELETE")).status).toBe(403);
  });

  test("[GW11] every request but a sign-in or an open is refused", async () => {
    const world = await registerWorld(server.origin, "unsigned");
    const client = await connectRaw(server.origin);
    const logId = idFromBytes("log", world.random.bytes(32));
    expect(await client.call({ type: "createLog", logId, kind: "account", appendKey: null })).toMatchObject(
      failed("not-signed-in"),
    );
    expect(await client.call({ type: "heads", logIds: [logId] })).toMatchObject(failed("not-signed-in"));
    expect(await client.call({ type: "closeLog", logId })).toMatchObject(failed("not-signed-in"));
    expect(await client.call({ type: "setTickets", logId, ticketHashes: [] })).toMatchObject(
      failed("not-signed-in"),
    );
    expect(await client.call({ type: "publishPreKeys", preKeys: [new Uint8Array(9)] })).toMatchObject(
      failed("not-signed-in"),
    );
    expect(await client.call({ type: "preKeyCounts" })).toMatchObject(failed("not-signed-in"));
    expect(await client.call({ type: "readBoxes", epoch: 1 })).toMatchObject(failed("not-signed-in"));
    expect(await client.call({ type: "read", channel: 1, after: 0, limit: 1 })).toMatchObject(
      failed("unknown-channel"),
    );
    expectFrame(await client.call({ type: "ping" }), "pong");
    client.close();
  });
});

describe("signing in", () => {
  test("[GW3] only the device's key signs for it, for this server and this connection", async () => {
    const world = await registerWorld(server.origin, "claims");
    const wrongKey = await connectRaw(server.origin);
    const other = addDevice(world);
    expect(
      await wrongKey.call({
        ...signInRequest(wrongKey, world, other),
        deviceId: signInRequest(wrongKey, world).deviceId,
      }),
    ).toMatchObject(failed("bad-signature"));

    const wrongOrigin = await connectRaw(server.origin, { claimedOrigin: "https://elsewhere.example" });
    expect(await wrongOrigin.call(signInRequest(wrongOrigin, world))).toMatchObject(failed("bad-signature"));

    const seen = await connectRaw(server.origin);
    const recorded = signInRequest(seen, world);
    expectFrame(await seen.call(recorded), "signedIn");
    const replayed = await connectRaw(server.origin);
    expect(await replayed.call(recorded)).toMatchObject(failed("bad-signature"));

    const anyLoopbackForm = await connectRaw(server.origin, {
      claimedOrigin: server.origin.replace("127.0.0.1", "localhost"),
    });
    expectFrame(await anyLoopbackForm.call(signInRequest(anyLoopbackForm, world)), "signedIn");
    for (const client of [wrongKey, wrongOrigin, seen, replayed, anyLoopbackForm]) client.close();
  });

  test("[GW4] only an active device of the account signs in", async () => {
    const world = await registerWorld(server.origin, "active");
    const second = addDevice(world);
    const early = await connectRaw(server.origin);
    expect(await early.call(signInRequest(early, world, second)), "not on the chain yet").toMatchObject(
      failed("unknown-device"),
    );
    expect(await pushLink(server.origin, world)).toBe(null);
    expectFrame(await early.call(signInRequest(early, world, second)), "signedIn");
    revokeDevices(world, [second.id]);
    expect(await pushLink(server.origin, world)).toBe(null);
    await early.whenClosed;
    const late = await connectRaw(server.origin);
    expect(await late.call(signInRequest(late, world, second))).toMatchObject(failed("revoked-device"));
    late.close();
  });

  test("[GW4] a connection that keeps failing is closed", async () => {
    const world = await registerWorld(server.origin, "guessing");
    const client = await connectRaw(server.origin, { claimedOrigin: "https://elsewhere.example" });
    for (let i = 0; i < PROOF_FAILURES_MAX; i++)
      expect(await client.call(signInRequest(client, world))).toMatchObject(failed("bad-signature"));
    await client.whenClosed;
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "bad-signature" });
  });

  test("[GW5] a signed-in connection uses its own logs and no others", async () => {
    const [ann, bob] = [await registerWorld(server.origin, "ann"), await registerWorld(server.origin, "bob")];
    const [forAnn, forBob] = [
      await connectSignedIn(server.origin, ann),
      await connectSignedIn(server.origin, bob),
    ];
    const inbound = await createInbound(forBob, bob);
    expect(await forAnn.call(openRequest(forAnn, 1, inbound.logId, { right: "read" }))).toMatchObject(
      failed("forbidden"),
    );
    expect(
      await forAnn.call(openRequest(forAnn, 1, inbound.logId, { capability: inbound.key })),
      "not by capability either",
    ).toMatchObject(failed("forbidden"));
    expect(
      await forBob.call(openRequest(forBob, 1, inbound.logId, { capability: inbound.key })),
    ).toMatchObject(failed("forbidden"));
    expect(await forAnn.call({ type: "closeLog", logId: inbound.logId })).toMatchObject(failed("forbidden"));
    expect(await forAnn.call({ type: "heads", logIds: [inbound.logId] })).toMatchObject({
      heads: [{ head: null }],
    });
    expect(await forBob.call({ type: "heads", logIds: [inbound.logId] })).toMatchObject({
      heads: [{ head: { seq: 0 } }],
    });
    expect(await forAnn.call(signInRequest(forAnn, ann)), "once is enough").toMatchObject(
      failed("forbidden"),
    );
    for (const client of [forAnn, forBob]) client.close();
  });

  test("[GW5] a capability gives its right over its log, on a connection that never signs in", async () => {
    const world = await registerWorld(server.origin, "capability");
    const owner = await connectSignedIn(server.origin, world);
    const inbound = await createInbound(owner, world);
    const client = await connectRaw(server.origin);
    const wrongKey = signKeyPairFromSeed(world.random.bytes(32));
    const pen = createWriter(inbound.logId, world.random.bytes(32));
    expect(await client.call(openRequest(client, 1, inbound.logId, { writer: pen }))).toMatchObject(
      failed("not-signed-in"),
    );
    expect(
      await client.call(openRequest(client, 1, inbound.logId, { capability: wrongKey, writer: pen })),
    ).toMatchObject(failed("forbidden"));
    for (const right of ["read", "admin"] as const) {
      expect(
        await client.call(openRequest(client, 1, inbound.logId, { right, capability: inbound.key })),
        right,
      ).toMatchObject(failed("forbidden"));
    }
    const forAnotherRight = {
      ...openRequest(client, 1, inbound.logId),
      capability: capabilityProof(client, inbound.logId, "admin", inbound.key),
    };
    expect(await client.call(forAnotherRight)).toMatchObject(failed("bad-signature"));
    expectFrame(
      await client.call(openRequest(client, 1, inbound.logId, { capability: inbound.key, writer: pen })),
      "opened",
    );
    expect(await client.call({ type: "read", channel: 1, after: 0, limit: 1 })).toMatchObject(
      failed("forbidden"),
    );
    expect(await client.call({ type: "subscribe", channel: 1, after: 0 })).toMatchObject(failed("forbidden"));
    expect(await client.call({ type: "ack", channel: 1, upto: 0 })).toMatchObject(failed("forbidden"));
    expect(await client.call(signInRequest(client, world)), "nor signs in later").toMatchObject(
      failed("forbidden"),
    );
    expect((await appendOne(client, 1, nextEntry(pen, new Uint8Array(9), { kind: 2 }))).type).toBe(
      "accepted",
    );
    client.close();
    owner.close();
  });

  test("[GW6] the recovery key reads its account's logs and boxes, and does nothing else", async () => {
    const world = await registerWorld(server.origin, "recovery");
    const device = await connectSignedIn(server.origin, world);
    const logId = await createAccountLog(device, world);
    const client = await connectRaw(server.origin);
    expect(
      await client.call({
        ...recoveryRequest(client, world),
        accountId: stateOf(await registerWorld(server.origin, "another")).accountId,
      }),
    ).toMatchObject(failed("bad-signature"));
    expect(expectFrame(await client.call(recoveryRequest(client, world)), "signedIn").resumeToken).toBe(null);
    expect(
      await client.call(
        openRequest(client, 1, logId, { writer: createWriter(logId, world.random.bytes(32)) }),
      ),
    ).toMatchObject(failed("forbidden"));
    expectFrame(await client.call(openRequest(client, 1, logId, { right: "read" })), "opened");
    expectFrame(await client.call({ type: "read", channel: 1, after: 0, limit: 1 }), "entries");
    expect(await client.call({ type: "ack", channel: 1, upto: 0 })).toMatchObject(failed("forbidden"));
    expect(expectFrame(await client.call({ type: "readBoxes", epoch: 1 }), "boxes").boxes).toHaveLength(1);
    const anotherLog = idFromBytes("log", world.random.bytes(32));
    expect(
      await client.call({ type: "createLog", logId: anotherLog, kind: "request", appendKey: null }),
    ).toMatchObject(failed("not-signed-in"));
    client.close();
    device.close();
  });
});

describe("[GW14] another instance of a device", () => {
  test("takes its place: the earlier connection is told, one of the same instance stays", async () => {
    const world = await registerWorld(server.origin, "instances");
    const instance = new Uint8Array(16).fill(7);
    const first = await connectRaw(server.origin);
    const same = await connectRaw(server.origin);
    const other = await connectRaw(server.origin);
    const signIn = async (client: RawClient, by: Uint8Array) =>
      expectFrame(await client.call({ ...signInRequest(client, world), instance: by }), "signedIn");
    await signIn(first, instance);
    await signIn(same, instance);
    expectFrame(await first.call({ type: "ping" }), "pong");
    const { resumeToken } = await signIn(other, new Uint8Array(16).fill(8));
    for (const client of [first, same]) {
      await client.whenClosed;
      expect(client.unasked).toContainEqual({ type: "goodbye", code: "replaced" });
    }
    other.close();
    await other.whenClosed;
    const again = await connectRaw(server.origin);
    await signIn(again, instance);
    const resumed = await connectRaw(server.origin);
    const token = resumeToken ?? new Uint8Array(32);
    expectFrame(await resumed.call({ type: "resume", token }), "signedIn");
    await again.whenClosed;
    resumed.close();
  });
});

describe("resuming", () => {
  test("[GW7] [GW13] a token signs in once; each sign-in tells the time", async () => {
    const world = await registerWorld(server.origin, "resume");
    const first = await connectRaw(server.origin);
    const { resumeToken, nowMs } = expectFrame(await first.call(signInRequest(first, world)), "signedIn");
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
    const token = resumeToken ?? new Uint8Array(32);
    first.close();
    const again = await connectRaw(server.origin);
    const next = expectFrame(await again.call({ type: "resume", token }), "signedIn");
    expect(next.resumeToken).not.toEqual(token);
    expect(next.nowMs).toBeGreaterThanOrEqual(nowMs);
    await createAccountLog(again, world);
    const spent = await connectRaw(server.origin);
    expect(await spent.call({ type: "resume", token })).toMatchObject(failed("resume-expired"));
    expect(await spent.call({ type: "resume", token: new Uint8Array(32) })).toMatchObject(
      failed("resume-expired"),
    );
    for (const client of [again, spent]) client.close();
  });

  test("[GW7] a token dies with its device, and after its time", async () => {
    const local = await startLocalServer({ resumeTtlMs: 300 });
    const world = await registerWorld(local.origin, "resume revoked");
    const second = addDevice(world);
    await pushLink(local.origin, world);
    const client = await connectRaw(local.origin);
    const { resumeToken } = expectFrame(await client.call(signInRequest(client, world, second)), "signedIn");
    revokeDevices(world, [second.id]);
    expect(await pushLink(local.origin, world)).toBe(null);
    expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "revoked-device" });
    const late = await connectRaw(local.origin);
    expect(await late.call({ type: "resume", token: resumeToken ?? new Uint8Array(32) })).toMatchObject(
      failed("resume-expired"),
    );

    const owner = await connectRaw(local.origin);
    const signedIn = expectFrame(await owner.call(signInRequest(owner, world)), "signedIn");
    expect(signedIn.expiresInMs).toBe(300);
    await new Promise((resolve) => setTimeout(resolve, 350));
    const tooLate = await connectRaw(local.origin);
    expect(
      await tooLate.call({ type: "resume", token: signedIn.resumeToken ?? new Uint8Array(32) }),
    ).toMatchObject(failed("resume-expired"));
    await local.close();
  });
});

describe("malformed frames", () => {
  test("[GW11] text, rubbish and broken frames end the connection with a reason, and never the server", async () => {
    const world = await registerWorld(server.origin, "rubbish");
    const sample = encode(clientFrameShape, {
      type: "heads",
      requestId: 9,
      logIds: [idFromBytes("log", world.random.bytes(32))],
    });
    const rubbish = Array.from({ length: 60 }, (_, i) => {
      if (i < 20) return world.random.bytes(1 + world.random.below(200));
      const mutated = new Uint8Array(sample);
      mutated[world.random.below(mutated.length)] = world.random.below(256);
      return i % 2 === 0 ? mutated : mutated.subarray(0, world.random.below(mutated.length));
    });
    for (const bytes of rubbish) {
      const client = await connectSignedIn(server.origin, world);
      client.sendBytes(bytes);
      client.sendFrame({ type: "ping", requestId: 77 });
      await Promise.race([client.whenClosed, new Promise((resolve) => setTimeout(resolve, 60))]);
      const last = client.unasked.at(-1);
      if (client.ws.readyState !== client.ws.OPEN && last?.type !== "challenge")
        expect(last).toEqual({ type: "goodbye", code: "malformed" });
      client.close();
      await client.whenClosed;
    }
    const text = await connectSignedIn(server.origin, world);
    text.ws.send("hello");
    await text.whenClosed;
    expect(text.unasked.at(-1)).toEqual({ type: "goodbye", code: "malformed" });
    const alive = await connectSignedIn(server.origin, world);
    expectFrame(await alive.call({ type: "ping" }), "pong");
    alive.close();
  });
});
