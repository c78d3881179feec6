/** What reaches a server: frames of its gateway at every standing, requests over HTTP, what its operator writes. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bytes, toUtf8 } from "../../../core/base/bytes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import type { Logger } from "../../../core/base/logger.ts";
import { decodeCbor, encodeCbor } from "../../../core/codec/cbor.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { type ClientFrame, clientFrameShape } from "../../../core/protocol/client-frame.ts";
import { claimPreKeysShape, rendezvousPutShape } from "../../../core/protocol/directory.ts";
import { blobId } from "../../../core/protocol/snapshot.ts";
import { serverFrameShape } from "../../../core/protocol/server-frame.ts";
import { readConfig } from "../../../sync-server/config/read-config.ts";
import { DEFAULT_CONFIG } from "../../../sync-server/server.ts";
import { createService, type Service } from "../../../sync-server/service.ts";
import { createMemoryStore } from "../../../sync-server/store/memory/memory-store.ts";
import { createSocketPair } from "../../simulation/world/sim-server.ts";
import {
  addDevice,
  type ChainWorld,
  createWorld,
  firstKeys,
  must,
  stateOf,
} from "../../support/chain-world.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import {
  createWriter,
  nextEntry,
  openRequest,
  type ProvenConnection,
  type RawRequest,
  recoveryRequest,
  signInRequest,
} from "../../support/raw-client.ts";
import { bundleOf, createTestDevice } from "../../support/ratchet-device.ts";
import { newestLink, registration } from "../../support/server-account.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import {
  argumentsOf,
  BrokenPromise,
  type FuzzSeed,
  type FuzzTarget,
  TAKEN,
  textOf,
  type Verdict,
  verdictOf,
} from "../fuzz-target.ts";

const ORIGIN = "http://127.0.0.1:8787";
const NONCE = new Uint8Array(32).fill(7);
/** Turns in which an answer has come, or none will. */
const TURNS_MAX = 40;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A server without a port, whose own mistakes are findings. */
function createFuzzedService(random: SeededRandom) {
  const mistakes: string[] = [];
  const logger: Logger = {
    log: (level, event, facts) =>
      void (level === "error" && mistakes.push(`${event} ${JSON.stringify(facts)}`)),
  };
  const clock = createManualClock();
  // Each connection gets the same nonce, so that a proof made once holds in all of them.
  const nonces = {
    ...random,
    bytes: (length: number) => (length === 32 ? NONCE.slice() : random.bytes(length)),
  };
  const config = { ...DEFAULT_CONFIG, rateFactor: 1_000_000, admissionWorkBits: 4 };
  const service = createService(config, { store: createMemoryStore(), clock, random: nonces, logger }, [
    ORIGIN,
  ]);
  const expectNoMistake = (): void => {
    const [first] = mistakes.splice(0);
    if (first !== undefined) throw new BrokenPromise(`the server made a mistake of its own: ${first}`);
  };
  // Its clock stands still, so nobody waits for connections to end.
  const close = async (): Promise<void> => void service.gateway.close();
  return { service, clock, expectNoMistake, close };
}

type Fuzzed = ReturnType<typeof createFuzzedService>;

/** A connection to the gateway: what is sent, and the first thing that is answered. */
function connect({ service, clock }: Fuzzed) {
  const answers: string[] = [];
  let isGone = false;
  const say = (frame: Bytes): void => {
    const decoded = must(decode(serverFrameShape, frame));
    if (decoded.type === "deliver" || decoded.type === "challenge") return;
    answers.push("code" in decoded ? decoded.code : TAKEN);
  };
  const side = {
    send: () => {},
    close() {
      isGone = true;
    },
    bufferedBytes: () => 0,
    onDrained: () => {},
  };
  const { ws, socket, receive } = createSocketPair(side, say, clock);
  service.gateway.open(ws, socket, "127.0.0.1");
  return {
    isOpen: () => !isGone && ws.readyState === ws.OPEN,
    end: () => ws.terminate(),
    async send(frame: Bytes): Promise<Verdict> {
      answers.length = 0;
      receive(frame);
      for (let turn = 0; turn < TURNS_MAX && answers.length === 0 && !isGone; turn++) await nextTurn();
      return answers[0] ?? "no answer";
    },
  };
}

const HELLO = encode(clientFrameShape, {
  type: "hello",
  versionMin: 1,
  versionMax: 1,
  clientNonce: NONCE,
  padding: "off",
});
const framed = (request: RawRequest): Bytes =>
  encode(clientFrameShape, { ...request, requestId: 1 } as ClientFrame);

