/** What the server has of snapshots, checked: manifests by signature and chain, blobs by their names. Rules SN21, SN24. */
import { present } from "../../base/assert.ts";
import { type Bytes, fromHex, toHex } from "../../base/bytes.ts";
import type { BlobId, DeviceId, SnapshotId } from "../../base/ids.ts";
import { BLOBS_PER_READ_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { AccountLog } from "../../log/account-entry.ts";
import { endorsersOf, judgeSnapshot } from "../../log/snapshot/judge-snapshot.ts";
import { type OpenedManifest, openManifest } from "../../log/snapshot/manifest.ts";
import type { Pack } from "../../log/snapshot/pack.ts";
import { openSnapshotIndex, type SnapshotIndex } from "../../log/snapshot/snapshot-index.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import { blobId, type StoredSnapshot, snapshotId } from "../../protocol/snapshot.ts";
import { deleteRows, writeRows } from "../account-log/rows-step.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { Tables } from "../tables.ts";

/** A snapshot whose maker was entitled. What is in its blobs is still the maker's word. */
export interface TrustedSnapshot {
  readonly id: SnapshotId;
  readonly manifest: OpenedManifest;
  readonly endorsedBy: ReadonlySet<DeviceId>;
}

/** Tells whether a blob is not on the server any more: its snapshot was replaced. */
export function isBlobGone(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "blob-missing";
}

/** What this account's entries and snapshots are bound to. */
export function logOf(context: EngineContext): AccountLog {
  return { accountId: context.identity.accountId, logId: context.accountLogId };
}

/**
 * The snapshots the server offers, newest first; without their bytes if the newest is `known`.
 *
 * - Fails: `SnapshotDistrusted` when bytes are left out that are not here.
 */
export async function readSnapshots(
  context: EngineContext,
  gateway: Gateway,
  known: SnapshotId | null,
): Promise<Result<readonly StoredSnapshot[], ClientError>> {
  const answer = await gateway.call("snapshots", {
    type: "readSnapshots",
    logId: context.accountLogId,
    known,
  });
  if (!answer.ok) return answer;
  const { snapshots } = answer.value;
  const isKnown = known !== null && snapshots[0]?.id === known;
  if (!isKnown && snapshots.some(({ snapshot }) => snapshot === null)) {
    const withheld = { type: "SnapshotDistrusted", rule: "Withheld" } as const;
    context.raise(withheld);
    return err(withheld);
  }
  return ok(snapshots);
}

/**
 * Opens and judges an offered snapshot. A null value is one that does not hold; the alarm tells why. One whose maker was
 * revoked since is void, and nobody has lied.
 */
export async function trustSnapshot(
  context: EngineContext,
  stored: StoredSnapshot,
): Promise<Result<TrustedSnapshot | "void" | null, ClientError>> {
  const { snapshot, endorsements } = stored;
  if (snapshot === null) return ok(null);
  const refuse = (rule: string) => {
    context.raise({ type: "SnapshotDistrusted", rule });
    return ok(null);
  };
  // SN24: the name is computed, not believed.
  if (snapshotId(snapshot) !== stored.id) return refuse("WrongId");
  const keys = {
    epochSecret: context.epochSecret,
    signKey: (device: DeviceId) => context.chain().devicesById.get(device)?.signKey ?? null,
  };
  let opened = openManifest(logOf(context), snapshot, keys);
  if (!opened.ok && (opened.error.type === "UnknownEpoch" || opened.error.type === "UnknownWriter")) {
    const refreshed = await context.serial.run(() => context.refreshOwnChain());
    if (!refreshed.ok) return refreshed;
    opened = openManifest(logOf(context), snapshot, keys);
  }
  if (!opened.ok) return refuse(opened.error.type);
  const { accountId } = context.identity;
  const { incarnation } = opened.value.header.upto;
  const cutSeqOf = (device: DeviceId) => context.cutSeqOf(device, incarnation);
  const verdict = {
    accountId,
    chain: context.chain(),
    cutSeqOf,
    id: stored.id,
    manifest: opened.value,
    endorsements,
  };
  const judged = judgeSnapshot(verdict);
  if (!judged.ok && judged.error.type === "DeviceWasRevoked") {
    // SN40
    const vouched = await context.tables.vouched.get(stored.id);
    if (!vouched.ok) return vouched;
    if (vouched.value !== null)
      return ok({ id: stored.id, manifest: opened.value, endorsedBy: endorsersOf(verdict) });
  }
  // SN21: it was made in good faith, or the server would not have taken it.
  if (!judged.ok) return judged.error.type === "DeviceWasRevoked" ? ok("void") : refuse(judged.error.type);
  return ok({ id: stored.id, manifest: opened.value, endorsedBy: endorsersOf(verdict) });
}

/** Blobs in the order of `ids`, each with the name it was asked for by. */
export async function fetchBlobs(
  gateway: Gateway,
  ids: readonly BlobId[],
): Promise<Result<readonly Bytes[], ClientError>> {
  const blobs: Bytes[] = [];
  while (blobs.length < ids.length) {
    const wanted = ids.slice(blobs.length, blobs.length + BLOBS_PER_READ_MAX);
    const answer = await gateway.call("blobs", { type: "readBlobs", blobIds: wanted });
    if (!answer.ok) return answer;
    const got = answer.value.blobs;
    if (got.length === 0 || got.length > wanted.length)
      return err({ type: "ServerMisbehaved", why: "answered with another number of blobs" });
    for (const [index, bytes] of got.entries()) {
      if (bytes === null) return err({ type: "Refused", code: "blob-missing" });
      if (blobId(bytes) !== wanted[index]) return err({ type: "SnapshotDistrusted", rule: "WrongBlob" });
      blobs.push(bytes);
    }
  }
  return ok(blobs);
}

/** The table of contents of a snapshot. */
export async function fetchIndex(
  context: EngineContext,
  gateway: Gateway,
  { manifest }: TrustedSnapshot,
): Promise<Result<SnapshotIndex, ClientError>> {
  const parts = await fetchBlobs(gateway, manifest.header.blobs.slice(0, manifest.content.indexParts));
  if (!parts.ok) return parts;
  const index = openSnapshotIndex(logOf(context), manifest, parts.value);
  return index.ok ? index : err({ type: "SnapshotDistrusted", rule: index.error.type });
}

/** Heads of a row as documents name them. */
export function headsOf(row: { readonly heads: readonly Bytes[] }): readonly string[] {
  return row.heads.map(toHex).sort();
}

/** Heads as a row has them. */
export function headBytes(heads: readonly string[]): readonly Bytes[] {
  return [...heads].sort().map(fromHex);
}

/** What a pack is called in rows. */
export function packKey(pack: Pack): BlobId {
  return present(pack.blobs[0], "a pack has a blob");
}

/** Forgets packs that are not among these: what they held is elsewhere now, and their blobs will go. */
export async function forgetOtherPacks(
  { store, tables }: EngineContext,
  packs: readonly Pack[],
): Promise<Result<void, ClientError>> {
  const keys = new Set(packs.map(packKey));
  const rows = await tables.packed.scan();
  if (!rows.ok) return rows;
  return deleteRows(
    store,
    rows.value.filter(({ value }) => !keys.has(packKey(value))).map(({ key }) => key),
  );
}

/** Makes it known that a snapshot is right: what has to be read after it begins at its end. */
export function snapshotWrites(
  tables: Tables,
  known: { readonly id: SnapshotId; readonly upto: LogPoint },
): readonly WriteOp[] {
  return [tables.snapshot.put([], known), tables.tail.remove()];
}

/** Packs of a snapshot known to be right take the place of those there were. */
export async function rememberPacks(
  context: EngineContext,
  packs: readonly Pack[],
): Promise<Result<void, ClientError>> {
  const forgotten = await forgetOtherPacks(context, packs);
  if (!forgotten.ok) return forgotten;
  return writeRows(
    context.store,
    packs.map((pack) => context.tables.packed.put([packKey(pack)], pack)),
  );
}
