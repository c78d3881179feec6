/**
 * Loading a snapshot: on a new device, after a long absence, or past what the server has let go. Rules SN24-SN29.
 *
 * First what the log's place and the state documents need, so that the device is of use; then the buckets, newest
 * first, one at a time. What is still to be loaded stands in rows: a program that ends goes on where it was.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { DocumentId, EntryId, SnapshotId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { type DocumentName, isBucket } from "../../log/document-name.ts";
import { passIds } from "../../log/log-reader.ts";
import { uncutIn } from "../../log/snapshot/judge-snapshot.ts";
import { openPack, type Pack, type PackedDocument } from "../../log/snapshot/pack.ts";
import { documentsOf, type SnapshotIndex } from "../../log/snapshot/snapshot-index.ts";
import { makeSnapshot } from "./snapshot-maker.ts";
import { PACKED_ABOVE_ENTRIES } from "./snapshot-policy.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { AccountLog, RestoredDocument } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import type { LogChannel } from "../connection/log-channel.ts";
import {
  fetchBlobs,
  fetchIndex,
  headsOf,
  isBlobGone,
  logOf,
  packKey,
  readSnapshots,
  rememberPacks,
  snapshotWrites,
  type TrustedSnapshot,
  trustSnapshot,
} from "./snapshot-source.ts";

/** Blobs that are asked for together. */
const BLOBS_PER_FETCH = 8;
/** Documents that are loaded in one turn of the serial: what a person does meanwhile waits for no more than these. */
const DOCUMENTS_AT_ONCE = 8;
/** How often a snapshot may be replaced while this device loads it, on one connection. */
const RENEWALS_MAX = 4;

export interface LoaderDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  /** Takes the ops of restored documents over. Runs within the serial. */
  adopt(documents: readonly RestoredDocument[]): Promise<Result<void, ClientError>>;
  /** Whether a bucket's place is another one's now. */
  isRetired(name: DocumentName): boolean;
  onProgress(done: number, total: number): void;
}

/** What a device does not have yet: documents, and the packs they are in. */
interface Lack {
  readonly packs: readonly Pack[];
  readonly documents: readonly PackedDocument[];
  /** How many documents it has. */
  readonly here: number;
}

/** A document that was taken out of its pack. */
interface LoadedDocument {
  readonly document: PackedDocument;
  readonly saved: Bytes;
}

/** What the server offers. */
interface Found {
  /** The newest snapshot that holds and from whose end the log can be read. */
  readonly usable: TrustedSnapshot | null;
  /** The newest of a maker that was revoked since. */
  readonly voided: SnapshotId | null;
  /** One ends past where the log did when it was opened. */
  readonly isBeyond: boolean;
  /** One does not hold, or is from before; an alarm tells why. */
  readonly isDistrusted: boolean;
}

export interface SnapshotLoader {
  /** Knows again what is still to be loaded. Runs within the serial. */
  start(): Promise<Result<void, ClientError>>;
  /** Goes behind a snapshot if the log cannot or need not be read from where this device is; loads state documents. */
  enter(gateway: Gateway, channel: LogChannel): Promise<Result<void, ClientError>>;
  /** AR18: takes over what a maker had who did not know of a revocation: nobody else may be left who has it. */
  takeUncut(gateway: Gateway, snapshot: TrustedSnapshot): Promise<Result<void, ClientError>>;
  /** Loads what is still to be loaded; joins a run that is under way. */
  loadRest(gateway: Gateway): Promise<Result<void, ClientError>>;
  isComplete(): boolean;
}

