/**
 * A device does the same thing again and again, the first time with its first write refused, then with its second, until none is
 * left: it goes on with what it has, or is cut off, and a person asks again for what they were told has failed.
 */
import type { Result } from "../../../core/base/result.ts";
import type { RefusingDevice } from "../../support/refusing-disk.ts";
import { alarmsOf, type Device, reopened } from "../../support/story.ts";

/** What is refused, and what the device does after it. */
export interface Refusal {
  /** Every write from the n-th on, until what was asked for has ended: a disk that is full, and not one bad write. */
  readonly isForGood: boolean;
  readonly isCutOff: boolean;
}

const MEETINGS_MAX = 60;
const MEETING_PAUSE_MS = 200;

const REFUSALS = [
  { isForGood: false, isCutOff: false },
  { isForGood: true, isCutOff: true },
  { isForGood: true, isCutOff: false },
  { isForGood: false, isCutOff: true },
] as const satisfies readonly Refusal[];

export type Told = Result<unknown, { readonly type: string }>;

/** One part of a story: `label` is another one each time. */
export interface RefusedAct {
  readonly prepare?: (device: Device, label: string) => Promise<void>;
  readonly act: (device: Device, label: string) => Promise<Told>;
  /** What a person does then, and what has to be there. Throws when it is not. */
  readonly verify: (device: Device, label: string, told: Told) => Promise<void>;
}

export interface RefusedStory {
  readonly name: string;
  play(origin: string, isLong: boolean): Promise<RefusedReport>;
}

export interface RefusedReport {
  /** Refusals that were played. */
  readonly played: number;
  readonly broken: readonly string[];
}

/** Plays `act` until it comes through whole, and gives the device as it is then. What is found broken ends it. */
export async function refuseEachWrite(
  disk: RefusingDevice,
  first: Device,
  { act, isLong }: { readonly act: RefusedAct; readonly isLong: boolean },
): Promise<RefusedReport & { readonly device: Device }> {
  const broken: string[] = [];
  let device = first;
  let played = 0;
  for (const write of writesOf(isLong)) {
    let isAnyRefused = false;
    for (const way of waysOf(isLong, played)) {
      const label = `${write}${way.isForGood ? " and all after it" : ""}${way.isCutOff ? ", cut off" : ""}`;
      await act.prepare?.(device, label);
      const alarms = [alarmsOf(device)];
      disk.refuseAt(write, way.isForGood);
      const told = await act.act(device, label);
      const isRefused = disk.allow();
      isAnyRefused ||= isRefused;
      if (way.isCutOff) {
        disk.cut();
        device = await reopened(disk.boot());
        alarms.push(alarmsOf(device));
      } else await meetAgain(device);
      played++;
      try {
        await act.verify(device, label, told);
        if (alarms.flat().length > 0) broken.push(`write ${label}: ${JSON.stringify(alarms.flat())}`);
      } catch (thrown) {
        const said = told.ok ? "said to be done" : told.error.type;
        broken.push(`write ${label}, ${said}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        return { device, played, broken };
      }
    }
    if (!isAnyRefused) break;
  }
  return { device, played, broken };
}

/** A document whose save was refused is saved a while later, and until then each meeting says so. */
async function meetAgain({ client }: Device): Promise<void> {
  for (let attempt = 0; attempt < MEETINGS_MAX; attempt++) {
    const met = await client.sync();
    if (met.ok || met.error.type !== "DocumentStorageUnavailable") return;
    await new Promise((resolve) => setTimeout(resolve, MEETING_PAUSE_MS));
  }
}

/** Which writes are refused: each, or in the short form the first, second, third, fifth, eighth and so on. */
export function* writesOf(isLong: boolean): Generator<number> {
  for (let [write, before] = [1, 1]; ; [write, before] = [isLong ? write + 1 : write + before, write])
    yield write;
}

/** All ways a write is refused, or in the short form one, another each time. */
export function waysOf(isLong: boolean, played: number): readonly Refusal[] {
  return isLong ? REFUSALS : [REFUSALS[played % REFUSALS.length] ?? REFUSALS[0]];
}
