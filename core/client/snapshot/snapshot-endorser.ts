/**
 * Endorsing a sibling's snapshot: a device vouches for it only when it has everything this device has up to its end, and
 * every document that changed was loaded and is what the index says. Rules SN34, SN36.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { DeviceId, DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { encode } from "../../codec/shape.ts";
import type { Documents } from "../../document/documents.ts";
import { openAccountEntry } from "../../log/account-entry.ts";
import type { DocumentName } from "../../log/document-name.ts";
import { createEndorsement } from "../../log/snapshot/endorsement.ts";
import { openPack, type Pack, type PackedDocument, packShape } from "../../log/snapshot/pack.ts";
import { documentsOf, type SnapshotIndex } from "../../log/snapshot/snapshot-index.ts";
import type { LogPoint, PlacedEntry } from "../../protocol/entry.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import { readAgain } from "../account-log/read-again.ts";
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
  rememberPacks,
  snapshotWrites,
  type TrustedSnapshot,
} from "./snapshot-source.ts";

export interface EndorserDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  /** Whether a bucket's place is another one's now. Rule DE7. */
  isRetired(name: DocumentName): boolean;
}

/** Names of changes the snapshot need not have, by document. */
type Late = Map<DocumentId, Set<string>>;

/** How often the tail is read on while more comes. */
const TAIL_READS_MAX = 8;

/** Compares and endorses. False when this device cannot vouch for it now, or at all; an alarm tells of what is wrong. */
export async function endorseSnapshot(
  deps: EndorserDeps,
  gateway: Gateway,
  channel: LogChannel,
  snapshot: TrustedSnapshot,
): Promise<Result<boolean, ClientError>> {
  const { context, log } = deps;
  const { identity, serial, store, tables } = context;
  const { upto, except } = snapshot.manifest.header;
  const reader = log.reader();
  const chain = reader.recentChains.get(upto.seq);
  if (chain === undefined) return ok(false);
  if (!equalBytes(chain, upto.chain)) {
    context.raise({ type: "SnapshotDistrusted", rule: "ForkedLog" });
    return ok(false);
  }
  const own = await serial.run(async () => log.coverage());
  // What did not open here this device cannot vouch for.
  if (own === null || own.except.some((seq) => seq <= upto.seq && !except.includes(seq))) return ok(false);
  const index = await fetchIndex(context, gateway, snapshot);
  if (!index.ok) return isBlobGone(index.error) ? ok(false) : index;
  // DE10: its maker had not got to erasing yet.
  const noted = documentsOf(index.value.packs).some(({ name }) => deps.isRetired(name))
    ? await serial.run(() => noteUnpacked(context, upto.seq))
    : ok();
  if (!noted.ok) return noted;
  const isWhole = await coversOwn(deps, channel, index.value, upto);
  if (!isWhole.ok || !isWhole.value) return isWhole;
  const isSound = await checkPacks(deps, gateway, index.value.packs);
  if (!isSound.ok || !isSound.value) return isSound;
  const endorsement = createEndorsement(identity.keys.sign, {
    version: 1,
    accountId: identity.accountId,
    snapshotId: snapshot.id,
    device: identity.deviceId,
    chainSeq: context.chain().seq,
    chainHead: context.chain().head,
  });
  const { accountLogId: logId } = context;
  const sent = await gateway.call("done", { type: "endorse", logId, snapshotId: snapshot.id, endorsement });
  if (!sent.ok) return sent.error.type === "Refused" ? ok(false) : sent;
  const remembered = await rememberPacks(context, index.value.packs);
  if (!remembered.ok) return remembered;
  const written = await store.batch(snapshotWrites(tables, { id: snapshot.id, upto }));
  return written.ok ? ok(true) : written;
}

/** Runs within the serial. */
async function noteUnpacked(
  { tables, store }: EngineContext,
  seq: number,
): Promise<Result<void, ClientError>> {
  const known = await tables.unpacked.get();
  if (!known.ok) return known;
  return store.batch([tables.unpacked.put([], { seq: Math.max(seq, known.value?.seq ?? 0) })]);
}

