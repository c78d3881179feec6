/**
 * Making a snapshot: what changed since the last one is packed, everything else carried over. Rules SN23, SN30, SN31, SN33.
 *
 * Nothing is proposed that was not opened again from its own sealed bytes and compared. Where each document is stands in
 * rows, so a program that ends in between packs nothing twice; a snapshot that is never installed leaves blobs the server
 * collects.
 */
import type { Bytes } from "../../base/bytes.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { LogId, SnapshotId } from "../../base/ids.ts";
import { FRAME_BYTES_MAX, SNAPSHOT_BLOBS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import type { DocumentName } from "../../log/document-name.ts";
import { sealManifest } from "../../log/snapshot/manifest.ts";
import { openParts, PARTS_MAX, sealParts } from "../../log/snapshot/snapshot-blob.ts";
import {
  ARCHIVED_AHEAD_MAX,
  type DocumentRow,
  encodeSnapshotIndex,
  HEADS_PER_DOCUMENT_MAX,
  type SnapshotIndex,
} from "../../log/snapshot/snapshot-index.ts";
import { parseArchivedOp } from "../../messenger/archived-op.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import { blobId, snapshotId } from "../../protocol/snapshot.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { EntryId } from "../../base/ids.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { Coverage } from "../account-log/log-intake.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../gateway.ts";
import { headBytes, headsOf, logOf } from "./snapshot-source.ts";

export interface MakerDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
}

/** Points of other logs up to which every op is in the account log. */
export type InboundPoints = readonly { readonly logId: LogId; readonly point: LogPoint }[];

/** What the snapshot follows. `rows` are those of its documents that are known to be right. */
export interface Predecessor {
  readonly id: SnapshotId | null;
  readonly inbound: InboundPoints;
}

const KEY_BYTES = 32;
/** Room for a frame's own structure. */
const UPLOAD_BYTES_MAX = FRAME_BYTES_MAX - 8_192;

/** Makes and installs a snapshot. Null when it could not be made now: something is not applied, or another was faster. */
export async function makeSnapshot(
  deps: MakerDeps,
  gateway: Gateway,
  predecessor: Predecessor,
  inboundPoints: () => InboundPoints,
): Promise<Result<SnapshotId | null, ClientError>> {
  const { context, log } = deps;
  const { serial, tables } = context;
  const coverage = await serial.run(async () => log.coverage());
  if (coverage === null) return ok(null);
  const names = await tables.heads.scan();
  if (!names.ok) return names;
  const packed = await packAll(
    deps,
    gateway,
    names.value.map(({ value }) => value.document),
  );
  if (!packed.ok || packed.value === null) return packed.ok ? ok(null) : packed;
  const index = await serial.run(() =>
    indexOf(deps, packed.value ?? [], coverage, predecessor, inboundPoints),
  );
  if (!index.ok || index.value === null) return index.ok ? ok(null) : index;
  return propose(deps, gateway, { coverage, index: index.value, previous: predecessor.id });
}

/** Every document packed, in the order of `names`. */
async function packAll(
  deps: MakerDeps,
  gateway: Gateway,
  names: readonly DocumentName[],
): Promise<Result<readonly DocumentRow[] | null, ClientError>> {
  const { context, log } = deps;
  const rows: DocumentRow[] = [];
  let upload: Bytes[] = [];
  let drafts: DocumentRow[] = [];
  const flush = async (): Promise<Result<void, ClientError>> => {
    const sent = await sendBlobs(gateway, upload);
    if (!sent.ok) return sent;
    // SN33: only after the server has them; a row without blobs would be carried into a snapshot that lacks them.
    const written = await context.store.batch(
      drafts.map((row) => context.tables.packed.put([log.ref(row.name).id], row)),
    );
    upload = [];
    drafts = [];
    return written;
  };
  for (const name of names) {
    const packed = await context.serial.run(() => packOne(deps, name));
    if (!packed.ok) return packed;
    if (packed.value === null) return ok(null);
    rows.push(packed.value.row);
    if (packed.value.blobs === null) continue;
    drafts.push(packed.value.row);
    upload.push(...packed.value.blobs);
    if (upload.reduce((sum, { length }) => sum + length, 0) < UPLOAD_BYTES_MAX / 2) continue;
    const flushed = await flush();
    if (!flushed.ok) return flushed;
  }
  const flushed = await flush();
  return flushed.ok ? ok(rows) : flushed;
}

/** SN30, SN31: one document, carried over when it is as it was, or sealed, opened again and compared. */
async function packOne(
  { context, documents, log }: MakerDeps,
  name: DocumentName,
): Promise<
  Result<{ readonly row: DocumentRow; readonly blobs: readonly Bytes[] | null } | null, ClientError>
