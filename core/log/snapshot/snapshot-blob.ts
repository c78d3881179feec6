/**
 * What a snapshot consists of: bytes in parts, each sealed as a blob under a key of its own. Rule SN17.
 *
 * The key is random and stands in the index, so a document that has not changed goes into the next snapshot as the same
 * blobs, whatever epoch it is.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import { idBytes } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import type { DoesNotOpen } from "../../crypto/aead.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type BadPadding, pad, type Padding, unpad } from "../../crypto/padding.ts";
import { seal, unseal } from "../../crypto/seal.ts";
import type { AccountLog } from "../account-entry.ts";

/** Padded and sealed this stays below `BLOB_BYTES_MAX`. */
export const PART_BYTES_MAX = 458_752;
/** 28 MiB: more than any document of the account comes to. */
export const PARTS_MAX = 64;

export type SnapshotBlobError = DoesNotOpen | BadPadding | { readonly type: "WrongPartCount" };

/** Seals `bytes` in as many parts as they need, at least one. */
export function sealParts(
  random: Random,
  log: AccountLog,
  { key, bytes }: { readonly key: Bytes; readonly bytes: Bytes },
  padding?: Padding,
): readonly Bytes[] {
  const count = Math.max(1, Math.ceil(bytes.length / PART_BYTES_MAX));
  return Array.from({ length: count }, (_, index) => {
    const part = bytes.subarray(index * PART_BYTES_MAX, (index + 1) * PART_BYTES_MAX);
    return seal(random, sealContext(log, key, { index, count }), pad(part, padding));
  });
}

/** Opens what `sealParts` made; all parts, in order. */
export function openParts(
  log: AccountLog,
  key: Bytes,
  parts: readonly Bytes[],
): Result<Bytes, SnapshotBlobError> {
  if (parts.length === 0 || parts.length > PARTS_MAX) return err({ type: "WrongPartCount" });
  const opened: Bytes[] = [];
  for (const [index, part] of parts.entries()) {
    const padded = unseal(sealContext(log, key, { index, count: parts.length }), part);
    if (!padded.ok) return padded;
    const plain = unpad(padded.value);
    if (!plain.ok) return plain;
    opened.push(plain.value);
  }
  return ok(concatBytes(...opened));
}

function sealContext(
  { accountId, logId }: AccountLog,
  key: Bytes,
  { index, count }: { readonly index: number; readonly count: number },
) {
  const label = LABEL.sealSnapshotBlob;
  return { key, label, aad: encodeCbor([label, idBytes(accountId), idBytes(logId), index, count]) };
}
