/**
 * A client that speaks core/protocol and nothing else: what tests and benchmarks of the server drive it with.
 *
 * It keeps every frame it got and checks no promise of the server, so that a test can.
 */
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { present } from "../../core/base/assert.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import type { LogId, WriterTag } from "../../core/base/ids.ts";
import { decode, encode, type Shape } from "../../core/codec/shape.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import type { Padding } from "../../core/crypto/padding.ts";
import { type SignKeyPair, sign, signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import {
  encodeCapabilityClaim,
  encodeRecoveryClaim,
  encodeSignInClaim,
  encodeWriterTagClaim,
  type LogRight,
} from "../../core/protocol/claims.ts";
import { type Admission, type ClientFrame, clientFrameShape } from "../../core/protocol/client-frame.ts";
import {
  type Entry,
  type EntryHeader,
  encodeEntryHeader,
  type PlacedEntry,
  writerTag,
} from "../../core/protocol/entry.ts";
import { padFrame, unpadFrame } from "../../core/protocol/frame-padding.ts";
import { type ServerFrame, serverFrameShape } from "../../core/protocol/server-frame.ts";
import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL } from "../../core/protocol/version.ts";
import type { DeviceKeys } from "../../core/sigchain/keys/device-keys.ts";
import { type ChainWorld, firstKeys, stateOf } from "./chain-world.ts";

type Request = Extract<ClientFrame, { readonly requestId: number }>;
type WithoutId<R> = R extends unknown ? Omit<R, "requestId"> : never;
export type RawRequest = WithoutId<Request>;

export interface RawClient {
  readonly ws: WebSocket;
  /** What `ws` reads from and writes to. */
  readonly socket: Socket;
  readonly origin: string;
  readonly serverNonce: Bytes;
  readonly clientNonce: Bytes;
  /** Frames without a request, in order of arrival. */
  readonly unasked: ServerFrame[];
  /** Sends a request and resolves with its answer; a goodbye or the end of the connection is the answer too. */
  call(request: RawRequest): Promise<ServerFrame | { readonly type: "closed" }>;
  sendFrame(frame: ClientFrame): void;
  sendBytes(bytes: Bytes): void;
  /** Lengths of the messages that came, in order. */
  readonly receivedSizes: readonly number[];
  /** Entries delivered so far, by log. */
  delivered(logId: LogId): readonly PlacedEntry[];
  /** Resolves once `condition` holds; looks after each frame. */
  until(condition: () => boolean, timeoutMs?: number): Promise<void>;
  close(): void;
  readonly whenClosed: Promise<number>;
}

export interface RawConnectOptions {
  /** What is claimed to have been dialled; by default `origin`. */
  readonly claimedOrigin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly clientNonce?: Bytes;
  readonly skipsHello?: boolean;
  /** Of both directions; none by default. */
  readonly padding?: Padding;
  /** Takes what is delivered, which is not kept then. */
  readonly onDelivered?: (logId: LogId, entries: readonly PlacedEntry[]) => void;
}

const CLIENT_NONCE = new Uint8Array(32).fill(7);

