/**
 * The file that holds a profile's store key: in clear, or sealed under a passphrase.
 *
 * Canonical CBOR `[name, body, H(body)]`, body = `[version, protection]`. The hash stands for the medium, not against an
 * attacker: it tells a file that decayed from a passphrase that is wrong, which would otherwise look the same. Who forges
 * the file can forge the hash, and gains a file that no passphrase opens. Rules ST50 to ST54.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import {
  PASSPHRASE_MEMORY_BYTES_MAX,
  PASSPHRASE_MEMORY_BYTES_MIN,
  PASSPHRASE_PASSES_MAX,
  STORE_KEY_FILE_BYTES_MAX,
} from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import { err, ok, type Result } from "../base/result.ts";
import { assert } from "../base/assert.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../codec/cbor.ts";
import { bytes, decode, encode, integer, literal, struct, variants } from "../codec/shape.ts";
import { hash, HASH_BYTES } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import {
  type Passphrase,
  PASSPHRASE_COST,
  PASSPHRASE_SALT_BYTES,
  type PassphraseCost,
  passphraseKey,
} from "../crypto/passphrase.ts";
import { seal, SEAL_OVERHEAD_BYTES, unseal } from "../crypto/seal.ts";
import { wipe } from "../crypto/secret.ts";

export const STORE_KEY_BYTES = 32;
const FILE_NAME = "dovetail store key";
const FORMAT_VERSION = 1;

const fileShape = struct({
  name: literal(FILE_NAME),
  body: bytes(1, STORE_KEY_FILE_BYTES_MAX),
  check: bytes(HASH_BYTES),
});

const bodyShape = struct({
  version: literal(FORMAT_VERSION),
  protection: variants({
    open: [1, { key: bytes(STORE_KEY_BYTES) }],
    wrapped: [
      2,
      {
        salt: bytes(PASSPHRASE_SALT_BYTES),
        memoryBytes: integer(PASSPHRASE_MEMORY_BYTES_MIN, PASSPHRASE_MEMORY_BYTES_MAX),
        passes: integer(1, PASSPHRASE_PASSES_MAX),
        sealed: bytes(STORE_KEY_BYTES + SEAL_OVERHEAD_BYTES),
      },
    ],
  }),
});

/** A store key that lies in clear. `isLegacy`: as the bare key, the form before this one; nothing tells whether it decayed. */
export interface OpenStoreKey {
  readonly type: "open";
  readonly key: Bytes;
  readonly isLegacy: boolean;
}

/** A store key that only a passphrase opens. */
export interface WrappedStoreKey {
  readonly type: "wrapped";
  readonly salt: Bytes;
  readonly cost: PassphraseCost;
  readonly sealed: Bytes;
}

export type StoredKey = OpenStoreKey | WrappedStoreKey;

export type StoreKeyFault =
  /** Not what was written: decayed, cut short, or another file. */
  | { readonly type: "StoreKeyDamaged" }
  /** A newer version of this program wrote it. */
  | { readonly type: "StoreKeyTooNew"; readonly version: number; readonly versionMax: number };

export interface WrongPassphrase {
  readonly type: "WrongPassphrase";
}

/**
 * Reads the file of a store key.
 *
 * - Limits: refuses more than `STORE_KEY_FILE_BYTES_MAX` bytes, and a cost out of bounds before anything is derived.
 */
export function parseStoreKey(file: Bytes): Result<StoredKey, StoreKeyFault> {
  if (file.length > STORE_KEY_FILE_BYTES_MAX) return err(DAMAGED);
  if (file.length === STORE_KEY_BYTES && !startsWith(file, FILE_HEAD))
    return ok({ type: "open", key: file.slice(), isLegacy: true });
  const outer = decode(fileShape, file);
  if (!outer.ok || !equalBytes(outer.value.check, checkOf(outer.value.body))) return err(DAMAGED); // ST52
  const body = decode(bodyShape, outer.value.body);
  if (!body.ok) return err(newerVersion(outer.value.body) ?? DAMAGED); // ST53
  const { protection } = body.value;
  if (protection.type === "open") return ok({ type: "open", key: protection.key, isLegacy: false });
  const { salt, memoryBytes, passes, sealed } = protection;
  return ok({ type: "wrapped", salt, cost: { memoryBytes, passes }, sealed });
}

/** The file of a key that nothing but its place protects. */
export function encodeOpenStoreKey(storeKey: Bytes): Bytes {
  return encodeFile({ version: FORMAT_VERSION, protection: { type: "open", key: storeKey } });
}

/**
 * The file of a key that only `passphrase` opens.
 *
 * - Cost: one Argon2id. - Secrets: takes none over; the derived key is wiped.
 */
export function wrapStoreKey(
  random: Random,
  { storeKey, passphrase }: { readonly storeKey: Bytes; readonly passphrase: Passphrase },
  cost: PassphraseCost = PASSPHRASE_COST,
): Bytes {
  assert(storeKey.length === STORE_KEY_BYTES, "a store key has 32 bytes");
  const salt = random.bytes(PASSPHRASE_SALT_BYTES);
  const key = passphraseKey(passphrase, salt, cost);
  const sealed = seal(random, contextOf(key, salt, cost), storeKey); // ST50
  wipe(key);
  return encodeFile({ version: FORMAT_VERSION, protection: { type: "wrapped", salt, ...cost, sealed } });
}

/** Opens a wrapped key. - Cost: one Argon2id, of a cost that `parseStoreKey` has bounded. */
export function unwrapStoreKey(
  { salt, cost, sealed }: WrappedStoreKey,
  passphrase: Passphrase,
): Result<Bytes, WrongPassphrase> {
  const key = passphraseKey(passphrase, salt, cost);
  const opened = unseal(contextOf(key, salt, cost), sealed);
  wipe(key);
  return opened.ok ? opened : err({ type: "WrongPassphrase" });
}

const DAMAGED: StoreKeyFault = { type: "StoreKeyDamaged" };
/** How every file of this format begins, by which a cut one is told from a bare key. */
const FILE_HEAD: Bytes = encodeCbor([FILE_NAME, null, null]).subarray(0, 1 + encodeCbor(FILE_NAME).length);

function contextOf(key: Bytes, salt: Bytes, { memoryBytes, passes }: PassphraseCost) {
  return { key, label: LABEL.sealStoreKey, aad: encodeCbor([FORMAT_VERSION, salt, memoryBytes, passes]) };
}

function encodeFile(body: Parameters<typeof bodyShape.toCbor>[0]): Bytes {
  const encoded = encode(bodyShape, body);
  return encode(fileShape, { name: FILE_NAME, body: encoded, check: checkOf(encoded) });
}

function checkOf(body: Bytes): Bytes {
  return hash(LABEL.storeKeyCheck, body);
}

function newerVersion(body: Bytes): StoreKeyFault | null {
  const value = decodeCbor(body);
  const version = value.ok && isArray(value.value) ? value.value[0] : undefined;
  return typeof version === "number" && version > FORMAT_VERSION
    ? { type: "StoreKeyTooNew", version, versionMax: FORMAT_VERSION }
    : null;
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function startsWith(bytesGiven: Bytes, head: Bytes): boolean {
  return head.every((byte, index) => bytesGiven[index] === byte);
}
