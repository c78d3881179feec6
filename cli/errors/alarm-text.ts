/** Alarms in words: what the client found while working, and what it means. */
import { type Alarm, type AlarmView, unreachable } from "@dovetail/core";
import { plainLine } from "../output/plain-text.ts";
import { count, shortId } from "./error-words.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { describeLogFault } from "./log-fault-text.ts";

/** One sentence. */
export function describeAlarm(alarm: Alarm): string {
  switch (alarm.type) {
    case "LogDistrusted":
      return `${describeLogFault(alarm.fault)}; nothing of it was taken over`;
    case "ChainDistrusted":
      return `the device list of account ${shortId(alarm.accountId)} does not verify (${plainLine(alarm.rule)}); nothing is sent there`;
    case "ChainsDisagree":
      return `a device of account ${shortId(alarm.accountId)} sees another list of devices than this one does; nothing is sent there until both see the same`;
    case "EntryRefused":
      return `entry ${alarm.seq} of a log was refused (${plainLine(alarm.rule)}); it is kept aside`;
    case "SnapshotDistrusted":
      return `the server offers a packed history that does not hold (${plainLine(alarm.rule)}); nothing of it was taken over, and your devices keep what they have`;
    case "FrontierDistrusted":
      return describeFrontier(shortId(alarm.device), alarm.rule);
    case "DevicesDiffer":
      return `device ${shortId(alarm.device)} has read the same as this one and holds something else; compare \`dovetail verify\` on both`;
    case "HistoryForged":
      return `account ${shortId(alarm.accountId)} has handed on messages of room ${shortId(alarm.roomId)} that their authors have not signed so; nothing of them was taken over`;
    case "DocumentDamaged":
      return `a stored ${plainLine(alarm.documentKind)} document is damaged; it is being mended from what your devices sent`;
    case "RowsMended":
      return `${count(alarm.rows, "row")} of this profile ${alarm.rows === 1 ? "was" : "were"} damaged on the disk and brought back; a disk that does this may be failing`;
    case "ClockDiffers":
      return `the clock of this device is ${spanOf(alarm.hours)} ${alarm.isAhead ? "ahead of" : "behind"} its server's`;
    case "DeviceClockWrong":
      return `the clock of your device ${shortId(alarm.device)} cannot be right`;
    case "RoomGone":
      return `a room ${alarm.isOurs ? "you founded" : "you are in"} is not on its server any more; what is written in it is kept here and waits`;
    case "DeviceRevoked":
      return "this device was revoked: what it holds it keeps, and it gets nothing new";
    case "DeviceDoubled":
      return "another copy of this profile connected while this one was in use; only one of them goes on";
    case "DeviceRolledBack":
      return "this profile is older than what the server had from it: restored from a copy, or in use twice";
    default:
      return unreachable(alarm);
  }
}

/** One sentence for all that an alarm stands for. */
export function describeFound(found: Pick<AlarmView, "alarm" | "latest" | "count" | "rules">): string {
  const { alarm, latest, count: times, rules } = found;
  if (times === 1) return describeAlarm(alarm);
  if (alarm.type === "EntryRefused")
    return `${times} entries of a log were refused (${plainLine(rules.join(", "))}); they are kept aside`;
  return `${describeAlarm(latest)} (${times} such faults were found)`;
}

const OF_MOMENT: ReadonlySet<Alarm["type"]> = new Set([
  "EntryRefused",
  "SnapshotDistrusted",
  "RowsMended",
  "DocumentDamaged",
  "HistoryForged",
] as const);

/** Whether it tells of a moment and not of a state that lasts: nothing of it is left to look at once it was read. */
export function isOfMoment({ type }: Alarm): boolean {
  return OF_MOMENT.has(type);
}

/** Why a device's word on itself is not believed, as far as a person can do something about it. FR4 */
function describeFrontier(device: string, rule: string): string {
  if (rule === "Stale")
    return `the server shows an older word of device ${device} than it showed before: it was set back, or hides what is newer; \`dovetail sync\` on that device says it again`;
  if (rule === "Twofold")
    return `device ${device} has said two things that cannot both be so: its profile is in use twice, or was set back; use it in one place only`;
  return `what the server shows as the word of device ${device} is not (${plainLine(rule)}); run \`dovetail sync --verify\` on both devices`;
}

