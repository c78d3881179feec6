/**
 * Opening epochs: from a box, then back through history. Every secret is checked against the commitment in its link
 * before it is used. Rules EP14-EP19.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type DecodeError, decode } from "../../codec/shape.ts";
import { unseal } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";
import { decapsulate } from "../../crypto/xwing.ts";
import { activeDevicesAt, type ChainEpoch, type ChainState, recoveryAt } from "../chain-state.ts";
import {
  addedBoxShape,
  type BoxesError,
  type EpochBoxes,
  parseEpochBoxes,
  type SecretBox,
} from "../epoch-box.ts";
import type { BoxHolder } from "../keys/device-keys.ts";
import { deviceSigner } from "../link.ts";
import { boxContext, walkContext } from "./create-epoch.ts";
import { type CutError, type CutOpening, openCut } from "./cut.ts";
import { epochCommit, type EpochSecret, requestKeyPair } from "./epoch-secret.ts";

export type EpochError =
  | BoxesError
  /** The chain has no such epoch. */
  | { readonly type: "UnknownEpoch"; readonly epoch: number }
  /** Nothing here is sealed to this holder: it was revoked before, or it joined later. */
  | { readonly type: "NoBoxForHolder"; readonly epoch: number }
  /** A box is there and this key does not open it. */
  | { readonly type: "BoxDoesNotOpen"; readonly epoch: number }
  /** What the box held is not the secret the link committed to. */
  | { readonly type: "SecretDoesNotMatch"; readonly epoch: number }
  /** The request key in the link is not the one the secret gives. */
  | { readonly type: "RequestKeyDoesNotMatch"; readonly epoch: number }
  /** Who made the epoch left somebody out, or let somebody in. */
  | { readonly type: "WrongRecipients"; readonly epoch: number }
  | { readonly type: "CutMissing"; readonly epoch: number }
  | { readonly type: "CutFault"; readonly epoch: number; readonly cause: CutError }
  /** This epoch does not lead back to an earlier one that can be verified. */
  | { readonly type: "WalkBroken"; readonly epoch: number };

/** What opening an epoch gives. */
export interface OpenedEpoch {
  readonly secret: EpochSecret;
  /** The opening of this epoch's cut, where its link is a revocation. */
  readonly cut: CutOpening | null;
}

/**
 * Opens epoch `number` from the boxes that came with its link.
 *
 * `known` are secrets held already: when the epoch before is among them, the way back is checked as well, so that a
 * sibling which broke it is found out at once, by those who can still repair it.
 *
 * - Fails: any `EpochError`; on all but `NoBoxForHolder` the epoch is faulty and should be rotated away.
 */
export function openEpoch(
  state: ChainState,
  number: number,
  boxesBytes: Bytes,
  holder: BoxHolder,
  known: readonly EpochSecret[] = [],
): Result<OpenedEpoch, EpochError> {
  const epoch = state.epochs[number - 1];
  if (epoch === undefined) return err({ type: "UnknownEpoch", epoch: number });
  const boxes = parseEpochBoxes(epoch, boxesBytes);
  if (!boxes.ok) return boxes;
  const box = boxes.value.boxes.find((candidate) => candidate.to === holder.signerId);
  if (box === undefined) return err({ type: "NoBoxForHolder", epoch: number });
  const secret = openBox(epoch, box, holder);
  if (!secret.ok) return secret;
  const whole = checkBoxes(state, epoch, boxes.value, secret.value.secret, known);
  return whole.ok ? ok({ secret: secret.value, cut: whole.value }) : whole;
}

/** Opens the box that was stored with this device's own `device-add`. */
export function openAddedBox(
  state: ChainState,
  boxBytes: Bytes,
  holder: BoxHolder,
): Result<EpochSecret, EpochError | { readonly type: "MalformedAddedBox"; readonly cause: DecodeError }> {
  const added = decode(addedBoxShape, boxBytes);
  if (!added.ok) return err({ type: "MalformedAddedBox", cause: added.error });
  const { number, box } = added.value;
  const epoch = state.epochs[number - 1];
  if (epoch === undefined) return err({ type: "UnknownEpoch", epoch: number });
  if (box.to !== holder.signerId) return err({ type: "NoBoxForHolder", epoch: number });
  return openBox(epoch, box, holder);
}

