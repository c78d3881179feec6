/** What each own device has said of itself, as a table and in one sentence. */
import type { DeviceFrontier, FrontierReport } from "@dovetail/core";
import { count, joinWords } from "../../errors/error-words.ts";
import { type Cell, layOutTable } from "../../output/columns.ts";
import { localTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";

/** One line a device: where it is, since when, and what it lacks. */
export function layOutFrontiers(report: FrontierReport, page: Page): readonly string[] {
  return layOutTable(
    [
      { title: "DEVICE", isFlexible: true },
      { title: "AT ENTRY", align: "end" },
      { title: "SINCE" },
      { title: "LACKS" },
      { title: "HEARD OF" },
    ],
    report.devices.map((device) => [
      { text: plainLine(device.name), style: device.isThis ? "strong" : undefined },
      { text: device.seq === null ? "" : device.seq.toLocaleString("en") },
      { text: timeOf(device.reachedAtMs) },
      lackCell(device),
      { text: device.isThis ? "this device" : timeOf(device.toldAtMs), style: "faint" },
    ]),
    page,
  );
}

const timeOf = (timeMs: number | null): string => (timeMs === null ? "" : localTime(timeMs));

/** What a device lacks, as a cell of a table. */
export function lackCell(device: DeviceFrontier): Cell {
  const text = lackText(device);
  return { text, style: device.state === "equal" ? "good" : "bad" };
}

/** `nothing`, or what is missing there. */
function lackText(device: DeviceFrontier): string {
  switch (device.state) {
    case "equal":
      return "nothing";
    case "unheard":
      return "not heard of yet";
    case "differs":
      return "holds something else";
    case "ahead":
      return `has ${entries(device.aheadEntries)} more`;
    case "behind":
      return entries(device.missingEntries);
    default:
      return incompleteText(device);
  }
}

const entries = (n: number): string => `${n.toLocaleString("en")} ${n === 1 ? "entry" : "entries"}`;

function incompleteText(device: DeviceFrontier): string {
  const parts = [
    device.unloadedDocuments > 0 ? `${count(device.unloadedDocuments, "document")} to load` : "",
    device.unopenedEntries > 0 ? `${device.unopenedEntries.toLocaleString("en")} not opened` : "",
    device.unsentChanges > 0 ? `${count(device.unsentChanges, "change")} to send` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "waits for this device" : parts.join(", ");
}

/** What it comes to, in one sentence; says that all is everywhere only when each device has said so itself. */
export function describeFrontiers(report: FrontierReport): string {
  const { devices, isSynced, checkedAtMs } = report;
  if (isSynced)
    return devices.length === 1
      ? "Synced: everything is on the server; there is no other device."
      : `Synced: all ${devices.length} devices hold the same.`;
  if (checkedAtMs === null) return "Not checked: the server was not asked.";
  const others = devices.filter(({ state }) => state !== "equal");
  const names = joinWords(
    others.map(({ name }) => plainLine(name)),
    "and",
  );
  return `Not everything is everywhere: see ${names}. Run \`dovetail sync\` there.`;
}