export function createSnapshotLoader(deps: LoaderDeps): SnapshotLoader {
  const { context, log } = deps;
  const { tables, store, serial } = context;
  /** Packs of which something is to be loaded, and what. */
  let packs: readonly Pack[] = [];
  const waiting = new Map<DocumentId, PackedDocument>();
  let total = 0;
  let running: Promise<Result<void, ClientError>> | null = null;

  async function start(): Promise<Result<void, ClientError>> {
    const rows = await tables.restore.scan();
    if (!rows.ok) return rows;
    const stored = rows.value.map(({ value }) => value);
    // Also what has its heads: the program may have ended before the ops in it had their rows.
    for (const one of documentsOf(stored)) waiting.set(log.ref(one.name).id, one);
    const lack = await lacking(stored);
    if (!lack.ok) return lack;
    remember(lack.value);
    return ok();
  }

  function remember(lack: Lack): void {
    packs = lack.packs;
    // What nothing more is loaded of is waited for no longer.
    for (const { name } of waiting.values()) log.unexpect(name);
    waiting.clear();
    for (const one of lack.documents) waiting.set(log.ref(one.name).id, one);
    total = Math.max(total, lack.here + waiting.size);
    log.expect(expectedOf(lack.documents));
  }

  const expectedOf = (documents: readonly PackedDocument[]) =>
    documents.map((one) => ({ name: one.name, heads: headsOf(one) }));

  /** IN8: an incarnation begins with the snapshot of whoever is first; everybody else adds what that one lacked. */
  async function enterNew(gateway: Gateway, channel: LogChannel): Promise<Result<void, ClientError>> {
    let [isAnotherThere, isBeyond] = [false, false];
    for (let attempt = 0; attempt < RENEWALS_MAX; attempt++) {
      const found = await findSnapshot(gateway, channel);
      if (!found.ok) return found;
      const { usable, voided, isDistrusted } = found.value;
      isBeyond = found.value.isBeyond;
      if (usable !== null) {
        const rebased = await rebaseOn(gateway, usable);
        return rebased.ok ? loadState(gateway) : explain(gateway, usable, rebased.error);
      }
      // Without what it begins with, a device would lack it for good.
      if (isDistrusted || channel.trimmedUpto > 0)
        return err({ type: "SnapshotDistrusted", rule: "NoneHolds" });
      const made = await makeSnapshot(deps, gateway, { id: voided, inbound: [] }, () => []);
      if (!made.ok) return made;
      // Once there is one, what it begins with is to be had from that, also where none could be made a moment later.
      if (made.value === "conflict") isAnotherThere = true;
      else if (made.value !== null) return store.batch([tables.rebase.remove()]);
    }
    // One that ends past where the log did when it was opened is of use on the next connection.
    if (isBeyond) return err({ type: "Refused", code: "snapshot-conflict" });
    if (isAnotherThere) return distrust({ type: "SnapshotDistrusted", rule: "Withheld" });
    // None can be made of what this device holds: it goes as entries.
    return serial.run(() => log.rebase({ ...atStart(), documents: [], writes: [] }, []));
  }

  const atStart = () => {
    const { point } = log.reader();
    return { point, epochFloor: 0, siblings: [], except: [], uncut: [], passed: new Set<EntryId>() };
  };

  async function rebaseOn(
    gateway: Gateway,
    { id, manifest }: TrustedSnapshot,
  ): Promise<Result<void, ClientError>> {
    const index = await fetchIndex(context, gateway, { id, manifest, endorsedBy: new Set() });
    if (!index.ok) return index;
    const { upto, except } = manifest.header;
    return serial.run(async () => {
      const lack = await lacking(index.value.packs);
      if (!lack.ok) return lack;
      const stale = await tables.restore.scan();
      if (!stale.ok) return stale;
      const readers = await tables.reader.scan();
      if (!readers.ok) return readers;
      const isNew = readers.value.every(({ key }) => key === tables.reader.key(context.accountLogId));
      const base = expectedOf(documentsOf(index.value.packs));
      const { epochFloor, siblings } = index.value;
      const rebased = await log.rebase(
        {
          point: upto,
          epochFloor,
          siblings,
          except,
          passed: new Set(),
          uncut: [],
          documents: expectedOf(lack.value.documents),
          writes: [
            ...stale.value.map(({ key }): WriteOp => ({ type: "delete", key })),
            ...lack.value.packs.map((pack) => tables.restore.put([packKey(pack)], pack)),
            ...snapshotWrites(tables, { id, upto }),
            ...(isNew ? inboundWrites(index.value) : []),
          ],
        },
        base,
      );
      if (!rebased.ok) return rebased;
      remember(lack.value);
      return rememberPacks(context, index.value.packs);
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
    const { usable } = found.value;
    if (usable === null)
      return isNeeded ? err({ type: "SnapshotDistrusted", rule: "NoneHolds" }) : loadState(gateway);
    const jumped = await jumpTo(gateway, channel, usable);
    // SN29: one that was replaced while it was read has a successor, which the next connection finds.
    return jumped.ok ? loadState(gateway) : explain(gateway, usable, jumped.error);
  }

  /** SN6: the server has all blobs of what it offers, or it offers something else by now. */
  async function explain(
    gateway: Gateway,
    { id }: TrustedSnapshot,
    error: ClientError,
  ): Promise<Result<never, ClientError>> {
    if (!isBlobGone(error)) return distrust(error);
    const offered = await readSnapshots(context, gateway, null);
    if (!offered.ok) return offered;
    const isOffered = offered.value.some((stored) => stored.id === id);
    return isOffered ? distrust({ type: "SnapshotDistrusted", rule: "BlobsMissing" }) : err(error);
  }

  async function findSnapshot(gateway: Gateway, channel: LogChannel): Promise<Result<Found, ClientError>> {
    const { seq } = log.reader().point;
    const offered = await readSnapshots(context, gateway, null);
    if (!offered.ok) return offered;
    let [isDistrusted, isBeyond] = [false, false];
    let voided: SnapshotId | null = null;
    for (const stored of offered.value) {
      const trusted = await trustSnapshot(context, stored);
      if (!trusted.ok) return trusted;
      if (trusted.value === "void") voided ??= stored.id;
      isDistrusted ||= trusted.value === null;
      if (trusted.value === null || trusted.value === "void") continue;
      const { upto } = trusted.value.manifest.header;
      // IN4: with its log, what it had of snapshots was erased.
      const isOfLog = upto.incarnation === log.reader().point.incarnation;
      // SN25: one that ends before the trimmed end is stale; one that promises more than the log has is not of it.
      const isOfUse = isOfLog && upto.seq >= channel.trimmedUpto && upto.seq <= channel.head.seq;
      const isFurther = upto.incarnation > 0 || upto.seq - seq >= (seq === 0 ? 1 : 0);
      if (isOfUse && isFurther) return ok({ usable: trusted.value, voided, isDistrusted, isBeyond });
      isBeyond ||= isOfLog && upto.seq > channel.head.seq;
      if (isOfLog && upto.seq >= channel.trimmedUpto) continue;
      isDistrusted = true;
      context.raise({ type: "SnapshotDistrusted", rule: "Stale" });
    }
    return ok({ usable: null, voided, isDistrusted, isBeyond });
  }

  async function jumpTo(
    gateway: Gateway,
    channel: LogChannel,
    snapshot: TrustedSnapshot,
  ): Promise<Result<void, ClientError>> {
    const { upto, except } = snapshot.manifest.header;
    const isCold = log.reader().point.seq === 0;
    // An own entry that was not read back is known again by its id alone.
    const passed = isCold && !log.hasSealed() ? ok(new Set<EntryId>()) : await passTo(channel, snapshot);
    if (!passed.ok) return passed;
    const index = await fetchIndex(context, gateway, snapshot);
    if (!index.ok) return index;
    return serial.run(async () => {
      const lack = await lacking(index.value.packs);
      if (!lack.ok) return lack;
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
        uncut: uncutIn(snapshot.manifest, context.chain(), context.cutOf),
        documents: expectedOf(lack.value.documents),
        writes: [
          ...lack.value.packs.map((pack) => tables.restore.put([packKey(pack)], pack)),
          ...snapshotWrites(tables, { id: snapshot.id, upto }),
          ...(isNew ? inboundWrites(index.value) : []),
        ],
      });
      if (!jumped.ok) return jumped;
      remember(lack.value);
      return rememberPacks(context, index.value.packs);
    });
  }

  async function takeUncut(gateway: Gateway, snapshot: TrustedSnapshot): Promise<Result<void, ClientError>> {
    const uncut = uncutIn(snapshot.manifest, context.chain(), context.cutOf);
    if (uncut.length === 0) return ok();
    const index = await fetchIndex(context, gateway, snapshot);
    if (!index.ok) return index;
    const point = snapshot.manifest.header.upto;
    const taken = await serial.run(async () => {
      const lack = await beyondOwn(index.value.packs);
      if (!lack.ok || lack.value.documents.length === 0) return lack.ok ? ok() : lack;
      const writes = lack.value.packs.map((pack) => tables.restore.put([packKey(pack)], pack));
      const took = await log.takeUncut({ point, uncut, documents: expectedOf(lack.value.documents), writes });
      if (took.ok) remember(lack.value);
      return took;
    });
    return taken.ok ? loadRest(gateway) : taken;
  }

  /** Documents of which these packs have something that is not here. */
  async function beyondOwn(of: readonly Pack[]): Promise<Result<Lack, ClientError>> {
    const lack = await lacking(of);
    if (!lack.ok) return lack;
    const beyond: PackedDocument[] = [];
    for (const one of lack.value.documents) {
      if (deps.isRetired(one.name)) continue;
      const has = await deps.documents.hasHeads(log.ref(one.name), headsOf(one));
      if (!has.ok) return has;
      if (!has.value) beyond.push(one);
    }
    return ok({
      packs: lack.value.packs.filter((pack) => pack.documents.some((one) => beyond.includes(one))),
      documents: beyond,
      here: lack.value.here + lack.value.documents.length - beyond.length,
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

  /** Documents this device does not have as these packs have them, or has not taken in yet. */
  async function lacking(of: readonly Pack[]): Promise<Result<Lack, ClientError>> {
    if (of.length === 0) return ok({ packs: [], documents: [], here: 0 });
    const heads = await tables.heads.scan();
    if (!heads.ok) return heads;
    const known = new Map(heads.value.map(({ value }) => [log.ref(value.document).id, value.heads]));
    const isLacking = (one: PackedDocument): boolean => {
      const { id } = log.ref(one.name);
      const own = known.get(id);
      return waiting.has(id) || own === undefined || [...own].sort().join() !== headsOf(one).join();
    };
    const lackingPacks = of.filter((pack) => pack.documents.some(isLacking));
    const documents = documentsOf(lackingPacks).filter(isLacking);
    for (const { name } of documents) known.delete(log.ref(name).id);
    return ok({ packs: lackingPacks, documents, here: known.size });
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
    const isState = (pack: Pack) =>
      pack.documents.some(({ name }) => !isBucket(name) && waiting.has(log.ref(name).id));
    return loadEvery(gateway, () => packs.filter(isState));
  }

  /** Loads packs until `left` names none; SN29: where their snapshot is replaced meanwhile, those of its successor. */
  async function loadEvery(
    gateway: Gateway,
    left: () => readonly Pack[],
  ): Promise<Result<void, ClientError>> {
    for (let renewals = 0; left().length > 0; renewals++) {
      if (renewals > RENEWALS_MAX) return distrust({ type: "SnapshotDistrusted", rule: "BlobsMissing" });
      const loaded = await loadPacks(gateway, left());
      if (!loaded.ok) return loaded;
    }
    return ok();
  }

  async function loadPacks(gateway: Gateway, wanted: readonly Pack[]): Promise<Result<void, ClientError>> {
    // The newest pack by itself: what is on screen first waits for no more than what it is in.
    const parts = [wanted.slice(0, 1), ...inParts(wanted.slice(1), BLOBS_PER_FETCH)];
    const fetchPart = (at: number) =>
      fetchBlobs(
        gateway,
        (parts[at] ?? []).flatMap((pack) => pack.blobs),
      );
    let coming = fetchPart(0);
    for (const [at, part] of parts.entries()) {
      const blobs = await coming;
      if (!blobs.ok) return isBlobGone(blobs.error) ? renew(gateway) : distrust(blobs.error);
      // On their way while these are taken over.
      coming = fetchPart(at + 1);
      const loaded = await loadPart(part, blobs.value);
      if (!loaded.ok) return distrust(loaded.error);
    }
    return ok();
  }

  /** Packs that were fetched together, since most hold one bucket or two, and a transaction costs more than what is in it. */
  async function loadPart(
    part: readonly Pack[],
    blobs: readonly Bytes[],
  ): Promise<Result<void, ClientError>> {
    const contents: LoadedDocument[] = [];
    let offset = 0;
    for (const pack of part) {
      const opened = openPack(logOf(context), pack, blobs.slice(offset, offset + pack.blobs.length));
      if (!opened.ok) return err({ type: "SnapshotDistrusted", rule: opened.error.type });
      offset += pack.blobs.length;
      for (const [at, document] of pack.documents.entries()) {
        const saved = opened.value[at];
        if (saved !== undefined) contents.push({ document, saved });
      }
    }
    for (let from = 0; from < contents.length; from += DOCUMENTS_AT_ONCE) {
      const some = contents.slice(from, from + DOCUMENTS_AT_ONCE);
      const loaded = await serial.run(() => loadSome(some));
      if (!loaded.ok) return loaded;
      deps.onProgress(total - waiting.size, total);
    }
    return serial.run(async () => {
      // Last of all: until here the packs are loaded again after a crash, which changes nothing.
      const done = await store.batch(part.map((pack) => tables.restore.remove(packKey(pack))));
      if (!done.ok) return done;
      packs = packs.filter((one) => !part.includes(one));
      return ok();
    });
  }

  async function loadSome(contents: readonly LoadedDocument[]): Promise<Result<void, ClientError>> {
    const some = contents.filter(({ document }) => waiting.has(log.ref(document.name).id));
    const restored = await log.restore(some.map(({ document, saved }) => ({ name: document.name, saved })));
    if (!restored.ok) return restored;
    for (const [index, { document }] of some.entries()) {
      const has = await hasAll(restored.value[index], document);
      if (!has.ok) return has;
      if (!has.value) return err({ type: "SnapshotDistrusted", rule: "WrongHeads" });
    }
    const adopted = await deps.adopt(restored.value);
    if (!adopted.ok) return adopted;
    for (const { name } of restored.value) waiting.delete(log.ref(name).id);
    return ok();
  }

  async function hasAll(
    restored: RestoredDocument | undefined,
    document: PackedDocument,
  ): Promise<Result<boolean, ClientError>> {
    const promised = headsOf(document);
    // Heads that are the same need no look into a document that would have to be loaded for it.
    return restored !== undefined && [...restored.heads].sort().join() === promised.join()
      ? ok(true)
      : deps.documents.hasHeads(log.ref(document.name), promised);
  }

  /** SN29: the snapshot was replaced; its successor has the same documents and more, or says that they are deleted. */
  async function renew(gateway: Gateway): Promise<Result<void, ClientError>> {
    const offered = await readSnapshots(context, gateway, null);
    if (!offered.ok) return offered;
    const newest = offered.value[0];
    const trusted = newest === undefined ? ok(null) : await trustSnapshot(context, newest);
    if (!trusted.ok) return trusted;
    if (trusted.value === null || trusted.value === "void")
      return err({ type: "SnapshotDistrusted", rule: "NoneHolds" });
    const known = await tables.snapshot.get();
    if (!known.ok) return known;
    const { upto } = trusted.value.manifest.header;
    // SN29: this device reads on from the end of the one it began to load; what lies before that is in no older one.
    if (upto.incarnation !== log.reader().point.incarnation || upto.seq < (known.value?.upto.seq ?? 0))
      return distrust({ type: "SnapshotDistrusted", rule: "Stale" });
    const index = await fetchIndex(context, gateway, trusted.value);
    if (!index.ok) return explain(gateway, trusted.value, index.error);
    return serial.run(async () => {
      const lack = await lacking(index.value.packs);
      if (!lack.ok) return lack;
      const offered = documentsOf(index.value.packs);
      const offeredIds = new Set(offered.map(({ name }) => log.ref(name).id));
      const gone = [...waiting.values()].filter(({ name }) => !offeredIds.has(log.ref(name).id));
      // DE11: only a bucket can be gone, and only where something says what was deleted.
      const isExplained = offered.some(({ name }) => name.type === "deletions");
      if (gone.some(({ name }) => !isBucket(name) || !isExplained))
        return err({ type: "SnapshotDistrusted", rule: "DocumentsMissing" });
      const stale = await tables.restore.scan();
      if (!stale.ok) return stale;
      const written = await store.batch([
        ...stale.value.map(({ key }): WriteOp => ({ type: "delete", key })),
        ...lack.value.packs.map((pack) => tables.restore.put([packKey(pack)], pack)),
      ]);
      if (!written.ok) return written;
      remember(lack.value);
      return ok();
    });
  }

  function distrust<E extends ClientError>(error: E): Result<never, E> {
    if (error.type === "SnapshotDistrusted") context.raise(error);
    return err(error);
  }

  async function loadAll(gateway: Gateway): Promise<Result<void, ClientError>> {
    // Also of a program that goes on where it was: what was loaded before is not told of again.
    if (packs.length > 0) deps.onProgress(total - waiting.size, total);
    const loaded = await loadEvery(gateway, () => [...packs].sort((a, b) => newestIn(b) - newestIn(a)));
    if (!loaded.ok) return loaded;
    total = 0;
    return ok();
  }

  const loadRest: SnapshotLoader["loadRest"] = (gateway) => {
    running ??= loadAll(gateway).finally(() => {
      running = null;
    });
    return running;
  };

  return {
    start,
    enter,
    takeUncut,
    loadRest,
    isComplete: () => packs.length === 0,
  };
}

/** `packs` in their order, in parts of no more blobs than may be asked for together, or of one pack. */
function inParts(packs: readonly Pack[], blobsMax: number): readonly (readonly Pack[])[] {
  const parts: Pack[][] = [];
  let blobs = 0;
  for (const pack of packs) {
    blobs += pack.blobs.length;
    const last = parts.at(-1);
    if (last !== undefined && blobs <= blobsMax) last.push(pack);
    else {
      parts.push([pack]);
      blobs = pack.blobs.length;
    }
  }
  return parts;
}

/** When the newest message of a pack was written. */
function newestIn(pack: Pack): number {
  return pack.documents.reduce((newest, { newestHlc }) => Math.max(newest, newestHlc), 0);
}
