/** Entries of inbound and request logs: bound to their place and body, and within the limits in the worst case. */
import { beforeAll, describe, expect, test } from "vitest";
import { ENTRY_BYTES_MAX, ENVELOPES_MAX, SERVER_ORIGIN_CHARS_MAX } from "../../../core/base/limits.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { PADDINGS } from "../../../core/crypto/padding.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { kemKeyPairFromSeed } from "../../../core/crypto/xwing.ts";
import { BODY_BYTES_MAX, OPS_PER_BODY_MAX, sealBody } from "../../../core/messenger/envelope.ts";
import {
  ENVELOPE_BYTES_MAX,
  type InboundOuter,
  openInbound,
  openRequest,
  REPLACED_ENTRIES_MAX,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_ENVELOPES_MAX,
  type RequestOuter,
  sealInbound,
  sealRequest,
} from "../../../core/messenger/inbound-entry.ts";
import { createOp, type NamedOp } from "../../../core/messenger/op.ts";
import { encodeEntryHeader, ENTRY_KIND } from "../../../core/protocol/entry.ts";
import { REQUEST_ENTRY_BYTES_MAX } from "../../../sync-server/limits.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { accountOf, deviceOf, entryOf, filled, logOf, opFields } from "../../support/messages.ts";

/** A prekey message with the longest letter: test/unit/ratchet has its parts. */
const LONGEST_ENVELOPE_BYTES = 1_510;
const random = createSeededRandom("inbound-entry");
const HK = filled(5);
beforeAll(cryptoReady);

const header = (writerSeq = 1, kind: number = ENTRY_KIND.message, epoch: number | null = null) =>
  encodeEntryHeader({
    version: 1,
    kind,
    writerTag: idFromBytes("writerTag", filled(1, 16)),
    writerSeq,
    epoch,
    expect: null,
  });
const place = (changes: object = {}) => ({ logId: logOf(1), header: header(), ...changes });
const envelopes = (count: number, length = 40) =>
  Array.from({ length: count }, (_, i) => ({ device: deviceOf(i), envelope: filled(i, length) }));
const outer = (changes: Partial<InboundOuter> = {}): InboundOuter => ({
  version: 1,
  device: deviceOf(1),
  envelopes: envelopes(2),
  replaces: [],
  ...changes,
});
const requestOuter = (changes: Partial<RequestOuter> = {}): RequestOuter => ({
  version: 1,
  account: accountOf(1),
  origin: "https://dove.example",
  chainSeq: 3,
  chainHead: idFromBytes("link", filled(2)),
  device: deviceOf(1),
  envelopes: envelopes(2),
  ...changes,
});
const requestKey = (byte = 8) => kemKeyPairFromSeed(filled(byte));

/** A request, which must seal. */
function request(
  outerLayer = requestOuter(),
  body = filled(7, 300),
  at = place({ header: header(1, ENTRY_KIND.contactRequest, 1) }),
): Uint8Array {
  const sealed = sealRequest(random, requestKey().publicKey, at, outerLayer, body);
  if (!sealed.ok) throw new Error(sealed.error.type);
  return sealed.value;
}

describe("[DM2] a message entry", () => {
  test("opens at its place to outer layer and body", () => {
    const sealed = sealInbound(random, HK, place(), outer({ replaces: [entryOf(3)] }), filled(7, 300));
    expect(openInbound(HK, place(), sealed)).toEqual({
      ok: true,
      value: { outer: outer({ replaces: [entryOf(3)] }), body: filled(7, 300) },
    });
  });

  const sealed = () => sealInbound(random, HK, place(), outer(), filled(7, 300));
  test.each([
    ["another key", () => openInbound(filled(6), place(), sealed())],
    ["another log", () => openInbound(HK, place({ logId: logOf(2) }), sealed())],
    ["another counter", () => openInbound(HK, place({ header: header(2) }), sealed())],
    [
      "another kind",
      () => openInbound(HK, place({ header: header(1, ENTRY_KIND.contactRequest) }), sealed()),
    ],
    [
      "another body of the same length",
      () => {
        const bytes = sealed();
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return openInbound(HK, place(), bytes);
      },
    ],
    [
      "the body of another entry",
      () => {
        const [a, b] = [sealed(), sealInbound(random, HK, place(), outer(), filled(9, 300))];
        return openInbound(
          HK,
          place(),
          Uint8Array.from([...a.slice(0, a.length - 300), ...b.slice(b.length - 300)]),
        );
      },
    ],
  ])("with %s does not open", (_what, open) => {
    expect(open()).toEqual({ ok: false, error: { type: "DoesNotOpen" } });
  });

  test("that is something else is refused", () => {
    expect(openInbound(HK, place(), filled(1, 500)).ok).toBe(false);
    expect(openInbound(HK, place(), new Uint8Array(0)).ok).toBe(false);
    expect(openInbound(HK, place(), Uint8Array.from([...sealed(), 0])).ok).toBe(false);
  });
});

