/** Making, storing, publishing, replacing and erasing prekeys. */
import { present } from "../../../core/base/assert.ts";
import { beforeAll, describe, expect, test } from "vitest";
import {
  PREKEY_LIFETIME_MS,
  PREKEY_POOL_MAX,
  PREKEY_REFILL_BELOW,
  PREKEY_ROTATE_MS,
  PREKEYS_KEPT_MAX,
} from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { preKeyIdOf } from "../../../core/protocol/prekey.ts";
import { erasablePreKeys, planPreKeys, retirePreKey } from "../../../core/ratchet/prekey-policy.ts";
import {
  createPreKey,
  decodePreKeyRecord,
  encodePreKeyRecord,
  type PreKeyRecord,
  publishPreKey,
} from "../../../core/ratchet/prekey-record.ts";
import { createTestDevice, type StockedDevice, unwrap } from "../../support/ratchet-device.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

const random = createSeededRandom("records");
const MADE_AT_MS = 1_800_000_000_000;
/** Counted time, and the server's, which is the same unless a test says otherwise. */
const at = (steadyMs: number, likelyMs = steadyMs) => ({ steadyMs, likelyMs });
let device: StockedDevice;
let records: readonly PreKeyRecord[];

beforeAll(async () => {
  await cryptoReady();
  device = createTestDevice(random);
  records = (["signed", "oneTime", "lastResort"] as const).map((kind) =>
    createPreKey(random, kind, at(MADE_AT_MS)),
  );
});

describe("a prekey record", () => {
  test("[PK4] has the keys of its kind, [PK3] the id of its keys, [PK10] and 90 days", () => {
    expect(records.map((record) => Object.keys(record).filter((name) => /agreement|kem/.test(name)))).toEqual(
      [["agreement"], ["agreement", "kem"], ["kem"]],
    );
    for (const record of records) {
      const agreementPk = record.type === "lastResort" ? null : record.agreement.publicKey;
      const kemPk = record.type === "signed" ? null : record.kem.publicKey;
      expect(record.id).toBe(preKeyIdOf(agreementPk, kemPk));
      expect(record).toMatchObject({ expiresAtMs: MADE_AT_MS + PREKEY_LIFETIME_MS, retiredAtMs: null });
    }
  });
  test("is stored and read again whole", () => {
    for (const record of [...records, ...records.map((one) => retirePreKey(one, MADE_AT_MS + 5))])
      expect(unwrap(decodePreKeyRecord(encodePreKeyRecord(record)))).toEqual(record);
  });
  test("is refused when a byte is missing or added", () => {
    for (const record of records) {
      const stored = encodePreKeyRecord(record);
      expect(decodePreKeyRecord(stored.subarray(0, -1)).ok).toBe(false);
      expect(decodePreKeyRecord(Uint8Array.from([...stored, 0])).ok).toBe(false);
    }
  });
  test("[PK5] is published as the same bytes each time, after storing too", () => {
    for (const record of records) {
      const again = unwrap(decodePreKeyRecord(encodePreKeyRecord(record)));
      expect(publishPreKey(again, device)).toEqual(publishPreKey(record, device));
    }
  });
  test("two are never the same", () => {
    const ids = Array.from({ length: 20 }, () => createPreKey(random, "signed", at(0)).id);
    expect(new Set(ids).size).toBe(20);
  });
});

