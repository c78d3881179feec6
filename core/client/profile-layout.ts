/**
 * In which form the rows of a profile are written. Rules ST64, ST65.
 *
 * Rows of another form open and do not decode, which is like damage without being any: it is found by a number, before
 * anything else is read, and nothing is changed.
 */
import { err, ok, type Result } from "../base/result.ts";
import type { StoreError, WriteOp } from "../store/tx-store.ts";
import type { ClientError } from "./client-error.ts";
import type { Tables } from "./tables.ts";

/** Raised with each change after which rows written before do not decode, or mean something else. */
export const PROFILE_LAYOUT = 1;
/** Of the versions that wrote no number. */
const UNNUMBERED = 0;

type LayoutError = Extract<ClientError, { readonly type: "ProfileOutdated" | "ProfileTooNew" }>;

/** The write that begins a profile, in the transaction of its first row. */
export function layoutWrite(tables: Tables): WriteOp {
  return tables.layout.put([], { version: PROFILE_LAYOUT });
}

/** Whether this version reads the profile; an empty one it does. */
export async function checkLayout(tables: Tables): Promise<Result<void, StoreError | LayoutError>> {
  const row = await tables.layout.get();
  if (!row.ok) return row;
  const isEmpty = row.value === null ? await isUnused(tables) : ok(false);
  if (!isEmpty.ok) return isEmpty;
  const layout = isEmpty.value ? PROFILE_LAYOUT : (row.value?.version ?? UNNUMBERED);
  if (layout === PROFILE_LAYOUT) return ok();
  return err({
    type: layout < PROFILE_LAYOUT ? "ProfileOutdated" : "ProfileTooNew",
    layout,
    layoutNow: PROFILE_LAYOUT,
  });
}

/** Neither a device nor one that is about to be. A row that is there and does not open is one. */
async function isUnused(tables: Tables): Promise<Result<boolean, StoreError>> {
  for (const table of [tables.profile, tables.enrolment]) {
    const row = await table.get();
    if (!row.ok && row.error.type !== "StoreCorrupt") return row;
    if (!row.ok || row.value !== null) return ok(false);
  }
  return ok(true);
}
