/**
 * How two devices of one account come to know each other without a server. Rules DS1-DS9.
 *
 * dialler: hello → · ← listener: answer, place · dialler: proof → · ← listener: proof. Pure: frames in, frames out.
 * Whoever is not of the account cannot open the first sealed frame and learns nothing but that something listens here.
 * A chain is the newer of the two devices', verified; a device that is revoked on it is refused, whichever side knows.
 */
import type { Bytes } from "../../base/bytes.ts";
import { type AccountId, type DeviceId, idBytes } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import { decode, encode } from "../../codec/shape.ts";
import { hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";
import { sign, type SignKeyPair } from "../../crypto/sign.ts";
import { verifySignature } from "../../crypto/verify.ts";
import { decapsulate, encapsulate, type KemKeyPair, kemKeyPairFromSeed } from "../../crypto/xwing.ts";
import { type ChainState, hashAt } from "../chain-state.ts";
import { verifyChain } from "../verify-chain.ts";
import {
  createDirectChannel,
  type DirectChannel,
  type DirectSide,
  directTranscript,
} from "./direct-channel.ts";
import {
  DIRECT_LINKS_MAX,
  directAnswerShape,
  directHelloShape,
  type DirectMessage,
  directMessageShape,
  type DirectProof,
  type DirectRefusal,
} from "./direct-message.ts";

const SEED_BYTES = 32;

/** This device as it presents itself. */
export interface DirectSelf {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly signKeys: SignKeyPair;
  readonly accountRoot: Bytes;
  readonly chain: ChainState;
  /** Every link of `chain`, as received. */
  readonly links: readonly Bytes[];
}

/** Why the two do not talk. */
export type DirectError =
  /** Not a device of this account, or somebody who stands between. */
  | { readonly type: "DirectStranger" }
  /** Of this account and refused here. */
  | { readonly type: "DirectRefused"; readonly why: DirectRefusal }
  /** The other device refuses this one. */
  | { readonly type: "DirectRefusedByPeer"; readonly why: DirectRefusal };

export interface DirectPeer {
  readonly deviceId: DeviceId;
  readonly channel: DirectChannel;
}

/** What follows a frame: more frames to send, and either another wait, a peer, or the end. */
export interface HandshakeStep {
  readonly send: readonly Bytes[];
  readonly outcome: Result<DirectPeer, DirectError> | null;
}

export interface DirectHandshake {
  /** Frames to send before anything has come. */
  readonly first: readonly Bytes[];
  /** Takes the next frame. Not called again after an outcome. */
  step(frame: Bytes): HandshakeStep;
}

const STRANGER: HandshakeStep = { send: [], outcome: err({ type: "DirectStranger" }) };

/** The side that dials. */
export function startDialling(random: Random, self: DirectSelf): DirectHandshake {
  const kem: KemKeyPair = kemKeyPairFromSeed(random.bytes(SEED_BYTES)); // DS1
  const hello = encode(directHelloShape, { version: 1, kemKey: kem.publicKey, nonce: random.bytes(32) });
  let channel: DirectChannel | null = null;
  let ownProof: Bytes | null = null;

  function takeAnswer(frame: Bytes): HandshakeStep {
    const answer = decode(directAnswerShape, frame);
    const shared = answer.ok ? decapsulate(kem, answer.value.kemCiphertext) : null;
    kem.secretKey.fill(0);
    if (shared === null || !shared.ok) return STRANGER;
    const transcript = directTranscript(hello, frame);
    channel = createDirectChannel(random, "dialler", transcript, {
      shared: shared.value,
      accountRoot: self.accountRoot,
    });
    return { send: [], outcome: null };
  }

  function takeSealed(open: DirectChannel, frame: Bytes): HandshakeStep {
    const message = openMessage(open, frame);
    if (message === null) return STRANGER;
    if (message.type === "refused") return refusedByPeer(message.why);
    if (ownProof === null) {
      if (message.type !== "place") return STRANGER;
      const missing = linksAfter(self, message);
      if (!missing.ok) return refuse(open, missing.error);
      ownProof = encode(directMessageShape, createProof(self, open, "dialler", null, missing.value));
      return { send: [open.seal(ownProof)], outcome: null };
    }
    if (message.type !== "proof") return STRANGER;
    const judged = judgeProof(self, open, "listener", ownProof, message);
    return judged.ok
      ? { send: [], outcome: ok({ deviceId: message.device, channel: open }) }
      : refuse(open, judged.error);
  }

  return {
    first: [hello],
    step: (frame) => (channel === null ? takeAnswer(frame) : takeSealed(channel, frame)),
  };
}

/** The side that listens. */
export function startListening(random: Random, self: DirectSelf): DirectHandshake {
  let channel: DirectChannel | null = null;

  function takeHello(frame: Bytes): HandshakeStep {
    const hello = decode(directHelloShape, frame);
    const encapsulated = hello.ok ? encapsulate(random, hello.value.kemKey) : null;
    if (encapsulated === null || !encapsulated.ok) return STRANGER;
    const answer = encode(directAnswerShape, {
      version: 1,
      kemCiphertext: encapsulated.value.ciphertext,
      nonce: random.bytes(32),
    });
    channel = createDirectChannel(random, "listener", directTranscript(frame, answer), {
      shared: encapsulated.value.sharedSecret,
      accountRoot: self.accountRoot,
    });
    const { seq, head } = self.chain;
    const place = encode(directMessageShape, { type: "place", seq, head });
    return { send: [answer, channel.seal(place)], outcome: null };
  }

  function takeProof(open: DirectChannel, frame: Bytes): HandshakeStep {
    const opened = open.open(frame);
    const message = opened.ok ? decode(directMessageShape, opened.value) : null;
    // DS3: somebody without the account's secret gets here and no further.
    if (!opened.ok || message === null || !message.ok) return STRANGER;
    if (message.value.type === "refused") return refusedByPeer(message.value.why);
    if (message.value.type !== "proof") return STRANGER;
    const judged = judgeProof(self, open, "dialler", null, message.value);
    if (!judged.ok) return refuse(open, judged.error);
    const missing = self.chain.seq <= message.value.seq ? ok([]) : linksAfter(self, message.value);
    if (!missing.ok) return refuse(open, missing.error);
    const own = encode(directMessageShape, createProof(self, open, "listener", opened.value, missing.value));
    return { send: [open.seal(own)], outcome: ok({ deviceId: message.value.device, channel: open }) };
  }

  return {
    first: [],
    step: (frame) => (channel === null ? takeHello(frame) : takeProof(channel, frame)),
  };
}

function openMessage(channel: DirectChannel, frame: Bytes): DirectMessage | null {
  const opened = channel.open(frame);
  const message = opened.ok ? decode(directMessageShape, opened.value) : opened;
  return message.ok ? message.value : null;
}

function refuse(channel: DirectChannel, why: DirectRefusal): HandshakeStep {
  const told = channel.seal(encode(directMessageShape, { type: "refused", why }));
  return { send: [told], outcome: err({ type: "DirectRefused", why }) };
}

function refusedByPeer(why: DirectRefusal): HandshakeStep {
  return { send: [], outcome: err({ type: "DirectRefusedByPeer", why }) };
}

interface Place {
  readonly seq: number;
  readonly head: string;
}

/** The links the other side lacks. - Fails: when what it has is not a beginning of this chain (DS6). */
function linksAfter({ chain, links }: DirectSelf, theirs: Place): Result<readonly Bytes[], DirectRefusal> {
  if (theirs.seq >= chain.seq) return ok([]);
  if (hashAt(chain, theirs.seq) !== theirs.head) return err("chains-disagree");
  const missing = links.slice(theirs.seq, chain.seq);
  return missing.length > DIRECT_LINKS_MAX ? err("too-far-behind") : ok(missing);
}

function createProof(
  self: DirectSelf,
  channel: DirectChannel,
  side: DirectSide,
  theirProof: Bytes | null,
  links: readonly Bytes[],
): DirectMessage {
  const { seq, head } = self.chain;
  const named = { device: self.deviceId, seq, head };
  const input = signedInput(self.accountId, channel, side, theirProof, named);
  return { type: "proof", ...named, links, signature: sign(self.signKeys, LABEL.signDirect, input) };
}

/** DS5: account, side, device, chain, everything that went in clear, and the other's proof where there is one. */
function signedInput(
  accountId: AccountId,
  { transcript }: DirectChannel,
  side: DirectSide,
  theirProof: Bytes | null,
  { device, seq, head }: Pick<DirectProof, "device" | "seq" | "head">,
): Bytes {
  return encodeCbor([
    idBytes(accountId),
    side,
    idBytes(device),
    seq,
    idBytes(head),
    transcript,
    theirProof === null ? null : hash(LABEL.directTranscript, theirProof),
  ]);
}

/** Whether the other side is an active device of this account, by the newer of both chains. */
function judgeProof(
  self: DirectSelf,
  channel: DirectChannel,
  side: DirectSide,
  ownProof: Bytes | null,
  proof: DirectProof,
): Result<void, DirectRefusal> {
  const chain = newerChain(self, proof);
  if (!chain.ok) return chain;
  if (proof.device === self.deviceId) return err("same-device"); // DS8
  const device = chain.value.devicesById.get(proof.device);
  if (device === undefined) return err("unknown-device");
  if (device.revokedSeq !== null) return err("revoked-device"); // DS7
  if (chain.value.devicesById.get(self.deviceId)?.revokedSeq !== null) return err("revoked-device");
  const input = signedInput(self.accountId, channel, side, ownProof, proof);
  const verified = verifySignature(device.signKey, LABEL.signDirect, input, proof.signature);
  return verified.ok ? ok() : err("bad-signature");
}

function newerChain(self: DirectSelf, proof: DirectProof): Result<ChainState, DirectRefusal> {
  if (proof.seq <= self.chain.seq)
    return hashAt(self.chain, proof.seq) === proof.head ? ok(self.chain) : err("chains-disagree");
  const extended = verifyChain([proof.links], { accountId: self.accountId, from: self.chain });
  if (!extended.ok) return err("chains-disagree");
  const isWhole = extended.value.seq === proof.seq && extended.value.head === proof.head;
  return isWhole ? extended : err("chains-disagree");
}