/** SN34: every change this device has of before the snapshot's end is in a document of it. */
async function coversOwn(
  deps: EndorserDeps,
  channel: LogChannel,
  index: SnapshotIndex,
  end: LogPoint,
): Promise<Result<boolean, ClientError>> {
  const { context, log } = deps;
  const late: Late = new Map();
  let after = end;
  for (let round = 0; round < TAIL_READS_MAX; round++) {
    const upto = log.reader().point;
    const read = await readAgain(context, channel, { after, upto }, async (entries) => {
      for (const entry of entries) addEntry(deps, entry, late);
      return ok(false);
    });
    if (!read.ok) return read.error.type === "Refused" ? ok(false) : read;
    if (read.value === "trimmed") return ok(false);
    after = upto;
    // What has come meanwhile is in documents, and in no entry that was looked at.
    const isWhole = await context.serial.run(async () =>
      log.reader().point.seq === upto.seq ? coversDocuments(deps, index, late) : ok(null),
    );
    if (!isWhole.ok) return isWhole;
    if (isWhole.value !== null) return ok(isWhole.value);
  }
  return ok(false);
}

/** Adds the changes of an entry to `late`: the snapshot need not have what came after its end. */
function addEntry({ context, documents, log }: EndorserDeps, entry: PlacedEntry, late: Late): void {
  const opened = openAccountEntry(logOf(context), entry, {
    epochSecret: context.epochSecret,
    signKey: (device: DeviceId) => context.chain().devicesById.get(device)?.signKey ?? null,
  });
  if (!opened.ok) return;
  for (const item of opened.value.content.batch)
    if (item.type === "changes")
      addChanges(late, log.ref(item.document).id, documents.changeNames(item.changes));
}

function addChanges(late: Late, id: DocumentId, names: readonly string[]): void {
  const known = late.get(id) ?? new Set<string>();
  for (const name of names) known.add(name);
  late.set(id, known);
}

/** Runs within the serial: what waits to be sent is neither in the snapshot nor in an entry. */
async function coversDocuments(
  { context, documents, log, isRetired }: EndorserDeps,
  index: SnapshotIndex,
  late: Late,
): Promise<Result<boolean, ClientError>> {
  const unsent = await context.tables.out.scan();
  if (!unsent.ok) return unsent;
  const direct = await context.tables.direct.scan();
  if (!direct.ok) return direct;
  for (const { value } of [...unsent.value, ...direct.value])
    addChanges(late, log.ref(value.document).id, documents.changeNames(value.changes));
  const untold = new Set(log.untold().map((name) => log.ref(name).id));
  const rowById = new Map(documentsOf(index.packs).map((row) => [log.ref(row.name).id, row]));
  const own = await context.tables.heads.scan();
  if (!own.ok) return own;
  for (const { value } of own.value) {
    // What of it is not deleted is carried over from here.
    if (isRetired(value.document)) continue;
    const ref = log.ref(value.document);
    const row = rowById.get(ref.id);
    const heads = row === undefined ? [] : headsOf(row);
    if (row !== undefined && heads.join() === [...value.heads].sort().join()) continue;
    // What the maker had and this device has not is on its way, and what could not be written yet is told of later; it is looked at
    // again then.
    if (untold.has(ref.id)) return ok(false);
    const has = await documents.hasHeads(ref, heads);
    if (!has.ok) return has;
    if (!has.value) return ok(false);
    const more = await documents.changesSince(ref, heads);
    if (!more.ok) return more;
    // A document the snapshot lacks begins with its genesis, which is nobody's change.
    const changes = row === undefined ? more.value.slice(1) : more.value;
    const allowed = late.get(ref.id) ?? new Set<string>();
    if (documents.changeNames(changes).some((name) => !allowed.has(name))) {
      context.raise({ type: "SnapshotDistrusted", rule: "ChangesMissing" });
      return ok(false);
    }
  }
  return ok(true);
}

/** SN36: packs that are not those of the last snapshot known to be right are loaded and compared, document by document. */
async function checkPacks(
  { context, documents, log }: EndorserDeps,
  gateway: Gateway,
  packs: readonly Pack[],
): Promise<Result<boolean, ClientError>> {
  for (const pack of packs) {
    const known = await context.tables.packed.get(packKey(pack));
    if (!known.ok) return known;
    if (known.value !== null && equalBytes(encode(packShape, known.value), encode(packShape, pack))) continue;
    const blobs = await fetchBlobs(gateway, pack.blobs);
    if (!blobs.ok) return isBlobGone(blobs.error) ? ok(false) : blobs;
    const opened = openPack(logOf(context), pack, blobs.value);
    const isAsSaid = (document: PackedDocument, saved: Bytes | undefined): boolean => {
      const loaded = saved === undefined ? null : documents.inspect(log.ref(document.name), saved);
      return loaded?.ok === true && [...loaded.value.heads].sort().join() === headsOf(document).join();
    };
    if (opened.ok && pack.documents.every((document, at) => isAsSaid(document, opened.value[at]))) continue;
    context.raise({ type: "SnapshotDistrusted", rule: "WrongDocument" });
    return ok(false);
  }
  return ok(true);
}
