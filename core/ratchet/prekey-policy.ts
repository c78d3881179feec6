/**
 * When prekeys are made, replaced and erased: pure functions of the records and of time.
 *
 * A signed prekey is replaced weekly, a last-resort one weekly and as soon as it was used, because until then what was
 * sealed to it can be opened by who takes the device. Ages are counted, so no clock that jumps erases what the server
 * still hands out. Rules PK7-PK9, PK12 of docs/protocol/ratchet.md.
 */
import type { PreKeyId } from "../base/ids.ts";
import {
  PREKEY_LIFETIME_MS,
  PREKEY_POOL_MAX,
  PREKEY_REFILL_BELOW,
  PREKEY_ROTATE_MS,
  PREKEYS_KEPT_MAX,
} from "../base/limits.ts";
import type { PreKeyNow, PreKeyRecord } from "./prekey-record.ts";

/** What there is: the records of this device, and how many one-time prekeys the server says it still holds. */
export interface PreKeyStock {
  readonly records: readonly PreKeyRecord[];
  readonly oneTimeOnServer: number;
}

/** What to do. The caller makes, stores, uploads, and then retires what was replaced. */
export interface PreKeyPlan {
  readonly makeSigned: boolean;
  readonly makeLastResort: boolean;
  readonly makeOneTime: number;
  /** No longer handed out once the new ones are uploaded: mark each with `retirePreKey`. */
  readonly retire: readonly PreKeyId[];
}

/**
 * Says which prekeys are due.
 *
 * After a server lost what it had (a new incarnation), call it with no records and a count of 0, and retire all.
 */
export function planPreKeys(stock: PreKeyStock, now: PreKeyNow): PreKeyPlan {
  const live = stock.records.filter((record) => record.retiredAtMs === null);
  const due = live.filter((record) => isDue(record, now));
  const isMissing = (type: PreKeyRecord["type"]) =>
    !live.some((record) => record.type === type && !due.includes(record));
  const { oneTimeOnServer } = stock;
  // PK8: a full refill at once, so that its moment tells little about when the device is online.
  const missing = oneTimeOnServer < PREKEY_REFILL_BELOW ? PREKEY_POOL_MAX - Math.max(0, oneTimeOnServer) : 0;
  const kept = live.filter(({ type }) => type === "oneTime").length;
  return {
    makeSigned: isMissing("signed"),
    makeLastResort: isMissing("lastResort"),
    makeOneTime: Math.min(missing, Math.max(0, PREKEYS_KEPT_MAX - kept)),
    retire: due.map((record) => record.id),
  };
}

function isDue(record: PreKeyRecord, { steadyMs, likelyMs }: PreKeyNow): boolean {
  const ageMs = Math.abs(steadyMs - record.createdAtMs);
  const isOver = likelyMs >= record.expiresAtMs;
  // PK12: nobody used it in its lifetime, and who hands them out hands it out no more.
  if (record.type === "oneTime") return isOver && ageMs >= PREKEY_LIFETIME_MS;
  if (record.type === "lastResort" && record.isUsed) return true;
  // PK7
  return isOver || ageMs >= PREKEY_ROTATE_MS;
}

/** Marks a prekey as no longer handed out. Its private half stays until `erasablePreKeys` names it. */
export function retirePreKey<R extends PreKeyRecord>(record: R, steadyMs: number): R {
  return record.retiredAtMs === null ? { ...record, retiredAtMs: steadyMs } : record;
}

/**
 * Retired prekeys whose private half nothing can need any more.
 *
 * `inboxReadToMs`: everything the inbound log held at that counted time has been read (PK9).
 */
export function erasablePreKeys(
  records: readonly PreKeyRecord[],
  inboxReadToMs: number,
): readonly PreKeyId[] {
  return records
    .filter((record) => record.retiredAtMs !== null && record.retiredAtMs < inboxReadToMs)
    .map((record) => record.id);
}
