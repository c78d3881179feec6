/**
 * Making a snapshot: documents are packed, and the packs proposed with what they cover. Rules SN23, SN28, SN33.
 *
 * A snapshot that is never installed leaves blobs the server collects.
 */
import type { EntryId, LogId, SnapshotId } from "../../base/ids.ts";
import { SNAPSHOT_BLOBS_MAX, SNAPSHOT_DOCUMENTS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { sealManifest } from "../../log/snapshot/manifest.ts";
import type { Pack } from "../../log/snapshot/pack.ts";
import { PARTS_MAX, sealParts } from "../../log/snapshot/snapshot-blob.ts";
import {
  ARCHIVED_AHEAD_MAX,
  documentsOf,
  encodeSnapshotIndex,
  type SnapshotIndex,
} from "../../log/snapshot/snapshot-index.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import { blobId, snapshotId } from "../../protocol/snapshot.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { Coverage } from "../account-log/log-intake.ts";
import type { ClientError } from "../client-error.ts";
import type { Gateway } from "../connection/gateway.ts";
import { packDocuments, type PackerDeps, sendBlobs } from "./pack-documents.ts";
import { forgetOtherPacks, logOf, snapshotWrites } from "./snapshot-source.ts";

export type MakerDeps = PackerDeps;

/** Points of other logs up to which every op is in the account log. */
export type InboundPoints = readonly { readonly logId: LogId; readonly point: LogPoint }[];

/** What the snapshot follows. `rows` are those of its documents that are known to be right. */
export interface Predecessor {
  readonly id: SnapshotId | null;
  readonly inbound: InboundPoints;
}

const KEY_BYTES = 32;

/** Makes and installs a snapshot. "conflict" when the server has another one than `predecessor`; null when none can be made now. */
export async function makeSnapshot(
  deps: MakerDeps,
  gateway: Gateway,
  predecessor: Predecessor,
  inboundPoints: () => InboundPoints,
): Promise<Result<SnapshotId | "conflict" | null, ClientError>> {
  const { serial } = deps.context;
  const coverage = await serial.run(async () => deps.log.coverage());
  if (coverage === null) return ok(null);
  const packed = await packDocuments(deps, gateway);
  if (!packed.ok || packed.value === null) return packed.ok ? ok(null) : packed;
  const packs = packed.value;
  const index = await serial.run(() => indexOf(deps, packs, coverage, predecessor, inboundPoints));
  if (!index.ok) return index;
  return propose(deps, gateway, { coverage, index: index.value, previous: predecessor.id });
}

async function indexOf(
  { context }: MakerDeps,
  packs: readonly Pack[],
  coverage: Coverage,
  predecessor: Predecessor,
  inboundPoints: () => InboundPoints,
): Promise<Result<SnapshotIndex, ClientError>> {
  const ahead = await context.tables.archived.scan();
  if (!ahead.ok) return ahead;
  const archived = ahead.value.map(({ key }) => rowKeyParts(key)[1] as EntryId);
  // SN28: a log that is not read to where it may be acknowledged keeps the point it had.
  const points = new Map([...predecessor.inbound, ...inboundPoints()].map((one) => [one.logId, one.point]));
  return ok({
    version: 2,
    packs,
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
): Promise<Result<SnapshotId | "conflict" | null, ClientError>> {
  const { identity, random } = context;
  const chain = context.chain();
  const epoch = chain.epochs.length;
  const epochSecret = context.epochSecret(epoch);
  if (epochSecret === null) return ok(null);
  const indexKey = random.bytes(KEY_BYTES);
  const content = { key: indexKey, bytes: encodeSnapshotIndex(plan.index) };
  const parts = sealParts(random, logOf(context), content, context.padding());
  const { packs } = plan.index;
  const blobs = [...parts.map(blobId), ...packs.flatMap((pack) => pack.blobs)];
  if (blobs.length > SNAPSHOT_BLOBS_MAX || parts.length > PARTS_MAX) return ok(null);
  if (documentsOf(packs).length > SNAPSHOT_DOCUMENTS_MAX) return ok(null);
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
    const forgotten = await forgetOtherPacks(context, packs);
    if (!forgotten.ok) return forgotten;
    const written = await context.store.batch(snapshotWrites(context.tables, { id, upto }));
    return written.ok ? ok(id) : written;
  }
  if (installed.error.type !== "Refused") return installed;
  // SN33: blobs that were collected meanwhile are packed again the next time.
  if (installed.error.code === "blob-missing") {
    const forgotten = await forgetOtherPacks(context, []);
    if (!forgotten.ok) return forgotten;
  }
  return ok(installed.error.code === "snapshot-conflict" ? "conflict" : null);
}
