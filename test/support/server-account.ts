/** Accounts of `ChainWorld` on a server. */
import type { Bytes } from "../../core/base/bytes.ts";
import { idFromBytes, type LogId } from "../../core/base/ids.ts";
import { decode, encode } from "../../core/codec/shape.ts";
import { signKeyPairFromSeed, type SignKeyPair } from "../../core/crypto/sign.ts";
import {
  appendLinkShape,
  doneShape,
  httpFailureShape,
  registerShape,
} from "../../core/protocol/directory.ts";
import { boxesOf, type ChainWorld, createWorld, currentSecret, stateOf } from "./chain-world.ts";
import { exchange, expectFrame, type RawClient } from "./raw-client.ts";

/** The registration of a fresh world. */
export function registration(
  world: ChainWorld,
  handle: string | null = null,
  invitation: string | null = null,
): Bytes {
  return encode(registerShape, {
    genesis: world.links[0] ?? new Uint8Array(0),
    boxes: boxesOf(world, 1),
    handle,
    invitation,
    restores: null,
  });
}

/** A new account on the server at `origin`. */
export async function registerWorld(
  origin: string,
  seed: string | number,
  handle: string | null = null,
): Promise<ChainWorld> {
  const world = createWorld(seed);
  await exchange(origin, "POST", "/v1/accounts", doneShape, registration(world, handle));
  return world;
}

/** The newest link of a world as a request to append it. */
export function newestLink(world: ChainWorld): Bytes {
  const state = stateOf(world);
  const startsEpoch = state.epochs.at(-1)?.seq === state.seq;
  const added = [...state.devicesById.values()].find((device) => device.addedSeq === state.seq);
  return encode(appendLinkShape, {
    link: world.links.at(-1) ?? new Uint8Array(0),
    boxes: startsEpoch ? boxesOf(world, currentSecret(world).number) : null,
    box: added === undefined || startsEpoch ? null : (world.addedBoxes.get(added.id) ?? null),
  });
}

/** Appends the newest link; the failure code or null. */
export async function pushLink(origin: string, world: ChainWorld): Promise<string | null> {
  const path = `/v1/accounts/${stateOf(world).accountId}/links`;
  const response = await fetch(`${origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: new Uint8Array(newestLink(world)),
  });
  if (response.ok) return null;
  const failure = decode(httpFailureShape, new Uint8Array(await response.arrayBuffer()));
  return failure.ok ? failure.value.code : "malformed";
}

export interface InboundLog {
  readonly logId: LogId;
  readonly key: SignKeyPair;
}

/** An inbound log of the account that `client` is signed in to. */
export async function createInbound(client: RawClient, world: ChainWorld): Promise<InboundLog> {
  const logId = idFromBytes("log", world.random.bytes(32));
  const key = signKeyPairFromSeed(world.random.bytes(32));
  expectFrame(
    await client.call({ type: "createLog", logId, kind: "inbound", appendKey: key.publicKey }),
    "done",
  );
  return { logId, key };
}

/** The account log of the account that `client` is signed in to. */
export async function createAccountLog(client: RawClient, world: ChainWorld): Promise<LogId> {
  const logId = idFromBytes("log", world.random.bytes(32));
  expectFrame(await client.call({ type: "createLog", logId, kind: "account", appendKey: null }), "done");
  return logId;
}
