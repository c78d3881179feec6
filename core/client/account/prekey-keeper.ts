/** Keeps this device's prekeys on its server: made when due, stored before they are published. Rules PK7-PK9. */
import type { PreKeyId } from "../../base/ids.ts";
import { type Err, ok, type Result } from "../../base/result.ts";
import { PREKEYS_PER_PUBLISH_MAX } from "../../protocol/client-frame.ts";
import { erasablePreKeys, planPreKeys, retirePreKey } from "../../ratchet/prekey-policy.ts";
import {
  createPreKey,
  decodePreKeyRecord,
  encodePreKeyRecord,
  type PreKeyRecord,
  publishPreKey,
} from "../../ratchet/prekey-record.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";

/**
 * Brings the pool on the server up to what the policy asks for, and erases what nothing can need any more.
 *
 * Everything that own logs held at `readToMs` has been read.
 */
export async function keepPreKeys(
  context: EngineContext,
  gateway: Gateway,
  readToMs: number,
): Promise<Result<void, ClientError>> {
  const { tables, store, identity, random, times } = context;
  const counts = await gateway.call("preKeyCounts", { type: "preKeyCounts" });
  if (!counts.ok) return counts;
  const told = await times.told(counts.value.nowMs);
  if (!told.ok) return told;
  const rows = await tables.prekey.scan();
  if (!rows.ok) return rows;
  const records: PreKeyRecord[] = [];
  for (const row of rows.value) {
    const record = decodePreKeyRecord(row.value.record);
    if (record.ok) records.push(record.value);
  }
  // PK12: ages are counted; when one is over is the server's to say, because it hands them out.
  const now = { steadyMs: times.steadyMs(), likelyMs: times.likelyMs() };
  const plan = planPreKeys({ records, oneTimeOnServer: counts.value.oneTime }, now);
  const made: PreKeyRecord[] = [];
  if (plan.makeSigned) made.push(createPreKey(random, "signed", now));
  if (plan.makeLastResort) made.push(createPreKey(random, "lastResort", now));
  for (let n = 0; n < plan.makeOneTime; n++) made.push(createPreKey(random, "oneTime", now));
  const stored = await store.batch(
    made.map((record) => tables.prekey.put([record.id], { record: encodePreKeyRecord(record) })),
  );
  if (!stored.ok) return stored;
  const live = records.filter((record) => record.retiredAtMs === null && !plan.retire.includes(record.id));
  const lost = live.filter(
    (record) =>
      (record.type === "signed" && !counts.value.hasSigned) ||
      (record.type === "lastResort" && !counts.value.hasLastResort),
  );
  const publisher = { accountId: identity.accountId, deviceId: identity.deviceId, sign: identity.keys.sign };
  const due = [...made, ...lost];
  for (let from = 0; from < due.length; from += PREKEYS_PER_PUBLISH_MAX) {
    const part = due.slice(from, from + PREKEYS_PER_PUBLISH_MAX);
    const preKeys = part.map((record) => publishPreKey(record, publisher));
    const published = await gateway.call("done", { type: "publishPreKeys", preKeys });
    if (!published.ok) return dropRefused(context, published, due.slice(from));
  }
  const erased = erasablePreKeys(records, readToMs).map((id) => tables.prekey.remove(id));
  return context.serial.run(async () => {
    const retired = await retire(context, plan.retire, now.steadyMs);
    return retired.ok ? store.batch([...retired.value, ...erased]) : retired;
  });
}

/** As the records are now: one that was used meanwhile is gone, and does not come back. Runs within the serial. PK11 */
async function retire(
  { tables }: EngineContext,
  ids: readonly PreKeyId[],
  steadyMs: number,
): Promise<Result<readonly WriteOp[], ClientError>> {
  const writes: WriteOp[] = [];
  for (const id of ids) {
    const row = await tables.prekey.get(id);
    if (!row.ok) return row;
    const record = row.value === null ? null : decodePreKeyRecord(row.value.record);
    if (record?.ok)
      writes.push(
        tables.prekey.put([id], { record: encodePreKeyRecord(retirePreKey(record.value, steadyMs)) }),
      );
  }
  return ok(writes);
}

/** PK8: a one-time prekey that the server did not take is in nobody's hands; kept, they would pile up until it takes some. */
async function dropRefused(
  { tables, store }: EngineContext,
  refusal: Err<ClientError>,
  records: readonly PreKeyRecord[],
): Promise<Result<void, ClientError>> {
  if (refusal.error.type !== "Refused") return refusal;
  const untaken = records.filter(({ type }) => type === "oneTime");
  const dropped = await store.batch(untaken.map(({ id }) => tables.prekey.remove(id)));
  return dropped.ok ? refusal : dropped;
}
