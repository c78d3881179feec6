/** The form of links: what parses, what does not, and which bytes hashes cover. */
import { beforeAll, describe, expect, test } from "vitest";
import { concatBytes, toHex } from "../../../core/base/bytes.ts";
import { LINK_BYTES_MAX } from "../../../core/base/limits.ts";
import { decodeCbor, encodeCbor } from "../../../core/codec/cbor.ts";
import { encode } from "../../../core/codec/shape.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { XWING_PUBLIC_KEY_BYTES } from "../../../core/crypto/xwing.ts";
import {
  deviceIdOf,
  encodeLink,
  KEM_PUBLIC_KEY_BYTES,
  linkBodyShape,
  parseLink,
  parseLinkBody,
  recoveryIdOf,
} from "../../../core/sigchain/link.ts";
import {
  type ChainWorld,
  firstKeys,
  must,
  refusal,
  stateOf,
  worldOfEveryType,
} from "../../support/chain-world.ts";

let world: ChainWorld;
beforeAll(async () => {
  await cryptoReady();
  world = worldOfEveryType("link form");
});

describe("the form of a link", () => {
  test("[SC1] every type reads back as the bytes it came from, in the order of the design", () => {
    const types = world.links.map((link) => {
      const parsed = must(parseLink(link));
      expect(toHex(encode(linkBodyShape, parsed.body))).toBe(toHex(parsed.bodyBytes));
      expect(toHex(encodeLink(parsed.bodyBytes, parsed.signatures))).toBe(toHex(link));
      const value = must(decodeCbor(parsed.bodyBytes));
      expect(Array.isArray(value) && value.length).toBe(8);
      expect(Array.isArray(value) && value[0]).toBe(1);
      expect(Array.isArray(value) && value[2]).toBe(parsed.body.seq);
      return parsed.body.payload.type;
    });
    expect(new Set(types).size).toBe(8);
  });

  test("[SC2] a hash covers the received body, and that of the genesis is the account id", () => {
    const [genesis] = world.links;
    const parsed = must(parseLink(genesis ?? new Uint8Array()));
    expect(parsed.hash).toBe(toHex(hash(LABEL.linkHash, parsed.bodyBytes)));
    expect(stateOf(world).accountId).toBe(parsed.hash);
    const resigned = encodeLink(parsed.bodyBytes, parsed.signatures.slice(0, 1));
    expect(must(parseLink(resigned)).hash).toBe(parsed.hash);
  });

  test("[SC3] ids of devices and recovery keys are 16 bytes of a hash of the signing key, never the same", () => {
    const { sign, id } = firstKeys(world);
    expect(id).toBe(toHex(hash(LABEL.deviceId, sign.publicKey)).slice(0, 32));
    expect(deviceIdOf(sign.publicKey)).toBe(id);
    expect(recoveryIdOf(sign.publicKey)).not.toBe(id);
  });

  test("[SC4] trailing bytes, another encoding of the same value, and a wrong shape are refused", () => {
    const link = world.links[3] ?? new Uint8Array();
    const parsed = must(parseLink(link));
    for (const bad of [
      concatBytes(link, Uint8Array.of(0)),
      link.subarray(0, -1),
      encodeCbor([]),
      encodeLink(concatBytes(parsed.bodyBytes, Uint8Array.of(0)), parsed.signatures),
      // 0x18 0x01 is 1 in two bytes: the version, not in its shortest form.
      encodeLink(concatBytes(Uint8Array.of(0x88, 0x18, 1), parsed.bodyBytes.subarray(2)), parsed.signatures),
      encodeLink(new Uint8Array(1), parsed.signatures),
    ]) {
      expect(refusal(parseLink(bad)).type).toBe("MalformedLink");
    }
  });

  test("[SC5] a version we do not know is named as such", () => {
    const value = must(decodeCbor(must(parseLink(world.links[3] ?? new Uint8Array())).bodyBytes));
    const newer = encodeCbor(Array.isArray(value) ? [2, ...value.slice(1)] : []);
    expect(refusal(parseLinkBody(newer))).toEqual({ type: "UnsupportedLinkVersion", version: 2 });
  });

  test("[SC5] a link is at most LINK_BYTES_MAX bytes", () => {
    const over = refusal(parseLink(new Uint8Array(LINK_BYTES_MAX + 1)));
    expect(over).toEqual({ type: "LinkTooLarge", bytes: LINK_BYTES_MAX + 1, bytesMax: LINK_BYTES_MAX });
    expect(refusal(parseLink(new Uint8Array(LINK_BYTES_MAX))).type).toBe("MalformedLink");
    expect(Math.max(...world.links.map((link) => link.length))).toBeLessThan(LINK_BYTES_MAX);
  });

  test("the KEM key length is X-Wing's", () => {
    expect(KEM_PUBLIC_KEY_BYTES).toBe(XWING_PUBLIC_KEY_BYTES);
  });
});
