/** Accounts, prekeys, handles and rendezvous over HTTP, against the real program. */
import { join } from "node:path";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSystemClock } from "../../core/base/clock.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import {
  CHAIN_PAGE_LINKS_MAX,
  HANDLE_CHARS_MAX,
  HANDLE_CHARS_MIN,
  NEW_DEVICE_HOLD_MS,
  RENDEZVOUS_BYTES_MAX,
} from "../../core/base/limits.ts";
import { bytes, decode, encode, nullable, type Shape, struct, text } from "../../core/codec/shape.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import {
  appendLinkShape,
  chainPageShape,
  claimedKeyPackagesShape,
  claimedPreKeysShape,
  claimPreKeysShape,
  doneShape,
  handleAnswerShape,
  httpFailureShape,
  registerShape,
  rendezvousPutShape,
  rendezvousStateShape,
  serverInfoShape,
} from "../../core/protocol/directory.ts";
import { padFrame, unpadFrame } from "../../core/protocol/frame-padding.ts";
import { mediaTypeOf, padPath } from "../../core/protocol/http-padding.ts";
import { verifyPreKey } from "../../core/protocol/prekey.ts";
import { createPreKey, publishPreKey } from "../../core/ratchet/prekey-record.ts";
import { verifyChain } from "../../core/sigchain/verify-chain.ts";
import { createInvitation, invitationHash } from "../../sync-server/directory/invitation.ts";
import { HTTP_BODY_BYTES_MAX, RATE, RENDEZVOUS_VERSION_MAX } from "../../sync-server/limits.ts";
import {
  addDevice,
  boxesOf,
  type ChainWorld,
  createWorld,
  firstKeys,
  must,
  revokeDevices,
  rotate,
  stateOf,
} from "../support/chain-world.ts";
import { connectRaw, connectSignedIn, expectFrame, type RawClient } from "../support/raw-client.ts";
import { newestLink, pushLink, registerWorld, registration } from "../support/server-account.ts";
import { createServer, DEFAULT_CONFIG } from "../../sync-server/server.ts";
import { createMemoryStore } from "../../sync-server/store/memory/memory-store.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { nextStep, registerAccount } from "../support/store-world.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const folder = createTemporaryFolder();
let server: ServerProcess;
beforeAll(async () => {
  await cryptoReady();
  server = await startServer(folder.path, ["--rate-factor", "1000"]);
});
afterAll(async () => {
  await server.stop();
  folder.discard();
});

/** `registerShape` with room for handles that are too long. */
const anyHandleShape = struct({
  genesis: bytes(1, 100_000),
  boxes: bytes(1, 300_000),
  handle: nullable(text(100)),
  invitation: nullable(text(100)),
});

