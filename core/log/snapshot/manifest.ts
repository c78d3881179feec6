/**
 * The sealed part of a snapshot: who made it, and the key of its index. Rule SN7.
 *
 * Sealed under the account's epoch with the header as associated data; the signature covers both, and the header names
 * every blob by the hash of its bytes, so nothing of a snapshot can be exchanged.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import { type DeviceId, idBytes } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  literal,
  type ShapeOf,
  struct,
} from "../../codec/shape.ts";
import type { DoesNotOpen } from "../../crypto/aead.ts";
import { hash } from "../../crypto/hash.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { seal, unseal } from "../../crypto/seal.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../../crypto/verify.ts";
import {
  encodeSnapshotHeader,
  parseSnapshotHeader,
  type Snapshot,
  type SnapshotHeader,
  type SnapshotHeaderError,
  SNAPSHOT_SEALED_BYTES_MAX,
} from "../../protocol/snapshot.ts";
import type { AccountEntryKeys, AccountLog, UnknownEpoch } from "../account-entry.ts";
import { PARTS_MAX } from "./snapshot-blob.ts";

/** The signed part. The first `indexParts` blobs of the header are the index. */
export const manifestContentShape = struct({
  version: literal(1),
  device: id("device"),
  chainSeq: integer(0),
  chainHead: id("link"),
  indexKey: bytes(32),
  indexParts: integer(1, PARTS_MAX),
});
export type ManifestContent = ShapeOf<typeof manifestContentShape>;

/** Plaintext of the sealed part. */
export const manifestShape = struct({
  content: bytes(1, SNAPSHOT_SEALED_BYTES_MAX),
  signature: bytes(SIGNATURE_BYTES),
});

/** A manifest that its device has signed; whether that device was entitled is for `judgeSnapshot`. */
export interface OpenedManifest {
  readonly header: SnapshotHeader;
  readonly content: ManifestContent;
}

export type ManifestError =
  | SnapshotHeaderError
  | DecodeError
  | DoesNotOpen
  | UnknownEpoch
  | { readonly type: "WrongLog" }
  | { readonly type: "BadSignature" }
  | { readonly type: "UnknownWriter"; readonly device: DeviceId };

/** Seals and signs a snapshot. */
export function sealManifest(
  random: Random,
  plan: {
    readonly log: AccountLog;
    readonly header: SnapshotHeader;
    readonly epochSecret: Bytes;
    readonly signer: SignKeyPair;
    readonly content: ManifestContent;
  },
): Snapshot {
  const header = encodeSnapshotHeader(plan.header);
  const context = sealContext(plan.log, plan.epochSecret, header);
  const content = encode(manifestContentShape, plan.content);
  const signature = sign(plan.signer, LABEL.signSnapshot, signedInput(context.aad, content));
  return { header, sealed: seal(random, context, encode(manifestShape, { content, signature })) };
}

/** Opens a snapshot's sealed part and checks who signed it. */
export function openManifest(
  log: AccountLog,
  snapshot: Snapshot,
  keys: AccountEntryKeys,
): Result<OpenedManifest, ManifestError> {
  const header = parseSnapshotHeader(snapshot.header);
  if (!header.ok) return header;
  if (header.value.logId !== log.logId) return err({ type: "WrongLog" });
  const epochSecret = keys.epochSecret(header.value.epoch);
  if (epochSecret === null) return err({ type: "UnknownEpoch", epoch: header.value.epoch });
  const context = sealContext(log, epochSecret, snapshot.header);
  const plain = unseal(context, snapshot.sealed);
  if (!plain.ok) return plain;
  const signed = decode(manifestShape, plain.value);
  if (!signed.ok) return signed;
  const content = decode(manifestContentShape, signed.value.content);
  if (!content.ok) return content;
  const signKey = keys.signKey(content.value.device);
  if (signKey === null) return err({ type: "UnknownWriter", device: content.value.device });
  const input = signedInput(context.aad, signed.value.content);
  const verified = verifySignature(signKey, LABEL.signSnapshot, input, signed.value.signature);
  return verified.ok ? ok({ header: header.value, content: content.value }) : verified;
}

function sealContext({ accountId, logId }: AccountLog, epochSecret: Bytes, header: Bytes) {
  const label = LABEL.sealSnapshot;
  return {
    key: deriveKey(epochSecret, LABEL.snapshotKey, idBytes(logId)),
    label,
    aad: encodeCbor([label, idBytes(accountId), idBytes(logId), header]),
  };
}

function signedInput(aad: Bytes, content: Bytes): Bytes {
  return concatBytes(hash(LABEL.sealAad, aad), content);
}
