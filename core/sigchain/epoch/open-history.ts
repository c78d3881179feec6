/** Reaching every epoch from what one holder can open. Rules EP16, EP19. */
import type { Bytes } from "../../base/bytes.ts";
import type { ChainState } from "../chain-state.ts";
import type { BoxHolder } from "../keys/device-keys.ts";
import type { EpochSecret } from "./epoch-secret.ts";
import { type EpochError, openEpoch, type OpenedEpoch, walkBack } from "./open-epoch.ts";

/** Stored boxes of an epoch, or null where there are none. */
export type BoxesByNumber = (number: number) => Bytes | null;

/** The newest epoch that opens, and why newer ones did not. */
export interface OpenedNewest {
  readonly opened: OpenedEpoch | null;
  readonly faults: readonly EpochError[];
}

/**
 * Opens the newest epoch that holds together, passing over faulty ones: a sibling that broke the last epoch must not be
 * able to lock out the recovery key (EP19).
 */
export function openNewestEpoch(state: ChainState, boxesOf: BoxesByNumber, holder: BoxHolder): OpenedNewest {
  const faults: EpochError[] = [];
  for (let number = state.epochs.length; number > 0; number--) {
    const boxes = boxesOf(number);
    if (boxes === null) continue;
    const opened = openEpoch(state, number, boxes, holder);
    if (opened.ok) return { opened: opened.value, faults };
    faults.push(opened.error);
  }
  return { opened: null, faults };
}

/** Every epoch that could be reached, and those whose boxes lead nowhere. */
export interface OpenedHistory {
  readonly secretsByNumber: ReadonlyMap<number, EpochSecret>;
  readonly faults: readonly EpochError[];
}

/** Walks back as far as it goes from the secrets held. - Cost: one unsealing an epoch. */
export function openHistory(
  state: ChainState,
  held: readonly EpochSecret[],
  boxesOf: BoxesByNumber,
): OpenedHistory {
  const secretsByNumber = new Map(held.map((secret) => [secret.number, secret]));
  const faults: EpochError[] = [];
  for (let number = state.epochs.length; number > 1; number--) {
    const secret = secretsByNumber.get(number);
    const boxes = secret === undefined || secretsByNumber.has(number - 1) ? null : boxesOf(number);
    if (secret === undefined || boxes === null) continue;
    const earlier = walkBack(state, secret, boxes);
    if (!earlier.ok) {
      faults.push(earlier.error);
      continue;
    }
    for (const found of earlier.value) {
      if (!secretsByNumber.has(found.number)) secretsByNumber.set(found.number, found);
    }
  }
  return { secretsByNumber, faults };
}
