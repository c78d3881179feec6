/** How this device stands to the server and the account's other devices, as far as it is known and no further. */
import { type ConnectionStatus, PROTOCOL_VERSION } from "@dovetail/core";
import type { JointState } from "../parts/dt-joint.ts";
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

/** What can be said now. */
export function truthOf(session: Session, nowMs: number): Truth {
  const { status, views } = session;
  const stopped = views.contacts.find(({ isStopped }) => isStopped);
  if (stopped !== undefined)
    return {
      title: text("truthStoppedTo", { name: stopped.name }),
      note: text("truthStoppedNote"),
      joint: "apart",
      isAlarm: true,
    };
  if (status.state === "stopped")
    return { title: text("truthStopped"), note: text("truthStoppedNote"), joint: "apart", isAlarm: true };
  const time = momentTime(status.sinceMs, nowMs);
  const waits =
    status.pendingCount === 0
      ? text("truthOfflineNothing")
      : text("truthOfflineNote", { count: status.pendingCount });
  if (status.state !== "online" && versionGapOf(status) !== null)
    return { title: text("truthVersions"), note: waits, joint: "kept", isAlarm: false };
  if (status.state === "connecting")
    return { title: text("truthConnecting", { time }), note: waits, joint: "kept", isAlarm: false };
  if (status.state !== "online")
    return { title: text("truthOffline", { time }), note: waits, joint: "kept", isAlarm: false };
  if (status.pendingCount > 0)
    return {
      title: text("truthOnline"),
      note: text("truthSending", { count: status.pendingCount }),
      joint: "kept",
      isAlarm: false,
    };
  const active = views.devices.filter((device) => device.isActive).length;
  if (active === 1)
    return { title: text("truthAlone"), note: text("truthAloneNote"), joint: "half", isAlarm: false };
  return {
    title: text("truthTaken"),
    note: text("truthDevices", { count: active }),
    joint: "half",
    isAlarm: false,
  };
}