> {
  const ref = log.ref(name);
  const before = await context.tables.packed.get(ref.id);
  if (!before.ok) return before;
  const heads = await context.tables.heads.get(ref.id);
  if (!heads.ok) return heads;
  const isSame = (row: DocumentRow | null, now: readonly string[]) =>
    row !== null && headsOf(row).join() === [...now].sort().join();
  if (before.value !== null && heads.value !== null && isSame(before.value, heads.value.heads))
    return ok({ row: before.value, blobs: null });
  const saved = await documents.save(ref);
  if (!saved.ok) return saved;
  if (before.value !== null && isSame(before.value, saved.value.heads))
    return ok({ row: before.value, blobs: null });
  if (saved.value.heads.length > HEADS_PER_DOCUMENT_MAX) return ok(null);
  const key = context.random.bytes(KEY_BYTES);
  const blobs = sealParts(context.random, logOf(context), key, saved.value.bytes);
  if (blobs.length > PARTS_MAX) return ok(null);
  const again = openParts(logOf(context), key, blobs);
  if (!again.ok || !equalBytes(again.value, saved.value.bytes)) return ok(null);
  const loaded = documents.inspect(ref, again.value);
  if (!loaded.ok) return loaded;
  if ([...loaded.value.heads].sort().join() !== [...saved.value.heads].sort().join()) return ok(null);
  let newestHlc = 0;
  for (const [, bytes] of loaded.value.ops) {
    const op = parseArchivedOp(bytes);
    if (op.ok) newestHlc = Math.max(newestHlc, op.value.op.op.hlc);
  }
  return ok({
    row: { name, heads: headBytes(saved.value.heads), key, blobs: blobs.map(blobId), newestHlc },
    blobs,
  });
}

async function indexOf(
  { context }: MakerDeps,
  documents: readonly DocumentRow[],
  coverage: Coverage,
  predecessor: Predecessor,
  inboundPoints: () => InboundPoints,
): Promise<Result<SnapshotIndex | null, ClientError>> {
  const ahead = await context.tables.archived.scan();
  if (!ahead.ok) return ahead;
  const archived = ahead.value.map(({ key }) => rowKeyParts(key)[1] as EntryId);
  // SN28: a log that is not read to where it may be acknowledged keeps the point it had.
  const points = new Map([...predecessor.inbound, ...inboundPoints()].map((one) => [one.logId, one.point]));
  return ok({
    version: 1,
    documents,
    epochFloor: coverage.epochFloor,
    siblings: coverage.siblings,
    inbound:
      archived.length > ARCHIVED_AHEAD_MAX ? [] : [...points].map(([logId, point]) => ({ logId, point })),
    archived: archived.slice(0, ARCHIVED_AHEAD_MAX),
  });
}

async function propose(
  { context }: MakerDeps,
  gateway: Gateway,
  plan: {
    readonly coverage: Coverage;
    readonly index: SnapshotIndex;
    readonly previous: SnapshotId | null;
  },
): Promise<Result<SnapshotId | null, ClientError>> {
  const { identity, random } = context;
  const chain = context.chain();
  const epoch = chain.epochs.length;
  const epochSecret = context.epochSecret(epoch);
  if (epochSecret === null) return ok(null);
  const indexKey = random.bytes(KEY_BYTES);
  const parts = sealParts(random, logOf(context), indexKey, encodeSnapshotIndex(plan.index));
  const blobs = [...parts.map(blobId), ...plan.index.documents.flatMap((row) => row.blobs)];
  if (blobs.length > SNAPSHOT_BLOBS_MAX || parts.length > PARTS_MAX) return ok(null);
  const sent = await sendBlobs(gateway, parts);
  if (!sent.ok) return sent;
  const { point: upto, except } = plan.coverage;
  const snapshot = sealManifest(random, {
    log: logOf(context),
    header: { version: 1, logId: context.accountLogId, epoch, upto, except, previous: plan.previous, blobs },
    epochSecret,
    signer: identity.keys.sign,
    content: {
      version: 1,
      device: identity.deviceId,
      chainSeq: chain.seq,
      chainHead: chain.head,
      indexKey,
      indexParts: parts.length,
    },
  });
  const installed = await gateway.call("done", { type: "putSnapshot", snapshot });
  if (installed.ok) {
    const id = snapshotId(snapshot);
    const written = await context.store.batch([context.tables.snapshot.put([], { id, upto })]);
    return written.ok ? ok(id) : written;
  }
  if (installed.error.type !== "Refused") return installed;
  // SN33: blobs that were collected meanwhile are packed again the next time.
  if (installed.error.code === "blob-missing") {
    const rows = await context.tables.packed.scan();
    if (!rows.ok) return rows;
    const forgotten = await context.store.batch(
      rows.value.map(({ key }) => ({ type: "delete" as const, key })),
    );
    if (!forgotten.ok) return forgotten;
  }
  return ok(null);
}

async function sendBlobs(gateway: Gateway, blobs: readonly Bytes[]): Promise<Result<void, ClientError>> {
  for (let from = 0; from < blobs.length; ) {
    const part: Bytes[] = [];
    let size = 0;
    while (from < blobs.length) {
      const next = blobs[from];
      if (next === undefined || (part.length > 0 && size + next.length > UPLOAD_BYTES_MAX)) break;
      if (part.length === 256) break;
      part.push(next);
      size += next.length + 8;
      from++;
    }
    const sent = await gateway.call("done", { type: "putBlobs", blobs: part });
    if (!sent.ok) return sent;
  }
  return ok();
}
