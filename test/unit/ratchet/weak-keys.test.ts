/** Public keys of low order at every place where X25519 takes one from outside. */
import { beforeAll, expect, test } from "vitest";
import { agree } from "../../../core/crypto/agreement.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { LOW_ORDER_POINTS } from "../../support/low-order-points.ts";
import { createEstablished } from "../../support/ratchet-conversation.ts";
import { findWeakInputs } from "../../support/refuse-weak-keys.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { describeVectors } from "../../support/shared-data.ts";
import { readWycheproof } from "../../support/wycheproof.ts";

const random = createSeededRandom("weak keys");

beforeAll(cryptoReady);

test("the list has 14 encodings, all different", () => {
  expect(new Set(LOW_ORDER_POINTS.map(String)).size).toBe(14);
});

test("[PX3] every encoding of low order is refused at every input", () => {
  const conversation = createEstablished(random);
  expect(LOW_ORDER_POINTS.flatMap((point) => findWeakInputs(random, conversation, point))).toEqual([]);
});

test("[PX3] the check can fail: a key of full order passes all but the changed ones", () => {
  const conversation = createEstablished(random);
  const passed = findWeakInputs(random, conversation, conversation.device.a.agreement.publicKey);
  expect(passed).toHaveLength(7);
});

describeVectors("wycheproof", "x25519_test.json", (set) => {
  const zero = readWycheproof(set, "x25519_test.json").filter((one) =>
    /^0*$/.test(Buffer.from(one.hex("shared")).toString("hex")),
  );

  test("[PX3] 31 published cases agree on zero, and each is refused at every input", () => {
    expect(zero.length).toBeGreaterThanOrEqual(31);
    const conversation = createEstablished(random);
    for (const one of zero) {
      expect(agree(one.hex("private"), one.hex("public"))).toEqual({
        ok: false,
        error: { type: "WeakPublicKey" },
      });
      expect(findWeakInputs(random, conversation, one.hex("public"))).toEqual([]);
    }
  });
});