describe("planPreKeys", () => {
  const plan = (changes: Partial<Record<"nowMs" | "likelyMs" | "oneTimeOnServer", number>>, of = records) =>
    planPreKeys(
      { records: of, oneTimeOnServer: changes.oneTimeOnServer ?? PREKEY_POOL_MAX },
      at(changes.nowMs ?? MADE_AT_MS + 1, changes.likelyMs),
    );
  const idOf = (type: PreKeyRecord["type"]) =>
    records.filter((record) => record.type === type).map(({ id }) => id);
  const nothing = { makeSigned: false, makeLastResort: false, makeOneTime: 0, retire: [] };

  test("does nothing while all is fresh, and makes all when there is nothing", () => {
    expect(plan({})).toEqual(nothing);
    expect(plan({ oneTimeOnServer: 0 }, [])).toEqual({
      makeSigned: true,
      makeLastResort: true,
      makeOneTime: PREKEY_POOL_MAX,
      retire: [],
    });
  });
  test.each([
    [-1, false],
    [0, true],
    [1, true],
  ])("[PK7] replaces signed and last-resort at seven days %i ms: %s", (offsetMs, isDue) => {
    const due = {
      ...nothing,
      makeSigned: true,
      makeLastResort: true,
      retire: [...idOf("signed"), ...idOf("lastResort")],
    };
    expect(plan({ nowMs: MADE_AT_MS + PREKEY_ROTATE_MS + offsetMs })).toEqual(isDue ? due : nothing);
    expect(plan({ nowMs: MADE_AT_MS - PREKEY_ROTATE_MS - offsetMs })).toEqual(isDue ? due : nothing);
  });
  test("[PK7] replaces a last-resort prekey as soon as it was used", () => {
    const used = records.map((record) =>
      record.type === "lastResort" ? { ...record, isUsed: true } : record,
    );
    expect(plan({}, used)).toEqual({ ...nothing, makeLastResort: true, retire: idOf("lastResort") });
  });
  test("[PK7] what was replaced is not due again", () => {
    const later = MADE_AT_MS + PREKEY_ROTATE_MS;
    const fresh = (["signed", "lastResort"] as const).map((kind) => createPreKey(random, kind, at(later)));
    const retired = records.map((record) =>
      record.type === "oneTime" ? record : retirePreKey(record, later),
    );
    expect(plan({ nowMs: later }, [...retired, ...fresh])).toEqual(nothing);
  });
  test.each([
    [PREKEY_REFILL_BELOW + 1, 0],
    [PREKEY_REFILL_BELOW, 0],
    [PREKEY_REFILL_BELOW - 1, PREKEY_POOL_MAX - PREKEY_REFILL_BELOW + 1],
    [0, PREKEY_POOL_MAX],
    [-1, PREKEY_POOL_MAX],
  ])("[PK8] with %i one-time prekeys on the server, makes %i", (oneTimeOnServer, makeOneTime) => {
    expect(plan({ oneTimeOnServer })).toEqual({ ...nothing, makeOneTime });
  });
  test.each([
    [PREKEYS_KEPT_MAX - PREKEY_POOL_MAX, PREKEY_POOL_MAX],
    [PREKEYS_KEPT_MAX - 1, 1],
    [PREKEYS_KEPT_MAX, 0],
    [PREKEYS_KEPT_MAX + 1, 0],
  ])("[PK8] of a device that keeps %i, a server that says it has none is given %i", (kept, makeOneTime) => {
    const [oneTime] = records.filter(({ type }) => type === "oneTime");
    const others = records.filter(({ type }) => type !== "oneTime");
    const many = Array.from({ length: kept }, () => present(oneTime, "a one-time prekey"));
    expect(plan({ oneTimeOnServer: 0 }, [...others, ...many]).makeOneTime).toBe(makeOneTime);
    const retired = many.map((record) => retirePreKey(record, MADE_AT_MS));
    expect(plan({ oneTimeOnServer: 0 }, [...others, ...retired]).makeOneTime).toBe(PREKEY_POOL_MAX);
  });
  test("[PK10] a one-time prekey nobody used in its lifetime is retired", () => {
    const expired = plan({ nowMs: MADE_AT_MS + PREKEY_LIFETIME_MS });
    expect(expired.retire).toContain(idOf("oneTime")[0]);
    expect(plan({ nowMs: MADE_AT_MS + PREKEY_LIFETIME_MS - 1 }).retire).not.toContain(idOf("oneTime")[0]);
  });
  test("[PK12] what the server still hands out is kept, whatever this clock says, and the other way round", () => {
    const oneTime = idOf("oneTime")[0];
    const over = MADE_AT_MS + PREKEY_LIFETIME_MS;
    expect(plan({ nowMs: over, likelyMs: over - 1 }).retire).not.toContain(oneTime);
    expect(plan({ nowMs: over - 1, likelyMs: over }).retire).not.toContain(oneTime);
    expect(plan({ nowMs: over, likelyMs: over }).retire).toContain(oneTime);
  });
  test("[PK12] signed and last-resort are made anew when the server takes them for over", () => {
    const likelyMs = MADE_AT_MS + PREKEY_LIFETIME_MS;
    expect(plan({ likelyMs: likelyMs - 1 })).toEqual(nothing);
    expect(plan({ likelyMs })).toMatchObject({ makeSigned: true, makeLastResort: true });
  });
});

describe("erasing", () => {
  test("[PK9] a private half goes when the log is read past its replacement, not before", () => {
    const retired = records.map((record, i) => retirePreKey(record, MADE_AT_MS + i));
    const erasable = (readToMs: number) =>
      erasablePreKeys([...retired, createPreKey(random, "signed", at(0))], readToMs);
    expect(erasable(MADE_AT_MS)).toEqual([]);
    expect(erasable(MADE_AT_MS + 1)).toEqual([retired[0]?.id]);
    expect(erasable(MADE_AT_MS + 3)).toEqual(retired.map(({ id }) => id));
  });
  test("[PK9] retiring twice keeps the first time", () => {
    const once = records.map((record) => retirePreKey(record, 7));
    expect(once.map((record) => retirePreKey(record, 9))).toEqual(once);
  });
});
