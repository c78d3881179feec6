/**
 * Buckets that another one has taken the place of: what still comes for them goes where it belongs now, and they are
 * erased, their changes in every row with them. Rules DE7, DE8, DE10.
 */
import { CHANGE_BYTES_MAX } from "../../log/account-entry.ts";
import { OP_BYTES_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import type { Documents } from "../../document/documents.ts";
import { type BucketName, type BucketPlace, type DocumentName, isBucket } from "../../log/document-name.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectRows } from "../direct/direct-rows.ts";
import type { EngineContext } from "../engine-context.ts";
import type { DocumentChanges } from "./document-changes.ts";
import type { DocumentHeads } from "./document-heads.ts";
import type { Journal } from "./journal.ts";
import type { OwnChanges } from "./own-changes.ts";
import { writeRows } from "./rows-step.ts";

/** What is deleted, as far as buckets are concerned. */
export interface Retirement {
  /** The present bucket of a place. */
  bucketOf(place: BucketPlace): BucketName;
  isRetired(name: DocumentName): boolean;
  /** Those of a bucket's ops that are not deleted. */
  survivors(
    place: BucketPlace,
    stored: readonly StoredOp[],
  ): Promise<Result<readonly StoredOp[], ClientError>>;
}

/** Nothing is deleted. */
export const NO_RETIREMENT: Retirement = {
  bucketOf: ({ conversationId, device, index }) => ({ type: "bucket", conversationId, device, index }),
  isRetired: () => false,
  survivors: async (_place, stored) => ok(stored),
};

export interface RetireDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly direct: DirectRows;
  readonly own: OwnChanges;
  readonly journal: () => Journal;
  readonly retirement: Retirement;
  /** How far the account log was read. */
  readonly readSeq: () => number;
}

export interface BucketRetirement {
  /** Puts what changes of a retired bucket bring into the present one; null for any other document. */
  carry(item: DocumentChanges): Promise<Result<BucketName | null, ClientError>>;
  /** Puts ops into a bucket, as many changes as it takes. Those it has are skipped. */
  archiveAll(name: BucketName, stored: readonly StoredOp[]): Promise<Result<void, ClientError>>;
  /** Every op of a bucket, those that wait in rows with it. */
  heldOps(name: BucketName): Promise<Result<readonly StoredOp[], ClientError>>;
  /** Erases a bucket and all rows of it. */
  retire(name: BucketName): Promise<Result<void, ClientError>>;
  /** The account log holds something that is deleted, up to where it was read. */
  noteUnpacked(): WriteOp;
}

/** What an op takes in a change beside its bytes. */
const STORED_OVERHEAD_BYTES = 256;
const OPS_PER_CHANGE_MAX = 256;

export function createBucketRetirement(deps: RetireDeps): BucketRetirement {
  const { context, documents, heads, direct, own, retirement } = deps;
  const { tables, store } = context;

  const noteUnpacked = (): WriteOp => tables.unpacked.put([], { seq: deps.readSeq() });

  async function carry({
    document,
    changes,
  }: DocumentChanges): Promise<Result<BucketName | null, ClientError>> {
    if (!isBucket(document) || !retirement.isRetired(document)) return ok(null);
    // DE8: its other changes may be gone, so it is not applied; an op is whole in the change that put it.
    const kept = await retirement.survivors(document, documents.opsIn(changes));
    if (!kept.ok) return kept;
    const present = retirement.bucketOf(document);
    const archived = await archiveAll(present, kept.value);
    if (!archived.ok) return archived;
    const noted = await store.batch([noteUnpacked()]);
    return noted.ok ? ok(present) : noted;
  }

  async function archiveAll(
    name: BucketName,
    stored: readonly StoredOp[],
  ): Promise<Result<void, ClientError>> {
    for (const part of partsOf(stored)) {
      const values = part.map((one) => ({ stored: one, settles: tables.archive.key(one[0]) }));
      const archived = await own.archive(name, values);
      if (!archived.ok) return archived;
    }
    return ok();
  }

  async function heldOps(name: BucketName): Promise<Result<readonly StoredOp[], ClientError>> {
    const { id } = heads.ref(name);
    const stored = await documents.scanOps(heads.ref(name));
    if (!stored.ok) return stored;
    const journaled = await tables.journal.scan();
    if (!journaled.ok) return journaled;
    const rows = [...journaled.value.map(({ value }) => value), ...own.waiting().values()];
    const waiting = rows.filter(({ document }) => heads.ref(document).id === id);
    const inRows = documents.opsIn([...waiting.flatMap(({ changes }) => changes), ...direct.changesOf(id)]);
    return ok([...new Map([...inRows, ...stored.value])]);
  }

  async function retire(name: BucketName): Promise<Result<void, ClientError>> {
    const { id } = heads.ref(name);
    // The document first: rows without it are found again, chunks without rows would never be.
    const removed = await documents.remove(heads.ref(name));
    if (!removed.ok) return removed;
    const outs = own.numbersOf(id);
    const journaled = deps.journal().numbersOf(id);
    const brought = direct.take(id);
    const deletes = [
      ...outs.map((number) => tables.out.remove(number)),
      ...journaled.map((number) => tables.journal.remove(number)),
      ...brought.writes,
    ];
    const deleted = await writeRows(store, deletes);
    if (!deleted.ok) return deleted;
    const written = await store.batch([tables.heads.remove(id), noteUnpacked()]);
    if (!written.ok) return written;
    brought.commit();
    own.forget(id);
    deps.journal().forget(id);
    heads.forget(id);
    return ok();
  }

  return { carry, archiveAll, heldOps, retire, noteUnpacked };
}

function partsOf(stored: readonly StoredOp[]): readonly (readonly StoredOp[])[] {
  const parts: StoredOp[][] = [];
  let size = 0;
  for (const one of stored) {
    const weight = one[1].length + STORED_OVERHEAD_BYTES;
    const part = parts.at(-1);
    const isFull =
      part === undefined ||
      part.length >= OPS_PER_CHANGE_MAX ||
      size + weight > CHANGE_BYTES_MAX - OP_BYTES_MAX;
    if (isFull) parts.push([one]);
    else part.push(one);
    size = isFull ? weight : size + weight;
  }
  return parts;
}
