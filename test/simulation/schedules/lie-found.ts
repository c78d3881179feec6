/** In which words a device finds out what a server told it, and whether it did. */
import { present } from "../../../core/base/assert.ts";
import type { SnapshotId } from "../../../core/base/ids.ts";
import type { ServerFrame } from "../../../core/protocol/server-frame.ts";
import { parseSnapshotHeader, type StoredSnapshot } from "../../../core/protocol/snapshot.ts";
import { must } from "../../support/chain-world.ts";
import type { Parts } from "./schedule-device.ts";
import type { ScheduleLie } from "./schedule-plan.ts";
import type { ScheduleDevice, ScheduleWorld } from "./schedule-world.ts";

/** Where the device and the server are when the lie is told. */
interface Standing {
  /** The newest snapshot the device knows to be right, and its end. */
  readonly known: SnapshotId | null;
  readonly knownUpto: number;
  /** Up to where the server let go what the device is about to read, 0 for nothing. */
  readonly lostUpto: number;
}

/** A device that was told something has named it within so much time. */
const NAMED_WITHIN_MS = 400;

/** Asked of `parts` when the lie is told. */
export async function standingOf({ server, devices }: ScheduleWorld, parts: Parts): Promise<Standing> {
  const { seq } = parts.log.reader().point;
  const isOpening = devices.find((device) => device.parts === parts)?.link === null;
  const known = must(await parts.context.tables.snapshot.get());
  const records = server.records.current();
  const log = present(must(await records.findLog(parts.context.accountLogId)), "the account has its log");
  return {
    known: known?.id ?? null,
    knownUpto: known?.upto.seq ?? 0,
    lostUpto: isOpening && seq < log.trimmedUpto ? log.trimmedUpto : 0,
  };
}

/** End of the newest snapshot there is. */
export async function newestUptoOf({ server }: ScheduleWorld, { context }: Parts): Promise<number> {
  return endOf(must(await server.records.current().readSnapshots(context.accountLogId))[0]);
}

function endOf(stored: StoredSnapshot | undefined): number {
  const header = stored?.snapshot ? parseSnapshotHeader(stored.snapshot.header) : null;
  return header?.ok ? header.value.upto.seq : 0;
}

/** How the device has to name it; null where it need not, because it does no harm. */
export function wordsFor(
  lie: ScheduleLie,
  said: ServerFrame | null,
  { known, knownUpto, lostUpto }: Standing,
  newestUpto: number,
): RegExp | null {
  switch (lie) {
    case "hides snapshots":
    case "shows old snapshots":
    case "swaps snapshots": {
      const end = said?.type === "snapshots" ? endOf(said.snapshots[0]) : 0;
      return end < Math.max(knownUpto, lostUpto) ? /"(Stale|NoneHolds|Withheld)"/ : null;
    }
    case "says all is trimmed":
      return said?.type === "opened" && newestUpto < said.head.seq ? /"(NoneHolds|LogDistrusted)"/ : null;
    case "changes snapshots":
      // Of one that was found right nothing more is taken.
      return said?.type === "snapshots" && said.snapshots[0]?.id === known ? null : /"WrongId"/;
    default:
      return WORDS[lie] ?? null;
  }
}

const ANY = /"(SnapshotDistrusted|LogDistrusted|ServerMisbehaved)"/;
const WORDS: Partial<Record<ScheduleLie, RegExp>> = {
  "changes ids": /"LogForked"/,
  "withholds snapshots": /"Withheld"/,
  "renames snapshots": /"WrongId"/,
  "cuts snapshots": /"DoesNotOpen"/,
  "moves the end of snapshots": /"DoesNotOpen"/,
  "shows another account's snapshots": /"WrongLog"/,
  "gives no blobs": /"ServerMisbehaved"/,
  "changes blobs": /"WrongBlob"/,
  "swaps blobs": /"WrongBlob"/,
};

/** The device hears it now: unless its way or its power goes before, it is a fault that it does not name it. */
export function expectNamed(
  { server, time, faults }: ScheduleWorld,
  device: ScheduleDevice,
  lie: ScheduleLie,
  wanted: () => Promise<RegExp | null>,
): void {
  const { power, alarms, errors, name } = device;
  const { deviceId } = device.identity;
  const isAlone = [...server.lies].every((one) => one.to !== deviceId || one.lie === lie);
  const before = { ends: server.endsOf(deviceId), alarms: alarms.length, errors: errors.length };
  time.schedule(NAMED_WITHIN_MS, () => {
    const found = JSON.stringify([alarms.slice(before.alarms), errors.slice(before.errors)]);
    const isCut = device.power !== power || !power.isOn || server.endsOf(deviceId) !== before.ends;
    void wanted().then((words) => {
      // Of several at once the first that is found ends what the device was about.
      if (words !== null && !isCut && !(isAlone ? words : ANY).test(found))
        faults.push(`${name} did not name that the server ${lie}: ${found}`);
    });
  });
}
