/**
 * The pinned chain of `known/sigchain.json`: it is what our builders make, it verifies, and what hashes, signatures and
 * boxes cover agrees with the second implementation of `test/support/second`, written from docs/protocol alone.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { decode } from "../../core/codec/shape.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { parseContactLink } from "../../core/sigchain/contact/contact-link.ts";
import { epochBoxesShape } from "../../core/sigchain/epoch-box.ts";
import { recoveryIdOf, parseLink } from "../../core/sigchain/link.ts";
import { parseLinkCode } from "../../core/sigchain/linking/link-code.ts";
import { verifyChain } from "../../core/sigchain/verify-chain.ts";
import { must } from "../support/chain-world.ts";
import {
  EXISTING_NONCE,
  type KnownSigchain,
  knownSigchain,
  NEW_KEY,
  NEW_NONCE,
  OTHER_ACCOUNT,
  RECOVERY_KEY,
} from "../support/known-sigchain.ts";
import {
  cbor,
  ed25519Pair,
  hash,
  hex,
  join as joinBytes,
  kdf,
  labelled,
  unhex,
  xwingDecapsulate,
  xwingPair,
} from "../support/second/primitives.ts";
import { unseal } from "../support/second/seal.ts";

const known: KnownSigchain = JSON.parse(
  readFileSync(join(import.meta.dirname, "known/sigchain.json"), "utf8"),
);

beforeAll(cryptoReady);

describe("the pinned chain", () => {
  test("[SC1] [EP9] [LK1] is what the builders make today", () => {
    expect(knownSigchain()).toEqual(known);
  });

  test("[SC36] verifies from the pinned bytes", () => {
    const state = must(verifyChain([known.links.map((link) => unhex(link.bytes))]));
    expect(state.accountId).toBe(known.accountId);
    expect(state.hashes).toEqual(known.links.map((link) => link.hash));
    expect([...state.devicesById.keys()]).toEqual(known.devices);
    expect(new Set(known.links.map((link) => link.type)).size).toBe(8);
  });
});

describe("the pinned chain, a second time", () => {
  test("[SC2] [SC3] [SC17] ids, hashes and signatures", () => {
    expect(known.accountId).toBe(present(known.links[0], "a genesis").hash);
    const keyById = new Map<string, Uint8Array>();
    for (const link of known.links) {
      const { bodyBytes, body, signatures } = must(parseLink(unhex(link.bytes)));
      expect(hex(hash("dovetail/1/link-hash", bodyBytes))).toBe(link.hash);
      const { payload } = body;
      if ("device" in payload && payload.device !== null) {
        const { signKey } = payload.device;
        keyById.set(hex(hash("dovetail/1/device-id", signKey)).slice(0, 32), signKey);
      }
      if ("recovery" in payload) {
        const { signKey } = payload.recovery;
        keyById.set(hex(hash("dovetail/1/recovery-id", signKey)).slice(0, 32), signKey);
      }
      const message = joinBytes(labelled("dovetail/1/sign/link"), bodyBytes);
      for (const { signerId, signature } of signatures) {
        const key = present(keyById.get(signerId), "the signer's key is on the chain");
        expect(ed25519.verify(signature, message, key)).toBe(true);
      }
    }
  });

  test("[EP2] [EP6] [EP7] [EP8] commitments, request keys and names", () => {
    const state = must(verifyChain([known.links.map((link) => unhex(link.bytes))]));
    for (const [index, epoch] of known.epochs.entries()) {
      const secret = unhex(epoch.secret);
      expect(hex(hash("dovetail/1/epoch-commit", secret))).toBe(epoch.commit);
      expect(hex(hash("dovetail/1/boxes-hash", unhex(epoch.boxes)))).toBe(epoch.boxesHash);
      const requestKey = xwingPair(kdf(secret, "dovetail/1/kdf/request-key-seed")).public;
      expect(hex(present(state.epochs[index], "an epoch").requestKey)).toBe(hex(requestKey));
    }
    const root = kdf(unhex(present(known.epochs[0], "an epoch").secret), "dovetail/1/kdf/account-root");
    expect(hex(kdf(root, "dovetail/1/kdf/account-log-id"))).toBe(known.accountLogId);
  });

  test("[EP9] [EP10] boxes open and lead back", () => {
    for (const [index, epoch] of known.epochs.entries()) {
      const number = index + 1;
      const boxes = must(decode(epochBoxesShape, unhex(epoch.boxes)));
      const pair = xwingPair(unhex(epoch.recoverySeed));
      const opened = boxes.boxes.map((box) => {
        const aad = cbor([number, unhex(epoch.commit), unhex(box.to), pair.public]);
        const key = kdf(xwingDecapsulate(pair.secret, box.ciphertext), "dovetail/1/kdf/epoch-box", aad);
        return unseal({ key, label: "dovetail/1/seal/epoch-box", aad }, box.sealed);
      });
      const found = opened.flatMap((secret) => (secret === null ? [] : [hex(secret)]));
      expect(found).toEqual([epoch.secret]);
      const [walk] = boxes.walks;
      if (number === 1) {
        expect(walk).toBeUndefined();
        continue;
      }
      const key = kdf(unhex(epoch.secret), "dovetail/1/kdf/epoch-walk");
      const aad = cbor([number, number - 1]);
      const back = unseal(
        { key, label: "dovetail/1/seal/epoch-walk", aad },
        walk?.sealed ?? new Uint8Array(),
      );
      expect(back && hex(back)).toBe(known.epochs[index - 1]?.secret);
    }
  });

  test("[EP13] cuts: what the link commits to and what the boxes open", () => {
    expect(known.cuts.length).toBe(3);
    for (const cut of known.cuts) {
      const place = cbor([cut.incarnation, cut.seq]);
      const parts = [unhex(cut.logId), place, unhex(cut.chain), unhex(cut.salt)];
      expect(hex(hash("dovetail/1/cut-commit", ...parts))).toBe(cut.commitment);
      const epoch = present(known.epochs[cut.epoch - 1], "an epoch");
      const boxes = must(decode(epochBoxesShape, unhex(epoch.boxes)));
      const aad = unhex(cut.commitment);
      const key = kdf(unhex(epoch.secret), "dovetail/1/kdf/cut");
      const opening = unseal({ key, label: "dovetail/1/seal/cut", aad }, boxes.cut ?? new Uint8Array());
      const expected = cbor([unhex(cut.logId), cut.incarnation, cut.seq, unhex(cut.chain), unhex(cut.salt)]);
      expect(opening && hex(opening)).toBe(hex(expected));
    }
  });

  test("[EP21] what derives from a recovery key", () => {
    const signKey = ed25519Pair(kdf(RECOVERY_KEY, "dovetail/1/kdf/recovery-sign")).public;
    expect(hex(hash("dovetail/1/recovery-id", signKey)).slice(0, 32)).toBe(known.recoveryId);
    expect(recoveryIdOf(signKey)).toBe(known.recoveryId);
    expect(hex(kdf(RECOVERY_KEY, "dovetail/1/kdf/recovery-backup"))).toBe(known.backupKey);
  });

  test("[LK39] [LK40] the code to type stands for secret and rendezvous of the one to scan, and proves its key", () => {
    const { key, psk, rendezvousId, origin } = must(parseLinkCode(known.linkCode));
    const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const bits = [...known.linkTyped.replaceAll("-", "")]
      .map((char) => alphabet.indexOf(char).toString(2).padStart(5, "0"))
      .join("");
    const bytes = (bits.match(/.{8}/gu) ?? []).map((byte) => Number.parseInt(byte, 2));
    const secret = Uint8Array.from(bytes.slice(0, 11));
    const check = hex(hash("dovetail/1/link-typed-check", secret));
    expect(Number.parseInt(bits.slice(88), 2)).toBe(Number.parseInt(check.slice(0, 3), 16));
    const root = hash("dovetail/1/link-typed", secret);
    expect(hex(kdf(root, "dovetail/1/kdf/link-psk").slice(0, 16))).toBe(hex(psk));
    expect(hex(kdf(root, "dovetail/1/kdf/link-meeting").slice(0, 16))).toBe(rendezvousId);
    const server = new TextEncoder().encode(origin);
    const proof = kdf(psk, "dovetail/1/kdf/link-offer", key, unhex(rendezvousId), server);
    expect(known.linkOffer).toBe(hex(cbor([1, key, origin, proof])));
  });

  test("[LK9] [LK11] [LK33] transcript, digits and safety number", () => {
    const { key, psk, rendezvousId, origin } = must(parseLinkCode(known.linkCode));
    const transcript = hash(
      "dovetail/1/link-transcript",
      cbor([1, 1, key, NEW_KEY, psk, unhex(rendezvousId), origin]),
    );
    expect(hex(transcript)).toBe(known.linkTranscript);
    const bits = hex(hash("dovetail/1/link-code", transcript, EXISTING_NONCE, NEW_NONCE));
    expect(String(BigInt(`0x${bits}`) % 1_000_000n).padStart(6, "0")).toBe(known.linkDigits);
    const [a = "", b = ""] = [known.accountId, hex(OTHER_ACCOUNT)].sort();
    const block = (index: number) =>
      hex(hash("dovetail/1/safety-number", unhex(a), unhex(b), Uint8Array.of(index)));
    const material = block(0) + block(1);
    const groups = Array.from({ length: 12 }, (_, group) => {
      const value = BigInt(`0x${material.slice(group * 10, group * 10 + 10)}`) % 100_000n;
      return String(value).padStart(5, "0");
    });
    expect(groups.join(" ")).toBe(known.safetyNumber);
    const contact = must(parseContactLink(known.contactLink));
    expect(contact.accountId).toBe(known.accountId);
    expect(contact.accountId).not.toBe(idFromBytes("account", OTHER_ACCOUNT));
  });
});
