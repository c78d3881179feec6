/**
 * Entries of the account log: sealed batches of document changes, signed by the device that wrote them.
 * Rules AR2, AR3, AR10; design: `SEAL(K, label, aad, pad([device, chain, previous, seen, batch, signature]))`.
 *
 * All devices of the account share K, so the signature, not the encryption, says which one wrote. What a device quotes
 * (`previous`, `seen`, the chain head it goes by) lets its siblings find what a server hides.
 */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { type AccountId, type DeviceId, idBytes, type LogId } from "../base/ids.ts";
import { ENTRY_BYTES_MAX } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { encodeCbor } from "../codec/cbor.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  nullable,
  type ShapeOf,
  struct,
  variants,
} from "../codec/shape.ts";
import { hash } from "../crypto/hash.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";
import { type BadPadding, pad, type Padding, unpad } from "../crypto/padding.ts";
import { seal, unseal } from "../crypto/seal.ts";
import { type SignKeyPair, sign } from "../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../crypto/verify.ts";
import type { DoesNotOpen } from "../crypto/aead.ts";
import {
  ENTRY_KIND,
  encodeEntryHeader,
  type Entry,
  logPointShape,
  parseEntryHeader,
} from "../protocol/entry.ts";
import { documentNameShape } from "./document-name.ts";

export const CHANGE_BYTES_MAX = 196_608;
export const CHANGES_PER_ITEM_MAX = 4_096;
export const ITEMS_PER_BATCH_MAX = 1_024;
/** What a batch may weigh so that its entry, padded and sealed, stays under `ENTRY_BYTES_MAX`. */
export const BATCH_BYTES_MAX: number = Math.floor(ENTRY_BYTES_MAX * 0.9);

/** `changes` of one document, or `inboundSeen`: how far this device read another log of the account. */
export const batchItemShape = variants({
  changes: [
    1,
    { document: documentNameShape, changes: list(bytes(1, CHANGE_BYTES_MAX), CHANGES_PER_ITEM_MAX, 1) },
  ],
  inboundSeen: [2, { logId: id("log"), point: logPointShape }],
});
export type BatchItem = ShapeOf<typeof batchItemShape>;

/** The signed part of an account entry. */
export const accountEntryContentShape = struct({
  version: literal(1),
  device: id("device"),
  chainSeq: integer(0),
  chainHead: id("link"),
  previous: nullable(id("entry")),
  seen: logPointShape,
  batch: list(batchItemShape, ITEMS_PER_BATCH_MAX),
});
export type AccountEntryContent = ShapeOf<typeof accountEntryContentShape>;

/** Plaintext of an account entry. */
export const accountEntryShape = struct({
  content: bytes(1, ENTRY_BYTES_MAX),
  signature: bytes(SIGNATURE_BYTES),
});

/** What every entry of one account log is bound to. */
export interface AccountLog {
  readonly accountId: AccountId;
  readonly logId: LogId;
}

export type AccountEntryError =
  | DecodeError
  | DoesNotOpen
  | BadPadding
  | { readonly type: "BadSignature" }
  | { readonly type: "WrongKind"; readonly kind: number }
  | { readonly type: "UnknownWriter"; readonly device: DeviceId }
  | { readonly type: "BatchTooLarge"; readonly sizeBytes: number; readonly sizeBytesMax: number };

/** The key of all entries of one epoch in one log. */
export function accountEntryKey(epochSecret: Bytes, logId: LogId): Bytes {
  return deriveKey(epochSecret, LABEL.accountEntryKey, idBytes(logId));
}

export interface AccountEntryPlan {
  readonly log: AccountLog;
  readonly epoch: number;
  readonly epochSecret: Bytes;
  readonly writerTag: Parameters<typeof encodeEntryHeader>[0]["writerTag"];
  readonly writerSeq: number;
  readonly signer: SignKeyPair;
  readonly content: AccountEntryContent;
}

/** Seals and signs one batch. - Fails: `BatchTooLarge` when the entry would pass `ENTRY_BYTES_MAX`. */
export function sealAccountEntry(
  random: Random,
  plan: AccountEntryPlan,
  padding?: Padding,
): Result<Entry, AccountEntryError> {
  const header = encodeEntryHeader({
    version: 1,
    kind: ENTRY_KIND.accountBatch,
    writerTag: plan.writerTag,
    writerSeq: plan.writerSeq,
    epoch: plan.epoch,
    expect: null,
  });
  const aad = associatedData(plan.log, header);
  const content = encode(accountEntryContentShape, plan.content);
  const tooLarge = (sizeBytes: number) =>
    err({ type: "BatchTooLarge" as const, sizeBytes, sizeBytesMax: ENTRY_BYTES_MAX });
  if (content.length > ENTRY_BYTES_MAX) return tooLarge(content.length);
  const signature = sign(plan.signer, LABEL.signAccountEntry, signedInput(aad, content));
  const context = {
    key: accountEntryKey(plan.epochSecret, plan.log.logId),
    label: LABEL.sealAccountEntry,
    aad,
  };
  const sealed = seal(random, context, pad(encode(accountEntryShape, { content, signature }), padding));
  return sealed.length > ENTRY_BYTES_MAX ? tooLarge(sealed.length) : ok({ header, sealed });
}

export interface OpenedAccountEntry {
  readonly epoch: number;
  readonly content: AccountEntryContent;
}

/** The public keys and secrets an account entry is checked against. */
export interface AccountEntryKeys {
  epochSecret(epoch: number): Bytes | null;
  /** Signing key of a device that was ever on the chain. */
  signKey(device: DeviceId): Bytes | null;
}

/** The entry is of an epoch whose secret is not here yet: fetch the chain and the boxes, then try again. */
export interface UnknownEpoch {
  readonly type: "UnknownEpoch";
  readonly epoch: number;
}

/** Opens an entry and checks who wrote it. Whether that device was entitled then is for `judgeWriter`. */
export function openAccountEntry(
  log: AccountLog,
  entry: Entry,
  keys: AccountEntryKeys,
): Result<OpenedAccountEntry, AccountEntryError | UnknownEpoch> {
  const header = parseEntryHeader(entry.header);
  if (!header.ok) return header;
  const { kind, epoch } = header.value;
  if (kind !== ENTRY_KIND.accountBatch || epoch === null) return err({ type: "WrongKind", kind });
  const epochSecret = keys.epochSecret(epoch);
  if (epochSecret === null) return err({ type: "UnknownEpoch", epoch });
  const aad = associatedData(log, entry.header);
  const padded = unseal(
    { key: accountEntryKey(epochSecret, log.logId), label: LABEL.sealAccountEntry, aad },
    entry.sealed,
  );
  if (!padded.ok) return padded;
  const plain = unpad(padded.value);
  if (!plain.ok) return plain;
  const signed = decode(accountEntryShape, plain.value);
  if (!signed.ok) return signed;
  const content = decode(accountEntryContentShape, signed.value.content);
  if (!content.ok) return content;
  const signKey = keys.signKey(content.value.device);
  if (signKey === null) return err({ type: "UnknownWriter", device: content.value.device });
  const input = signedInput(aad, signed.value.content);
  const verified = verifySignature(signKey, LABEL.signAccountEntry, input, signed.value.signature);
  return verified.ok ? ok({ epoch, content: content.value }) : verified;
}

function associatedData(log: AccountLog, header: Bytes): Bytes {
  return encodeCbor([LABEL.sealAccountEntry, idBytes(log.accountId), idBytes(log.logId), header]);
}

function signedInput(aad: Bytes, content: Bytes): Bytes {
  return concatBytes(hash(LABEL.sealAad, aad), content);
}
