/**
 * Damaged rows of a profile: each sort has a way back, or the device has to be linked anew. Rules ST60-ST63.
 *
 * Runs before anything else reads the rows. What can be derived from others or fetched again is deleted, so that the
 * parts that keep it find it missing and bring it back; what needs the documents is remembered until it is done.
 */
import { type ConversationId, idFromBytes, parseId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encode, struct } from "../../codec/shape.ts";
import { parseOp } from "../../messenger/op.ts";
import { rowKeyNumber, rowKeyParts, rowPrefix } from "../../store/row-key.ts";
import type { StoreError, TxStore, WriteOp } from "../../store/tx-store.ts";
import { writeRows } from "../account-log/rows-step.ts";
import { COUNTER_UNKNOWN, createTables, MEND_ROWS_MAX, type MendRow, type Tables } from "../tables.ts";
import { layoutWrite } from "../profile-layout.ts";
import { type Cure, cureOf } from "./row-cures.ts";

const SCAN_ROWS = 1_024;
/** Without these the account log is read as a new device reads it. */
const REREAD_TABLES = ["sibling", "refused", "snapshot", "restore", "packed"] as const;

const OPEN_DISPUTE = { ownSeq: 0, isOwnSame: false, theirSeq: 0, isTheirsSame: false };

/** The profile's rows as they lie there, and opened. */
export interface MendDeps {
  /** Gives keys and sealed values. */
  readonly inner: TxStore;
  readonly store: TxStore;
}

/** What damaged rows need together. */
interface Plan {
  readonly conversations: Set<ConversationId>;
  readonly unsent: MendRow["unsent"][number][];
  /** Ids of ops whose rows in `archive` are to be made again. */
  readonly archived: Set<string>;
  /** Ids of ops whose rows in `roomout` are. */
  readonly roomouts: Set<string>;
  readonly prefixes: Set<string>;
  readonly keys: Set<string>;
  readonly puts: WriteOp[];
  isParcelLost: boolean;
}

/** Finds every damaged row, and makes of the rest a profile that comes whole again by itself. Gives how many there were. */
export async function mendRows(deps: MendDeps): Promise<Result<number, StoreError>> {
  const { store } = deps;
  const tables = createTables(store);
  const damaged = await findDamaged(deps);
  if (!damaged.ok) return damaged;
  if (damaged.value.length === 0) {
    const cleared = await store.batch([tables.damage.remove()]);
    return cleared.ok ? ok(0) : cleared;
  }
  const plan = planFor(tables, damaged.value);
  if (!plan.ok) return plan;
  const isPlanLost = damaged.value.includes(tables.mend.key());
  const before = isPlanLost ? ok(null) : await tables.mend.get();
  if (!before.ok) return before;
  const restored = await restoredRows(deps, tables, plan.value);
  if (!restored.ok) return restored;
  const deletes = await deletions(deps, plan.value, damaged.value);
  if (!deletes.ok) return deletes;
  const left: MendRow = {
    conversations: [...new Set([...(before.value?.conversations ?? []), ...plan.value.conversations])],
    unsent: [...(before.value?.unsent ?? []), ...plan.value.unsent].slice(0, MEND_ROWS_MAX),
    rows: (before.value?.rows ?? 0) + damaged.value.length,
  };
  // ST63: what is still to be done is on disk before the first row goes, and the mark that there is damage goes last.
  const writes = [tables.mend.put([], left), ...deletes.value, ...restored.value, tables.damage.remove()];
  const written = await writeRows(store, writes);
  return written.ok ? ok(damaged.value.length) : written;
}

async function findDamaged({ inner, store }: MendDeps): Promise<Result<readonly string[], StoreError>> {
  const keys = await keysUnder(inner, "");
  if (!keys.ok) return keys;
  const damaged: string[] = [];
  for (const key of keys.value) {
    const row = await store.get(key);
    if (row.ok) continue;
    if (row.error.type !== "StoreCorrupt") return row;
    damaged.push(key);
  }
  return ok(damaged);
}

async function keysUnder(inner: TxStore, prefix: string): Promise<Result<readonly string[], StoreError>> {
  const keys: string[] = [];
  for (let after: string | undefined; ; after = keys.at(-1)) {
    const page = await inner.scan({ prefix, limit: SCAN_ROWS, ...(after === undefined ? {} : { after }) });
    if (!page.ok) return page;
    keys.push(...page.value.map((row) => row.key));
    if (page.value.length < SCAN_ROWS) return ok(keys);
  }
}

function planFor(tables: Tables, damaged: readonly string[]): Result<Plan, StoreError> {
  const plan: Plan = {
    conversations: new Set(),
    unsent: [],
    archived: new Set(),
    roomouts: new Set(),
    prefixes: new Set(),
    keys: new Set(),
    puts: [],
    isParcelLost: false,
  };
  for (const key of damaged) {
    const [table = "", ...parts] = rowKeyParts(key);
    const cure = cureOf(table);
    if (cure === "none") return err({ type: "StoreCorrupt", key }); // ST62
    if (cure === "layout") plan.puts.push(layoutWrite(tables));
    else if (cure === "renew") plan.puts.push({ type: "put", key, value: encode(struct({}), {}) });
    else if (cure === "reread") reread(plan, tables);
    else if (cure === "resend") {
      plan.prefixes.add(rowPrefix("heads"));
      reread(plan, tables);
    } else if (cure === "redelete") {
      plan.prefixes.add(rowPrefix("forgotten"));
      plan.keys.add(tables.unpacked.key());
    } else planByPlace(plan, tables, { cure, parts });
  }
  return ok(plan);
}