/** Connects and says hello. */
export async function connectRaw(origin: string, options: RawConnectOptions = {}): Promise<RawClient> {
  const ws = new WebSocket(`${origin.replace(/^http/, "ws")}${GATEWAY_PATH}`, GATEWAY_SUBPROTOCOL, {
    perMessageDeflate: false,
    headers: options.headers ?? {},
  });
  const upgraded = Promise.withResolvers<Socket>();
  ws.once("upgrade", ({ socket }) => upgraded.resolve(socket));
  const clientNonce = options.clientNonce ?? CLIENT_NONCE;
  const waiting = new Map<number, (frame: ServerFrame | { readonly type: "closed" }) => void>();
  const unasked: ServerFrame[] = [];
  const deliveredById = new Map<LogId, PlacedEntry[]>();
  const watchers = new Set<() => void>();
  const closed = Promise.withResolvers<number>();
  const challenged = Promise.withResolvers<Bytes>();
  const receivedSizes: number[] = [];
  let padding: Padding = "off";
  let nextRequestId = 1;
  ws.on("message", (data: Buffer) => {
    receivedSizes.push(data.length);
    const unpadded = unpadFrame(new Uint8Array(data), padding);
    const decoded = unpadded.ok ? decode(serverFrameShape, unpadded.value) : unpadded;
    if (!decoded.ok) throw new Error(`the server sent a malformed frame: ${JSON.stringify(decoded.error)}`);
    const frame = decoded.value;
    if ("requestId" in frame) {
      waiting.get(frame.requestId)?.(frame);
      waiting.delete(frame.requestId);
    } else {
      if (frame.type === "challenge") challenged.resolve(frame.serverNonce);
      if (frame.type === "deliver" && options.onDelivered !== undefined) {
        options.onDelivered(frame.logId, frame.entries);
      } else if (frame.type === "deliver") {
        const there = deliveredById.get(frame.logId) ?? [];
        deliveredById.set(frame.logId, there);
        there.push(...frame.entries);
      } else unasked.push(frame);
    }
    for (const look of watchers) look();
  });
  ws.on("error", (error) => challenged.reject(error));
  ws.on("close", (code) => {
    for (const settle of waiting.values()) settle({ type: "closed" });
    waiting.clear();
    closed.resolve(code);
    challenged.reject(new Error("closed before the challenge"));
    for (const look of watchers) look();
  });
  const serverNonce = await challenged.promise;
  const sendBytes = (bytes: Bytes): void => ws.send(bytes);
  const sendFrame = (frame: ClientFrame): void =>
    sendBytes(padFrame(encode(clientFrameShape, frame), padding));
  if (options.skipsHello !== true) {
    const wanted = options.padding ?? "off";
    sendFrame({ type: "hello", versionMin: 1, versionMax: 1, clientNonce, padding: wanted });
    padding = wanted;
  }
  return {
    ws,
    socket: await upgraded.promise,
    origin: options.claimedOrigin ?? origin,
    serverNonce,
    clientNonce,
    unasked,
    receivedSizes,
    sendBytes,
    sendFrame,
    call: (request) =>
      new Promise((resolve) => {
        if (ws.readyState !== WebSocket.OPEN) return resolve({ type: "closed" });
        const requestId = nextRequestId++;
        waiting.set(requestId, resolve);
        sendFrame({ ...request, requestId } as ClientFrame);
      }),
    delivered: (logId) => deliveredById.get(logId) ?? [],
    until: (condition, timeoutMs = 20_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error("what was waited for did not come"));
        }, timeoutMs);
        const look = (): void => {
          if (!condition()) return;
          watchers.delete(look);
          clearTimeout(timer);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    close: () => ws.close(),
    whenClosed: closed.promise,
  };
}

