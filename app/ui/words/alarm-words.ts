/** An alarm in words: what was found, and what it means. */
import type { Alarm, AlarmView } from "@dovetail/core";
import { unreachable } from "../session/certain.ts";
import { text } from "./say.ts";

export interface AlarmWords {
  readonly title: string;
  readonly text: string;
  /** Whether this device no longer takes part. */
  readonly isFinal: boolean;
}

/** `alarm` in words; `nameOf` gives what a contact is called here. */
export function describeAlarm(alarm: Alarm, nameOf: (accountId: string) => string): AlarmWords {
  switch (alarm.type) {
    case "LogDistrusted":
      return { title: text("alarmLog"), text: describeFault(alarm.fault), isFinal: false };
    case "ChainDistrusted":
      return {
        title: text("alarmChain"),
        text: text("alarmChainText", { name: nameOf(alarm.accountId) }),
        isFinal: false,
      };
    case "ChainsDisagree": {
      const name = nameOf(alarm.accountId);
      return { title: text("alarmDisagree", { name }), text: text("alarmDisagreeText"), isFinal: false };
    }
    case "EntryRefused":
      return {
        title: text("alarmEntry"),
        text: text("alarmEntryText", { seq: alarm.seq, rule: alarm.rule }),
        isFinal: false,
      };
    case "SnapshotDistrusted":
      return {
        title: text("alarmSnapshot"),
        text: text("alarmSnapshotText", { rule: alarm.rule }),
        isFinal: false,
      };
    case "FrontierDistrusted":
      return {
        title: text("alarmFrontier"),
        text: frontierText(alarm.rule),
        isFinal: false,
      };
    case "DevicesDiffer":
      return { title: text("alarmDiffer"), text: text("alarmDifferText"), isFinal: false };
    case "HistoryForged":
      return {
        title: text("alarmHistory", { name: nameOf(alarm.accountId) }),
        text: text("alarmHistoryText"),
        isFinal: false,
      };
    case "DocumentDamaged":
      return { title: text("alarmDocument"), text: text("alarmDocumentText"), isFinal: false };
    case "RowsMended":
      return { title: text("alarmRows"), text: text("alarmRowsText"), isFinal: false };
    case "ClockDiffers": {
      const span = spanOf(alarm.hours);
      const sentence = alarm.isAhead ? "alarmClockAhead" : "alarmClockBehind";
      return {
        title: text("alarmClock"),
        text: `${text(sentence, { span })} ${text("alarmClockText")}`,
        isFinal: false,
      };
    }
    case "DeviceClockWrong":
      return { title: text("alarmDeviceClock"), text: text("alarmDeviceClockText"), isFinal: false };
    case "RoomGone":
      return {
        title: text("alarmRoomGone"),
        text: text(alarm.isOurs ? "alarmRoomGoneOurs" : "alarmRoomGoneText"),
        isFinal: false,
      };
    case "DeviceRevoked":
      return { title: text("alarmRevoked"), text: text("alarmRevokedText"), isFinal: true };
    case "DeviceDoubled":
      return { title: text("alarmDoubled"), text: text("alarmDoubledText"), isFinal: false };
    case "DeviceRolledBack":
      return { title: text("alarmRolledBack"), text: text("alarmRolledBackText"), isFinal: true };
    default:
      return unreachable(alarm);
  }
}

/** Why a device's word on itself is not believed, as far as a person can do something about it. */
function frontierText(rule: string): string {
  if (rule === "Stale") return text("alarmFrontierStale");
  return rule === "Twofold" ? text("alarmFrontierTwofold") : text("alarmFrontierText", { rule });
}

/** All that an alarm stands for, in words. */
export function describeFound(
  { alarm, latest, count, rules }: Pick<AlarmView, "alarm" | "latest" | "count" | "rules">,
  nameOf: (accountId: string) => string,
): AlarmWords {
  const words = describeAlarm(latest, nameOf);
  if (count === 1) return words;
  return alarm.type === "EntryRefused"
    ? {
        ...words,
        title: text("alarmEntries"),
        text: text("alarmEntriesText", { count, rules: rules.join(", ") }),
      }
    : { ...words, text: text("alarmMany", { text: words.text, count }) };
}

const HOURS_PER = { day: 24, month: 730, year: 8_766 };

/** So many hours, in the words a person would use. */
function spanOf(hours: number): string {
  const of = (unit: keyof typeof HOURS_PER): number => Math.round(hours / HOURS_PER[unit]);
  if (hours < 2 * HOURS_PER.day) return text(hours === 1 ? "spanHour" : "spanHours", { count: hours });
  if (hours < 2 * HOURS_PER.month) return text("spanDays", { count: of("day") });
  return hours < 2 * HOURS_PER.year
    ? text("spanMonths", { count: of("month") })
    : text("spanYears", { count: of("year") });
}

type LogFault = Extract<Alarm, { readonly type: "LogDistrusted" }>["fault"];

function describeFault(fault: LogFault): string {
  switch (fault.type) {
    case "LogGap":
      return text("alarmLogGap", { expected: fault.expectedSeq, seq: fault.seq });
    case "LogRolledBack":
      return text("alarmLogRolledBack", { seen: fault.seenSeq, head: fault.headSeq });
    case "LogWithheld":
      return text("alarmLogWithheld", { seen: fault.seenSeq, head: fault.headSeq });
    case "LogForked":
      return text("alarmLogForked", { seq: fault.seq });
    case "LogWriterAhead":
      return text("alarmLogWriterAhead", { written: fault.written, counted: fault.counted });
    case "LogIncarnationChanged":
      return text("alarmLogIncarnation");
    default:
      return unreachable(fault);
  }
}
