/** What a server did to a log, in words. */
import { type ClientError, unreachable } from "@dovetail/core";

export type LogFault = Extract<ClientError, { readonly type: "LogDistrusted" }>["fault"];

/** What to do about it. A server that lost something can be given it back; one that lies cannot be mended from here. */
export function hintOfLogFault(fault: LogFault): string {
  if (fault.type === "LogRolledBack")
    return "everything this device has read is still here; if the server lost its data or was restored from a backup, put your account back: dovetail server reseed";
  if (fault.type === "LogWriterAhead")
    return "nothing is sent there, and what you write is kept; if this profile is a copy or was restored from one, link the device anew; if not, ask your contact about their server";
  return "nothing of it was taken over; compare `dovetail sync --verify` on your devices, and ask whoever runs the server";
}

/** One sentence without its full stop. */
export function describeLogFault(fault: LogFault): string {
  switch (fault.type) {
    case "LogGap":
      return `the server left out entries: ${fault.expectedSeq} should follow and ${fault.seq} came`;
    case "LogRolledBack":
      return `the server lost or hides entries: this device has read ${fault.seenSeq} and the log now ends at ${fault.headSeq}`;
    case "LogWithheld":
      return `the server hides entries from this device: another device of yours has read ${fault.seenSeq} and here the log ends at ${fault.headSeq}`;
    case "LogForked":
      return `the server shows different devices different histories (entry ${fault.seq})`;
    case "LogWriterAhead":
      return `the server counts ${fault.counted} entries of this device in a log to which it has written ${fault.written}: it lies, or this profile was restored from a copy`;
    case "LogIncarnationChanged":
      return `the server started the log anew (${fault.seen} became ${fault.incarnation}) without the account's signature`;
    default:
      return unreachable(fault);
  }
}
