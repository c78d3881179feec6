/** How far an own device is, in words and as a bar: what it signed, and since when nothing has been heard. */
import type { DeviceFrontier } from "@dovetail/core";
import type { JointState } from "../parts/dt-joint.ts";
import { text } from "./say.ts";
import { listTime, momentTime } from "./times.ts";

export interface FrontierWords {
  readonly title: string;
  readonly note: string;
  readonly joint: JointState;
  /** `proven`: it signed for all there is. `open`: nobody knows. */
  readonly tone: "proven" | "plain" | "open";
  /** Where its bar ends; null where there is nothing to draw. */
  readonly endMs: number | null;
  /** Whether the tail sits in the board. */
  readonly isFitted: boolean;
}

/** A device in use says at least daily where it is; one that has not for longer is silent. */
export const SILENT_AFTER_MS = 26 * 3_600_000;

export function isSilent({ isThis, toldAtMs }: DeviceFrontier, nowMs: number): boolean {
  return !isThis && toldAtMs !== null && nowMs - toldAtMs > SILENT_AFTER_MS;
}

export function describeFrontier(device: DeviceFrontier, nowMs: number): FrontierWords {
  const { toldAtMs, reachedAtMs, isThis } = device;
  if (device.state === "unheard" || toldAtMs === null)
    return {
      ...APART,
      title: text("deviceUnheard"),
      note: text("deviceUnheardNote"),
      tone: "open",
      endMs: null,
    };
  const signed = isThis ? "" : text("deviceSigned", { time: momentTime(toldAtMs, nowMs) });
  if (device.state === "equal")
    return {
      title: text("deviceEverything"),
      note: signed,
      joint: "joined",
      tone: "proven",
      endMs: nowMs,
      isFitted: true,
    };
  const endMs = reachedAtMs ?? toldAtMs;
  if (isSilent(device, nowMs))
    return {
      ...APART,
      title: text("deviceSilent", { time: listTime(toldAtMs, nowMs) }),
      note: text("deviceHad", { time: momentTime(endMs, nowMs) }),
      tone: "open",
      endMs: toldAtMs,
    };
  return { ...APART, title: lackOf(device), note: signed, tone: "plain", endMs };
}

const APART = { joint: "apart", isFitted: false } as const;

function lackOf(device: DeviceFrontier): string {
  switch (device.state) {
    case "behind":
      return text("deviceBehind", { count: device.missingEntries });
    case "ahead":
      return text("deviceAhead", { count: device.aheadEntries });
    case "differs":
      return text("deviceDiffers");
    default:
      if (device.unloadedDocuments > 0) return text("deviceLoading", { count: device.unloadedDocuments });
      if (device.unopenedEntries > 0) return text("deviceUnopened", { count: device.unopenedEntries });
      if (device.unsentChanges > 0) return text("deviceUnsent", { count: device.unsentChanges });
      return text("deviceWaits");
  }
}
