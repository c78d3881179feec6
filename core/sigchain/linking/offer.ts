/**
 * What lies in the slot before anybody has answered: key and server of the device that shows the code, for whoever typed it.
 * Rule LK40.
 *
 * Both are proven by the secret of the code, so the server cannot put a key of its own there. Somebody who has the code can; what
 * keeps them out is what keeps out who photographs one, the digits (LK11, LK12).
 */
import { type Bytes, toUtf8 } from "../../base/bytes.ts";
import { idBytes } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import { decode, encode } from "../../codec/shape.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { equalSecret } from "../../crypto/secret.ts";
import { isAgreementPublicKey } from "../../crypto/verify.ts";
import type { LinkCode } from "./link-code.ts";
import { slotMessageShape } from "./link-message.ts";
import type { LinkingError } from "./linking-error.ts";
import type { Meeting } from "./typed-code.ts";

/** The first message of the slot that `code` names. */
export function createOffer(code: LinkCode): Bytes {
  return encode(slotMessageShape, {
    type: "offer",
    key: code.key,
    origin: code.origin,
    proof: proofOf(code),
  });
}

/**
 * The whole code from what was typed and what lies in the slot.
 *
 * - Fails: `LinkCodeUsed` when somebody has answered; `LinkClosed`; `LinkTampered` for a key that is not proven.
 */
export function acceptOffer(meeting: Meeting, message: Bytes): Result<LinkCode, LinkingError> {
  const slot = decode(slotMessageShape, message);
  if (!slot.ok) return err({ type: "LinkTampered" });
  if (slot.value.type === "closed") return err({ type: "LinkClosed" });
  if (slot.value.type !== "offer") return err({ type: "LinkCodeUsed" });
  const { key, proof } = slot.value;
  const origin = parseServerOrigin(slot.value.origin);
  if (!origin.ok || !isAgreementPublicKey(key)) return err({ type: "LinkTampered" });
  const code = { ...meeting, key, origin: origin.value };
  return equalSecret(proof, proofOf(code)) ? ok(code) : err({ type: "LinkTampered" });
}

function proofOf({ key, psk, rendezvousId, origin }: LinkCode): Bytes {
  return deriveKey(psk, LABEL.linkOffer, key, idBytes(rendezvousId), toUtf8(origin));
}
