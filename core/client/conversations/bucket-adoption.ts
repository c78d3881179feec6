/** Ops that siblings put into buckets, or that a snapshot has there, get their rows here. Rules MS5, DE7, DM9. Runs within the serial. */
import type { EntryId, LogId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import type { Documents } from "../../document/documents.ts";
import { type BucketName, generationOf } from "../../log/document-name.ts";
import { parseArchivedOp } from "../../messenger/archived-op.ts";
import type { NamedOp } from "../../messenger/op.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import { type RowsStep, together } from "../account-log/rows-step.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { RoomMissed } from "../rooms/reading/room-missed.ts";
import type { Deleting } from "./conversation-ports.ts";
import type { OpStore } from "./op-store.ts";
import type { SetAside } from "./set-aside.ts";

const KNOWN_BUCKETS_MAX = 256;

export interface BucketAdoptionDeps {
  readonly context: Pick<EngineContext, "store" | "times">;
  readonly documents: Pick<Documents, "scanOps">;
  readonly log: Pick<AccountLog, "ref">;
  readonly ops: Pick<OpStore, "add">;
  readonly roomMissed: Pick<RoomMissed, "found">;
  readonly setAside: Pick<SetAside, "change">;
  readonly deleting: Deleting;
  /** What ops say of others: goes with their rows. */
  raise(fresh: readonly NamedOp[]): RowsStep;
  /** Everything up to a seq of this log is in the account log. */
  onAckable(logId: LogId): void;
}

/** What a bucket holds, where that is known without asking for it. */
export type OpsOf = (name: BucketName) => readonly StoredOp[] | null;

/** Adopts what these buckets hold, in one transaction, which costs more than an op in it does; gives the ops that were new. */
export type AdoptBuckets = (
  names: readonly BucketName[],
  isHistory: boolean,
  opsOf: OpsOf,
) => Promise<Result<readonly NamedOp[], ClientError>>;

interface FoundBucket {
  readonly name: BucketName;
  readonly candidates: readonly NamedOp[];
}

export function createBucketAdoption(deps: BucketAdoptionDeps): AdoptBuckets {
  const { documents, log, ops, roomMissed, setAside, deleting } = deps;
  const { store, times } = deps.context;
  const knownByBucket = new Map<string, Set<OpId>>();

  return async (names, isHistory, opsOf) => {
    const found: FoundBucket[] = [];
    const sourceById = new Map<OpId, EntryId>();
    for (const name of names) {
      const held = opsOf(name);
      const stored = held === null ? await documents.scanOps(log.ref(name)) : ok(held);
      if (!stored.ok) return stored;
      const known = knownIn(name);
      const candidates: NamedOp[] = [];
      for (const [opId, bytes] of stored.value) {
        if (known.has(opId)) continue;
        const archived = parseArchivedOp(bytes);
        if (!archived.ok || archived.value.op.id !== opId) continue;
        candidates.push(archived.value.op);
        if (archived.value.source !== null) sourceById.set(opId, archived.value.source);
      }
      found.push({ name, candidates });
    }
    const candidates = found.flatMap((one) => one.candidates);
    const addition = await ops.add(candidates, times.latestMs());
    if (!addition.ok) return addition;
    const [deletedOps, overOps] = [new Set(addition.value.deleted), new Set(addition.value.over)];
    for (const { name, candidates } of found) {
      deleting.loaded(name);
      // DE7: a sibling has put it there before it knew.
      if (candidates.some((op) => deletedOps.has(op))) deleting.revisit(name);
      const later = candidates.some((op) => overOps.has(op)) ? await deleting.later(name) : ok();
      if (!later.ok) return later;
    }
    const sourcesOf = (named: readonly NamedOp[]) => named.flatMap((op) => sourceById.get(op.id) ?? []);
    // An op that is new here comes in an entry that was not opened here: set aside, or still to be read.
    const asides = setAside.change(
      { resolved: sourcesOf(candidates), archived: isHistory ? [] : sourcesOf(addition.value.fresh) },
      times.steadyMs(),
    );
    const missed = roomMissed.found(sourcesOf(candidates), { isHistory });
    if (addition.value.writes.length === 0 && asides.writes.length === 0 && missed.writes.length === 0) {
      missed.commit();
      know(found);
      return ok([]);
    }
    const gone = deleting.redaction(addition.value.redacted);
    const step = together(addition.value, gone, deps.raise(addition.value.fresh), asides, missed);
    const written = await store.batch(step.writes);
    if (!written.ok) return written;
    step.commit();
    for (const logId of asides.freedLogs) deps.onAckable(logId);
    know(found);
    const deleted = await deleting.redacted(addition.value.redacted, false);
    return deleted.ok ? ok(addition.value.fresh) : deleted;
  };

  function know(found: readonly FoundBucket[]): void {
    for (const { name, candidates } of found) {
      const known = knownIn(name);
      for (const { id } of candidates) known.add(id);
    }
  }

  /** Ops of a bucket that have their rows, so that a change of one op does not look at all the others. */
  function knownIn(name: BucketName): Set<OpId> {
    const key = `${name.conversationId}/${name.device}/${name.index}/${generationOf(name)}`;
    const known = knownByBucket.get(key) ?? new Set<OpId>();
    knownByBucket.delete(key);
    knownByBucket.set(key, known);
    if (knownByBucket.size > KNOWN_BUCKETS_MAX)
      for (const oldest of knownByBucket.keys()) {
        knownByBucket.delete(oldest);
        break;
      }
    return known;
  }
}