function reread(plan: Plan, tables: Tables): void {
  for (const name of REREAD_TABLES) plan.prefixes.add(rowPrefix(name));
  plan.prefixes.add(rowPrefix("reader"));
  plan.keys.add(tables.snapshot.key());
  plan.keys.add(tables.tail.key());
}

/** Cures that depend on what the key names. */
function planByPlace(
  plan: Plan,
  tables: Tables,
  { cure, parts }: { readonly cure: Cure; readonly parts: readonly string[] },
): void {
  const [first = "", second, third = ""] = parts;
  const conversation = parseId("conversation", first);
  switch (cure) {
    case "conversation":
      if (!conversation.ok) return;
      plan.conversations.add(conversation.value);
      for (const name of ["op", "feed", "shared"]) plan.prefixes.add(rowPrefix(name, first));
      plan.keys.add(tables.tally.key(first));
      plan.keys.add(tables.unread.key(first));
      return;
    case "outbox": {
      const id = parseId("op", third);
      const hlc = rowKeyNumber(second);
      if (conversation.ok && id.ok && hlc !== null)
        plan.unsent.push({ conversationId: conversation.value, hlc, id: id.value });
      return;
    }
    case "archive":
      plan.archived.add(first);
      return;
    case "dispute":
      // Nothing is sealed for them until that device says what it sees.
      if (parseId("account", first).ok && parseId("device", second ?? "").ok)
        plan.puts.push(tables.dispute.put([first, second ?? ""], OPEN_DISPUTE));
      return;
    case "frontier":
      // It may be this device's own, whose number only the server knows then.
      plan.puts.push(tables.frontierLost.put([], {}));
      return;
    case "roomout":
      plan.roomouts.add(third);
      return;
    case "parcel":
      plan.isParcelLost = true;
      return;
    case "counter":
      // The server knows it; what it says is taken where nothing is known here (AR8, DM12).
      if (parseId("log", first).ok)
        plan.puts.push(
          tables.writer.put([first], { writerSeq: COUNTER_UNKNOWN, previous: null, receipt: null }),
        );
      return;
    case "position":
      // What was set aside is read again with its log.
      if (parseId("log", first).ok) plan.keys.add(tables.reader.key(first));
      reread(plan, tables);
      return;
    case "chain": {
      // Links build on each other: from the damaged one on they are fetched again, and have to go on from those before.
      const seq = rowKeyNumber(second);
      if (parseId("account", first).ok && seq !== null)
        plan.prefixes.add(`${rowPrefix("chain", first)}>${second}`);
      return;
    }
  }
}

async function deletions(
  { inner }: MendDeps,
  plan: Plan,
  damaged: readonly string[],
): Promise<Result<readonly WriteOp[], StoreError>> {
  const keys = new Set([...damaged, ...plan.keys]);
  for (const prefix of plan.prefixes) {
    // `prefix>part`: from that part on.
    const [base = "", from] = prefix.split(">");
    const under = await keysUnder(inner, base);
    if (!under.ok) return under;
    for (const key of under.value) if (from === undefined || key >= base + from) keys.add(key);
  }
  return ok([...keys].map((key) => ({ type: "delete", key })));
}

/** Rows whose content others say. */
async function restoredRows(
  deps: MendDeps,
  tables: Tables,
  plan: Plan,
): Promise<Result<readonly WriteOp[], StoreError>> {
  const isOpLost = plan.archived.size + plan.roomouts.size > 0;
  const archived = isOpLost ? await rowsOfOps(deps, tables, plan) : ok([]);
  if (!archived.ok) return archived;
  const freed = plan.isParcelLost ? await freedRows(deps, tables) : ok([]);
  return freed.ok ? ok([...plan.puts, ...archived.value, ...freed.value]) : freed;
}

/** An op that may not be in the account log or in its room yet stands in its own row too. */
async function rowsOfOps(
  { inner }: MendDeps,
  tables: Tables,
  { archived, roomouts }: Plan,
): Promise<Result<readonly WriteOp[], StoreError>> {
  const keys = await keysUnder(inner, rowPrefix("op"));
  if (!keys.ok) return keys;
  const writes: WriteOp[] = [];
  for (const key of keys.value) {
    const page = await tables.op.get(...rowKeyParts(key).slice(1));
    for (const { id, op } of page.ok ? (page.value ?? []) : []) {
      const name = idFromBytes("op", id);
      const parsed = parseOp(op);
      if (!parsed.ok) continue;
      const { conversationId, hlc } = parsed.value.op;
      if (archived.has(name)) writes.push(tables.archive.put([name], { op, source: null }));
      if (roomouts.has(name))
        writes.push(tables.roomout.put([conversationId, hlc, name], { op, replaces: null }));
    }
  }
  return ok(writes);
}

/** Ops of parcels on their way go in others; who has them already knows them by their ids. */
async function freedRows(
  { inner }: MendDeps,
  tables: Tables,
): Promise<Result<readonly WriteOp[], StoreError>> {
  const parcels = await keysUnder(inner, rowPrefix("parcel"));
  if (!parcels.ok) return parcels;
  const keys = await keysUnder(inner, rowPrefix("outbox"));
  if (!keys.ok) return keys;
  const writes: WriteOp[] = parcels.value.map((key) => ({ type: "delete", key }));
  for (const key of keys.value) {
    const [, conversation = "", hlc, id = ""] = rowKeyParts(key);
    const parts = [conversation, rowKeyNumber(hlc) ?? 0, id] as const;
    const row = await tables.outbox.get(...parts);
    if (row.ok && row.value?.state === "sealed")
      writes.push(tables.outbox.put(parts, { ...row.value, state: "kept" }));
  }
  return ok(writes);
}
