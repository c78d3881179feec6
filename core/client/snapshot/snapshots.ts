/** Snapshots on a running client: loaded when the log is entered, made and endorsed when there is a reason to. Rules SN23-SN36. */
import { err, ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import type { DocumentName } from "../../log/document-name.ts";
import { documentsOf } from "../../log/snapshot/snapshot-index.ts";
import { parseSnapshotHeader, type StoredSnapshot } from "../../protocol/snapshot.ts";
import { activeDevices } from "../../sigchain/chain-state.ts";
import type { AccountLog, RestoredDocument } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import type { LogChannel } from "../connection/log-channel.ts";
import { endorseSnapshot } from "./snapshot-endorser.ts";
import { createSnapshotLoader } from "./snapshot-loader.ts";
import { type InboundPoints, makeSnapshot } from "./snapshot-maker.ts";
import { SNAPSHOT_TAIL_BYTES } from "./snapshot-policy.ts";
import { fetchIndex, isBlobGone, readSnapshots, trustSnapshot } from "./snapshot-source.ts";

export interface SnapshotsDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
  adopt(documents: readonly RestoredDocument[]): Promise<Result<void, ClientError>>;
  /** Whether a bucket's place is another one's now. */
  isRetired(name: DocumentName): boolean;
  onProgress(done: number, total: number): void;
  /** How many entries since the last snapshot are a reason for one. */
  readonly tailEntries: number;
}

export interface Snapshots {
  /** Runs within the serial. */
  start(): Promise<Result<void, ClientError>>;
  enter(gateway: Gateway, channel: LogChannel): Promise<Result<void, ClientError>>;
  /** Loads what is behind; then endorses what a sibling made, or makes one when it is time. One at a time. */
  tend(
    gateway: Gateway,
    channel: LogChannel,
    inboundPoints: () => InboundPoints,
  ): Promise<Result<void, ClientError>>;
  /** Whether everything of the account's history is here. */
  isComplete(): boolean;
}