const COMPARE_DEVICES =
  "Compare your devices with `dovetail verify`. If they differ, the server shows them different things: ask who runs it.";
const LINK_COPY_ANEW =
  "If this profile is a copy, or was restored from one, link the device anew. If not, their server lies: what you write to them is kept here and goes once it agrees.";

const PUT_BACK =
  "Ask who runs it. If it lost its data or was restored from a backup, put your account back with `dovetail server reseed`: what this device has read is still here.";

/** What a person can do about it; null where there is nothing to do. */
export function adviseOnAlarm(alarm: Alarm): string | null {
  switch (alarm.type) {
    case "LogDistrusted":
      if (alarm.fault.type === "LogRolledBack") return PUT_BACK;
      return alarm.fault.type === "LogWriterAhead" ? LINK_COPY_ANEW : COMPARE_DEVICES;
    case "FrontierDistrusted":
    case "DevicesDiffer":
      return COMPARE_DEVICES;
    case "ChainDistrusted":
    case "ChainsDisagree":
      return "Ask them, by voice or in person, which devices they have, and compare `dovetail contact safety`. Whoever finds a device they do not know revokes it with `dovetail device revoke`. What you write is kept here and goes by itself once both see the same.";
    case "DeviceDoubled":
      return "Stop the other copy and delete it. If you made none, somebody has copied this device: revoke it from another one of yours with `dovetail device revoke`, and link it anew.";
    case "DeviceRevoked":
    case "DeviceRolledBack":
      return "Link this device anew from another one: `dovetail device link` there, `dovetail account link` here, in a new profile.";
    case "HistoryForged":
      return "`dovetail room show ROOM` tells whose account that is. Ask a moderator of the room to remove them: an honest program does not do this.";
    case "RoomGone":
      return alarm.isOurs
        ? "Run `dovetail server reseed` on the device you use this room with."
        : "It goes on by itself once whoever founded it has put it back: tell them to run `dovetail server reseed`. If they are gone for good, found another room.";
    case "DocumentDamaged":
      return "Run `dovetail sync`: it is mended from what your devices have sent.";
    case "ClockDiffers":
      return "Set the date and time of this device, then run `dovetail sync`. If they are right, tell who runs the server. Until then the server's time is used where a wrong one would hide messages.";
    case "DeviceClockWrong":
      return "Set the date and time of that device, then synchronise it. `dovetail device list` tells its name.";
    case "RowsMended":
      return "Keep a second device linked; if it happens again, move this profile to another disk.";
    case "EntryRefused":
    case "SnapshotDistrusted":
      return null;
    default:
      return unreachable(alarm);
  }
}

const HOURS_PER = { day: 24, month: 730, year: 8_766 };

/** So many hours, in the words a person would use. */
function spanOf(hours: number): string {
  const of = (unit: keyof typeof HOURS_PER) => count(Math.round(hours / HOURS_PER[unit]), unit);
  if (hours < 2 * HOURS_PER.day) return count(hours, "hour");
  if (hours < 2 * HOURS_PER.month) return of("day");
  return hours < 2 * HOURS_PER.year ? of("month") : of("year");
}

/** The exit code of a command that found `alarms`: the gravest one's. */
export function exitCodeOfAlarms(alarms: readonly Alarm[]): ExitCode {
  const types = new Set(alarms.map(({ type }) => type));
  if (types.has("DeviceRevoked") || types.has("DeviceRolledBack")) return EXIT.deviceLost;
  if (types.has("SnapshotDistrusted") || types.has("FrontierDistrusted") || types.has("DevicesDiffer"))
    return EXIT.distrusted;
  if (types.has("HistoryForged")) return EXIT.distrusted;
  if (types.has("LogDistrusted") || types.has("ChainDistrusted") || types.has("ChainsDisagree"))
    return EXIT.distrusted;
  return types.has("DocumentDamaged") ? EXIT.storage : EXIT.ok;
}
