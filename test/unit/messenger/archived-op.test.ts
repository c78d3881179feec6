/** Ops as buckets hold them. */
import { beforeAll, expect, test } from "vitest";
import { toHex } from "../../../core/base/bytes.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { encodeArchivedOp, parseArchivedOp } from "../../../core/messenger/archived-op.ts";
import { entryOf, filled, messageOp } from "../../support/messages.ts";

beforeAll(cryptoReady);

test("[MS5] an archived op comes back with the entry it came in", () => {
  for (const source of [null, entryOf(4)])
    expect(parseArchivedOp(encodeArchivedOp(messageOp(), source))).toEqual({
      ok: true,
      value: { op: messageOp(), source },
    });
  expect(toHex(encodeArchivedOp(messageOp(), entryOf(4)))).toBe(
    `8258${(messageOp().bytes.length).toString(16)}${toHex(messageOp().bytes)}5820${"04".repeat(32)}`,
  );
});

test.each([
  ["bytes that are no op", encodeCbor([filled(1, 9), null])],
  ["an empty op", encodeCbor([new Uint8Array(0), null])],
  ["a source that is no entry id", encodeCbor([filled(1, 9), filled(1, 31)])],
  ["something after it", Uint8Array.from([...encodeCbor([filled(1, 9), null]), 0])],
  ["nothing", new Uint8Array(0)],
])("[MS5] a sibling's %s is refused", (_what, bytes) => {
  expect(parseArchivedOp(bytes).ok).toBe(false);
});
