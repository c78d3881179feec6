/**
 * Rows of documents that are stored at the same time, in one transaction: each transaction waits for the disk, and history
 * comes by the hundred documents.
 */
import type { DocumentRows, DocumentRowWrite } from "./document-rows.ts";

type Batch = DocumentRows["batch"];

/** Runs `store` and writes the rows it gives, together with those of every other that runs at the same time. */
export type StoreJointly = (
  store: () => Promise<readonly DocumentRowWrite[]>,
) => Promise<Awaited<ReturnType<Batch>>>;

/** Joins what is written to `rows`. */
export function createJointRows(rows: { readonly batch: Batch }): StoreJointly {
  let running = 0;
  let ops: DocumentRowWrite[] = [];
  let written = Promise.withResolvers<Awaited<ReturnType<Batch>>>();

  return async (store) => {
    const { promise } = written;
    running += 1;
    try {
      ops.push(...(await store()));
    } finally {
      running -= 1;
      if (running === 0) {
        const [joined, told] = [ops, written];
        ops = [];
        written = Promise.withResolvers();
        rows.batch(joined).then(told.resolve, told.reject);
      }
    }
    return promise;
  };
}
