/** Proofs in exports: whose, of what, and for how long. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import {
  checkFact,
  decodeProof,
  encodeProof,
  type ProofKeys,
  proveFact,
  type ProvenFact,
} from "../../../../core/messenger/exported/export-proof.ts";
import {
  addDevice,
  type ChainWorld,
  createWorld,
  revokeDevices,
  rotate,
  secretOf,
  stateOf,
} from "../../../support/chain-world.ts";

const contact = idFromBytes("account", new Uint8Array(32).fill(3));
const message: ProvenFact = { type: "message", op: Uint8Array.of(1, 2, 3) };
const verified: ProvenFact = { type: "verified", contact, atMs: 1_000 };

const keysOf = (world: ChainWorld): ProofKeys => ({
  chain: () => stateOf(world),
  epochSecret: (epoch) => (epoch <= stateOf(world).epochs.length ? secretOf(world, epoch).secret : null),
});

function proofOf(world: ChainWorld, fact: ProvenFact) {
  const proof = proveFact(keysOf(world), fact);
  if (proof === null) throw new Error("the secret of the newest epoch is there");
  return proof;
}

describe("a proof of an export", () => {
  beforeAll(cryptoReady);

  test("[EX3] holds for what was exported and nothing else", () => {
    const world = createWorld("proof");
    const keys = keysOf(world);
    const proof = proofOf(world, message);
    expect(checkFact(keys, message, decodeProof(encodeProof(proof))).ok).toBe(true);
    const others: readonly ProvenFact[] = [{ type: "message", op: Uint8Array.of(1, 2, 4) }, verified];
    for (const other of others)
      expect(checkFact(keys, other, proof)).toEqual({ ok: false, error: "not-proven" });
    const mark = proofOf(world, verified);
    expect(checkFact(keys, verified, mark).ok).toBe(true);
    for (const other of [
      { ...verified, atMs: 1_001 },
      { ...verified, contact: idFromBytes("account", new Uint8Array(32).fill(4)) },
    ])
      expect(checkFact(keys, other, mark)).toEqual({ ok: false, error: "not-proven" });
    expect(checkFact(keys, message, { ...proof, epoch: 2 })).toEqual({ ok: false, error: "unknown-epoch" });
    expect(checkFact(keys, message, { ...proof, epoch: 0 })).toEqual({ ok: false, error: "unknown-epoch" });
    expect(checkFact(keysOf(createWorld("another")), message, proof)).toEqual({
      ok: false,
      error: "not-proven",
    });
  });

  test("[EX4] outlives new epochs and new devices, and ends when a device that knew its key is revoked", () => {
    const world = createWorld("leaving");
    const phone = addDevice(world);
    const before = proofOf(world, message);
    rotate(world);
    addDevice(world);
    const between = proofOf(world, message);
    for (const proof of [before, between]) expect(checkFact(keysOf(world), message, proof).ok).toBe(true);
    revokeDevices(world, [phone.id]);
    const after = proofOf(world, message);
    for (const proof of [before, between])
      expect(checkFact(keysOf(world), message, proof)).toEqual({ ok: false, error: "device-left-since" });
    expect(checkFact(keysOf(world), message, after).ok).toBe(true);
  });
});
