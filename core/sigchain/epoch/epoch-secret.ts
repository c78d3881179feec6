/** The account's symmetric secret number e, and what derives from it. Rules EP6-EP8. */
import type { Bytes } from "../../base/bytes.ts";
import { idFromBytes, type LogId } from "../../base/ids.ts";
import { hash } from "../../crypto/hash.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type KemKeyPair, kemKeyPairFromSeed } from "../../crypto/xwing.ts";

/** `ES_e`. */
export interface EpochSecret {
  readonly number: number;
  /** 32 bytes. */
  readonly secret: Bytes;
}

/** H(ES_e), as the link carries it (EP6). */
export function epochCommit(secret: Bytes): Bytes {
  return hash(LABEL.epochCommit, secret);
}

/** The key pair of the request log in this epoch; its public half is on the chain (EP7). */
export function requestKeyPair(secret: Bytes): KemKeyPair {
  return kemKeyPairFromSeed(deriveKey(secret, LABEL.requestKeySeed));
}

/** KDF(ES_1): names documents and logs for the whole life of the account, and seals nothing (EP8). */
export function accountRoot(firstSecret: Bytes): Bytes {
  return deriveKey(firstSecret, LABEL.accountRoot);
}

/** The account's own log. */
export function accountLogId(root: Bytes): LogId {
  return idFromBytes("log", deriveKey(root, LABEL.accountLogId));
}

/** The log that strangers write their first message to. */
export function requestLogId(root: Bytes): LogId {
  return idFromBytes("log", deriveKey(root, LABEL.requestLogId));
}