describe("[FC2] a request", () => {
  const at = () => place({ header: header(1, ENTRY_KIND.contactRequest, 1) });

  test("opens with the request key to outer layer and body", () => {
    expect(openRequest(requestKey(), at(), request())).toEqual({
      ok: true,
      value: { outer: requestOuter(), body: filled(7, 300) },
    });
  });

  test.each([
    ["another epoch's key", () => openRequest(requestKey(9), at(), request())],
    ["another log", () => openRequest(requestKey(), { ...at(), logId: logOf(2) }, request())],
    [
      "another epoch in its header",
      () => openRequest(requestKey(), place({ header: header(1, ENTRY_KIND.contactRequest, 2) }), request()),
    ],
    [
      "another counter",
      () => openRequest(requestKey(), place({ header: header(2, ENTRY_KIND.contactRequest, 1) }), request()),
    ],
    [
      "a changed KEM ciphertext",
      () => {
        const bytes = request();
        bytes[40] = (bytes[40] ?? 0) ^ 1;
        return openRequest(requestKey(), at(), bytes);
      },
    ],
    [
      "a changed body",
      () => {
        const bytes = request();
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        return openRequest(requestKey(), at(), bytes);
      },
    ],
  ])("with %s does not open", (_what, open) => {
    expect(open()).toEqual({ ok: false, error: { type: "DoesNotOpen" } });
  });

  test("to something that is no key is not sealed", () => {
    expect(sealRequest(random, filled(0, 10), at(), requestOuter(), filled(1, 9)).ok).toBe(false);
  });
});

describe("[DM3] limits", () => {
  /** Ops that weigh exactly `bytes` together, each counted with 8. */
  function opsOf(bytes: number, count: number): NamedOp[] {
    const size = Math.floor(bytes / count) - 8;
    const base = createOp(opFields({ kind: 9, payload: new Uint8Array(0), deviceSeq: 1_000 })).bytes.length;
    return Array.from({ length: count }, (_, i) => {
      const length = size - base + (i === 0 ? bytes - count * (size + 8) : 0);
      const guess = createOp(opFields({ kind: 9, payload: random.bytes(length), deviceSeq: 1_000 + i }));
      return createOp(
        opFields({
          kind: 9,
          payload: random.bytes(length - (guess.bytes.length - base - length)),
          deviceSeq: 1_000 + i,
        }),
      );
    });
  }
  const weightOf = (ops: readonly NamedOp[]) => ops.reduce((sum, op) => sum + op.bytes.length + 8, 0);

  test.each([3, OPS_PER_BODY_MAX])(
    "the heaviest body of %i ops fits an entry with 64 prekey messages and 64 replaced entries",
    (count) => {
      const ops = opsOf(BODY_BYTES_MAX, count);
      expect(weightOf(ops)).toBe(BODY_BYTES_MAX);
      const full = outer({
        envelopes: envelopes(ENVELOPES_MAX, LONGEST_ENVELOPE_BYTES),
        replaces: Array.from({ length: REPLACED_ENTRIES_MAX }, (_, i) => entryOf(i)),
      });
      for (const padding of PADDINGS) {
        const { body } = sealBody(random, ops, padding);
        const sealed = sealInbound(random, HK, place(), full, body, padding);
        expect(sealed.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
        expect(openInbound(HK, place(), sealed).ok).toBe(true);
      }
    },
  );

  test("the heaviest request fits what a request log takes", () => {
    const ops = opsOf(REQUEST_BODY_BYTES_MAX, 1);
    expect(weightOf(ops)).toBe(REQUEST_BODY_BYTES_MAX);
    const full = requestOuter({
      origin: `https://${"a".repeat(SERVER_ORIGIN_CHARS_MAX - 8)}`,
      chainSeq: Number.MAX_SAFE_INTEGER,
      envelopes: envelopes(REQUEST_ENVELOPES_MAX, LONGEST_ENVELOPE_BYTES),
    });
    for (const padding of PADDINGS) {
      const { body } = sealBody(random, ops, padding);
      const sealed = sealRequest(random, requestKey().publicKey, place(), full, body, padding);
      expect(sealed.ok && sealed.value.length).toBeLessThanOrEqual(REQUEST_ENTRY_BYTES_MAX);
    }
  });

  test("there are 1 to 64 envelopes of at most 8,192 bytes, and up to 64 replaced entries", () => {
    const opened = (changes: Partial<InboundOuter>) =>
      openInbound(HK, place(), sealInbound(random, HK, place(), outer(changes), filled(1, 9))).ok;
    expect(opened({ envelopes: envelopes(ENVELOPES_MAX) })).toBe(true);
    expect(opened({ envelopes: envelopes(ENVELOPES_MAX + 1) })).toBe(false);
    expect(opened({ envelopes: [] })).toBe(false);
    expect(opened({ envelopes: envelopes(1, ENVELOPE_BYTES_MAX) })).toBe(true);
    expect(() => opened({ envelopes: envelopes(1, ENVELOPE_BYTES_MAX + 1) })).toThrow("fits");
    const replaced = (count: number) => opened({ replaces: Array.from({ length: count }, () => entryOf(1)) });
    expect(replaced(REPLACED_ENTRIES_MAX)).toBe(true);
    expect(replaced(REPLACED_ENTRIES_MAX + 1)).toBe(false);
  });
});
