/**
 * Bucket documents: `ops` maps an op id to one byte string.
 *
 * An immutable scalar and never a nested object: two devices that put the same op make two equal values of one key,
 * which read as one; of two equal objects Automerge keeps one and loses what was edited in the other. Rules DC20, DC21.
 */
import type { Bytes } from "../../base/bytes.ts";
import { type OpId, parseId } from "../../base/ids.ts";

/** An op and the bytes kept for it. */
export type StoredOp = readonly [opId: OpId, bytes: Bytes];

/** The ops of a bucket, each its own copy. What is not an op id with bytes is left out. DC21 */
export function storedOps(root: unknown): readonly StoredOp[] {
  return takeOps(root).map(([opId, bytes]) => [opId, bytes.slice()]);
}

/** As `storedOps`, of a document that nobody looks at any more: what it held is not copied. */
export function takeOps(root: unknown): readonly StoredOp[] {
  const ops: StoredOp[] = [];
  for (const [key, bytes] of Object.entries(opsOf(root))) {
    const opId = parseId("op", key);
    if (opId.ok && bytes instanceof Uint8Array) ops.push([opId.value, bytes]);
  }
  return ops;
}

/** Those of `opIds` that a bucket lacks. */
export function missingOps(root: unknown, opIds: readonly OpId[]): readonly OpId[] {
  const ops = opsOf(root);
  return opIds.filter((opId) => !Object.hasOwn(ops, opId));
}

function opsOf(root: unknown): object {
  if (typeof root !== "object" || root === null || !("ops" in root)) return {};
  return typeof root.ops === "object" && root.ops !== null ? root.ops : {};
}
