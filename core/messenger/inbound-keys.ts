/**
 * The inbound log an account keeps for one contact. Rules DM1, CO1.
 *
 * Derived from an epoch's secret, so that devices which accept a contact at the same time, apart, make the same log.
 * Another epoch, a revocation on the contact's side and an unblock each give a new log, capability and outer key, which
 * whoever was removed does not know.
 */
import type { Bytes } from "../base/bytes.ts";
import { type AccountId, idBytes, idFromBytes, type LogId } from "../base/ids.ts";
import { encodeCbor } from "../codec/cbor.ts";
import { bytes, id, integer, type ShapeOf, struct } from "../codec/shape.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";

/**
 * What a contact needs to write to an inbound log: its name, the seed of the append capability, the outer key `hk`.
 *
 * `turn` counts how often the conversation was closed to them and opened again; within a turn `generation` goes up with
 * each replacement. So a repeated introduction leads nobody back to a log that was closed.
 */
export const inboundKeysShape = struct({
  logId: id("log"),
  appendSeed: bytes(32),
  outerKey: bytes(32),
  turn: integer(0),
  generation: integer(0),
});
export type InboundKeys = ShapeOf<typeof inboundKeysShape>;

/** Which log: its epoch, the contact's last revocation that it follows (0 for none), and the turn. */
export interface InboundPlace {
  readonly epoch: number;
  readonly theirCutSeq: number;
  readonly turn: number;
}

const FIRST: InboundPlace = { epoch: 1, theirCutSeq: 0, turn: 0 };

/** The number of a log within its turn. */
export function generationOf({ epoch, theirCutSeq }: Omit<InboundPlace, "turn">): number {
  return epoch + theirCutSeq;
}

/** The inbound log for `contact` at this place; `epochSecret` is that of its epoch. */
export function inboundKeys(
  epochSecret: Bytes,
  contact: AccountId,
  place: InboundPlace = FIRST,
): InboundKeys {
  const { theirCutSeq, turn } = place;
  const later = theirCutSeq === 0 && turn === 0 ? [] : [encodeCbor([theirCutSeq, turn])];
  const derive = (label: (typeof LABEL)["inboundLogId" | "inboundAppendSeed" | "inboundOuterKey"]) =>
    deriveKey(epochSecret, label, idBytes(contact), ...later);
  const logId: LogId = idFromBytes("log", derive(LABEL.inboundLogId));
  return {
    logId,
    appendSeed: derive(LABEL.inboundAppendSeed),
    outerKey: derive(LABEL.inboundOuterKey),
    turn,
    generation: generationOf(place),
  };
}
