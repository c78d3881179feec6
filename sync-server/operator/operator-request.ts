/**
 * What the operator's commands ask of a server, whether it runs or only its database is there.
 *
 * The same structures go over the socket in the data folder and straight to the desk.
 */
import {
  id,
  integer,
  list,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
  variants,
} from "@dovetail/core/codec/shape.ts";
import { logKindShape } from "@dovetail/core/protocol/client-frame.ts";
import { INVITATION_TTL_MS_MAX, INVITATION_USES_MAX, INVITATIONS_MAX } from "../limits.ts";

const PATH_BYTES_MAX = 4_096;
const ANSWER_TEXT_BYTES_MAX = 1_048_576;

export const operatorRequestShape = variants({
  invite: [1, { uses: integer(1, INVITATION_USES_MAX), ttlMs: integer(1, INVITATION_TTL_MS_MAX) }],
  listInvitations: [2, {}],
  revokeInvitation: [3, { number: integer(1) }],
  figures: [4, {}],
  deleteAccount: [5, { accountId: id("account") }],
  releaseHandle: [6, { handle: text(256) }],
  /** `path` is absolute: the server works in another folder than the command. */
  backup: [7, { path: text(PATH_BYTES_MAX) }],
  metrics: [8, {}],
});
export type OperatorRequest = ShapeOf<typeof operatorRequestShape>;

const invitation = struct({
  number: integer(1),
  usesLeft: integer(0),
  usesMax: integer(1),
  createdAtMs: integer(0),
  expiresAtMs: integer(0),
});

export const figuresShape = struct({
  accounts: integer(0),
  logs: list(struct({ kind: logKindShape, logs: integer(0), entries: integer(0), bytes: integer(0) }), 16),
  blobBytes: integer(0),
  largestAccountBytes: integer(0),
  databaseBytes: integer(0),
  freeBytes: integer(0),
  erasures: integer(0),
  /** Null when no server runs. */
  connections: nullable(integer(0)),
});

export const operatorAnswerShape = variants({
  done: [1, {}],
  /** `reason` is one word that the command explains. */
  refused: [2, { reason: oneOf("unknown", "too-many", "storage", "no-metrics"), detail: text(1_024) }],
  invited: [
    3,
    { number: integer(1), invitation: text(64), expiresAtMs: integer(0), origin: nullable(text(512)) },
  ],
  invitations: [4, { invitations: list(invitation, INVITATIONS_MAX) }],
  figures: [5, { figures: figuresShape }],
  text: [7, { text: text(ANSWER_TEXT_BYTES_MAX) }],
});
export type OperatorAnswer = ShapeOf<typeof operatorAnswerShape>;
