/**
 * Which alarms are one thing to a person. Whoever writes to a log, or has it, chooses how many of its entries are refused
 * and with what figures a fault comes; that is one line with a number, and no more rows. Rule AL6.
 */
import type { Alarm } from "../client-error.ts";

/** Alarms of one group have the same. */
export function groupOf(alarm: Alarm): string {
  switch (alarm.type) {
    case "EntryRefused":
      return `${alarm.type}/${alarm.logId}`;
    case "LogDistrusted":
      return `${alarm.type}/${alarm.logId}/${alarm.fault.type}`;
    case "ChainDistrusted":
      return `${alarm.type}/${alarm.accountId}`;
    case "FrontierDistrusted":
      return `${alarm.type}/${alarm.device}`;
    case "SnapshotDistrusted":
      return alarm.type;
    default:
      return JSON.stringify(alarm);
  }
}

/** The rule that was broken, where the alarm names one. */
export function ruleOf(alarm: Alarm): string | null {
  if (alarm.type === "LogDistrusted") return alarm.fault.type;
  return "rule" in alarm ? alarm.rule : null;
}
