/** Envelopes and headers: one form, bounded, and nothing opens that was not sealed so. */
import { beforeAll, describe, expect, test } from "vitest";
import { CHAIN_MESSAGES_MAX, ENVELOPE_PLAINTEXT_BYTES_MAX } from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { decodeEnvelope, ENVELOPE_BYTES_MAX, encodeEnvelope } from "../../../core/ratchet/envelope.ts";
import { openHeader, readU32, sealHeader, writeU32 } from "../../../core/ratchet/message-header.ts";
import { encryptMessage } from "../../../core/ratchet/session-set.ts";
import { SESSION_START_BYTES } from "../../../core/ratchet/session-start.ts";
import { createConversation, createEstablished } from "../../support/ratchet-conversation.ts";
import { unwrap } from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("envelopes");
const malformed = (why: string) => ({ ok: false, error: { type: "MalformedEnvelope", why } });

beforeAll(cryptoReady);

describe("the envelope", () => {
  const parts = (start: Uint8Array | null, bodyBytes: number) => ({
    start,
    nonce: random.bytes(24),
    sealedHeader: random.bytes(56),
    body: random.bytes(bodyBytes),
  });

  test("[DR5] is read as it was written, with and without a start", () => {
    for (const start of [null, random.bytes(SESSION_START_BYTES)]) {
      for (const bodyBytes of [16, 17, 16 + ENVELOPE_PLAINTEXT_BYTES_MAX]) {
        const envelope = parts(start, bodyBytes);
        expect(unwrap(decodeEnvelope(encodeEnvelope(envelope)))).toEqual(envelope);
      }
    }
  });
  test("[DR5] every length outside the limits is refused, for each kind", () => {
    const smallest = 1 + 24 + 56 + 16;
    for (const [kind, extra] of [
      [1, 0],
      [2, SESSION_START_BYTES],
    ] as const) {
      const accepted: number[] = [];
      for (let length = 0; length <= ENVELOPE_BYTES_MAX + 2; length++) {
        const bytes = new Uint8Array(length);
        if (length > 0) bytes[0] = kind;
        if (decodeEnvelope(bytes).ok) accepted.push(length);
      }
      expect([accepted[0], accepted.at(-1)]).toEqual([
        smallest + extra,
        smallest + extra + ENVELOPE_PLAINTEXT_BYTES_MAX,
      ]);
      expect(accepted).toHaveLength(ENVELOPE_PLAINTEXT_BYTES_MAX + 1);
    }
  });
  test("[DR5] every other first byte is refused", () => {
    const envelope = encodeEnvelope(parts(null, 20));
    for (let kind = 0; kind < 256; kind++) {
      envelope[0] = kind;
      if (kind === 1) expect(decodeEnvelope(envelope).ok).toBe(true);
      else expect(decodeEnvelope(envelope)).toEqual(malformed(kind === 2 ? "length" : "kind"));
    }
    expect(decodeEnvelope(new Uint8Array(ENVELOPE_BYTES_MAX + 1))).toEqual(malformed("length"));
  });
  test("[DR5] a plaintext of the largest size travels, a larger one is refused with both sizes named", () => {
    for (const conversation of [createEstablished(random), createConversation(random)]) {
      if (conversation.set("a") === null) conversation.start("a");
      const envelope = conversation.send("a", random.bytes(ENVELOPE_PLAINTEXT_BYTES_MAX));
      expect(envelope.length).toBeLessThanOrEqual(ENVELOPE_BYTES_MAX);
      expect(unwrap(conversation.receive("b", envelope)).plaintext).toHaveLength(
        ENVELOPE_PLAINTEXT_BYTES_MAX,
      );
      const set = conversation.set("a");
      if (set === null) throw new Error("a has a session");
      const plaintext = random.bytes(ENVELOPE_PLAINTEXT_BYTES_MAX + 1);
      expect(encryptMessage({ random }, set, { context: conversation.context, plaintext })).toEqual({
        ok: false,
        error: { type: "PlaintextTooLarge", bytes: plaintext.length, bytesMax: ENVELOPE_PLAINTEXT_BYTES_MAX },
      });
    }
  });
  test("an empty plaintext travels", () => {
    const conversation = createEstablished(random);
    expect(
      unwrap(conversation.receive("b", conversation.send("a", new Uint8Array(0)))).plaintext,
    ).toHaveLength(0);
  });
});

describe("the header", () => {
  const [headerKey, nonce] = [random.bytes(32), random.bytes(24)];
  const header = {
    ratchetPk: random.bytes(32),
    previousLength: CHAIN_MESSAGES_MAX,
    index: CHAIN_MESSAGES_MAX - 1,
  };

  test("[DR3] opens under its key and nonce alone", () => {
    const sealed = sealHeader(headerKey, nonce, header);
    expect(openHeader(headerKey, nonce, sealed)).toEqual(header);
    expect(openHeader(random.bytes(32), nonce, sealed)).toBeNull();
    expect(openHeader(headerKey, random.bytes(24), sealed)).toBeNull();
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x80;
      expect(openHeader(headerKey, nonce, changed)).toBeNull();
    }
    expect(openHeader(headerKey, nonce, new Uint8Array(0))).toBeNull();
  });
  test("[DR3] an index whose successor could not be stored does not open", () => {
    const sealed = sealHeader(headerKey, nonce, { ...header, index: CHAIN_MESSAGES_MAX });
    expect(openHeader(headerKey, nonce, sealed)).toBeNull();
  });
  test("[DR3] an onlooker sees no two equal headers", () => {
    const conversation = createEstablished(random);
    const headers = Array.from({ length: 50 }, () =>
      String(conversation.send("a", new Uint8Array(1)).slice(25, 81)),
    );
    expect(new Set(headers).size).toBe(50);
  });
  test.each([0, 1, 255, 256, 65_536, 2 ** 31, CHAIN_MESSAGES_MAX])("four bytes hold %i", (value) => {
    const bytes = new Uint8Array(6);
    writeU32(bytes, 1, value);
    expect(readU32(bytes, 1)).toBe(value);
    expect([bytes[0], bytes[5]]).toEqual([0, 0]);
  });
});
