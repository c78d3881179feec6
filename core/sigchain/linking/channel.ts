/**
 * The encrypted channel between the two devices while linking, and the code people compare. Rules LK8-LK13.
 *
 * Keys: X25519 between the key in the QR and the new device's fresh one, then `deriveKey` with the QR's secret and the
 * transcript; one key a direction. Only whoever showed the QR can answer, only whoever saw it can ask.
 *
 * The six digits come from the transcript and a nonce of each side. The new device commits to its nonce before it sees
 * the other: somebody who stands between two devices with keys of his own gets one guess at a million, however many
 * keys he can try.
 */
import { type Bytes, toUtf8 } from "../../base/bytes.ts";
import { idBytes } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import { decode, encode } from "../../codec/shape.ts";
import { type AgreementKeyPair, agree, type WeakPublicKey } from "../../crypto/agreement.ts";
import { hash } from "../../crypto/hash.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { pad, unpad } from "../../crypto/padding.ts";
import { seal, type SealContext, unseal } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";
import { LINK_CODE_VERSION, type LinkCode, MODE_EXISTING_SHOWS } from "./link-code.ts";
import { type LinkMessage, linkMessageShape } from "./link-message.ts";

export const CODE_DIGITS = 6;
/** The number of a message that ends the linking, which either side may send at any time. */
export const ABORT_NUMBER = 0;

export type LinkSide = "existing" | "new";

/** What both sides hold once they have each other's keys. */
export interface LinkChannel {
  readonly code: LinkCode;
  readonly transcript: Bytes;
  readonly keyBySender: { readonly [S in LinkSide]: Bytes };
}

/** Which end of the channel a key pair belongs to, and the other's public key. */
export interface ChannelEnds {
  readonly side: LinkSide;
  readonly own: AgreementKeyPair;
  readonly theirKey: Bytes;
}

/** Opens the channel of `code`. - Fails: `WeakPublicKey` for a key of low order. */
export function openChannel(code: LinkCode, ends: ChannelEnds): Result<LinkChannel, WeakPublicKey> {
  const shared = agree(ends.own.secretKey, ends.theirKey);
  if (!shared.ok) return shared;
  const newKey = ends.side === "new" ? ends.own.publicKey : ends.theirKey;
  const transcript = linkTranscript(code, newKey);
  const keyFrom = (sender: LinkSide): Bytes =>
    deriveKey(shared.value, LABEL.linkChannel, code.psk, transcript, toUtf8(sender));
  const channel = { code, transcript, keyBySender: { existing: keyFrom("existing"), new: keyFrom("new") } };
  wipe(shared.value);
  return ok(channel);
}

/** Hash over mode, both keys, secret, rendezvous and server (LK9). */
export function linkTranscript(code: LinkCode, newKey: Bytes): Bytes {
  const { key, psk, rendezvousId, origin } = code;
  const parts = [LINK_CODE_VERSION, MODE_EXISTING_SHOWS, key, newKey, psk, idBytes(rendezvousId), origin];
  return hash(LABEL.linkTranscript, encodeCbor(parts));
}

/** Commits to the new device's nonce before the other side has sent its own (LK12). */
export function commitNonce(transcript: Bytes, nonce: Bytes): Bytes {
  return hash(LABEL.linkNonceCommit, transcript, nonce);
}

/** The six digits the new device shows and a person types into the existing one (LK11). */
export function linkDigits(transcript: Bytes, existingNonce: Bytes, newNonce: Bytes): string {
  const bits = hash(LABEL.linkCode, transcript, existingNonce, newNonce);
  let value = 0n;
  for (const byte of bits) value = value * 256n + BigInt(byte);
  return String(value % BigInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, "0");
}

/** Seals a message at its place: `number` is the version the slot will have. */
export function sealMessage(
  random: Random,
  channel: LinkChannel,
  place: { readonly sender: LinkSide; readonly number: number },
  message: LinkMessage,
): Bytes {
  return seal(random, messageContext(channel, place), pad(encode(linkMessageShape, message)));
}

/** A message that was not sealed by the other side for this place. */
export interface NotFromPeer {
  readonly type: "NotFromPeer";
}

/** Opens a message of the other side; an abort counts at any place. */
export function openMessage(
  channel: LinkChannel,
  place: { readonly sender: LinkSide; readonly number: number },
  sealed: Bytes,
): Result<LinkMessage, NotFromPeer> {
  const inPlace = openAt(channel, place, sealed);
  if (inPlace !== null) return inPlace.type === "abort" ? err({ type: "NotFromPeer" }) : ok(inPlace);
  const abort = openAt(channel, { ...place, number: ABORT_NUMBER }, sealed);
  return abort?.type === "abort" ? ok(abort) : err({ type: "NotFromPeer" });
}

function openAt(
  channel: LinkChannel,
  place: { readonly sender: LinkSide; readonly number: number },
  sealed: Bytes,
): LinkMessage | null {
  const opened = unseal(messageContext(channel, place), sealed);
  if (!opened.ok) return null;
  const plaintext = unpad(opened.value);
  const message = plaintext.ok ? decode(linkMessageShape, plaintext.value) : plaintext;
  return message.ok ? message.value : null;
}

/** AAD = mode, server, rendezvous, number, transcript (LK10). */
function messageContext(
  channel: LinkChannel,
  place: { readonly sender: LinkSide; readonly number: number },
): SealContext {
  const { origin, rendezvousId } = channel.code;
  const aad = encodeCbor([
    MODE_EXISTING_SHOWS,
    origin,
    idBytes(rendezvousId),
    place.number,
    channel.transcript,
  ]);
  return { key: channel.keyBySender[place.sender], label: LABEL.sealLinkMessage, aad };
}
