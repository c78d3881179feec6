/**
 * What a server that wants to can do to one of its people, each told on its own, and the words in which it is found out.
 *
 * A lie begins after the people of the world have settled, and is told to one device.
 */
import { decode, encode } from "../../../core/codec/shape.ts";
import { chainPageShape } from "../../../core/protocol/directory.ts";
import type { PlacedEntry } from "../../../core/protocol/entry.ts";
import type { ServerFrame } from "../../../core/protocol/server-frame.ts";
import type { HttpLie, Lie } from "../world/sim-server.ts";

/** One lie. */
export interface ServerLie {
  readonly name: string;
  /** Device that is lied to. */
  readonly to: string;
  /** Made anew for every world, because some lies are told once. */
  frames?(): Lie;
  http?(): HttpLie;
  /** The server is put back to how it was when the lie began. */
  readonly rollsBack?: true;
  /** Ada begins a new epoch, so that there is a link to hide. */
  readonly rotates?: true;
  /** Type of the alarm, and of the fault or rule in it, that names it; null when it must change nothing at all. */
  readonly foundAs: readonly [alarm: string, word: RegExp] | null;
}

type Entries = readonly PlacedEntry[];

/** Changes what is delivered or read of logs, for one device. */
const onEntries =
  (change: (entries: Entries) => Entries): (() => Lie) =>
  () =>
  (frame) =>
    frame.type === "deliver" || frame.type === "entries"
      ? nonEmpty({ ...frame, entries: change(frame.entries) })
      : [frame];

/** A delivery without entries is none. */
const nonEmpty = (frame: Extract<ServerFrame, { type: "deliver" | "entries" }>): readonly ServerFrame[] =>
  frame.type === "deliver" && frame.entries.length === 0 ? [] : [frame];

const flipLast = (bytes: Uint8Array): Uint8Array => {
  const changed = bytes.slice();
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  return changed;
};

/** Worlds that are kept name a lie by its place: a new one goes last. */
export const SERVER_LIES: readonly ServerLie[] = [
  {
    name: "it withholds an entry and delivers the next",
    to: "ada2",
    frames: () => {
      let isDone = false;
      return (frame) => {
        if (isDone || frame.type !== "deliver") return [frame];
        isDone = true;
        return [];
      };
    },
    foundAs: ["LogDistrusted", /^LogGap$/],
  },
  {
    name: "it leaves an entry out of a page",
    to: "ada2",
    frames: onEntries((entries) =>
      entries.length > 1 ? entries.slice(1) : entries.map((one) => ({ ...one, seq: one.seq + 1 })),
    ),
    foundAs: ["LogDistrusted", /^LogGap$/],
  },
  {
    name: "it delivers everything twice",
    to: "ada2",
    frames: () => (frame) => (frame.type === "deliver" ? [frame, frame] : [frame]),
    foundAs: null,
  },
  {
    name: "it places an entry again, as a new one",
    to: "ada2",
    frames: () => {
      let shift = 0;
      return (frame) => {
        if (frame.type !== "deliver") return [frame];
        const [first] = frame.entries;
        const shifted = frame.entries.map((one) => ({ ...one, seq: one.seq + shift }));
        if (shift > 0 || first === undefined) return [{ ...frame, entries: shifted }];
        shift = 1;
        return [
          { ...frame, entries: [first, ...frame.entries.map((one) => ({ ...one, seq: one.seq + 1 }))] },
        ];
      };
    },
    foundAs: ["LogDistrusted", /^(LogForked|LogRolledBack)$/],
  },
  {
    name: "it swaps two entries",
    to: "ada2",
    frames: () => {
      let held: PlacedEntry | null = null;
      return (frame) => {
        if (frame.type !== "deliver") return [frame];
        const [first] = frame.entries;
        if (first === undefined || frame.entries.length > 1) return [frame];
        if (held === null) {
          held = first;
          return [];
        }
        const earlier = held;
        held = null;
        if (earlier.seq + 1 !== first.seq) return [frame];
        const entries = [
          { ...first, seq: earlier.seq },
          { ...earlier, seq: first.seq },
        ];
        return [{ ...frame, entries }];
      };
    },
    foundAs: ["LogDistrusted", /^(LogForked|LogGap)$/],
  },
  {
    name: "it shows one device another entry",
    to: "ada2",
    frames: onEntries((entries) => entries.map((one) => ({ ...one, sealed: flipLast(one.sealed) }))),
    foundAs: ["LogDistrusted", /^LogForked$/],
  },
  {
    name: "it writes another sender on an entry",
    to: "ada2",
    frames: onEntries((entries) => entries.map((one) => ({ ...one, header: flipLast(one.header) }))),
    foundAs: ["LogDistrusted", /^LogForked$/],
  },
  {
    name: "it says a log is shorter than it was",
    to: "ada2",
    frames: () => (frame) =>
      frame.type === "opened" && frame.head.seq > 1
        ? [{ ...frame, head: { ...frame.head, seq: frame.head.seq - 1 } }]
        : [frame],
    foundAs: ["LogDistrusted", /^(LogRolledBack|LogForked)$/],
  },
  {
    name: "it says a log is longer than it is",
    to: "ada2",
    frames: () => (frame) =>
      frame.type === "entries" ? [{ ...frame, head: { ...frame.head, seq: frame.head.seq + 3 } }] : [frame],
    foundAs: ["LogDistrusted", /^LogGap$/],
  },
  {
    name: "it tells another history of a log",
    to: "ada2",
    frames: () => (frame) =>
      frame.type === "opened" || frame.type === "entries"
        ? [{ ...frame, head: { ...frame.head, chain: flipLast(frame.head.chain) } }]
        : [frame],
    foundAs: ["LogDistrusted", /^LogForked$/],
  },
  {
    name: "it says a log was begun anew",
    to: "ada2",
    frames: () => (frame) =>
      frame.type === "opened" ? [{ ...frame, head: { ...frame.head, incarnation: 1 } }] : [frame],
    foundAs: ["LogDistrusted", /^LogIncarnationChanged$/],
  },
  {
    name: "it goes back to an old copy of itself",
    to: "ada1",
    rollsBack: true,
    foundAs: ["LogDistrusted", /^LogRolledBack$/],
  },
  {
    name: "it hides a new link of a contact's chain",
    to: "ben1",
    rotates: true,
    http: () => (path, response) =>
      /\/chain\?after=[1-9]/.test(path)
        ? { status: 200, body: encode(chainPageShape, { ...pageOf(response.body), links: [] }) }
        : response,
    foundAs: ["ChainsDisagree", /./],
  },
  {
    name: "it serves a link that nobody signed",
    to: "ben1",
    rotates: true,
    http: () => (path, response) =>
      /\/chain\?after=[1-9]/.test(path)
        ? {
            status: 200,
            body: encode(chainPageShape, {
              ...pageOf(response.body),
              links: pageOf(response.body).links.map((link) => flipLast(link)),
            }),
          }
        : response,
    foundAs: ["ChainDistrusted", /./],
  },
  {
    name: "it counts more of a device than that has written",
    to: "ada2",
    frames: () => (frame) =>
      frame.type === "opened" ? [{ ...frame, writerSeq: frame.writerSeq + 1_000 }] : [frame],
    foundAs: ["DeviceRolledBack", /^DeviceRolledBack$/],
  },
];

function pageOf(body: Uint8Array) {
  const page = decode(chainPageShape, body);
  if (!page.ok) throw new Error("the server sent no page of a chain");
  return page.value;
}
