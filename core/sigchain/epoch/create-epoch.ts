/**
 * A new epoch: its secret, the record for the link, and the boxes. Rules EP1, EP9-EP13.
 *
 * Made before the link is appended; whoever loses the compare-and-swap calls `discardEpoch` and starts over.
 */
import { assert, present } from "../../base/assert.ts";
import type { Bytes } from "../../base/bytes.ts";
import { idBytes } from "../../base/ids.ts";
import { EPOCH_WALKS_MAX } from "../../base/limits.ts";
import type { Random } from "../../base/random.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { seal, type SealContext } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";
import { encapsulate } from "../../crypto/xwing.ts";
import { activeDevices, type ChainState, currentEpoch, currentRecovery } from "../chain-state.ts";
import {
  boxesHash,
  encodeAddedBox,
  encodeEpochBoxes,
  EPOCH_SECRET_BYTES,
  type EpochWalk,
  type SecretBox,
} from "../epoch-box.ts";
import type { BoxRecipient } from "../keys/device-keys.ts";
import { deviceSigner, type DeviceRecord, deviceIdOf, type EpochRecord } from "../link.ts";
import { cutCommitment, type CutOpening, sealCut } from "./cut.ts";
import { epochCommit, type EpochSecret, requestKeyPair } from "./epoch-secret.ts";

/** An epoch that no chain has yet. */
export interface NewEpoch {
  readonly secret: EpochSecret;
  readonly record: EpochRecord;
  /** To store in one act with the link. */
  readonly boxes: Bytes;
  /** Commitment for the link, where there is a cut. */
  readonly cut: Bytes | null;
}

export interface EpochPlan {
  readonly number: number;
  /** Every device that stays, every device that comes, and the recovery key. */
  readonly recipients: readonly BoxRecipient[];
  /**
   * Earlier secrets to seal under the new one: normally just the one before. More where an epoch's own way back is
   * broken, so that history stays reachable.
   */
  readonly earlier: readonly EpochSecret[];
  readonly cut: CutOpening | null;
}

/**
 * Creates the epoch of `plan`.
 *
 * - Secrets: the result owns its secret; `discardEpoch` erases it. - Cost: one X-Wing encapsulation a recipient.
 */
export function createEpoch(random: Random, plan: EpochPlan): NewEpoch {
  assert(plan.earlier.length <= EPOCH_WALKS_MAX, "an epoch opens a bounded number of earlier ones");
  assert(
    plan.earlier.every((earlier) => earlier.number < plan.number),
    "an epoch leads back, never forward",
  );
  const secret = random.bytes(EPOCH_SECRET_BYTES);
  const commit = epochCommit(secret);
  const recipients = [...plan.recipients].sort((a, b) => (a.signerId < b.signerId ? -1 : 1));
  const boxes = encodeEpochBoxes({
    version: 1,
    number: plan.number,
    boxes: recipients.map((recipient) => sealSecret(random, plan.number, secret, recipient)),
    walks: plan.earlier.map((earlier) => sealWalk(random, plan.number, secret, earlier)),
    cut: plan.cut === null ? null : sealCut(random, secret, plan.cut),
  });
  const record = {
    number: plan.number,
    commit,
    boxesHash: boxesHash(boxes),
    requestKey: requestKeyPair(secret).publicKey,
  };
  const cut = plan.cut === null ? null : cutCommitment(plan.cut);
  return { secret: { number: plan.number, secret }, record, boxes, cut };
}

/** Erases the secret of an epoch that did not get onto the chain (EP11). */
export function discardEpoch(epoch: NewEpoch): void {
  wipe(epoch.secret.secret);
}

/** Box of the current epoch for a device that joins without a new one; stored in one act with its `device-add` (EP12). */
export function createAddedBox(
  random: Random,
  state: ChainState,
  current: EpochSecret,
  device: DeviceRecord,
): Bytes {
  const { number } = currentEpoch(state);
  assert(current.number === number, "a device joins with the secret of the current epoch");
  const recipient = { signerId: deviceSigner(deviceIdOf(device.signKey)), kemKey: device.kemKey };
  return encodeAddedBox({ version: 1, number, box: sealSecret(random, number, current.secret, recipient) });
}

/** Those an epoch is sealed to by default: active devices, less those that go, and the recovery key (EP1). */
export function recipientsOf(
  state: ChainState,
  less: ReadonlySet<string> = new Set(),
): readonly BoxRecipient[] {
  const recovery = currentRecovery(state);
  const devices = activeDevices(state).filter((device) => !less.has(device.id));
  return [
    ...devices.map((device) => ({ signerId: deviceSigner(device.id), kemKey: device.kemKey })),
    { signerId: recovery.id, kemKey: recovery.kemKey },
  ];
}

function sealSecret(random: Random, number: number, secret: Bytes, recipient: BoxRecipient): SecretBox {
  const made = encapsulate(random, recipient.kemKey);
  const { ciphertext, sharedSecret } = present(made.ok ? made.value : null, "a key on the chain was checked");
  const context = boxContext(number, epochCommit(secret), recipient, sharedSecret);
  const sealed = seal(random, context, secret);
  wipe(context.key, sharedSecret);
  return { to: recipient.signerId, ciphertext, sealed };
}

function sealWalk(random: Random, number: number, secret: Bytes, earlier: EpochSecret): EpochWalk {
  const sealed = seal(random, walkContext(number, secret, earlier.number), earlier.secret);
  return { number: earlier.number, sealed };
}

/** How a box is sealed: bound to the epoch, the commitment in its link, and the one it is for (EP9). */
export function boxContext(
  number: number,
  commit: Bytes,
  recipient: BoxRecipient,
  sharedSecret: Bytes,
): SealContext {
  const aad = encodeCbor([number, commit, idBytes(recipient.signerId), recipient.kemKey]);
  return { key: deriveKey(sharedSecret, LABEL.epochBox, aad), label: LABEL.sealEpochBox, aad };
}

/** How an earlier secret is sealed under a later one (EP10). */
export function walkContext(number: number, secret: Bytes, earlier: number): SealContext {
  const aad = encodeCbor([number, earlier]);
  return { key: deriveKey(secret, LABEL.epochWalk), label: LABEL.sealEpochWalk, aad };
}