/** Status and value, or status and failure code. */
async function call<T>(method: string, path: string, shape: Shape<T>, body?: Bytes, origin = server.origin) {
  const response = await fetch(`${origin}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: new Uint8Array(body), headers: { "content-type": "application/cbor" } }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.ok) return { status: response.status, value: must(decode(shape, bytes)), code: null };
  const failure = must(decode(httpFailureShape, bytes));
  return { status: response.status, value: null, code: failure.code, retryAfterMs: failure.retryAfterMs };
}

const register = (world: ChainWorld, handle: string | null = null, origin = server.origin) =>
  call("POST", "/v1/accounts", doneShape, registration(world, handle), origin);

test.each(["padme", "fixed"] as const)(
  "[DI19] with %s an answer's length says neither what was asked nor whether it was refused",
  async (padding) => {
    const asked: readonly (readonly [string, Bytes | null])[] = [
      ["/v1/server", null],
      ["/v1/handles/nobody", null],
      [`/v1/accounts/${"0".repeat(64)}/chain`, null],
      ["/v1/accounts", Uint8Array.of(1)],
      ["/v1/no/such/route", null],
      ["/v1//", null],
    ];
    const lengths = new Set<number>();
    for (const [path, body] of asked) {
      const response = await fetch(server.origin + padPath(path, padding), {
        method: body === null ? "GET" : "POST",
        headers: { accept: mediaTypeOf(padding), "content-type": mediaTypeOf(padding) },
        body: body === null ? null : new Uint8Array(padFrame(body, padding)),
      });
      expect(response.headers.get("content-type")).toBe(mediaTypeOf(padding));
      const answer = new Uint8Array(await response.arrayBuffer());
      lengths.add(answer.length);
      expect(unpadFrame(answer, padding)).toMatchObject({ ok: true });
    }
    expect(lengths.size).toBe(1);
    // Bodies are checked: the mark, the zeros, the size, and the limit of what is in them.
    const post = async (body: Uint8Array<ArrayBuffer>) =>
      (
        await fetch(`${server.origin}/v1/accounts`, {
          method: "POST",
          headers: { "content-type": mediaTypeOf(padding) },
          body,
        })
      ).status;
    const good = registration(createWorld(`padded ${padding}`));
    const padded = new Uint8Array(padFrame(good, padding));
    for (const bad of [
      new Uint8Array(good),
      padded.with(padded.length - 1, 1),
      new Uint8Array([...padded, 0]),
    ])
      expect(await post(bad)).toBe(400);
    const largest = new Uint8Array(padFrame(new Uint8Array(HTTP_BODY_BYTES_MAX), padding));
    expect(await post(largest)).toBe(400);
    expect(await post(new Uint8Array([...largest, 0]))).toBe(413);
    expect(await post(padded)).toBe(200);
  },
);

describe("registration", () => {
  test("[DI1] takes a genesis that holds, with the boxes it commits to, and no other", async () => {
    const world = createWorld("genesis");
    const genesis = world.links[0] ?? new Uint8Array(1);
    const boxes = boxesOf(world, 1);
    const attempt = (changes: { readonly genesis?: Bytes; readonly boxes?: Bytes }) =>
      call(
        "POST",
        "/v1/accounts",
        doneShape,
        encode(registerShape, {
          genesis,
          boxes,
          handle: null,
          invitation: null,
          restores: null,
          ...changes,
        }),
      );
    const tampered = new Uint8Array(genesis);
    tampered[tampered.length - 1] = (tampered[tampered.length - 1] ?? 0) ^ 1;
    expect(await attempt({ genesis: tampered })).toMatchObject({ status: 400, code: "bad-link" });
    expect(await attempt({ genesis: new Uint8Array(9) })).toMatchObject({ code: "bad-link" });
    expect(await attempt({ boxes: new Uint8Array(9) })).toMatchObject({ code: "bad-link" });
    const second = createWorld("genesis");
    rotate(second);
    expect(
      await attempt({ genesis: second.links[1] ?? new Uint8Array(1) }),
      "a link that is no genesis",
    ).toMatchObject({ code: "bad-link" });
    expect(await attempt({})).toMatchObject({ status: 200, value: { isDone: true } });
    expect(await attempt({}), "again, because the answer was lost").toMatchObject({ status: 200 });
  });

  test("[DI2] a handle is a short name, first come first served", async () => {
    const bad = ["a".repeat(HANDLE_CHARS_MIN - 1), "Ann", "ann b", "änn", ".ann", "-a"];
    const over = createWorld("over");
    const longer = {
      ...must(decode(registerShape, registration(over))),
      handle: "a".repeat(HANDLE_CHARS_MAX + 1),
    };
    expect(await call("POST", "/v1/accounts", doneShape, encode(anyHandleShape, longer))).toMatchObject({
      status: 400,
      code: "malformed",
    });
    for (const [index, handle] of bad.entries())
      expect(await register(createWorld(`bad ${index}`), handle), handle).toMatchObject({
        status: 400,
        code: "bad-handle",
      });
    const good = [
      "a".repeat(HANDLE_CHARS_MIN),
      "b".repeat(HANDLE_CHARS_MAX),
      "c".repeat(HANDLE_CHARS_MAX - 1),
      "ann.b_c-1",
    ];
    for (const [index, handle] of good.entries())
      expect(await register(createWorld(`good ${index}`), handle), handle).toMatchObject({ status: 200 });
    expect(await register(createWorld("late"), "ann.b_c-1")).toMatchObject({
      status: 409,
      code: "handle-taken",
    });
  });

  test("[DI14] of a closed server wants an invitation, however it is typed", async () => {
    const closed = await startLocalServer({ isRegistrationOpen: false });
    const text = createInvitation(createSeededRandom("invitation"));
    const hash = invitationHash(text);
    expect(text).toMatch(/^([0-9a-z]{4}-){5}[0-9a-z]{4}$/);
    expect(hash).not.toBe(null);
    const nowMs = Date.now();
    const made = { usesMax: 2, createdAtMs: nowMs, expiresAtMs: nowMs + 60_000 };
    must(await closed.store.addInvitation({ hash: hash ?? new Uint8Array(), ...made }));
    const come = (seed: string, invitation: string) =>
      call(
        "POST",
        "/v1/accounts",
        doneShape,
        registration(createWorld(seed), null, invitation),
        closed.origin,
      );
    expect(await come("typed", ` ${text.toUpperCase().replaceAll("-", " ")} `)).toMatchObject({
      status: 200,
    });
    expect(await come("pasted", text)).toMatchObject({ status: 200 });
    for (const wrong of [text, text.slice(1), "", createInvitation(createSeededRandom("other"))])
      expect(await come("refused", wrong), wrong).toMatchObject({ status: 403, code: "bad-invitation" });
    await closed.close();
  });

  test("[DI1] is refused where it is closed", async () => {
    const closed = await startLocalServer({ isRegistrationOpen: false });
    expect(await register(createWorld("closed"), null, closed.origin)).toMatchObject({
      status: 403,
      code: "registration-closed",
    });
    expect(await call("GET", "/v1/server", serverInfoShape, undefined, closed.origin)).toMatchObject({
      value: { isRegistrationOpen: false, origin: closed.origin },
    });
    await closed.close();
  });
});

describe("a chain", () => {
  const chainOf = (world: ChainWorld, after = 0) =>
    call("GET", `/v1/accounts/${stateOf(world).accountId}/chain?after=${after}`, chainPageShape);

  test("[DI3] grows by one verified link at a time, and anybody can read and verify it", async () => {
    const world = await registerWorld(server.origin, "chain");
    const genesis = firstKeys(world);
    for (const grow of [
      () => addDevice(world, genesis),
      () => rotate(world),
      () => addDevice(world, genesis),
    ]) {
      grow();
      expect(await pushLink(server.origin, world)).toBe(null);
      expect(await pushLink(server.origin, world), "again, because the answer was lost").toBe(null);
    }
    const page = await chainOf(world);
    const state = must(verifyChain([page.value?.links ?? []], { accountId: stateOf(world).accountId }));
    expect(state.head).toBe(stateOf(world).head);
    expect((await chainOf(world, 3)).value).toMatchObject({ headSeq: 4, links: [world.links[3]] });
    expect((await chainOf(world, 4)).value?.links).toEqual([]);
    expect(await chainOf(createWorld("nobody"))).toMatchObject({ status: 404, code: "unknown-account" });
  });

  test("[DI3] refuses a second link after one head, and a link without the boxes it commits to", async () => {
    const world = await registerWorld(server.origin, "fork");
    const fork = createWorld("fork");
    const second = addDevice(world);
    await pushLink(server.origin, world);
    rotate(fork);
    expect(await pushLink(server.origin, fork)).toBe("chain-conflict");
    revokeDevices(world, [second.id]);
    const path = `/v1/accounts/${stateOf(world).accountId}/links`;
    const whole = newestLink(world);
    expect(await call("POST", path, doneShape, Uint8Array.from([...whole.subarray(0, -1)]))).toMatchObject({
      code: "malformed",
    });
    const parts = must(decode(appendLinkShape, whole));
    expect(
      await call("POST", path, doneShape, encode(appendLinkShape, { ...parts, boxes: null })),
    ).toMatchObject({ code: "bad-link" });
    expect(
      await call("POST", path, doneShape, encode(appendLinkShape, { ...parts, boxes: new Uint8Array(40) })),
    ).toMatchObject({ code: "bad-link" });
    expect(await pushLink(server.origin, world)).toBe(null);
  });

  test("[DI4] a revocation ends the device's connections before it is answered", async () => {
    const world = await registerWorld(server.origin, "revocation");
    const second = addDevice(world);
    await pushLink(server.origin, world);
    const clients = await Promise.all([1, 2, 3].map(() => connectSignedIn(server.origin, world, second)));
    const first = await connectSignedIn(server.origin, world);
    revokeDevices(world, [second.id]);
    expect(await pushLink(server.origin, world)).toBe(null);
    await Promise.all(clients.map((client) => client.whenClosed));
    for (const client of clients)
      expect(client.unasked.at(-1)).toEqual({ type: "goodbye", code: "revoked-device" });
    expectFrame(await first.call({ type: "ping" }), "pong");
    first.close();
  });

  test("[DI11] a device added less than a day ago adds and revokes nobody, and rotates as it likes", async () => {
    let nowMs = Date.now();
    const clock = { ...createSystemClock(), nowMs: () => nowMs };
    const local = must(
      await createServer(
        { ...DEFAULT_CONFIG, port: 0 },
        { store: createMemoryStore(), clock, random: createPlatformRandom(), logger: silentLogger },
      ),
    );
    const origin = local.origins[0] ?? "";
    const world = await registerWorld(origin, "hold");
    const young = addDevice(world);
    expect(await pushLink(origin, world)).toBe(null);
    rotate(world, young);
    expect(await pushLink(origin, world)).toBe(null);
    nowMs += NEW_DEVICE_HOLD_MS - 1;
    addDevice(world, young);
    expect(await pushLink(origin, world)).toBe("device-on-hold");
    nowMs += 1;
    expect(await pushLink(origin, world)).toBe(null);
    await local.close();
  });

  test(`[DI12] a page has at most ${CHAIN_PAGE_LINKS_MAX} links`, { timeout: 60_000 }, async () => {
    const store = createMemoryStore();
    const local = await startLocalServer({}, store);
    const random = createSeededRandom("long chain");
    let { step } = await registerAccount(store, random);
    for (let i = 0; i < CHAIN_PAGE_LINKS_MAX; i++) {
      step = nextStep(random, step);
      must(await store.appendLink(step));
    }
    const count = async (after: number) =>
      (
        await call(
          "GET",
          `/v1/accounts/${step.accountId}/chain?after=${after}`,
          chainPageShape,
          undefined,
          local.origin,
        )
      ).value?.links.length;
    expect([await count(0), await count(1), await count(2)]).toEqual([
      CHAIN_PAGE_LINKS_MAX,
      CHAIN_PAGE_LINKS_MAX,
      CHAIN_PAGE_LINKS_MAX - 1,
    ]);
    await local.close();
  });
});

describe("prekeys", () => {
  const now = () => ({ steadyMs: Date.now(), likelyMs: Date.now() });
  async function stocked(
    name: string,
    oneTime: number,
  ): Promise<{ readonly world: ChainWorld; readonly client: RawClient; readonly published: Set<string> }> {
    const world = await registerWorld(server.origin, name);
    const client = await connectSignedIn(server.origin, world);
    const device = firstKeys(world);
    const owner = { accountId: stateOf(world).accountId, deviceId: device.id, sign: device.sign };
    const make = (kind: "signed" | "oneTime" | "lastResort") =>
      publishPreKey(createPreKey(world.random, kind, now()), owner);
    const pool = Array.from({ length: oneTime }, () => make("oneTime"));
    expectFrame(
      await client.call({ type: "publishPreKeys", preKeys: [make("signed"), make("lastResort"), ...pool] }),
      "done",
    );
    return { world, client, published: new Set(pool.map(toHex)) };
  }
  const claim = (world: ChainWorld) =>
    call(
      "POST",
      `/v1/accounts/${stateOf(world).accountId}/prekeys`,
      claimedPreKeysShape,
      encode(claimPreKeysShape, { devices: null }),
    );

  test("[DI6] of 50 who claim at once, no two get the same one-time prekey", async () => {
    const { world, client, published } = await stocked("claimers", 30);
    const claims = await Promise.all(Array.from({ length: 50 }, () => claim(world)));
    const bundles = claims.flatMap(({ value }) => value?.bundles ?? []);
    expect(bundles).toHaveLength(50);
    const given = bundles.flatMap(({ oneTime }) => (oneTime === null ? [] : [toHex(oneTime)]));
    expect(given).toHaveLength(30);
    expect(new Set(given)).toEqual(published);
    expect(bundles.filter(({ oneTime, lastResort }) => (oneTime === null) === (lastResort === null))).toEqual(
      [],
    );
    expect(await client.call({ type: "preKeyCounts" })).toMatchObject({
      oneTime: 0,
      hasSigned: true,
      hasLastResort: true,
    });
    client.close();
  });

  test("[DI5] must be signed by the device that publishes them, for itself", async () => {
    const { world, client } = await stocked("forged", 1);
    const other = await stocked("other", 1);
    const device = firstKeys(other.world);
    const foreign = publishPreKey(createPreKey(world.random, "oneTime", now()), {
      accountId: stateOf(other.world).accountId,
      deviceId: device.id,
      sign: device.sign,
    });
    expect(await client.call({ type: "publishPreKeys", preKeys: [foreign] })).toMatchObject({
      code: "bad-signature",
    });
    expect(await client.call({ type: "publishPreKeys", preKeys: [new Uint8Array(99)] })).toMatchObject({
      code: "bad-signature",
    });
    const [bundle] = (await claim(world)).value?.bundles ?? [];
    const { id, record } = firstKeys(world);
    const owner = { accountId: stateOf(world).accountId, deviceId: id, signPk: record.signKey };
    expect(verifyPreKey(bundle?.oneTime ?? new Uint8Array(1), owner).ok).toBe(true);
    for (const each of [client, other.client]) each.close();
  });
});

test("[DI18] key packages are left by a signed-in device, counted for it, and asked for without saying who asks", async () => {
  const world = await registerWorld(server.origin, "key-packages");
  const client = await connectSignedIn(server.origin, world);
  const made = (isLastResort: boolean) => ({
    keyPackage: world.random.bytes(300),
    isLastResort,
    expiresAtMs: Date.now() + 1_000_000,
  });
  const keyPackages = [made(true), made(false), made(false)];
  expectFrame(await client.call({ type: "publishKeyPackages", keyPackages }), "done");
  const path = `/v1/accounts/${stateOf(world).accountId}/key-packages`;
  const claim = (devices: readonly ReturnType<typeof firstKeys>["id"][] | null) =>
    call("POST", path, claimedKeyPackagesShape, encode(claimPreKeysShape, { devices }));
  const claims = await Promise.all([0, 1, 2].map(() => claim(null)));
  const given = claims.flatMap(({ value }) => value?.keyPackages ?? []);
  expect(new Set(given.map(({ keyPackage }) => toHex(keyPackage)))).toEqual(
    new Set(keyPackages.map(({ keyPackage }) => toHex(keyPackage))),
  );
  expect(given.filter(({ isLastResort }) => isLastResort)).toHaveLength(1);
  expect(await client.call({ type: "keyPackageCounts" })).toMatchObject({ oneTime: 0, hasLastResort: true });
  const stranger = idFromBytes("device", world.random.bytes(16));
  expect(await claim([stranger])).toMatchObject({ code: "no-prekeys" });
  client.close();
  const anybody = await connectRaw(server.origin);
  expect(await anybody.call({ type: "publishKeyPackages", keyPackages })).toMatchObject({
    code: "not-signed-in",
  });
  anybody.close();
});

describe("a handle", () => {
  const look = (handle: string, origin = server.origin) =>
    call("GET", `/v1/handles/${handle}`, handleAnswerShape, undefined, origin);

  test("[DI7] that nobody has is answered in the same shape as one that somebody has", async () => {
    const world = await registerWorld(server.origin, "handle", "carol");
    const [found, unknown] = await Promise.all(
      ["carol", "nobody"].map((handle) => fetch(`${server.origin}/v1/handles/${handle}`)),
    );
    const bodies = await Promise.all(
      [found, unknown].map(
        async (response) => new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer(0)),
      ),
    );
    expect(bodies.map(({ length }) => length)).toEqual([36, 36]);
    const headersOf = (response: Response | undefined) =>
      [...(response?.headers ?? [])].filter(([name]) => name !== "date");
    expect(headersOf(found)).toEqual(headersOf(unknown));
    expect((await look("carol")).value).toEqual({ isFound: true, accountId: stateOf(world).accountId });
    const [one, two] = [await look("nobody"), await look("nobody")];
    expect([one.value?.isFound, two.value?.isFound]).toEqual([false, false]);
    expect(one.value?.accountId).not.toBe(two.value?.accountId);
    expect(await look("NOBODY")).toMatchObject({ status: 400, code: "bad-handle" });
  });

  test("[DI10] can be asked for so often from one address, and the answer says when to come again", async () => {
    const local = await startLocalServer({ rateFactor: 1 });
    for (let i = 0; i < RATE.handle.burst; i++) expect((await look("dave", local.origin)).status).toBe(200);
    const over = await look("dave", local.origin);
    expect(over).toMatchObject({ status: 429, code: "rate-limited" });
    expect(over.retryAfterMs).toBeGreaterThan(0);
    expect(over.retryAfterMs).toBeLessThanOrEqual(RATE.handle.refillMs);
    await local.close();
  });
});

describe("a rendezvous", () => {
  let next = 0;
  const slot = (): string =>
    idFromBytes(
      "rendezvous",
      new Uint8Array(16).map((_, i) => (i === 0 ? next++ : 7)),
    );
  const put = (id: string, expectedVersion: number, message: Bytes) =>
    call(
      "PUT",
      `/v1/rendezvous/${id}`,
      rendezvousStateShape,
      encode(rendezvousPutShape, { expectedVersion, message }),
    );
  const get = (id: string, after: number) =>
    call("GET", `/v1/rendezvous/${id}?after=${after}`, rendezvousStateShape);

  test("[DI8] carries messages one after another, each to whoever waits for it", async () => {
    const id = slot();
    const [one, two] = [new Uint8Array([1]), new Uint8Array([2, 2])];
    expect(await get(id, 0)).toMatchObject({ status: 404, code: "rendezvous-gone" });
    expect((await put(id, 0, one)).value?.version).toBe(1);
    expect((await get(id, 0)).value).toEqual({ version: 1, message: one });
    const waiting = get(id, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await put(id, 1, two)).value?.version).toBe(2);
    expect((await waiting).value).toEqual({ version: 2, message: two });
  });

  test("[DI8] of two that write after one version, one does; the same again is a success", async () => {
    const id = slot();
    const [one, two] = [new Uint8Array([1]), new Uint8Array([2])];
    const [first, second] = await Promise.all([put(id, 0, one), put(id, 0, two)]);
    expect([first?.status, second?.status].sort()).toEqual([200, 409]);
    const winner = first?.status === 200 ? one : two;
    expect((await put(id, 0, winner)).value?.version).toBe(1);
    expect(await put(id, 7, one)).toMatchObject({ status: 409, code: "rendezvous-conflict" });
    expect(await put(slot(), 3, one)).toMatchObject({ status: 404, code: "rendezvous-gone" });
  });

  test("[DI8] takes messages up to its limit, and so many of them", async () => {
    const id = slot();
    const path = `/v1/rendezvous/${id}`;
    expect((await put(id, 0, new Uint8Array(RENDEZVOUS_BYTES_MAX - 1))).status).toBe(200);
    expect((await put(id, 1, new Uint8Array(RENDEZVOUS_BYTES_MAX))).status).toBe(200);
    const over = Buffer.concat([
      Buffer.from([0x82, 0x02, 0x59, (RENDEZVOUS_BYTES_MAX + 1) >> 8, (RENDEZVOUS_BYTES_MAX + 1) & 255]),
      Buffer.alloc(RENDEZVOUS_BYTES_MAX + 1),
    ]);
    expect(await call("PUT", path, rendezvousStateShape, over)).toMatchObject({
      status: 400,
      code: "malformed",
    });
    for (let version = 2; version < RENDEZVOUS_VERSION_MAX; version++)
      expect((await put(id, version, new Uint8Array([version]))).status).toBe(200);
    expect(await put(id, RENDEZVOUS_VERSION_MAX, new Uint8Array([9]))).toMatchObject({ code: "quota" });
  });
});

describe("requests", () => {
  /** A request with its path exactly as written, which `fetch` would tidy up. */
  const raw = (path: string, method = "GET") =>
    new Promise<{
      readonly status: number;
      readonly body: Buffer;
      readonly headers: NodeJS.Dict<string | string[]>;
    }>((resolve, reject) => {
      const { hostname, port } = new URL(server.origin);
      const sent = httpRequest({ hostname, port, path, method }, (response) => {
        const parts: Buffer[] = [];
        response
          .on("data", (part: Buffer) => parts.push(part))
          .on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              body: Buffer.concat(parts),
              headers: response.headers,
            }),
          );
      });
      sent.on("error", reject).end();
    });

  test("[DI9] only a path written plainly reaches a handler", async () => {
    const tricks = [
      "//v1/server",
      "/v1//server",
      "/v1%2Fserver",
      "/v1/%73erver",
      "/v1/./server",
      "/v1/../v1/server",
      "/x/..//v1/server",
      "/V1/server",
      "/v1/server/",
      "/v1/server;x",
      "/v1/handles/%63arol",
      "/v1/nothing",
      "/.git/config",
      "/../package.json",
      "/%2e%2e/package.json",
    ];
    for (const path of tricks) {
      const { status, body } = await raw(path);
      expect(status, path).toBe(404);
      expect(decode(httpFailureShape, new Uint8Array(body)).ok, path).toBe(true);
    }
    expect((await raw("/v1\\server")).status).toBe(400);
    expect((await raw("/v1/server")).status).toBe(200);
    expect((await raw("/v1/server?x=%2F")).status).toBe(200);
    expect((await raw("/v1/server", "DELETE")).status).toBe(404);
  });

  test("[DI9] answers carry the headers that keep a browser safe", async () => {
    for (const path of ["/", "/v1/server", "/v1/nothing", "/health"]) {
      const { headers } = await raw(path);
      expect(headers["x-content-type-options"], path).toBe("nosniff");
      expect(headers["x-frame-options"], path).toBe("DENY");
      expect(headers["referrer-policy"], path).toBe("no-referrer");
      expect(headers["content-security-policy"], path).toContain("object-src 'none'");
      expect(headers["access-control-allow-origin"], path).toBe(undefined);
    }
  });

  test("[DI13] a body is CBOR, canonical, and within its limit", async () => {
    const post = (body: Bytes, type: string) =>
      fetch(`${server.origin}/v1/accounts`, {
        method: "POST",
        headers: { "content-type": type },
        body: new Uint8Array(body),
      });
    const good = registration(createWorld("body"));
    expect((await post(good, "text/plain")).status).toBe(415);
    expect((await post(new Uint8Array(HTTP_BODY_BYTES_MAX + 1), "application/cbor")).status).toBe(413);
    expect((await post(new Uint8Array(HTTP_BODY_BYTES_MAX), "application/cbor")).status).toBe(400);
    expect((await post(Uint8Array.from([...good, 0]), "application/cbor")).status).toBe(400);
    const parts = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(100_000));
      },
    });
    const endless = await fetch(`${server.origin}/v1/accounts`, {
      method: "POST",
      headers: { "content-type": "application/cbor" },
      body: parts,
      duplex: "half",
    } as RequestInit);
    expect(endless.status).toBe(413);
    expect((await post(good, "application/cbor")).status).toBe(200);
  });

  test("the first page says what this is where there is no web app, and health is told", async () => {
    const local = await startLocalServer({ webAppFolder: join(folder.path, "no-app") });
    expect(await (await fetch(local.origin)).text()).toContain("This is a Dovetail server");
    await local.close();
    expect((await raw("/health")).body.toString()).toBe('{"status":"ok"}');
    expect((await raw("/ready")).body.toString()).toBe('{"status":"ready"}');
  });
});
