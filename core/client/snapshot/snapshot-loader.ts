/**
 * Loading a snapshot: on a new device, after a long absence, or past what the server has let go. Rules SN24-SN29.
 *
 * First what the log's place and the state documents need, so that the device is of use; then the buckets, newest
 * first, one at a time. What is still to be loaded stands in rows: a program that ends goes on where it was.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { EntryId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { type DocumentName, isBucket } from "../../log/document-name.ts";
import { passIds } from "../../log/log-reader.ts";
import { openParts } from "../../log/snapshot/snapshot-blob.ts";
import type { DocumentRow, SnapshotIndex } from "../../log/snapshot/snapshot-index.ts";
import { makeSnapshot } from "./snapshot-maker.ts";
import { PACKED_ABOVE_ENTRIES } from "./snapshot-policy.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../gateway.ts";
import type { LogChannel } from "../log-channel.ts";
import {
  fetchBlobs,
  fetchIndex,
  headsOf,
  isBlobGone,
  logOf,
  readSnapshots,
  type TrustedSnapshot,
  trustSnapshot,
} from "./snapshot-source.ts";

/** Documents whose blobs are asked for together. */
const DOCUMENTS_PER_FETCH = 16;
/** How often a snapshot may be replaced while this device loads it, on one connection. */
const RENEWALS_MAX = 4;

export interface LoaderDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  /** Takes the ops of restored documents over. Runs within the serial. */
  adopt(names: readonly DocumentName[]): Promise<Result<void, ClientError>>;
  onProgress(done: number, total: number): void;
}

export interface SnapshotLoader {
  /** Knows again what is still to be loaded. Runs within the serial. */
  start(): Promise<Result<void, ClientError>>;
  /** Goes behind a snapshot if the log cannot or need not be read from where this device is; loads state documents. */
  enter(gateway: Gateway, channel: LogChannel): Promise<Result<void, ClientError>>;
  /** Loads what is still to be loaded; joins a run that is under way. */
  loadRest(gateway: Gateway): Promise<Result<void, ClientError>>;
  isComplete(): boolean;
}

