/** Devices whose disk is put back to an older state, or emptied, and how their person gives them up. */
import type { DiskImage } from "../world/virtual-disk.ts";
import type { Play } from "./play-schedule.ts";
import type { ScheduleStep } from "./schedule-plan.ts";
import type { Written } from "./schedule-promises.ts";
import { cutPower, type ScheduleDevice, keepConnected, switchOn } from "./schedule-world.ts";

/** What was on a disk, and which promises its device had made by then. */
export interface DiskCopy {
  readonly image: DiskImage;
  readonly made: ReadonlySet<object>;
}

export type DiskStep = ScheduleStep & { readonly type: "copy" | "set-back" | "empty" };

/** One thing that happens to a disk; gives false where nothing does. */
export async function playDiskStep(
  { world, written }: Play,
  device: ScheduleDevice,
  step: DiskStep,
): Promise<boolean> {
  if (device.isGone) return false;
  const { disk } = device;
  const own = () => promisesOf(written, device);
  if (step.type === "copy") {
    device.copy = { image: await disk.image(), made: new Set(own().filter(({ isKept }) => isKept)) };
    return true;
  }
  // Somebody who has no other device left is out, or has the words: schedules have neither.
  const hasOther = world.devices.some((one) => one !== device && !one.isGone && !one.isSetBack);
  if (!hasOther || (step.type === "set-back" && device.copy === null)) return false;
  cutPower(world, device);
  disk.onWrite = null;
  if (step.type === "empty") {
    device.isGone = true;
    await disk.restore({ rows: [], chunks: [] });
    return true;
  }
  const { image, made } = device.copy ?? { image: { rows: [], chunks: [] }, made: new Set() };
  await disk.restore(image);
  // What it said since then may have been nowhere else.
  for (const one of own()) if (!made.has(one)) one.isKept = false;
  device.isSetBack = true;
  // What is written on it before it hears of the others stands where something else of it stands already.
  device.isWanted = false;
  world.time.schedule(step.forMs, () => {
    device.isWanted = true;
    void keepConnected(world, device);
  });
  void switchOn(world, device);
  return true;
}

function promisesOf(written: readonly Written[], device: ScheduleDevice) {
  return written.flatMap((row) => [row, ...row.deletions]).filter(({ by }) => by === device);
}
