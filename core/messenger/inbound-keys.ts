/**
 * The inbound log an account keeps for one contact. Rule DM1.
 *
 * Derived from the epoch's secret, so that devices which accept a contact at the same time, apart, make the same log.
 * A new epoch gives a new log, capability and outer key, which a removed device does not know.
 */
import type { Bytes } from "../base/bytes.ts";
import { type AccountId, idBytes, idFromBytes, type LogId } from "../base/ids.ts";
import { bytes, id, type ShapeOf, struct } from "../codec/shape.ts";
import { deriveKey } from "../crypto/kdf.ts";
import { LABEL } from "../crypto/labels.ts";

/** What a contact needs to write to an inbound log: its name, the seed of the append capability, the outer key `hk`. */
export const inboundKeysShape = struct({ logId: id("log"), appendSeed: bytes(32), outerKey: bytes(32) });
export type InboundKeys = ShapeOf<typeof inboundKeysShape>;

/** The inbound log for `contact` in the epoch of this secret. */
export function inboundKeys(epochSecret: Bytes, contact: AccountId): InboundKeys {
  const derive = (label: (typeof LABEL)["inboundLogId" | "inboundAppendSeed" | "inboundOuterKey"]) =>
    deriveKey(epochSecret, label, idBytes(contact));
  const logId: LogId = idFromBytes("log", derive(LABEL.inboundLogId));
  return { logId, appendSeed: derive(LABEL.inboundAppendSeed), outerKey: derive(LABEL.inboundOuterKey) };
}