/** The frame of type `type`; anything else fails the test with what came instead. */
export function expectFrame<T extends ServerFrame["type"]>(
  frame: ServerFrame | { readonly type: "closed" },
  type: T,
): Extract<ServerFrame, { readonly type: T }> {
  if (frame.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(frame)}`);
  return frame as Extract<ServerFrame, { readonly type: T }>;
}

/** The connection that a proof is made for. */
export type ProvenConnection = Pick<RawClient, "origin" | "serverNonce" | "clientNonce">;

/** What every claim of a connection names. */
export function claimOf(client: ProvenConnection) {
  const { origin, serverNonce, clientNonce } = client;
  return { origin, serverNonce, clientNonce };
}

/** The request that signs in a device of `world`. */
export function signInRequest(
  client: ProvenConnection,
  world: ChainWorld,
  device: DeviceKeys = firstKeys(world),
) {
  const claim = { ...claimOf(client), accountId: stateOf(world).accountId, deviceId: device.id };
  const signature = sign(device.sign, LABEL.signSignIn, encodeSignInClaim(claim));
  return {
    type: "signIn",
    accountId: claim.accountId,
    deviceId: device.id,
    instance: new Uint8Array(16),
    signature,
  } as const;
}

/** The request that signs in the recovery key of `world`. */
export function recoveryRequest(client: ProvenConnection, world: ChainWorld) {
  const { accountId } = stateOf(world);
  const signature = sign(
    world.recovery.sign,
    LABEL.signRecoveryRead,
    encodeRecoveryClaim({ ...claimOf(client), accountId }),
  );
  return { type: "signInRecovery", accountId, signature } as const;
}

/** A connection signed in as a device of `world`. */
export async function connectSignedIn(
  origin: string,
  world: ChainWorld,
  device: DeviceKeys = firstKeys(world),
  options: RawConnectOptions = {},
): Promise<RawClient> {
  const client = await connectRaw(origin, options);
  expectFrame(await client.call(signInRequest(client, world, device)), "signedIn");
  return client;
}

/** A proof of a writer's tag on this connection. */
export function writerProof(client: ProvenConnection, logId: LogId, key: SignKeyPair) {
  const message = encodeWriterTagClaim({ ...claimOf(client), logId, publicKey: key.publicKey });
  return { publicKey: key.publicKey, signature: sign(key, LABEL.signWriterTag, message) };
}

/** A proof of a capability on this connection. */
export function capabilityProof(client: ProvenConnection, logId: LogId, right: LogRight, key: SignKeyPair) {
  const message = encodeCapabilityClaim({ ...claimOf(client), logId, right, publicKey: key.publicKey });
  return { publicKey: key.publicKey, signature: sign(key, LABEL.signCapability, message) };
}

/** One writer of one log and its counter. */
export interface RawWriter {
  readonly logId: LogId;
  readonly key: SignKeyPair;
  readonly tag: WriterTag;
  seq: number;
}

export function createWriter(logId: LogId, seed: Bytes): RawWriter {
  const key = signKeyPairFromSeed(seed);
  return { logId, key, tag: writerTag(logId, key.publicKey), seq: 0 };
}

/** The writer's next entry. */
export function nextEntry(writer: RawWriter, sealed: Bytes, fields: Partial<EntryHeader> = {}): Entry {
  writer.seq += 1;
  return entryOf(writer, writer.seq, sealed, fields);
}

/** An entry with any header. */
export function entryOf(
  writer: RawWriter,
  writerSeq: number,
  sealed: Bytes,
  fields: Partial<EntryHeader> = {},
): Entry {
  const header = {
    version: 1,
    kind: 1,
    writerTag: writer.tag,
    writerSeq,
    epoch: null,
    expect: null,
    ...fields,
  } as const;
  return { header: encodeEntryHeader(header), sealed };
}

/** Opens a channel for `writer`, by capability when a key is given. */
export function openRequest(
  client: ProvenConnection,
  channel: number,
  logId: LogId,
  options: { readonly right?: LogRight; readonly capability?: SignKeyPair; readonly writer?: RawWriter } = {},
) {
  const { right = "append", capability, writer } = options;
  return {
    type: "openLog",
    channel,
    logId,
    right,
    capability: capability === undefined ? null : capabilityProof(client, logId, right, capability),
    writer: writer === undefined ? null : writerProof(client, logId, writer.key),
  } as const;
}

/** Appends one entry and gives its result. */
export async function appendOne(
  client: RawClient,
  channel: number,
  entry: Entry,
  admission: Admission | null = null,
) {
  const answer = expectFrame(
    await client.call({ type: "append", channel, entries: [entry], admission }),
    "appended",
  );
  return present(answer.results[0], "one entry has one result");
}

/** An HTTP exchange in CBOR. */
export async function exchange<T>(
  origin: string,
  method: "GET" | "POST" | "PUT",
  path: string,
  answer: Shape<T>,
  body?: Bytes,
): Promise<{ readonly status: number; readonly value: T }> {
  const response = await fetch(`${origin}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: new Uint8Array(body), headers: { "content-type": "application/cbor" } }),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const value = decode(answer, bytes);
  if (!value.ok)
    throw new Error(`status ${response.status} with a malformed answer: ${JSON.stringify(value.error)}`);
  return { status: response.status, value: value.value };
}
