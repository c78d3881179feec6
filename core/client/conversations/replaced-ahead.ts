/**
 * Entries that their sender has replaced by another one that was read first, in another log of theirs. Rule DM9.
 *
 * A contact may name entries that never come, so only its last ones are kept. Runs within the serial.
 */
import type { AccountId, EntryId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError } from "../../store/tx-store.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { Tables } from "../tables.ts";

/** So many of one contact are remembered. */
export const REPLACED_AHEAD_MAX = 512;

/** An entry and who says that it was replaced. */
export interface Replaced {
  readonly entryId: EntryId;
  readonly contact: AccountId;
}

export interface ReplacedAhead {
  start(): Promise<Result<void, StoreError>>;
  /** Whether whoever sent this entry has replaced it. Of somebody else's entries nobody's word counts. */
  has(entry: EntryId, sender: AccountId): boolean;
  /** `replaced` are still to be read; `read` need not be remembered any longer. */
  change(replaced: readonly Replaced[], read: readonly EntryId[]): RowsStep;
}

export function createReplacedAhead(tables: Tables): ReplacedAhead {
  const byEntry = new Map<EntryId, AccountId>();

  return {
    async start() {
      const rows = await tables.replaced.scan();
      if (!rows.ok) return rows;
      for (const { key, value } of rows.value) byEntry.set(rowKeyParts(key)[1] as EntryId, value.by);
      return ok();
    },
    has: (entry, sender) => byEntry.get(entry) === sender,
    change(replaced, read) {
      const added = new Map(replaced.map(({ entryId, contact }) => [entryId, contact]));
      const gone = new Set(read.filter((entry) => byEntry.has(entry)));
      for (const contact of new Set(added.values())) {
        const known = [...byEntry, ...added].filter(([, by]) => by === contact).map(([entry]) => entry);
        for (const entry of [...new Set(known)].slice(0, -REPLACED_AHEAD_MAX)) gone.add(entry);
      }
      for (const entry of gone) added.delete(entry);
      const puts = [...added].map(([entry, by]) => tables.replaced.put([entry], { by }));
      const removals = [...gone].map((entry) => tables.replaced.remove(entry));
      return {
        writes: [...puts, ...removals],
        commit() {
          for (const [entry, by] of added) byEntry.set(entry, by);
          for (const entry of gone) byEntry.delete(entry);
        },
      };
    },
  };
}
