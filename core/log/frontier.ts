/**
 * A device's signed word on how far it has read the account log and what it holds. Rules FR1-FR3.
 *
 * Sealed under the account's epoch: the server keeps the last one of each device and sees when it changes, not what it
 * says. The signature covers account, log and device, so a frontier can be passed on by anybody and changed by nobody.
 */
import { present } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { type DeviceId, idBytes } from "../base/ids.ts";
import { FRONTIER_BYTES_MAX, FRONTIER_INBOUND_LOGS_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { encodeCbor, joinCbor } from "../codec/cbor.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  type ShapeOf,
  struct,
} from "../codec/shape.ts";
import type { DoesNotOpen } from "../crypto/aead.ts";
import { HASH_BYTES, hash } from "../crypto/hash.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";
import { type BadPadding, pad, type Padding, unpad } from "../crypto/padding.ts";
import { seal, unseal } from "../crypto/seal.ts";
import { type SignKeyPair, sign } from "../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../crypto/verify.ts";
import { logPointShape } from "../protocol/entry.ts";
import type { AccountEntryKeys, AccountLog, UnknownEpoch } from "./account-entry.ts";

/**
 * - `number` counts a device's frontiers from 1: an older one that is shown again is known by it.
 * - `point` is where it has read to; `reachedAtMs` when it got there, `toldAtMs` when it said so, by its own clock.
 * - `documents` is the hash over the heads of all its documents, in the order of their ids.
 * - `unopened` entries it could not open, `unloaded` documents that are not whole yet, `unsent` changes only it has.
 * - `inbound` are points of other logs it reads, those it read last first.
 */
export const frontierContentShape = struct({
  version: literal(1),
  device: id("device"),
  chainSeq: integer(0),
  chainHead: id("link"),
  number: integer(1),
  point: logPointShape,
  reachedAtMs: integer(0),
  toldAtMs: integer(0),
  documents: bytes(HASH_BYTES),
  unopened: integer(0),
  unloaded: integer(0),
  unsent: integer(0),
  inbound: list(struct({ logId: id("log"), point: logPointShape }), FRONTIER_INBOUND_LOGS_MAX),
});
export type FrontierContent = ShapeOf<typeof frontierContentShape>;

/** Plaintext of a frontier. */
export const signedFrontierShape = struct({
  content: bytes(1, FRONTIER_BYTES_MAX),
  signature: bytes(SIGNATURE_BYTES),
});

/** A frontier as the server keeps it. */
export const frontierShape = struct({
  version: literal(1),
  epoch: integer(1),
  sealed: bytes(1, FRONTIER_BYTES_MAX),
});

export type FrontierError =
  | DecodeError
  | DoesNotOpen
  | BadPadding
  | UnknownEpoch
  | { readonly type: "BadSignature" }
  | { readonly type: "WrongDevice"; readonly device: DeviceId }
  | { readonly type: "UnknownWriter"; readonly device: DeviceId };

export interface FrontierPlan {
  readonly log: AccountLog;
  readonly epoch: number;
  readonly epochSecret: Bytes;
  readonly signer: SignKeyPair;
  readonly content: FrontierContent;
}

/** Seals and signs a frontier. FR1 */
export function sealFrontier(random: Random, plan: FrontierPlan, padding?: Padding): Bytes {
  const { log, epoch, content } = plan;
  const context = sealContext(log, { device: content.device, epoch, epochSecret: plan.epochSecret });
  const encoded = encode(frontierContentShape, content);
  const signature = sign(plan.signer, LABEL.signFrontier, signedInput(context.aad, encoded));
  const signed = encode(signedFrontierShape, { content: encoded, signature });
  const sealed = seal(random, context, pad(signed, padding));
  return encode(frontierShape, { version: 1, epoch, sealed });
}

/** Opens what is said to be the frontier of `device` and checks that it is. */
export function openFrontier(
  log: AccountLog,
  device: DeviceId,
  frontier: Bytes,
  keys: AccountEntryKeys,
): Result<FrontierContent, FrontierError> {
  const outer = decode(frontierShape, frontier);
  if (!outer.ok) return outer;
  const { epoch, sealed } = outer.value;
  const epochSecret = keys.epochSecret(epoch);
  if (epochSecret === null) return err({ type: "UnknownEpoch", epoch });
  const signKey = keys.signKey(device);
  if (signKey === null) return err({ type: "UnknownWriter", device });
  const context = sealContext(log, { device, epoch, epochSecret });
  const padded = unseal(context, sealed);
  if (!padded.ok) return padded;
  const plain = unpad(padded.value);
  if (!plain.ok) return plain;
  const signed = decode(signedFrontierShape, plain.value);
  if (!signed.ok) return signed;
  const input = signedInput(context.aad, signed.value.content);
  const verified = verifySignature(signKey, LABEL.signFrontier, input, signed.value.signature);
  if (!verified.ok) return verified;
  const content = decode(frontierContentShape, signed.value.content);
  if (!content.ok) return content;
  return content.value.device === device ? ok(content.value) : err({ type: "WrongDevice", device });
}

/** Hash over the heads of documents, each of which is named once. */
export type DocumentsHash = (
  documents: readonly { readonly id: string; readonly heads: readonly string[] }[],
) => Bytes;

/** Hash over the heads of documents; equal where, and only where, the documents are. FR2 */
export const documentsHash: DocumentsHash = (documents) => createDocumentsHash()(documents);

/** A `documentsHash` for lists that differ little from one time to the next: only what changed is encoded again. */
export function createDocumentsHash(): DocumentsHash {
  let known = new Map<string, { readonly heads: readonly string[]; readonly encoded: Bytes }>();
  let order: readonly string[] = [];
  return (documents) => {
    const isSameSet = documents.length === order.length && documents.every(({ id }) => known.has(id));
    const before = known;
    if (!isSameSet) {
      known = new Map();
      order = documents.map(({ id }) => id).sort();
    }
    for (const { id, heads } of documents) {
      const last = before.get(id);
      const encoded = last?.heads === heads ? last.encoded : encodeCbor([id, [...heads].sort()]);
      known.set(id, { heads, encoded });
    }
    const items = order.map((id) => present(known.get(id), "what is ordered was encoded").encoded);
    return hash(LABEL.frontierDocuments, joinCbor(items));
  };
}

function sealContext(
  { accountId, logId }: AccountLog,
  of: { readonly device: DeviceId; readonly epoch: number; readonly epochSecret: Bytes },
) {
  const label = LABEL.sealFrontier;
  return {
    key: deriveKey(of.epochSecret, LABEL.frontierKey, idBytes(logId)),
    label,
    aad: encodeCbor([label, idBytes(accountId), idBytes(logId), idBytes(of.device), of.epoch]),
  };
}

function signedInput(aad: Bytes, content: Bytes): Bytes {
  return concatBytes(hash(LABEL.sealAad, aad), content);
}