export function createSnapshots(deps: SnapshotsDeps): Snapshots {
  const { context, log } = deps;
  const loader = createSnapshotLoader(deps);
  const { tailEntries } = deps;
  let tending: Promise<Result<void, ClientError>> | null = null;
  /** End of the newest snapshot as far as this device knows; asking again waits until there is a reason. */
  let askedAtSeq = -1;
  /** How many devices were revoked when it was asked for. */
  let askedAtRevoked = 0;

  async function tendOnce(
    gateway: Gateway,
    channel: LogChannel,
    inboundPoints: () => InboundPoints,
  ): Promise<Result<void, ClientError>> {
    const loaded = await loader.loadRest(gateway);
    if (!loaded.ok) return loaded;
    const { seq } = log.reader().point;
    const unpacked = await context.tables.unpacked.get();
    if (!unpacked.ok) return unpacked;
    const revoked = context.chain().devicesById.size - activeDevices(context.chain()).length;
    const mayBeVoid = revoked > askedAtRevoked;
    if (seq === askedAtSeq && !mayBeVoid && unpacked.value === null) return ok();
    const known = await context.tables.snapshot.get();
    if (!known.ok) return known;
    // The end of the one before, and who made it, stand in its bytes, which are left out of an answer about a known one.
    const isKnown = unpacked.value === null && !mayBeVoid ? (known.value?.id ?? null) : null;
    const offered = await readSnapshots(context, gateway, isKnown);
    if (!offered.ok) return offered;
    [askedAtSeq, askedAtRevoked] = [seq, revoked];
    const newest = offered.value[0];
    const due = await dueForDeletion(gateway, offered.value, unpacked.value);
    if (!due.ok) return distrusted(due.error);
    // SN40
    const vouched = newest === undefined ? ok(null) : await context.tables.vouched.get(newest.id);
    if (!vouched.ok) return vouched;
    if (newest !== undefined && newest.id === known.value?.id && vouched.value === null) {
      const over = await forgetVouched();
      if (!over.ok) return over;
    }
    let isDue = due.value || vouched.value !== null;
    if (newest === undefined && known.value !== null) {
      raiseStale();
      isDue = true;
    }
    if (mayBeVoid && newest !== undefined && newest.id === known.value?.id) {
      // SN30: it was good when this device got to know it; who made it has been revoked since.
      const trusted = await trustSnapshot(context, newest);
      if (!trusted.ok) return trusted;
      if (trusted.value === "void") isDue = true;
    }
    if (newest !== undefined && newest.id !== known.value?.id) {
      const trusted = await trustSnapshot(context, newest);
      if (!trusted.ok) return trusted;
      // SN30: what the log was trimmed to is of use to nobody new.
      if (trusted.value === "void") isDue = true;
      else if (trusted.value !== null) {
        const { header, content } = trusted.value.manifest;
        const isStale = known.value !== null && header.upto.seq < known.value.upto.seq;
        if (isStale) {
          raiseStale();
          isDue = true;
        }
        const isPassed = isStale || content.device === context.identity.deviceId;
        const taken = isPassed ? ok() : await loader.takeUncut(gateway, trusted.value);
        if (!taken.ok) return distrusted(taken.error);
        const endorsed = isPassed ? ok(true) : await endorseSnapshot(deps, gateway, channel, trusted.value);
        if (!endorsed.ok) return distrusted(endorsed.error);
        if (!endorsed.value) askedAtSeq = -1;
        const isLong = await isTailLong(header.upto.seq, endorsed.value);
        if (!isLong.ok) return isLong;
        if (!isLong.value && !isDue) return ok();
        const index = await fetchIndex(context, gateway, trusted.value);
        if (!index.ok && !isBlobGone(index.error)) return distrusted(index.error);
        const inbound = index.ok ? index.value.inbound : [];
        return made(await makeSnapshot(deps, gateway, { id: newest.id, inbound }, inboundPoints));
      }
    }
    const uptoSeq = newest === undefined ? 0 : (known.value?.upto.seq ?? 0);
    const isLong = await isTailLong(uptoSeq, true);
    if (!isLong.ok) return isLong;
    if (!isLong.value && !isDue) return ok();
    return made(await makeSnapshot(deps, gateway, { id: newest?.id ?? null, inbound: [] }, inboundPoints));
  }

  /** SN37: a newer one was known here: the server was set back, or pretends to be. One that was gets the next at once. */
  function raiseStale(): void {
    context.raise({ type: "SnapshotDistrusted", rule: "Stale" });
  }

  /** SN40: with one of its own time known to be right, this device goes by none whose makers are revoked any more. */
  async function forgetVouched(): Promise<Result<void, ClientError>> {
    const rows = await context.tables.vouched.scan();
    if (!rows.ok || rows.value.length === 0) return rows.ok ? ok() : rows;
    return context.store.batch(rows.value.map(({ key }) => ({ type: "delete", key })));
  }

  /** SN30: whether enough came after `uptoSeq`. Bytes are counted from the last snapshot that is known to be right. */
  async function isTailLong(uptoSeq: number, isKnownRight: boolean): Promise<Result<boolean, ClientError>> {
    if (log.reader().point.seq - uptoSeq >= tailEntries) return ok(true);
    const tail = await context.tables.tail.get();
    return tail.ok ? ok(isKnownRight && (tail.value?.bytes ?? 0) >= SNAPSHOT_TAIL_BYTES) : tail;
  }

  /**
   * DE10: what is deleted leaves the server with the entries and blobs that hold it, which takes two snapshots without it.
   */
  async function dueForDeletion(
    gateway: Gateway,
    offered: readonly StoredSnapshot[],
    unpacked: { readonly seq: number } | null,
  ): Promise<Result<boolean, ClientError>> {
    if (unpacked === null) return ok(false);
    // One that is made before its bucket is erased would hold it again.
    const held = await log.held();
    if (!held.ok) return held;
    if (held.value.some(({ name }) => deps.isRetired(name))) return ok(false);
    const ends = offered.map(({ snapshot }) => {
      const header = snapshot === null ? null : parseSnapshotHeader(snapshot.header);
      return header?.ok ? header.value.upto.seq : 0;
    });
    const areBefore = (seq: number): boolean => ends.length < 2 || ends.some((end) => end < seq);
    if (areBefore(unpacked.seq)) return ok(true);
    const packed: DocumentName[] = [];
    for (const stored of offered) {
      const names = await namesIn(gateway, stored);
      if (!names.ok) return names;
      if (names.value === null) return ok(true);
      packed.push(...names.value);
    }
    return context.serial.run(async () => {
      // More may have been deleted while they were read.
      const now = await context.tables.unpacked.get();
      if (!now.ok) return now;
      if (areBefore(now.value?.seq ?? 0) || packed.some(deps.isRetired)) return ok(true);
      const done = await context.store.batch([context.tables.unpacked.remove()]);
      return done.ok ? ok(false) : done;
    });
  }

  /** The documents in a snapshot; null when nobody can say. */
  async function namesIn(
    gateway: Gateway,
    stored: StoredSnapshot,
  ): Promise<Result<readonly DocumentName[] | null, ClientError>> {
    const trusted = await trustSnapshot(context, stored);
    if (!trusted.ok) return trusted;
    if (trusted.value === null || trusted.value === "void") return ok(null);
    const index = await fetchIndex(context, gateway, trusted.value);
    if (!index.ok) return isBlobGone(index.error) ? ok(null) : index;
    return ok(documentsOf(index.value.packs).map(({ name }) => name));
  }

  function made(result: Result<unknown, ClientError>): Result<void, ClientError> {
    return result.ok ? ok() : result;
  }

  function distrusted(error: ClientError): Result<never, ClientError> {
    if (error.type === "SnapshotDistrusted") context.raise(error);
    return err(error);
  }

  return {
    start: loader.start,
    enter: loader.enter,
    tend(gateway, channel, inboundPoints) {
      tending ??= tendOnce(gateway, channel, inboundPoints).finally(() => {
        tending = null;
      });
      return tending;
    },
    isComplete: loader.isComplete,
  };
}
