/**
 * Reads everything a profile has on disk: each row and each chunk is opened by its key, so that a changed byte anywhere is met
 * now and not on the day it is needed. What is met in rows is noted for the next opening of the client, which mends it. ST60
 */
import {
  type Bytes,
  createChunkSeal,
  createPlatformRandom,
  err,
  ok,
  type Result,
  sealTxStore,
  type StoreError,
  watchRows,
} from "@dovetail/core";
import { DurableNodeFsAdapter } from "./durable-nodefs-adapter.ts";
import { listChunks, SET_ASIDE } from "./rekey-profile.ts";
import { type OpenStoreError, openSqliteTxStore } from "./sqlite-tx-store.ts";

/** What was read, and how much of it did not open. */
export interface ProfileFiles {
  readonly rows: number;
  readonly damagedRows: number;
  readonly chunks: number;
  readonly damagedChunks: number;
  /** Chunks that did not open once and were kept beside the others when their document was mended. */
  readonly setAsideChunks: number;
}

export type VerifyError = StoreError | OpenStoreError | { readonly type: "Interrupted" };

/** The profile that is read: locked by this process, its key known. */
export interface VerifySource {
  readonly storePath: string;
  readonly documentsFolder: string;
  readonly storeKey: Bytes;
}

export interface VerifyOptions {
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

const PAGE_ROWS = 64;

/** Opens every row and every chunk. - Fails: as the store does; `Interrupted`. - Cost: reads the whole profile once. */
export async function verifyProfile(
  profile: VerifySource,
  options: VerifyOptions,
): Promise<Result<ProfileFiles, VerifyError>> {
  const rows = await verifyRows(profile, options.signal);
  return rows.ok ? verifyChunks(profile, rows.value, options) : rows;
}

type RowCount = Pick<ProfileFiles, "rows" | "damagedRows">;

async function verifyRows(
  { storePath, storeKey }: VerifySource,
  signal: AbortSignal,
): Promise<Result<RowCount, VerifyError>> {
  const store = openSqliteTxStore(storePath);
  if (!store.ok) return store;
  const opened = watchRows(sealTxStore(store.value, { random: createPlatformRandom(), storeKey }));
  let [rows, damagedRows] = [0, 0];
  try {
    for (let after: string | undefined; ; ) {
      if (signal.aborted) return err({ type: "Interrupted" });
      const page = await store.value.scan({
        prefix: "",
        limit: PAGE_ROWS,
        ...(after === undefined ? {} : { after }),
      });
      if (!page.ok) return page;
      for (const { key } of page.value) {
        const row = await opened.get(key);
        if (!row.ok && row.error.type !== "StoreCorrupt") return row;
        if (!row.ok) damagedRows += 1;
        rows += 1;
      }
      after = page.value.at(-1)?.key;
      if (after === undefined) return ok({ rows, damagedRows });
    }
  } finally {
    await opened.close();
  }
}

async function verifyChunks(
  { documentsFolder, storeKey }: VerifySource,
  rows: RowCount,
  { onProgress, signal }: VerifyOptions,
): Promise<Result<ProfileFiles, VerifyError>> {
  const places = listChunks(documentsFolder);
  const files = new DurableNodeFsAdapter(documentsFolder);
  const seal = createChunkSeal(createPlatformRandom(), storeKey);
  let [damagedChunks, setAsideChunks] = [0, 0];
  try {
    for (const [at, place] of places.entries()) {
      if (signal.aborted) return err({ type: "Interrupted" });
      onProgress(at, places.length);
      if (place[0] === SET_ASIDE) {
        setAsideChunks += 1;
        continue;
      }
      const sealed = await files.load([...place]);
      if (sealed === undefined || !seal.open({ place: [...place], sealed }).ok) damagedChunks += 1;
    }
  } finally {
    seal.wipe();
  }
  return ok({ ...rows, chunks: places.length - setAsideChunks, damagedChunks, setAsideChunks });
}