const frames: FuzzTarget = {
  name: "frames",
  about: "frames of the socket before a hello, before a sign-in, and of a device that is signed in",
  async prepare(random) {
    const fuzzed = createFuzzedService(random);
    const world = createWorld("fuzz frames");
    must(await register(fuzzed.service, registration(world, "ada")));
    const ends: ProvenConnection = { origin: ORIGIN, serverNonce: NONCE, clientNonce: NONCE };
    const signIn = framed(signInRequest(ends, world));
    const { opening, requests } = framesOf(random, world, ends);
    let standing: ReturnType<typeof connect> | null = null;

    async function signedIn(): Promise<ReturnType<typeof connect>> {
      if (standing?.isOpen() === true) return standing;
      const connection = connect(fuzzed);
      await connection.send(HELLO);
      for (const frame of [signIn, ...opening]) await connection.send(frame);
      standing = connection;
      return connection;
    }
    const fresh = async (before: readonly Bytes[], frame: Bytes): Promise<Verdict> => {
      const connection = connect(fuzzed);
      for (const first of before) await connection.send(first);
      const verdict = await connection.send(frame);
      connection.end();
      return verdict;
    };
    const judged = async (answer: Promise<Verdict>): Promise<Verdict> => {
      const verdict = await answer;
      fuzzed.expectNoMistake();
      if (verdict === "internal") throw new BrokenPromise("the server answered that it made a mistake");
      return verdict;
    };
    const seeds: FuzzSeed[] = requests.map((frame) => ({
      bytes: frame,
      form: "cbor",
      feed: (input) => judged(signedIn().then((connection) => connection.send(input))),
    }));
    for (const frame of [signIn, framed(recoveryRequest(ends, world))])
      seeds.push({ bytes: frame, form: "cbor", feed: (input) => judged(fresh([HELLO], input)) });
    return { seeds, close: fuzzed.close };
  },
};

/** Requests of a device that is signed in: those that open its logs, and one of every kind that can be asked again. */
function framesOf(random: SeededRandom, world: ChainWorld, ends: ProvenConnection) {
  const logId = idFromBytes("log", random.bytes(32));
  const inboundId = idFromBytes("log", random.bytes(32));
  const requestId = idFromBytes("log", random.bytes(32));
  const appendKey = signKeyPairFromSeed(random.bytes(32));
  const writer = createWriter(logId, random.bytes(32));
  const blob = random.bytes(60);
  const device = createTestDevice(random);
  const { accountId } = stateOf(world);
  const own = { ...device, accountId, deviceId: firstKeys(world).id, sign: firstKeys(world).sign };
  const bundle = bundleOf(own);
  const opening = [
    framed({ type: "createLog", logId, kind: "account", appendKey: null }),
    framed({ type: "createLog", logId: inboundId, kind: "inbound", appendKey: appendKey.publicKey }),
    framed({ type: "createLog", logId: requestId, kind: "request", appendKey: null }),
    framed(openRequest(ends, 1, logId, { writer })),
    framed(openRequest(ends, 2, inboundId, { right: "read" })),
  ];
  const entry = nextEntry(writer, random.bytes(50), { epoch: 1 });
  const asked: RawRequest[] = [
    {
      type: "append",
      channel: 1,
      entries: [entry, nextEntry(writer, random.bytes(50), { epoch: 1 })],
      admission: null,
    },
    {
      type: "lookup",
      channel: 1,
      writerTag: writer.tag,
      writerSeq: 1,
      entryId: idFromBytes("entry", random.bytes(32)),
    },
    { type: "read", channel: 1, after: 0, limit: 10 },
    { type: "ack", channel: 1, upto: 0 },
    { type: "heads", logIds: [logId, inboundId] },
    { type: "setTickets", logId: requestId, ticketHashes: [] },
    {
      type: "publishPreKeys",
      preKeys: [bundle.signed, ...(bundle.oneTime === null ? [] : [bundle.oneTime])],
    },
    { type: "preKeyCounts" },
    { type: "readBoxes", epoch: 1 },
    { type: "ping" },
    {
      type: "publishKeyPackages",
      keyPackages: [{ keyPackage: random.bytes(90), isLastResort: false, expiresAtMs: 1_900_000_000_000 }],
    },
    { type: "keyPackageCounts" },
    { type: "putBlobs", blobs: [blob] },
    { type: "readBlobs", blobIds: [blobId(blob)] },
    { type: "readSnapshots", logId, known: null },
    { type: "putFrontier", frontier: random.bytes(80) },
    { type: "readFrontiers" },
    { type: "readIds", channel: 1, after: 0, limit: 10 },
  ];
  return { opening, requests: asked.map(framed) };
}

interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string | null;
  readonly body: Bytes | null;
}

/** The parts of a request that its mutation has left what they were; the others are as in `usual`. */
function requestOf(input: Bytes, usual: PlainRequest): PlainRequest {
  const value = decodeCbor(input);
  const [method, path, contentType, body] = value.ok && Array.isArray(value.value) ? value.value : [];
  return {
    method: typeof method === "string" ? method : usual.method,
    path: typeof path === "string" ? path : usual.path,
    contentType: typeof contentType === "string" || contentType === null ? contentType : usual.contentType,
    body: body instanceof Uint8Array || body === null ? body : usual.body,
  };
}

