/**
 * What a contact's chain says has changed, told quietly: a device that was linked, or one that took the account back. AL5
 *
 * Which links were told of is kept in the transaction that stores the notices, so none is lost or told twice.
 */
import type { AccountId, DeviceId } from "../../base/ids.ts";
import { NOTICES_PER_CONTACT_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { StoreError, TxStore } from "../../store/tx-store.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { NoticeRow, Tables } from "../tables.ts";

/** A device that came to a contact's account. */
export interface DeviceNotice extends NoticeRow {
  readonly contact: AccountId;
  readonly device: DeviceId;
}

export interface ChainNotices {
  /** Takes up a contact's verified chain; returns what is new since the one before, nothing for the first. */
  take(
    contact: { readonly accountId: AccountId; readonly verifiedAtMs: number | null },
    chains: { readonly before: ChainState | null; readonly after: ChainState },
    nowMs: number,
  ): Promise<Result<readonly DeviceNotice[], StoreError>>;
  /** All notices of a contact, oldest first. */
  of(contact: AccountId): Promise<Result<readonly DeviceNotice[], StoreError>>;
}

export function createChainNotices(store: TxStore, tables: Tables): ChainNotices {
  async function of(contact: AccountId): Promise<Result<readonly DeviceNotice[], StoreError>> {
    const rows = await tables.notice.scan({ under: [contact] });
    if (!rows.ok) return rows;
    return ok(
      rows.value.map(({ key, value }) => ({ contact, device: rowKeyParts(key)[3] as DeviceId, ...value })),
    );
  }

  const take: ChainNotices["take"] = async ({ accountId, verifiedAtMs }, { before, after }, nowMs) => {
    const told = await tables.noticed.get(accountId);
    if (!told.ok) return told;
    if (told.value !== null && told.value.seq >= after.seq) return ok([]);
    const since = told.value?.seq ?? before?.seq ?? after.seq;
    const notices = [...after.devicesById.values()]
      .filter(({ addedSeq, revokedSeq }) => addedSeq > since && revokedSeq === null)
      .sort((a, b) => a.addedSeq - b.addedSeq)
      .slice(-NOTICES_PER_CONTACT_MAX)
      .map(({ id, addedSeq, arrival }) => ({
        contact: accountId,
        device: id,
        seq: addedSeq,
        isRecovery: arrival === "recovered",
        wasVerified: verifiedAtMs !== null,
        atMs: nowMs,
      }));
    const earlier = notices.length === 0 ? ok([]) : await of(accountId);
    if (!earlier.ok) return earlier;
    const spare = Math.max(0, earlier.value.length + notices.length - NOTICES_PER_CONTACT_MAX);
    const written = await store.batch([
      ...earlier.value.slice(0, spare).map((one) => tables.notice.remove(accountId, one.seq, one.device)),
      ...notices.map(({ contact: _contact, device, ...row }) =>
        tables.notice.put([accountId, row.seq, device], row),
      ),
      tables.noticed.put([accountId], { seq: after.seq }),
    ]);
    return written.ok ? ok(notices) : written;
  };

  return { take, of };
}
