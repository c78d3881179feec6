/**
 * Entries this device could not open, and entries it need not open. Rules DM9, DM16.
 *
 * An entry waits here until its ops come another way: a sibling's archived op names it, a later entry of its sender
 * carries the same ops again, its sender says that there is nothing else, or `ASIDE_MS_MAX` has passed. One that only lacks its sender's chain keeps its bytes and
 * is opened when the chain is here. Runs within the serial.
 */
import type { AccountId, DeviceId, EntryId, LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { PlacedEntry } from "../../protocol/entry.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { StoreError, TxStore, WriteOp } from "../../store/tx-store.ts";
import type { AsideRow, Tables } from "../tables.ts";
import { createReplacedAhead, type Replaced } from "./replaced-ahead.ts";

/** After this an entry nobody could open is given up: it is acknowledged like one that was read. */
export const ASIDE_MS_MAX = 2_592_000_000;
/** Entries of one log that may be set aside at once; those above are given up at once. */
export const ASIDES_PER_LOG_MAX = 512;

/** An entry that is set aside. `waiting` is what to open it with once the chain of `contact` is here. */
export interface AsideEntry {
  readonly logId: LogId;
  readonly seq: number;
  readonly entryId: EntryId;
  readonly contact: AccountId;
  /** Of that contact, by its own word. */
  readonly device: DeviceId;
  readonly reason: string;
  readonly waiting: { readonly origin: string; readonly entry: PlacedEntry } | null;
}

/** What happened to entries. */
export interface AsideEvents {
  readonly added?: readonly AsideEntry[];
  /** The ops of these are here. */
  readonly resolved?: readonly EntryId[];
  /** Their ops have come in another entry of their sender, by whose word this is. */
  readonly replaced?: readonly Replaced[];
  /** Of these devices nothing more can come: what they sent and did not open here is waited for no longer. DM20 */
  readonly ended?: { readonly contact: AccountId; readonly devices: ReadonlySet<DeviceId> };
  /** A sibling has archived ops of these before they were read here. */
  readonly archived?: readonly EntryId[];
  /** These were read here. */
  readonly read?: readonly EntryId[];
}

/** `writes` go into a transaction; `commit` follows it. */
export interface AsideChange {
  readonly writes: readonly WriteOp[];
  /** Logs that may be acknowledged further. */
  readonly freedLogs: ReadonlySet<LogId>;
  commit(): void;
}

export interface SetAside {
  /** Loads what waits and gives up what waited too long. */
  start(nowMs: number): Promise<Result<void, StoreError>>;
  /** Whether a sibling has archived what this entry carries, or `sender`, who sent it, has replaced it. */
  isArchived(entry: EntryId, sender: AccountId | null): boolean;
  change(events: AsideEvents, nowMs: number): AsideChange;
  /** Lowest seq of this log that waits, or null. */
  lowestSeq(logId: LogId): number | null;
  /** Whether entries of this contact wait to be sent again. */
  isMissing(contact: AccountId): boolean;
  /** Contacts of whom entries wait to be sent again. */
  missingFrom(): readonly AccountId[];
  /** Accounts whose chain entries wait for, and where each was said to live. */
  chainsWanted(): ReadonlyMap<AccountId, string>;
  /** The entries that wait for this chain. */
  waitingFor(contact: AccountId): Promise<Result<readonly AsideEntry[], StoreError>>;
}

type Known = Pick<AsideEntry, "logId" | "seq" | "contact" | "device"> & { readonly origin: string | null };

export function createSetAside(store: TxStore, tables: Tables): SetAside {
  const byEntry = new Map<EntryId, Known>();
  const archived = new Set<EntryId>();
  const replacedAhead = createReplacedAhead(tables);

  async function start(nowMs: number): Promise<Result<void, StoreError>> {
    const rows = await tables.aside.scan();
    if (!rows.ok) return rows;
    const gone: WriteOp[] = [];
    for (const { key, value } of rows.value) {
      const entry = entryOf(key, value);
      // A clock that was set back makes no entry wait longer.
      if (Math.abs(nowMs - value.setAsideAtMs) > ASIDE_MS_MAX) gone.push({ type: "delete", key });
      else byEntry.set(entry.entryId, { ...entry, origin: entry.waiting?.origin ?? null });
    }
    const sources = await tables.archived.scan();
    if (!sources.ok) return sources;
    for (const { key } of sources.value) archived.add(rowKeyParts(key)[1] as EntryId);
    const ahead = await replacedAhead.start();
    return ahead.ok ? store.batch(gone) : ahead;
  }

  const countIn = (logId: LogId) => [...byEntry.values()].filter((one) => one.logId === logId).length;

  function change(events: AsideEvents, nowMs: number): AsideChange {
    const writes: WriteOp[] = [];
    const gone = new Set<EntryId>();
    const learned = new Set<EntryId>();
    const forgotten = (events.read ?? []).filter((entry) => archived.has(entry));
    for (const entry of [...(events.resolved ?? []), ...(events.archived ?? [])])
      if (byEntry.has(entry)) gone.add(entry);
    for (const entry of events.archived ?? [])
      if (!byEntry.has(entry) && !archived.has(entry)) learned.add(entry);
    // DM9: of somebody else's entries it says nothing.
    const sayer = new Map((events.replaced ?? []).map((one) => [one.entryId, one.contact]));
    for (const [entry, contact] of sayer) if (byEntry.get(entry)?.contact === contact) gone.add(entry);
    const read = events.read ?? [];
    const unread = (events.replaced ?? []).filter(
      ({ entryId }) => !byEntry.has(entryId) && !read.includes(entryId),
    );
    const ahead = replacedAhead.change(unread, read);
    const { ended } = events;
    for (const [entry, one] of byEntry)
      if (one.origin === null && one.contact === ended?.contact && ended.devices.has(one.device))
        gone.add(entry);
    const freedLogs = new Set<LogId>();
    for (const entry of gone) {
      const one = byEntry.get(entry);
      if (one === undefined) continue;
      freedLogs.add(one.logId);
      writes.push(tables.aside.remove(one.logId, one.seq));
    }
    // After what goes: an entry whose chain has come may be set aside again for another reason.
    const kept: AsideEntry[] = [];
    for (const entry of events.added ?? []) {
      if (sayer.get(entry.entryId) === entry.contact) continue;
      const count = countIn(entry.logId) + kept.filter((one) => one.logId === entry.logId).length;
      if (count >= ASIDES_PER_LOG_MAX) continue;
      kept.push(entry);
      const { contact, device, entryId, reason, waiting } = entry;
      writes.push(
        tables.aside.put([entry.logId, entry.seq], {
          contact,
          device,
          entryId,
          reason,
          setAsideAtMs: nowMs,
          waiting,
        }),
      );
    }
    for (const entry of learned) writes.push(tables.archived.put([entry], {}));
    for (const entry of forgotten) writes.push(tables.archived.remove(entry));
    writes.push(...ahead.writes);
    const commit = () => {
      ahead.commit();
      for (const entry of gone) byEntry.delete(entry);
      for (const entry of kept)
        byEntry.set(entry.entryId, { ...entry, origin: entry.waiting?.origin ?? null });
      for (const entry of learned) archived.add(entry);
      for (const entry of forgotten) archived.delete(entry);
    };
    return { writes, freedLogs, commit };
  }

  async function waitingFor(contact: AccountId): Promise<Result<readonly AsideEntry[], StoreError>> {
    const rows = await tables.aside.scan();
    if (!rows.ok) return rows;
    return ok(
      rows.value
        .map(({ key, value }) => entryOf(key, value))
        .filter((entry) => entry.contact === contact && entry.waiting !== null),
    );
  }

  return {
    start,
    isArchived(entry, sender) {
      return archived.has(entry) || (sender !== null && replacedAhead.has(entry, sender));
    },
    change,
    lowestSeq: (logId) => {
      const seqs = [...byEntry.values()].filter((one) => one.logId === logId).map((one) => one.seq);
      return seqs.length === 0 ? null : Math.min(...seqs);
    },
    isMissing: (contact) =>
      [...byEntry.values()].some((one) => one.contact === contact && one.origin === null),
    missingFrom: () => [
      ...new Set([...byEntry.values()].flatMap((one) => (one.origin === null ? one.contact : []))),
    ],
    chainsWanted: () => {
      const originByAccount = new Map<AccountId, string>();
      for (const { contact, origin } of byEntry.values())
        if (origin !== null) originByAccount.set(contact, origin);
      return originByAccount;
    },
    waitingFor,
  };
}

function entryOf(key: string, { setAsideAtMs: _, ...value }: AsideRow): AsideEntry {
  const [, logId, seq] = rowKeyParts(key);
  return { logId: logId as LogId, seq: Number(seq), ...value };
}
