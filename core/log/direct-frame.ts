/**
 * What two own devices send each other once they know each other. Rules DS10, DS12.
 *
 * `repo` carries a message of automerge-repo's adapters. `catalogue` names documents and their heads: all of them first,
 * then those that moved; from it both know what differs, and when nothing does.
 */
import { bytes, flag, list, type ShapeOf, struct, text, variants } from "../codec/shape.ts";
import { DIRECT_DOCUMENTS_MAX, DIRECT_FRAME_BYTES_MAX } from "../base/limits.ts";
import { documentNameShape } from "./document-name.ts";

/** Heads of one document: more would mean as many devices that never heard of each other. */
const HEADS_MAX = 4_096;
const HEAD_CHARS = 64;

export const directFrameShape = variants({
  repo: [1, { message: bytes(1, DIRECT_FRAME_BYTES_MAX) }],
  catalogue: [
    2,
    {
      /** Nothing of what is there when the two meet is left out any more. */
      isWhole: flag,
      documents: list(
        struct({ name: documentNameShape, heads: list(text(HEAD_CHARS), HEADS_MAX) }),
        DIRECT_DOCUMENTS_MAX,
      ),
    },
  ],
  ping: [3, {}],
  pong: [4, {}],
  /** Both hold the same and the sender leaves. */
  done: [5, {}],
});
export type DirectFrame = ShapeOf<typeof directFrameShape>;
