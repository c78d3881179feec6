/**
 * The store key of a profile as this browser keeps it: in clear, under a passphrase, under a passkey, or under both.
 *
 * In clear it is as good as none: whoever can read the browser's files can read everything. Each form is one value beside
 * the rows, written in one strict transaction with the removal of the one it replaces. The passkey's 32 bytes come from
 * WebAuthn's PRF extension; they are random already, so the derivation of core is used at its lowest cost. WB8
 */
import {
  type Bytes,
  encodeOpenStoreKey,
  err,
  ok,
  parsePassphrase,
  parseStoreKey,
  type Passphrase,
  type PassphraseCost,
  type Random,
  type Result,
  type StoredKey,
  STORE_KEY_BYTES,
  toBase64Url,
  unwrapStoreKey,
  wipe,
  wrapStoreKey,
} from "@dovetail/core";
import type { ProfileDatabase } from "../platform/profile-database.ts";
import type { EngineError, Protection } from "./engine.ts";
import type { PasskeyAnswer, PasskeyQuestion } from "./engine-service.ts";

/** libsodium's least: the input has 256 random bits. */
const PASSKEY_COST: PassphraseCost = { memoryBytes: 8_192, passes: 1 };
const CREDENTIAL_ID_BYTES_MAX = 1_023;
const SALT_BYTES = 32;
const PASSKEY_KEY_BYTES = 32;

/** What is stored of a key; null fields are absent. */
export interface KeyRing {
  readonly stored: StoredKey | null;
  readonly passkey: StoredPasskey | null;
}

interface StoredPasskey extends PasskeyQuestion {
  readonly wrapped: StoredKey;
}

/** Reads what is stored. */
export async function readKeyRing(database: ProfileDatabase): Promise<Result<KeyRing, EngineError>> {
  const file = await database.meta("store-key");
  if (!file.ok) return file;
  const record = await database.meta("passkey");
  if (!record.ok) return record;
  const stored = file.value === null ? ok(null) : parseStoreKey(file.value);
  if (!stored.ok) return stored;
  if (record.value === null) return ok({ stored: stored.value, passkey: null });
  const passkey = parsePasskey(record.value);
  return passkey.ok ? ok({ stored: stored.value, passkey: passkey.value }) : passkey;
}

export function protectionOf({ stored, passkey }: KeyRing): Protection {
  return { hasPassphrase: stored?.type === "wrapped", hasPasskey: passkey !== null };
}

/** Opens the key with a passphrase. - Cost: one Argon2id. */
export function openWithPassphrase({ stored }: KeyRing, text: string): Result<Bytes, EngineError> {
  if (stored?.type !== "wrapped") return err({ type: "WrongPassphrase" });
  return withPassphrase(text, (passphrase) => unwrapStoreKey(stored, passphrase));
}

/** Opens the key with what the passkey gave. */
export function openWithPasskey({ passkey }: KeyRing, key: Bytes): Result<Bytes, EngineError> {
  const wrapped = passkey?.wrapped;
  if (wrapped?.type !== "wrapped" || key.length !== PASSKEY_KEY_BYTES)
    return err({ type: "PasskeyUnavailable", why: "wrong" });
  const opened = withPassphrase(toBase64Url(key), (passphrase) => unwrapStoreKey(wrapped, passphrase));
  return opened.ok ? opened : err({ type: "PasskeyUnavailable", why: "wrong" });
}

/** Stores a key under a passphrase, or takes the passphrase away; the key lies in clear when nothing else protects it. */
export async function storeUnderPassphrase(
  { database, random, ring }: KeyRingDeps,
  storeKey: Bytes,
  text: string | null,
): Promise<Result<void, EngineError>> {
  if (text === null)
    return database.setMeta({ "store-key": ring.passkey === null ? encodeOpenStoreKey(storeKey) : null });
  const file = withPassphrase(text, (passphrase) => ok(wrapStoreKey(random, { storeKey, passphrase })));
  return file.ok ? database.setMeta({ "store-key": file.value }) : file;
}

/** Stores a key under a passkey besides, or takes the passkey away. A copy in clear goes with the first. */
export async function storeUnderPasskey(
  { database, random, ring }: KeyRingDeps,
  storeKey: Bytes,
  answer: PasskeyAnswer | null,
): Promise<Result<void, EngineError>> {
  const isWrapped = ring.stored?.type === "wrapped";
  if (answer === null)
    return database.setMeta({
      passkey: null,
      ...(isWrapped ? {} : { "store-key": encodeOpenStoreKey(storeKey) }),
    });
  const { credentialId, salt, key } = answer;
  const isWhole =
    credentialId.length > 0 &&
    credentialId.length <= CREDENTIAL_ID_BYTES_MAX &&
    salt.length === SALT_BYTES &&
    key.length === PASSKEY_KEY_BYTES;
  if (!isWhole) return err({ type: "PasskeyUnavailable", why: "no-key" });
  const file = withPassphrase(toBase64Url(key), (passphrase) =>
    ok(wrapStoreKey(random, { storeKey, passphrase }, PASSKEY_COST)),
  );
  if (!file.ok) return file;
  return database.setMeta({
    passkey: encodePasskey({ credentialId, salt }, file.value),
    ...(isWrapped ? {} : { "store-key": null }),
  });
}

export interface KeyRingDeps {
  readonly database: ProfileDatabase;
  readonly random: Random;
  readonly ring: KeyRing;
}

/** A fresh store key. */
export function createStoreKey(random: Random): Bytes {
  return random.bytes(STORE_KEY_BYTES);
}

function withPassphrase<T>(
  text: string,
  use: (passphrase: Passphrase) => Result<T, EngineError>,
): Result<T, EngineError> {
  const passphrase = parsePassphrase(text);
  if (!passphrase.ok) return passphrase;
  const used = use(passphrase.value);
  wipe(passphrase.value);
  return used;
}

/** Salt, length of the credential's id in two bytes, the id, the wrapped key: read back by `parsePasskey` alone. */
function encodePasskey({ credentialId, salt }: PasskeyQuestion, wrapped: Bytes): Bytes {
  const record = new Uint8Array(SALT_BYTES + 2 + credentialId.length + wrapped.length);
  record.set(salt);
  new DataView(record.buffer).setUint16(SALT_BYTES, credentialId.length);
  record.set(credentialId, SALT_BYTES + 2);
  record.set(wrapped, SALT_BYTES + 2 + credentialId.length);
  return record;
}

function parsePasskey(record: Bytes): Result<StoredPasskey, EngineError> {
  const idStart = SALT_BYTES + 2;
  if (record.length < idStart) return err({ type: "StoreKeyDamaged" });
  const idLength = new DataView(record.buffer, record.byteOffset).getUint16(SALT_BYTES);
  const wrapped = parseStoreKey(record.subarray(idStart + idLength));
  if (!wrapped.ok) return wrapped;
  return ok({
    salt: record.slice(0, SALT_BYTES),
    credentialId: record.slice(idStart, idStart + idLength),
    wrapped: wrapped.value,
  });
}
