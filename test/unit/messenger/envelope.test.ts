/** Bodies and letters: a letter opens the body it names, with the ops it names, and no other. */
import { beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { idFromBytes, idBytes } from "../../../core/base/ids.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  encodeLetter,
  hashBody,
  type Letter,
  openBody,
  OPS_PER_BODY_MAX,
  ratchetContext,
  sealBody,
} from "../../../core/messenger/envelope.ts";
import type { NamedOp } from "../../../core/messenger/op.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { filled, logOf, messageOp } from "../../support/messages.ts";

const random = createSeededRandom("envelope");
beforeAll(cryptoReady);

const pin = (byte: number) => ({ seq: byte, head: idFromBytes("link", filled(byte)) });

/** A body with the letter that names it. */
function written(ops: readonly NamedOp[], changes: Partial<Letter> = {}) {
  const { body, bodyKey, opsHash } = sealBody(random, ops);
  const letter: Letter = {
    version: 1,
    bodyKey,
    bodyHash: hashBody(body),
    opsHash,
    mine: pin(1),
    yours: pin(2),
    receipt: null,
    ...changes,
  };
  return { body, letter, bytes: encodeLetter(letter) };
}

const ops = (count: number) =>
  Array.from({ length: count }, (_, i) => messageOp({ deviceSeq: i }, `text ${i}`));

describe("[DM4] a body", () => {
  test("opens with its letter to the ops it was made of, in their order", () => {
    for (const receipt of [null, { incarnation: 0, seq: 4, chain: filled(3) }]) {
      const { body, bytes, letter } = written(ops(3), { receipt });
      expect(openBody(bytes, body)).toEqual({ ok: true, value: { letter, ops: ops(3) } });
    }
  });

  test("carries 1 to 32 ops", () => {
    const { body, bytes } = written(ops(OPS_PER_BODY_MAX));
    expect(openBody(bytes, body)).toMatchObject({ ok: true, value: { ops: { length: OPS_PER_BODY_MAX } } });
    for (const count of [0, OPS_PER_BODY_MAX + 1]) {
      const other = written(ops(count));
      expect(openBody(other.bytes, other.body)).toMatchObject({
        ok: false,
        error: { type: "MalformedShape" },
      });
    }
  });

  test.each([
    ["another body", () => openBody(written(ops(1)).bytes, written(ops(1)).body), "BodyMismatch"],
    [
      "another key",
      () => {
        const { body, letter } = written(ops(1));
        return openBody(encodeLetter({ ...letter, bodyKey: filled(1) }), body);
      },
      "DoesNotOpen",
    ],
    [
      "other ops than it names",
      () => {
        const { body, letter } = written(ops(2));
        return openBody(encodeLetter({ ...letter, opsHash: written(ops(1)).letter.opsHash }), body);
      },
      "OpsMismatch",
    ],
    [
      "the ops it names in another order",
      () => {
        const { body, letter } = written(ops(2));
        return openBody(
          encodeLetter({
            ...letter,
            opsHash: hash(LABEL.bodyOps, ...[...ops(2)].reverse().map((op) => idBytes(op.id))),
          }),
          body,
        );
      },
      "OpsMismatch",
    ],
    ["a letter that is none", () => openBody(filled(1, 40), written(ops(1)).body), "MalformedCbor"],
    [
      "a letter with something after it",
      () => {
        const { body, bytes } = written(ops(1));
        return openBody(Uint8Array.from([...bytes, 0]), body);
      },
      "MalformedCbor",
    ],
  ])("with %s is refused", (_what, open, type) => {
    expect(open()).toMatchObject({ ok: false, error: { type } });
  });

  /** A body that a hostile device made by hand, with a letter that names it. */
  function byHand(plain: Uint8Array) {
    const key = filled(7);
    const body = seal(random, { key, label: LABEL.sealBody, aad: new Uint8Array(0) }, plain);
    const { letter } = written(ops(1));
    return openBody(encodeLetter({ ...letter, bodyKey: key, bodyHash: hashBody(body) }), body);
  }

  test.each([
    ["without padding", () => encodeCbor([messageOp().bytes]), "BadPadding"],
    ["with an op that is none", () => pad(encodeCbor([filled(1, 30)])), "MalformedCbor"],
    ["with something else in it", () => pad(encodeCbor(["text"])), "MalformedShape"],
    ["with an op too large", () => pad(encodeCbor([filled(1, 65_537)])), "MalformedShape"],
  ])("made %s is refused", (_what, plain, type) => {
    expect(byHand(plain())).toMatchObject({ ok: false, error: { type } });
  });
});

test("[DM4] what an envelope is bound to differs by log and by kind, and is pinned", () => {
  const contexts = [
    ratchetContext(logOf(1), 2),
    ratchetContext(logOf(2), 2),
    ratchetContext(logOf(1), 3),
  ].map(toHex);
  expect(new Set(contexts).size).toBe(3);
  expect(contexts[0]).toBe(`825820${"01".repeat(32)}02`);
});
