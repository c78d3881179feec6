/**
 * How far a log may be trimmed. Pure: every adapter asks here. Rules SN9-SN13.
 *
 * Nothing goes on one device's word alone while it is fresh: the newest snapshot counts when a sibling endorsed it, or
 * else only as far as its predecessor reached; and every device that is about has read what goes.
 */
import type { DeviceId } from "@dovetail/core/base/ids.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import type { ReclaimRules } from "./snapshot-store.ts";

export interface SnapshotStanding {
  readonly uptoSeq: number;
  readonly except: readonly number[];
  readonly deviceId: DeviceId;
  readonly storedAtMs: number;
  readonly endorsedBy: readonly DeviceId[];
}

export interface DeviceStanding {
  readonly deviceId: DeviceId;
  readonly isActive: boolean;
  readonly seenAtMs: number;
  /** How far it has acknowledged this log, 0 for not at all. */
  readonly ackedUpto: number;
}

export interface TrimCase {
  readonly kind: LogKind;
  readonly trimmedUpto: number;
  /** Newest first, two at most. */
  readonly snapshots: readonly SnapshotStanding[];
  readonly devices: readonly DeviceStanding[];
}

/** Entries up to `upto` may go, but never those in `except`. */
export interface Trim {
  readonly upto: number;
  readonly except: ReadonlySet<number>;
}

/** Decides for one log, as of now. */
export function decideTrim(log: TrimCase, rules: ReclaimRules): Trim {
  const except = new Set(log.snapshots.flatMap((snapshot) => snapshot.except)); // SN11
  // SN12: of the devices that are about; without any nothing is trimmed.
  const live = log.devices.filter(
    ({ isActive, seenAtMs }) => isActive && rules.nowMs - seenAtMs <= rules.silentMs,
  );
  const acked = live.length === 0 ? 0 : Math.min(...live.map(({ ackedUpto }) => ackedUpto));
  // SN13, LG20: what was acknowledged of another log is in the account log, or with everybody in the room.
  const covered = log.kind === "account" ? coveredUpto(log, rules) : acked;
  return { upto: Math.max(log.trimmedUpto, Math.min(acked, covered)), except };
}

/** SN9, SN10 */
function coveredUpto({ snapshots, devices }: TrimCase, rules: ReclaimRules): number {
  const [newest, before] = snapshots;
  if (newest === undefined || rules.nowMs - newest.storedAtMs < rules.graceMs) return 0;
  const active = new Set(devices.filter(({ isActive }) => isActive).map(({ deviceId }) => deviceId));
  const isEndorsed = newest.endorsedBy.some((device) => device !== newest.deviceId && active.has(device));
  return isEndorsed ? newest.uptoSeq : (before?.uptoSeq ?? 0);
}
