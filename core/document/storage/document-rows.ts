/**
 * Which heads of a document are durable, kept apart from the document's own chunks: in the TxStore.
 *
 * A chunk that is lost, or set back to an older one, leaves a document that loads without complaint and lacks changes.
 * Compared with this row it is recognised. Rule DC11.
 */
import { type Bytes, fromHex, toHex } from "../../base/bytes.ts";
import type { DocumentId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { bytes, decode, encode, list } from "../../codec/shape.ts";

/** The part of a TxStore that documents use; any TxStore fits. */
export interface DocumentRows {
  get(key: string): Promise<Result<Bytes | null, { readonly type: string }>>;
  batch(ops: readonly DocumentRowWrite[]): Promise<Result<void, { readonly type: string }>>;
}

export type DocumentRowWrite =
  | { readonly type: "put"; readonly key: string; readonly value: Bytes }
  | { readonly type: "delete"; readonly key: string };

/** Devices editing apart leave at most a head each; this is far above, and bounds a damaged row. */
const HEADS_MAX = 65_536;
/** The row of a document's durable heads. */
export const durableHeadsShape = list(bytes(32), HEADS_MAX);

/** Heads that were durable when the document was last saved; null when it never was. */
export async function readDurableHeads(
  rows: DocumentRows,
  id: DocumentId,
): Promise<Result<readonly string[] | null, { readonly detail: string }>> {
  const row = await rows.get(keyOf(id));
  if (!row.ok) return err({ detail: row.error.type });
  if (row.value === null) return ok(null);
  const heads = decode(durableHeadsShape, row.value);
  return heads.ok ? ok(heads.value.map(toHex)) : err({ detail: heads.error.type });
}

/** Remembers heads whose chunks are durable. */
export async function writeDurableHeads(
  rows: DocumentRows,
  id: DocumentId,
  heads: readonly string[] | null,
): Promise<Result<void, { readonly detail: string }>> {
  const written = await rows.batch([durableHeadsWrite(id, heads)]);
  return written.ok ? written : err({ detail: written.error.type });
}

/** The write that does. */
export function durableHeadsWrite(id: DocumentId, heads: readonly string[] | null): DocumentRowWrite {
  const key = keyOf(id);
  return heads === null
    ? { type: "delete", key }
    : { type: "put", key, value: encode(durableHeadsShape, heads.map(fromHex)) };
}

function keyOf(id: DocumentId): string {
  return `document-heads/${id}`;
}
