/** How this device stands to the server and the account's other devices, as far as it is known and no further. */
import {
  type AccountView,
  type ConnectionStatus,
  type FrontierReport,
  PROTOCOL_VERSION,
} from "@dovetail/core";
import type { JointState } from "../parts/dt-joint.ts";
import { isSilent } from "../words/frontier-words.ts";
import { text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";
import type { Session } from "./session.ts";

export interface Truth {
  readonly title: string;
  readonly note: string;
  readonly joint: JointState;
  readonly isAlarm: boolean;
}

/** Which side is too old for the other, when that is why nothing goes. WB24 */
export function versionGapOf({ lastError }: ConnectionStatus): "server-newer" | "server-older" | null {
  if (lastError?.type !== "IncompatibleServer") return null;
  return lastError.versionMin > PROTOCOL_VERSION ? "server-newer" : "server-older";
}

/** What the server has lost of the account that this device still has. IN2, IN6 */
export function serverLossOf({ lastError }: ConnectionStatus): "account" | "entries" | null {
  if (lastError?.type === "Refused" && lastError.code === "unknown-account") return "account";
  return lastError?.type === "LogDistrusted" && lastError.fault.type === "LogRolledBack" ? "entries" : null;
}

/** Whether another device has deleted the account from its server; nothing brings it back there. */
export function wasDeleted({ lastError }: ConnectionStatus): boolean {
  return lastError?.type === "Refused" && lastError.code === "account-deleted";
}

/** The server the account has moved to, where that is another one than this page is of: it signs no page of this one in. GW12 */
export function homeElsewhere(
  { lastError }: ConnectionStatus,
  account: AccountView | null,
  pageOrigin: string,
): string | null {
  const isRefused = lastError?.type === "Refused" && lastError.code === "forbidden";
  return !isRefused || account === null || account.origin === pageOrigin ? null : account.origin;
}

/** What can be said now. */
export function truthOf(session: Session, nowMs: number): Truth {
  const { status, views } = session;
  const stopped = views.contacts.find(({ isStopped }) => isStopped);
  if (stopped !== undefined || status.state === "stopped")
    return {
      title: stopped === undefined ? text("truthStopped") : text("truthStoppedTo", { name: stopped.name }),
      note: text("truthStoppedNote"),
      joint: "apart",
      isAlarm: true,
    };
  return status.state === "online" ? truthOnline(session, nowMs) : truthAway(status, nowMs);
}

function truthAway(status: ConnectionStatus, nowMs: number): Truth {
  const { state, sinceMs, pendingCount } = status;
  if (wasDeleted(status))
    return { title: text("truthDeleted"), note: text("truthDeletedNote"), joint: "apart", isAlarm: true };
  const note =
    pendingCount === 0 ? text("truthOfflineNothing") : text("truthOfflineNote", { count: pendingCount });
  const loss = serverLossOf(status);
  if (loss !== null)
    return {
      title: text(loss === "account" ? "truthLostAccount" : "truthLostEntries"),
      note,
      joint: "kept",
      isAlarm: true,
    };
  const time = momentTime(sinceMs, nowMs);
  const title =
    versionGapOf(status) === null
      ? text(state === "connecting" ? "truthConnecting" : "truthOffline", { time })
      : text("truthVersions");
  return { title, note, joint: "kept", isAlarm: false };
}

function truthOnline({ status, views, ownDevices }: Session, nowMs: number): Truth {
  const { pendingCount } = status;
  if (pendingCount > 0)
    return {
      title: text("truthOnline"),
      note: text("truthSending", { count: pendingCount }),
      joint: "kept",
      isAlarm: false,
    };
  const active = views.devices.filter((device) => device.isActive).length;
  if (active === 1)
    return { title: text("truthAlone"), note: text("truthAloneNote"), joint: "half", isAlarm: false };
  const { report } = ownDevices;
  if (report !== null && report.checkedAtMs !== null && report.devices.length > 1)
    return truthOfDevices(report, report.checkedAtMs, nowMs);
  return {
    title: text("truthTaken"),
    note: text("truthDevices", { count: active }),
    joint: "half",
    isAlarm: false,
  };
}

/** Same on all only when each has signed for it. */
function truthOfDevices({ devices, isSynced }: FrontierReport, checkedAtMs: number, nowMs: number): Truth {
  const total = devices.length;
  if (isSynced)
    return {
      title: text("truthSameAll", { count: total }),
      note: text("truthCompared", { time: momentTime(checkedAtMs, nowMs) }),
      joint: "joined",
      isAlarm: false,
    };
  const others = devices.filter(({ state }) => state !== "equal");
  const silent = others.filter((device) => device.state === "unheard" || isSilent(device, nowMs)).length;
  return {
    title: text("truthSame", { count: total - others.length, total }),
    note: [
      ...(others.length > silent ? [text("truthCatchingUp", { count: others.length - silent })] : []),
      ...(silent > 0 ? [text("truthSilent", { count: silent })] : []),
    ].join(", "),
    joint: "apart",
    isAlarm: false,
  };
}
