/**
 * Proof that a line of an export says what a device of this account wrote into it. Rules EX3, EX4.
 *
 * A key derived from an epoch's secret, which only devices of the account know, authenticates each message and each
 * verified mark for itself. It is no signature: who is handed a file learns nothing that could be held against its
 * author, as with the messages themselves.
 */
import { type Bytes, concatBytes, equalBytes } from "../../base/bytes.ts";
import { type AccountId, idBytes } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encode, id, integer, struct } from "../../codec/shape.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";

export const PROOF_BYTES = 32;

/** `mac` under the secret of `epoch`. */
export interface ExportProof {
  readonly epoch: number;
  readonly mac: Bytes;
}

/** What is proven. */
export type ProvenFact =
  | { readonly type: "message"; readonly op: Bytes }
  | { readonly type: "verified"; readonly contact: AccountId; readonly atMs: number };

/** Why a proof does not count. */
export type ProofFault = "other-account" | "unknown-epoch" | "device-left-since" | "not-proven";

/** That a contact was verified, and when. */
export const verifiedFactShape = struct({ contact: id("account"), atMs: integer(0) });

/** Whose chain it is, and secrets of its epochs. */
export interface ProofKeys {
  chain(): ChainState;
  epochSecret(epoch: number): Bytes | null;
}

/** Proof of `fact` under the newest epoch; null while its secret is not here. */
export function proveFact(keys: ProofKeys, fact: ProvenFact): ExportProof | null {
  const { accountId, epochs } = keys.chain();
  const secret = keys.epochSecret(epochs.length);
  return secret === null ? null : { epoch: epochs.length, mac: macOf(secret, accountId, fact) };
}

/**
 * Whether a device of this account has written `fact` into an export.
 *
 * - Fails: `device-left-since` when a device that knew the key was revoked later: it could have made the proof. EX4
 */
export function checkFact(keys: ProofKeys, fact: ProvenFact, proof: ExportProof): Result<void, ProofFault> {
  const chain = keys.chain();
  const epoch = chain.epochs[proof.epoch - 1];
  if (epoch === undefined) return err("unknown-epoch");
  const secret = keys.epochSecret(proof.epoch);
  if (secret === null) return err("unknown-epoch");
  if (!equalBytes(macOf(secret, chain.accountId, fact), proof.mac)) return err("not-proven"); // EX3
  const hasLeft = [...chain.devicesById.values()].some(
    ({ revokedSeq }) => revokedSeq !== null && revokedSeq > epoch.seq,
  );
  return hasLeft ? err("device-left-since") : ok();
}

function macOf(secret: Bytes, self: AccountId, fact: ProvenFact): Bytes {
  const key = deriveKey(secret, LABEL.exportKey, idBytes(self));
  return fact.type === "message"
    ? deriveKey(key, LABEL.exportMessage, fact.op)
    : deriveKey(key, LABEL.exportVerified, encode(verifiedFactShape, fact));
}

/** The proof as it stands in a file: the epoch in four bytes, then the mac. */
export function encodeProof({ epoch, mac }: ExportProof): Bytes {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, epoch);
  return concatBytes(number, mac);
}

/** The proof of these bytes, which are of the right length. */
export function decodeProof(bytes: Bytes): ExportProof {
  const epoch = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);
  return { epoch, mac: bytes.slice(4) };
}
