/** What a server of a schedule tells one device that is not so. */
import type { DeviceId, LogId } from "../../../core/base/ids.ts";
import type { LogPoint } from "../../../core/protocol/entry.ts";
import type { ServerFrame } from "../../../core/protocol/server-frame.ts";
import type { StoredSnapshot } from "../../../core/protocol/snapshot.ts";
import { must } from "../../support/chain-world.ts";
import type { ScheduleLie } from "./schedule-plan.ts";
import type { FrameLie, ScheduleServer } from "./schedule-server.ts";

/** What the server had when it began to lie. */
interface Before {
  readonly head: LogPoint;
  readonly snapshots: readonly StoredSnapshot[];
}

/** A lie to `device`; `onTold` hears each time something else is said than what is so. */
export async function createLie(
  { records }: ScheduleServer,
  logId: LogId,
  device: DeviceId,
  lie: ScheduleLie,
  onTold: () => void,
): Promise<FrameLie> {
  const log = must(await records.current().findLog(logId));
  if (log === null) throw new Error("the account has its log");
  const before = { head: log.head, snapshots: must(await records.current().readSnapshots(logId)) };
  return (frame, to) => {
    const said = to === device ? tell(lie, frame, before) : frame;
    if (said !== frame) onTold();
    return said;
  };
}

function tell(lie: ScheduleLie, frame: ServerFrame, before: Before): ServerFrame | null {
  switch (lie) {
    case "hides entries":
      return hideAfter(frame, before.head);
    case "hides snapshots":
      return ofSnapshots(frame, () => []);
    case "shows old snapshots":
      return ofSnapshots(frame, () => before.snapshots);
    case "swaps snapshots":
      return ofSnapshots(frame, (all) => all.toReversed());
    case "drops endorsements":
      return ofSnapshots(frame, (all) => all.map((one) => ({ ...one, endorsements: [] })));
    case "changes a snapshot":
      return ofSnapshots(frame, (all) =>
        all.map(({ snapshot, ...one }) => ({
          ...one,
          snapshot: snapshot && { ...snapshot, sealed: flipped(snapshot.sealed) },
        })),
      );
    case "loses blobs":
      return frame.type === "blobs" ? { ...frame, blobs: frame.blobs.map(() => null) } : frame;
    case "changes blobs":
      return frame.type === "blobs"
        ? { ...frame, blobs: frame.blobs.map((blob) => blob && flipped(blob)) }
        : frame;
    case "changes entries":
      return (frame.type === "entries" || frame.type === "deliver") && frame.entries.length > 0
        ? { ...frame, entries: frame.entries.map((entry) => ({ ...entry, sealed: flipped(entry.sealed) })) }
        : frame;
  }
}

/** As if nothing had come after `head`. */
function hideAfter(frame: ServerFrame, head: LogPoint): ServerFrame | null {
  const isLater = (point: LogPoint) => point.incarnation === head.incarnation && point.seq > head.seq;
  if (frame.type === "opened" && isLater(frame.head))
    return { ...frame, head, trimmedUpto: Math.min(frame.trimmedUpto, head.seq) };
  if (frame.type === "entries" && isLater(frame.head))
    return { ...frame, head, entries: frame.entries.filter(({ seq }) => seq <= head.seq) };
  if (frame.type === "deliver" && frame.entries.some(({ seq }) => seq > head.seq)) return null;
  return frame;
}

function ofSnapshots(
  frame: ServerFrame,
  change: (all: readonly StoredSnapshot[]) => readonly StoredSnapshot[],
): ServerFrame {
  if (frame.type !== "snapshots" || frame.snapshots.length === 0) return frame;
  return { ...frame, snapshots: [...change(frame.snapshots)] };
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const at = copy.length >> 1;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
