/** What a page of ops is in its row. */
import { OP_BYTES_MAX, OPS_PER_PAGE_MAX } from "../../base/limits.ts";
import { bytes, list, type ShapeOf, struct } from "../../codec/shape.ts";

/** Ops in the order of their keys, each with its name: what is left of a redacted message has that of bytes that are gone. */
export const opPageShape = list(struct({ id: bytes(32), op: bytes(1, OP_BYTES_MAX) }), OPS_PER_PAGE_MAX, 1);
export type OpPageRow = ShapeOf<typeof opPageShape>;