/**
 * Opens the earlier epochs that the boxes of `later` lead to, normally the one before.
 *
 * - Fails: `WalkBroken` when none of them verifies, except for epoch 1, which has none.
 */
export function walkBack(
  state: ChainState,
  later: EpochSecret,
  boxesBytes: Bytes,
): Result<readonly EpochSecret[], EpochError> {
  const epoch = state.epochs[later.number - 1];
  if (epoch === undefined) return err({ type: "UnknownEpoch", epoch: later.number });
  const boxes = parseEpochBoxes(epoch, boxesBytes);
  if (!boxes.ok) return boxes;
  const found: EpochSecret[] = [];
  for (const walk of boxes.value.walks) {
    const earlier = state.epochs[walk.number - 1];
    if (earlier === undefined || walk.number >= later.number) continue;
    const secret = unseal(walkContext(later.number, later.secret, walk.number), walk.sealed);
    if (!secret.ok || !equalBytes(epochCommit(secret.value), earlier.commit)) continue; // EP16
    found.push({ number: walk.number, secret: secret.value });
  }
  return found.length > 0 || later.number === 1
    ? ok(found)
    : err({ type: "WalkBroken", epoch: later.number });
}

function openBox(epoch: ChainEpoch, box: SecretBox, holder: BoxHolder): Result<EpochSecret, EpochError> {
  const { number } = epoch;
  const shared = decapsulate(holder.kem, box.ciphertext);
  if (!shared.ok) return err({ type: "BoxDoesNotOpen", epoch: number });
  const recipient = { signerId: holder.signerId, kemKey: holder.kem.publicKey };
  const context = boxContext(number, epoch.commit, recipient, shared.value);
  const secret = unseal(context, box.sealed);
  wipe(context.key, shared.value);
  if (!secret.ok) return err({ type: "BoxDoesNotOpen", epoch: number });
  if (!equalBytes(epochCommit(secret.value), epoch.commit)) {
    return err({ type: "SecretDoesNotMatch", epoch: number }); // EP15
  }
  if (!equalBytes(requestKeyPair(secret.value).publicKey, epoch.requestKey)) {
    return err({ type: "RequestKeyDoesNotMatch", epoch: number }); // EP17
  }
  return ok({ number, secret: secret.value });
}

function checkBoxes(
  state: ChainState,
  epoch: ChainEpoch,
  boxes: EpochBoxes,
  secret: Bytes,
  known: readonly EpochSecret[],
): Result<CutOpening | null, EpochError> {
  const { number } = epoch;
  const found = boxes.boxes.map((box) => box.to).join();
  if (found !== expectedRecipients(state, epoch.seq).join()) {
    return err({ type: "WrongRecipients", epoch: number }); // EP18
  }
  const before = known.find((earlier) => earlier.number === number - 1);
  if (before !== undefined) {
    const walk = boxes.walks.find((candidate) => candidate.number === before.number);
    const back = walk && unseal(walkContext(number, secret, before.number), walk.sealed);
    if (!back?.ok || !equalBytes(back.value, before.secret))
      return err({ type: "WalkBroken", epoch: number }); // EP16
  }
  const cut = state.cuts.find((candidate) => candidate.seq === epoch.seq);
  if (cut === undefined) return ok(null);
  if (boxes.cut === null) return err({ type: "CutMissing", epoch: number });
  const opening = openCut(secret, cut.commitment, boxes.cut);
  return opening.ok ? opening : err({ type: "CutFault", epoch: number, cause: opening.error });
}

/** Who must have a box once link `seq` had been applied, ascending. */
function expectedRecipients(state: ChainState, seq: number): readonly string[] {
  const devices = activeDevicesAt(state, seq).map((device) => deviceSigner(device.id) as string);
  return [...devices, recoveryAt(state, seq).id as string].sort();
}
