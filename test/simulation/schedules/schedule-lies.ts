/** What a server of a schedule tells one device that is not so: from the first frame on in which it can be told. */
import { equalBytes } from "../../../core/base/bytes.ts";
import { idFromBytes, type LogId } from "../../../core/base/ids.ts";
import type { LogPoint } from "../../../core/protocol/entry.ts";
import type { ServerFrame } from "../../../core/protocol/server-frame.ts";
import {
  encodeSnapshotHeader,
  parseSnapshotHeader,
  type Snapshot,
  type SnapshotHeader,
  snapshotId,
  type StoredSnapshot,
} from "../../../core/protocol/snapshot.ts";
import { must } from "../../support/chain-world.ts";
import { expectNamed, newestUptoOf, standingOf, wordsFor } from "./lie-found.ts";
import type { ScheduleLie } from "./schedule-plan.ts";
import type { FrameLie } from "./schedule-server.ts";
import type { ScheduleDevice, ScheduleWorld } from "./schedule-world.ts";

/** What the server had when it began to lie, and a blob of an earlier answer. */
interface Before {
  readonly head: LogPoint;
  readonly snapshots: readonly StoredSnapshot[];
  blob: Uint8Array | null;
}

/** A lie to `device`; `onTold` hears each time something else is said than what is so. */
export async function createLie(
  world: ScheduleWorld,
  {
    device,
    lie,
    forMs,
  }: { readonly device: ScheduleDevice; readonly lie: ScheduleLie; readonly forMs: number },
  logId: LogId,
  onTold: () => void,
): Promise<FrameLie> {
  const { server, time, liedTo } = world;
  const records = server.records.current();
  const log = must(await records.findLog(logId));
  if (log === null) throw new Error("the account has its log");
  const before = { head: log.head, snapshots: must(await records.readSnapshots(logId)), blob: null };
  let isTold = false;
  const told: FrameLie = {
    to: device.identity.deviceId,
    lie,
    tell(frame) {
      const { parts } = device;
      if (parts === null) return null;
      const said = tell(lie, frame, { before, readSeq: parts.log.reader().point.seq });
      if (said === frame) return null;
      if (!isTold) time.schedule(forMs, () => server.lies.delete(told));
      isTold = true;
      liedTo.add(device);
      onTold();
      const standing = standingOf(world, parts);
      // A newer snapshot may have come before the device asks for it.
      const words = async () => wordsFor(lie, said, await standing, await newestUptoOf(world, parts));
      return { said, onHeard: () => expectNamed(world, device, lie, words) };
    },
  };
  return told;
}

/** The frame as the lie has it; itself where there is nothing to lie about, null where nothing is said. */
function tell(
  lie: ScheduleLie,
  frame: ServerFrame,
  { before, readSeq }: { readonly before: Before; readonly readSeq: number },
): ServerFrame | null {
  switch (lie) {
    case "hides entries":
      return hideAfter(frame, before.head);
    case "changes entries":
      return (frame.type === "entries" || frame.type === "deliver") && frame.entries.length > 0
        ? { ...frame, entries: frame.entries.map((entry) => ({ ...entry, sealed: flipped(entry.sealed) })) }
        : frame;
    case "changes ids":
      return frame.type === "ids" && frame.ids.length > 0 ? { ...frame, ids: flipped(frame.ids, 0) } : frame;
    case "says all is trimmed":
      return frame.type === "opened" && frame.trimmedUpto < frame.head.seq && readSeq < frame.head.seq
        ? { ...frame, trimmedUpto: frame.head.seq }
        : frame;
    case "says nothing is trimmed":
      return frame.type === "opened" && frame.trimmedUpto > 0 ? { ...frame, trimmedUpto: 0 } : frame;
    case "loses blobs":
    case "gives no blobs":
    case "changes blobs":
    case "swaps blobs":
      return frame.type === "blobs" ? { ...frame, blobs: otherBlobs(lie, frame.blobs, before) } : frame;
    default:
      return frame.type === "snapshots" ? tellOfSnapshots(lie, frame, before) : frame;
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

type SnapshotsFrame = Extract<ServerFrame, { readonly type: "snapshots" }>;

/** What is said of snapshots is another thing only if it shows. */
function tellOfSnapshots(lie: ScheduleLie, frame: SnapshotsFrame, before: Before): ServerFrame {
  const [newest] = frame.snapshots;
  if (newest === undefined) return frame;
  switch (lie) {
    case "hides snapshots":
      return { ...frame, snapshots: [] };
    case "shows old snapshots":
      return before.snapshots.at(-1)?.id === newest.id
        ? frame
        : { ...frame, snapshots: before.snapshots.slice(-1) };
    case "swaps snapshots":
      return frame.snapshots.length < 2 ? frame : { ...frame, snapshots: frame.snapshots.toReversed() };
    case "drops endorsements":
      return frame.snapshots.every(({ endorsements }) => endorsements.length === 0)
        ? frame
        : { ...frame, snapshots: frame.snapshots.map((one) => ({ ...one, endorsements: [] })) };
    default:
      // Of one that is known here nothing is said but its name.
      return newest.snapshot === null
        ? frame
        : { ...frame, snapshots: frame.snapshots.map((one) => otherSnapshot(lie, one)) };
  }
}

function otherSnapshot(lie: ScheduleLie, stored: StoredSnapshot): StoredSnapshot {
  const { snapshot } = stored;
  if (snapshot === null) return stored;
  switch (lie) {
    case "withholds snapshots":
      return { ...stored, snapshot: null };
    case "renames snapshots":
      return { ...stored, id: idFromBytes("snapshot", new Uint8Array(32).fill(1)) };
    case "changes snapshots":
      return { ...stored, snapshot: { ...snapshot, sealed: flipped(snapshot.sealed) } };
    case "cuts snapshots":
      return named(stored, { ...snapshot, sealed: snapshot.sealed.slice(0, snapshot.sealed.length >> 1) });
    case "moves the end of snapshots":
      return named(
        stored,
        withHeader(snapshot, (header) => ({ ...header, upto: { ...header.upto, seq: header.upto.seq + 1 } })),
      );
    case "shows another account's snapshots":
      return named(
        stored,
        withHeader(snapshot, (header) => ({
          ...header,
          logId: idFromBytes("log", new Uint8Array(32).fill(1)),
        })),
      );
    default:
      return stored;
  }
}

/** Under the name that its bytes have. */
const named = (stored: StoredSnapshot, snapshot: Snapshot): StoredSnapshot => ({
  ...stored,
  snapshot,
  id: snapshotId(snapshot),
});

function withHeader(snapshot: Snapshot, change: (header: SnapshotHeader) => SnapshotHeader): Snapshot {
  return { ...snapshot, header: encodeSnapshotHeader(change(must(parseSnapshotHeader(snapshot.header)))) };
}

type Blobs = Extract<ServerFrame, { readonly type: "blobs" }>["blobs"];

function otherBlobs(lie: ScheduleLie, blobs: Blobs, before: Before): Blobs {
  if (lie === "loses blobs") return blobs.map(() => null);
  if (lie === "gives no blobs") return [];
  if (lie === "changes blobs") return blobs.map((blob) => blob && flipped(blob));
  const [first, ...rest] = blobs;
  if (first === undefined || first === null) return blobs;
  const other = rest.at(-1) ?? before.blob;
  before.blob = first;
  return [other === null || equalBytes(other, first) ? flipped(first) : other, ...rest];
}

function flipped(bytes: Uint8Array, at = bytes.length >> 1): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