export function createSnapshotLoader(deps: LoaderDeps): SnapshotLoader {
  const { context, log } = deps;
  const { tables, store, serial } = context;
  let waiting = new Map<string, DocumentRow>();
  let total = 0;
  let running: Promise<Result<void, ClientError>> | null = null;

  async function start(): Promise<Result<void, ClientError>> {
    const rows = await tables.restore.scan();
    if (!rows.ok) return rows;
    remember(rows.value.map(({ value }) => value));
    return ok();
  }

  function remember(rows: readonly DocumentRow[]): void {
    waiting = new Map(rows.map((row) => [log.ref(row.name).id, row]));
    total = Math.max(total, waiting.size);
    log.expect(rows.map((row) => ({ name: row.name, heads: headsOf(row) })));
  }

  /** IN8: an incarnation begins with the snapshot of whoever is first; everybody else adds what that one lacked. */
  async function enterNew(gateway: Gateway, channel: LogChannel): Promise<Result<void, ClientError>> {
    for (let attempt = 0; attempt < RENEWALS_MAX; attempt++) {
      const found = await findSnapshot(gateway, channel);
      if (!found.ok) return found;
      if (found.value !== null) {
        const rebased = await rebaseOn(gateway, found.value);
        return rebased.ok ? loadState(gateway) : distrust(rebased.error);
      }
      if (channel.trimmedUpto > 0) return err({ type: "SnapshotDistrusted", rule: "NoneHolds" });
      const made = await makeSnapshot(deps, gateway, { id: null, inbound: [] }, () => []);
      if (!made.ok) return made;
      if (made.value !== null) return store.batch([tables.rebase.remove()]);
    }
    // None can be made of what this device holds: it goes as entries.
    return serial.run(() => log.rebase({ ...atStart(), documents: [], writes: [] }, []));
  }

  const atStart = () => {
    const { point } = log.reader();
    return { point, epochFloor: 0, siblings: [], except: [], passed: new Set<EntryId>() };
  };

  async function rebaseOn(
    gateway: Gateway,
    { id, manifest }: TrustedSnapshot,
  ): Promise<Result<void, ClientError>> {
    const index = await fetchIndex(context, gateway, { id, manifest, endorsedBy: new Set() });
    if (!index.ok) return index;
    const { upto, except } = manifest.header;
    return serial.run(async () => {
      const rows = await lacking(index.value);
      if (!rows.ok) return rows;
      const stale = await tables.restore.scan();
      if (!stale.ok) return stale;
      const readers = await tables.reader.scan();
      if (!readers.ok) return readers;
      const isNew = readers.value.every(({ key }) => key === tables.reader.key(context.accountLogId));
      const base = index.value.documents.map((row) => ({ name: row.name, heads: headsOf(row) }));
      const { epochFloor, siblings } = index.value;
      const rebased = await log.rebase(
        {
          point: upto,
          epochFloor,
          siblings,
          except,
          passed: new Set(),
          documents: rows.value.map((row) => ({ name: row.name, heads: headsOf(row) })),
          writes: [
            ...stale.value.map(({ key }): WriteOp => ({ type: "delete", key })),
            ...rows.value.map((row) => tables.restore.put([log.ref(row.name).id], row)),
            ...index.value.documents.map((row) => tables.packed.put([log.ref(row.name).id], row)),
            tables.snapshot.put([], { id, upto }),
            ...(isNew ? inboundWrites(index.value) : []),
          ],
        },
        base,
      );
      if (rebased.ok) remember(rows.value);
      return rebased;
    });
  }

  async function enter(gateway: Gateway, channel: LogChannel): Promise<Result<void, ClientError>> {
    const isNew = await tables.rebase.get();
    if (!isNew.ok) return isNew;
    if (isNew.value !== null) return enterNew(gateway, channel);
    const { seq } = log.reader().point;
    const isNeeded = seq < channel.trimmedUpto;
    if (!isNeeded && channel.head.seq - seq < (seq === 0 ? 1 : PACKED_ABOVE_ENTRIES))
      return loadState(gateway);
    const found = await findSnapshot(gateway, channel);
    if (!found.ok) return found;
    if (found.value === null)
      return isNeeded ? err({ type: "SnapshotDistrusted", rule: "NoneHolds" }) : loadState(gateway);
    const jumped = await jumpTo(gateway, channel, found.value);
    // SN29: one that was replaced while it was read has a successor, which the next connection finds.
    return jumped.ok ? loadState(gateway) : distrust(jumped.error);
  }

  /** The newest snapshot that holds and from whose end the log can be read. */
  async function findSnapshot(
    gateway: Gateway,
    channel: LogChannel,
  ): Promise<Result<TrustedSnapshot | null, ClientError>> {
    const { seq } = log.reader().point;
    const offered = await readSnapshots(context, gateway, null);
    if (!offered.ok) return offered;
    for (const stored of offered.value) {
      const trusted = await trustSnapshot(context, stored);
      if (!trusted.ok) return trusted;
      if (trusted.value === null) continue;
      const { upto } = trusted.value.manifest.header;
      if (upto.incarnation !== log.reader().point.incarnation) continue;
      // SN25: one that ends before the trimmed end is stale; one that promises more than the log has is not of it.
      const isOfUse = upto.seq >= channel.trimmedUpto && upto.seq <= channel.head.seq;
      const isFurther = upto.incarnation > 0 || upto.seq - seq >= (seq === 0 ? 1 : 0);
      if (isOfUse && isFurther) return trusted;
      if (upto.seq < channel.trimmedUpto) context.raise({ type: "SnapshotDistrusted", rule: "Stale" });
    }
    return ok(null);
  }

  async function jumpTo(
    gateway: Gateway,
    channel: LogChannel,
    snapshot: TrustedSnapshot,
  ): Promise<Result<void, ClientError>> {
    const { upto, except } = snapshot.manifest.header;
    const isCold = log.reader().point.seq === 0;
    const passed = isCold ? ok(new Set<EntryId>()) : await passTo(channel, snapshot);
    if (!passed.ok) return passed;
    const index = await fetchIndex(context, gateway, snapshot);
    if (!index.ok) return index;
    return serial.run(async () => {
      const rows = await lacking(index.value);
      if (!rows.ok) return rows;
      const readers = await tables.reader.scan();
      if (!readers.ok) return readers;
      // A device that reads its own log anew has its places in the others.
      const isNew =
        isCold && readers.value.every(({ key }) => key === tables.reader.key(context.accountLogId));
      const jumped = await log.jump({
        point: upto,
        epochFloor: index.value.epochFloor,
        siblings: index.value.siblings,
        except,
        passed: passed.value,
        documents: rows.value.map((row) => ({ name: row.name, heads: headsOf(row) })),
        writes: [
          ...rows.value.map((row) => tables.restore.put([log.ref(row.name).id], row)),
          ...index.value.documents.map((row) => tables.packed.put([log.ref(row.name).id], row)),
          tables.snapshot.put([], { id: snapshot.id, upto }),
          ...(isNew ? inboundWrites(index.value) : []),
        ],
      });
      if (jumped.ok) remember(rows.value);
      return jumped;
    });
  }

  /** SN25: the ids between here and the snapshot's end make the chain it names, or it is of another log. */
  async function passTo(
    channel: LogChannel,
    { manifest }: TrustedSnapshot,
  ): Promise<Result<ReadonlySet<EntryId>, ClientError>> {
    const { upto } = manifest.header;
    let reader = log.reader();
    const passed = new Set<EntryId>();
    while (reader.point.seq < upto.seq) {
      const page = await channel.readIds(reader.point.seq);
      if (!page.ok) return page;
      const ids = page.value.ids.slice(0, upto.seq - reader.point.seq);
      if (ids.length === 0)
        return context.distrustLog(channel.logId, {
          type: "LogGap",
          expectedSeq: reader.point.seq + 1,
          seq: upto.seq,
        });
      for (const id of ids) passed.add(id);
      reader = passIds(reader, ids);
    }
    return equalBytes(reader.point.chain, upto.chain)
      ? ok(passed)
      : context.distrustLog(channel.logId, { type: "LogForked", seq: upto.seq });
  }

  /** Rows of documents this device does not have as the snapshot has them. */
  async function lacking(index: SnapshotIndex): Promise<Result<readonly DocumentRow[], ClientError>> {
    const heads = await tables.heads.scan();
    if (!heads.ok) return heads;
    const known = new Map(heads.value.map(({ value }) => [log.ref(value.document).id, value.heads]));
    return ok(
      index.documents.filter((row) => {
        const own = known.get(log.ref(row.name).id);
        return own === undefined || [...own].sort().join() !== headsOf(row).join();
      }),
    );
  }

  /** SN28: a new device reads logs of others from where everything before is in the account log. */
  function inboundWrites(index: SnapshotIndex): readonly WriteOp[] {
    return [
      ...index.inbound.map(({ logId, point }) => tables.reader.put([logId], { point, epochFloor: 0 })),
      ...index.archived.map((entry) => tables.archived.put([entry], {})),
    ];
  }

  /** State documents come before anything else is read: what is read next may be about them. */
  async function loadState(gateway: Gateway): Promise<Result<void, ClientError>> {
    const rows = [...waiting.values()].filter((row) => !isBucket(row.name));
    return rows.length === 0 ? ok() : loadRows(gateway, rows);
  }

  async function loadRows(
    gateway: Gateway,
    rows: readonly DocumentRow[],
  ): Promise<Result<void, ClientError>> {
    for (let from = 0; from < rows.length; from += DOCUMENTS_PER_FETCH) {
      const part = rows.slice(from, from + DOCUMENTS_PER_FETCH);
      const blobs = await fetchBlobs(
        gateway,
        part.flatMap((row) => row.blobs),
      );
      if (!blobs.ok) return isBlobGone(blobs.error) ? renew(gateway) : distrust(blobs.error);
      let offset = 0;
      for (const row of part) {
        const parts = blobs.value.slice(offset, offset + row.blobs.length);
        offset += row.blobs.length;
        const loaded = await serial.run(() => loadOne(row, parts));
        if (!loaded.ok) return distrust(loaded.error);
        deps.onProgress(total - waiting.size, total);
      }
    }
    return ok();
  }

  async function loadOne(row: DocumentRow, parts: readonly Bytes[]): Promise<Result<void, ClientError>> {
    const { id } = log.ref(row.name);
    if (!waiting.has(id)) return ok();
    const saved = openParts(logOf(context), row.key, parts);
    if (!saved.ok) return err({ type: "SnapshotDistrusted", rule: saved.error.type });
    const restored = await log.restore(row.name, saved.value, []);
    if (!restored.ok) return restored;
    const has = await deps.documents.hasHeads(log.ref(row.name), headsOf(row));
    if (!has.ok) return has;
    if (!has.value) return err({ type: "SnapshotDistrusted", rule: "WrongHeads" });
    const adopted = await deps.adopt([row.name]);
    if (!adopted.ok) return adopted;
    // Last of all: until here the document is loaded again after a crash, which changes nothing.
    const done = await store.batch([tables.restore.remove(id)]);
    if (!done.ok) return done;
    waiting.delete(id);
    return ok();
  }

  /** SN29: the snapshot was replaced; its successor has the same documents and more, or says that they are deleted. */
  async function renew(gateway: Gateway): Promise<Result<void, ClientError>> {
    const offered = await readSnapshots(context, gateway, null);
    if (!offered.ok) return offered;
    const newest = offered.value[0];
    const trusted = newest === undefined ? ok(null) : await trustSnapshot(context, newest);
    if (!trusted.ok) return trusted;
    if (trusted.value === null) return err({ type: "SnapshotDistrusted", rule: "NoneHolds" });
    const index = await fetchIndex(context, gateway, trusted.value);
    if (!index.ok) return index;
    return serial.run(async () => {
      const rows = await lacking(index.value);
      if (!rows.ok) return rows;
      const offered = new Set(index.value.documents.map((row) => log.ref(row.name).id));
      const gone = [...waiting.values()].filter((row) => !offered.has(log.ref(row.name).id));
      // DE11: only a bucket can be gone, and only where something says what was deleted.
      const isExplained = index.value.documents.some(({ name }) => name.type === "deletions");
      if (gone.some(({ name }) => !isBucket(name) || !isExplained))
        return err({ type: "SnapshotDistrusted", rule: "DocumentsMissing" });
      const written = await store.batch([
        ...gone.map((row) => tables.restore.remove(log.ref(row.name).id)),
        ...rows.value.map((row) => tables.restore.put([log.ref(row.name).id], row)),
      ]);
      if (!written.ok) return written;
      for (const { name } of gone) log.unexpect(name);
      remember(rows.value);
      return ok();
    });
  }

  function distrust<E extends ClientError>(error: E): Result<never, E> {
    if (error.type === "SnapshotDistrusted") context.raise(error);
    return err(error);
  }

  async function loadAll(gateway: Gateway): Promise<Result<void, ClientError>> {
    for (let renewals = 0; waiting.size > 0; renewals++) {
      if (renewals > RENEWALS_MAX) return err({ type: "Refused", code: "blob-missing" });
      const rows = [...waiting.values()].sort((a, b) => b.newestHlc - a.newestHlc);
      const loaded = await loadRows(gateway, rows);
      if (!loaded.ok) return loaded;
    }
    total = 0;
    return ok();
  }

  return {
    start,
    enter,
    loadRest(gateway) {
      running ??= loadAll(gateway).finally(() => {
        running = null;
      });
      return running;
    },
    isComplete: () => waiting.size === 0,
  };
}
