/**
 * The author's proof of an op of a room: a device's signature that goes with the op, so that any member can hand it on and who comes
 * later can tell who wrote it. Made only where the room gives newcomers history: anybody can be shown it. Rules RM41, RM42.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { OP_BYTES_MAX } from "../../base/limits.ts";
import { bytes, decode, encode, id, integer, literal, type ShapeOf, struct } from "../../codec/shape.ts";
import { LABEL } from "../../crypto/labels.ts";
import { type SignKeyPair, sign } from "../../crypto/sign.ts";
import { SIGNATURE_BYTES, verifySignature } from "../../crypto/verify.ts";
import { type ChainState, hashAt, isActiveAt } from "../../sigchain/chain-state.ts";
import { hlcToMs, isAhead } from "../hlc.ts";
import { isRedacted, type NamedOp, type Op, OP_KIND, opShape, redactedBy } from "../op.ts";
import { memberOf, type RoomContext } from "./room-context.ts";

const DAY_MS = 86_400_000;

/** What `ext` of a proven op holds: the group's epoch when it was written, and the place the room had of the author's chain then. */
const placeFields = { epoch: integer(0), seq: integer(1) };
export const opProofShape = struct({
  version: literal(1),
  ...placeFields,
  signature: bytes(SIGNATURE_BYTES),
});
export type OpProof = ShapeOf<typeof opProofShape>;

/** What is signed: the op's canonical bytes with nothing in `ext`, where it was written, and for which room. */
export const opProofClaimShape = struct({
  roomId: id("conversation"),
  ...placeFields,
  op: bytes(1, OP_BYTES_MAX),
});

/** Of what an author makes proofs: messages, that they were taken back, and all there is of shared documents. */
export function isProvable({ kind }: Pick<Op, "kind">): boolean {
  return kind === OP_KIND.message || kind === OP_KIND.redaction || isOfDocument(kind);
}

function isOfDocument(kind: number): boolean {
  return kind === OP_KIND.sharedDocument || kind === OP_KIND.sharedChange || kind === OP_KIND.sharedRemoval;
}

/** `ext` of an op that is to be handed on. RM41 */
export function proveOp(
  key: SignKeyPair,
  place: { readonly roomId: ConversationId; readonly epoch: number; readonly seq: number },
  op: Op,
): Bytes {
  const { epoch, seq } = place;
  const signature = sign(key, LABEL.signRoomOp, claimOf(place, op));
  return encode(opProofShape, { version: 1, epoch, seq, signature });
}

/** The proof in an op; null for none. */
export function proofOf({ op }: NamedOp): OpProof | null {
  const proof = op.ext === null ? null : decode(opProofShape, op.ext);
  return proof?.ok === true ? proof.value : null;
}

function claimOf(
  { roomId, epoch, seq }: { readonly roomId: ConversationId; readonly epoch: number; readonly seq: number },
  op: Op,
): Bytes {
  return encode(opProofClaimShape, { roomId, epoch, seq, op: encode(opShape, { ...op, ext: null }) });
}

/** Whom an op is judged for. */
export interface HistoryReader {
  readonly roomId: ConversationId;
  readonly room: RoomContext;
  /** Who gets it, a member. */
  readonly reader: AccountId;
  readonly nowMs: number;
}

/** The place of a chain that the room says its author had. */
export interface ProvenAuthor {
  readonly origin: string;
  readonly seq: number;
  readonly head: ReturnType<typeof hashAt>;
  readonly proof: OpProof;
}

/**
 * The author of an op that may be handed to `reader`; null for one that may not: of a kind nobody proves, of no member then, from before
 * the history the room gives, or from after they came. RM42, SD17
 */
export function historyAuthor(
  named: NamedOp,
  { roomId, room, reader, nowMs }: HistoryReader,
): ProvenAuthor | null {
  const { op } = named;
  const proof = proofOf(named);
  const me = memberOf(room, reader);
  const { history } = room;
  if (proof === null || me === null || history === null || !isProvable(op)) return null;
  if (op.conversationId !== roomId || op.author === reader || isRedacted(named)) return null;
  if (proof.epoch < history.since || proof.epoch >= me.sinceEpoch) return null;
  if (!isInTime(named, history.days, nowMs)) return null;
  const now = memberOf(room, op.author);
  const then =
    now !== null && now.sinceEpoch <= proof.epoch
      ? now
      : history.former.find(
          ({ accountId, since, until }) =>
            accountId === op.author && since <= proof.epoch && proof.epoch < until,
        );
  // A chain goes forward only, so the room has had every place it has had of it.
  if (then === undefined || proof.seq > then.seq) return null;
  return { origin: then.origin, seq: then.seq, head: then.head, proof };
}

/** When history of these days begins; before everything for all. */
export function historyBeginsMs(days: number | null, nowMs: number): number {
  return days === null ? 0 : nowMs - days * DAY_MS;
}

function isInTime(named: NamedOp, days: number | null, nowMs: number): boolean {
  // SD17: a document is whole or nothing.
  if (isOfDocument(named.op.kind)) return !isAhead(named.op.hlc, nowMs);
  const beginMs = historyBeginsMs(days, nowMs);
  const target = redactedBy(named);
  if (named.op.kind === OP_KIND.redaction && (target === null || hlcToMs(target.hlc) < beginMs)) return false;
  return hlcToMs(named.op.hlc) >= beginMs && !isAhead(named.op.hlc, nowMs);
}

/** Why an op that is handed on is not its author's: nothing an honest member would hand on. */
export type HistoryFault = "chain" | "device" | "signature";

/** RM42: the device was active at that place of its account's chain, and signed. Null when it holds. */
export function judgeProof(
  { op }: NamedOp,
  { seq, head, proof }: ProvenAuthor,
  chain: ChainState,
): HistoryFault | null {
  if (hashAt(chain, seq) !== head) return "chain";
  const device = chain.devicesById.get(op.device);
  if (device === undefined || !isActiveAt(device, proof.seq)) return "device";
  const claim = claimOf({ roomId: op.conversationId, epoch: proof.epoch, seq: proof.seq }, op);
  return verifySignature(device.signKey, LABEL.signRoomOp, claim, proof.signature).ok ? null : "signature";
}