const http: FuzzTarget = {
  name: "http",
  about: "requests over HTTP with every body the directory takes: an answer that is no mistake of the server",
  async prepare(random) {
    const fuzzed = createFuzzedService(random);
    const world = createWorld("fuzz http");
    const { accountId } = stateOf(world);
    must(await register(fuzzed.service, registration(world, "ada")));
    addDevice(world);
    const rendezvousId = idFromBytes("rendezvous", random.bytes(16));
    const claim = encode(claimPreKeysShape, { devices: null });
    const put = encode(rendezvousPutShape, { expectedVersion: 0, message: random.bytes(40) });
    const requests: readonly (readonly [string, string, Bytes | null])[] = [
      ["GET", "/v1/server", null],
      ["GET", "/health", null],
      ["GET", "/ready", null],
      ["POST", "/v1/accounts", registration(createWorld("fuzz other"))],
      ["GET", `/v1/accounts/${accountId}/chain?after=0`, null],
      ["POST", `/v1/accounts/${accountId}/links`, newestLink(world)],
      ["POST", `/v1/accounts/${accountId}/prekeys`, claim],
      ["POST", `/v1/accounts/${accountId}/key-packages`, claim],
      ["GET", "/v1/handles/ada", null],
      ["PUT", `/v1/rendezvous/${rendezvousId}`, put],
      ["GET", `/v1/rendezvous/${rendezvousId}?after=0`, null],
      ["GET", "/", null],
    ];
    const seedOf = ([method, path, body]: (typeof requests)[number]): FuzzSeed => {
      const usual = { method, path, contentType: body === null ? null : "application/cbor", body };
      return {
        bytes: encodeCbor([method, path, usual.contentType, body]),
        form: "tree",
        // Nobody has published keys here.
        answer: body === claim ? "404" : TAKEN,
        async feed(input) {
          const verdict = await Promise.race([respond(fuzzed.service, requestOf(input, usual)), waited()]);
          fuzzed.expectNoMistake();
          return verdict;
        },
      };
    };
    return { seeds: requests.map(seedOf), close: fuzzed.close };
  },
};

async function waited(): Promise<Verdict> {
  for (let turn = 0; turn < TURNS_MAX; turn++) await nextTurn();
  return "waits";
}

async function respond(
  service: Service,
  {
    method,
    path,
    contentType,
    body,
  }: { method: string; path: string; contentType: string | null; body: Bytes | null },
): Promise<Verdict> {
  let request: Request;
  try {
    const headers = contentType === null ? {} : { "content-type": contentType };
    request = new Request(`${ORIGIN}${path}`, {
      method,
      headers,
      body: body === null ? null : Buffer.from(body),
    });
  } catch {
    return "no request";
  }
  const incoming = { url: path, headers: {}, socket: { remoteAddress: "127.0.0.1" } };
  const response = await service.routes().fetch(request, { incoming, outgoing: {} } as never);
  const answer = await response.arrayBuffer();
  if (response.status >= 500 && response.status !== 503) throw new BrokenPromise(`status ${response.status}`);
  return response.ok ? TAKEN : `${response.status}${answer.byteLength === 0 ? " without a body" : ""}`;
}

async function register(service: Service, body: Bytes) {
  const verdict = await respond(service, {
    method: "POST",
    path: "/v1/accounts",
    contentType: "application/cbor",
    body,
  });
  return verdict === TAKEN ? ({ ok: true, value: null } as const) : ({ ok: false, error: verdict } as const);
}

const config: FuzzTarget = {
  name: "config",
  about: "the server's configuration file, flags and environment: every mistake is named, nothing is thrown",
  words: [
    '"port":',
    '"origin":',
    '"rate":',
    '"quota-total":',
    "--port",
    "--listen",
    "=",
    "1GB",
    "10s",
    "0.0.0.0:443",
    ",",
  ],
  prepare() {
    const folder = mkdtempSync(join(tmpdir(), "dovetail-fuzz-"));
    const path = join(folder, "server.json");
    const content = { port: 1, "rate-factor": 2, "work-bits": 3, origin: ["https://a.example"], json: true };
    const file = openSync(path, "w");
    const fromFile = (input: Bytes): Verdict => {
      // Over what is there: a file that is emptied first is brought to the disk each time.
      writeSync(file, input, 0, input.length, 0);
      ftruncateSync(file, input.length);
      return verdictOf(readConfig(["--config", path], {}));
    };
    const fromFlags = (input: Bytes): Verdict => {
      const [args = "", listen = "", origin = ""] = textOf(input).split("\n");
      const env = {
        ...(listen === "" ? {} : { DOVETAIL_LISTEN: listen }),
        ...(origin === "" ? {} : { DOVETAIL_ORIGIN: origin }),
      };
      return verdictOf(readConfig(argumentsOf(args), env));
    };
    const flags =
      "--memory --port 1 --host 127.0.0.1 --work-bits 4 --rate register=5/10000 --log-level warn\n";
    return {
      seeds: [
        { bytes: toUtf8(JSON.stringify(content)), form: "text", feed: fromFile },
        { bytes: toUtf8("{}"), form: "text", feed: fromFile },
        { bytes: toUtf8(flags.trim()), form: "text", feed: (input) => fromFlags(input) },
      ],
      async close() {
        closeSync(file);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

export const SERVER_TARGETS: readonly FuzzTarget[] = [frames, http, config];
