/**
 * Judges what clients of one sealed log saw, from the outside: which operation began when, when it ended, what it said.
 *
 * It knows nothing of the store. The names of what it finds are those of checkers for distributed logs.
 */

/** `atStart` and `atEnd` are moments of one clock that ticks at every event; an operation without an end may have happened. */
interface Timed {
  readonly client: string;
  readonly atStart: number;
  atEnd: number | null;
}

export interface AppendSeen extends Timed {
  readonly type: "append";
  readonly id: string;
  readonly writer: string;
  readonly writerSeq: number;
  /** Null while nobody knows. */
  result: { readonly seq: number } | "refused" | null;
}

export interface ReadSeen extends Timed {
  readonly type: "read";
  readonly after: number;
  /** Null when nothing came back. */
  result: {
    readonly headSeq: number;
    readonly entries: readonly { readonly seq: number; readonly id: string }[];
  } | null;
}

export type SeenOperation = AppendSeen | ReadSeen;

export type HistoryFault =
  | "lost write"
  | "unobserved"
  | "non-monotonic"
  | "skip"
  | "divergent"
  | "aborted read"
  | "duplicate"
  | "writer order";

/** Every fault of a history, with the operation that shows it. */
export function checkHistory(
  history: readonly SeenOperation[],
): readonly { fault: HistoryFault; why: string }[] {
  const found: { fault: HistoryFault; why: string }[] = [];
  const report = (fault: HistoryFault, why: string): void => {
    found.push({ fault, why });
  };
  const appends = history.filter((seen) => seen.type === "append");
  const reads = history.filter((seen) => seen.type === "read");
  const appendById = new Map(appends.map((append) => [append.id, append]));
  const idBySeq = new Map<number, string>();
  const seqById = new Map<string, number>();

  const place = (seq: number, id: string, by: string): void => {
    const there = idBySeq.get(seq);
    if (there !== undefined && there !== id)
      report("divergent", `${by} has ${id} at ${seq}, others ${there}`);
    const before = seqById.get(id);
    if (before !== undefined && before !== seq) report("duplicate", `${id} is at ${before} and at ${seq}`);
    idBySeq.set(seq, there ?? id);
    seqById.set(id, before ?? seq);
  };

  for (const { id, result, client } of appends)
    if (result !== null && result !== "refused") place(result.seq, id, client);
  for (const { client, after, result } of reads) {
    if (result === null) continue;
    for (const [index, { seq, id }] of result.entries.entries()) {
      if (seq !== after + 1 + index)
        report("skip", `${client} read ${seq} where ${after + 1 + index} was next`);
      place(seq, id, client);
      const append = appendById.get(id);
      if (append === undefined || append.result === "refused")
        report(
          "aborted read",
          `${client} read ${id}, which was ${append === undefined ? "never written" : "refused"}`,
        );
    }
  }
  checkOrder(reads, appends, report);
  checkLost(reads, appends, seqById, report);
  checkWriters(appends, seqById, report);
  return found;
}

type Report = (fault: HistoryFault, why: string) => void;

/** What was known when an operation began is known to it. */
function checkOrder(reads: readonly ReadSeen[], appends: readonly AppendSeen[], report: Report): void {
  for (const read of reads) {
    if (read.result === null) continue;
    const { headSeq } = read.result;
    for (const earlier of reads)
      if (
        earlier.result !== null &&
        earlier.atEnd !== null &&
        earlier.atEnd < read.atStart &&
        earlier.result.headSeq > headSeq
      )
        report("non-monotonic", `${read.client} saw the end at ${headSeq} after ${earlier.result.headSeq}`);
    for (const { result, atEnd, id } of appends)
      if (
        result !== null &&
        result !== "refused" &&
        atEnd !== null &&
        atEnd < read.atStart &&
        result.seq > headSeq
      )
        report(
          "unobserved",
          `${id} was placed at ${result.seq}, and ${read.client} saw the end at ${headSeq}`,
        );
  }
}

/** What was acknowledged before a read of its place began is in that read. */
function checkLost(
  reads: readonly ReadSeen[],
  appends: readonly AppendSeen[],
  seqById: ReadonlyMap<string, number>,
  report: Report,
): void {
  for (const { id, result, atEnd } of appends) {
    if (result === null || result === "refused" || atEnd === null) continue;
    for (const read of reads) {
      if (read.result === null || read.atStart < atEnd) continue;
      const last = read.result.entries.at(-1)?.seq ?? read.after;
      const isCovered = result.seq > read.after && result.seq <= last;
      if (isCovered && !read.result.entries.some((entry) => entry.id === id))
        report("lost write", `${id} was placed at ${result.seq} and is not in what ${read.client} read`);
    }
    if (!seqById.has(id)) report("lost write", `${id} is nowhere`);
  }
}

/** Entries of one writer are in the order of its counter. */
function checkWriters(
  appends: readonly AppendSeen[],
  seqById: ReadonlyMap<string, number>,
  report: Report,
): void {
  for (const [writer, own] of Map.groupBy(appends, (append) => append.writer)) {
    const placed = [...new Map(own.map((append) => [append.id, append])).values()]
      .flatMap(({ id, writerSeq }) => {
        const seq = seqById.get(id);
        return seq === undefined ? [] : [{ seq, writerSeq }];
      })
      .sort((a, b) => a.seq - b.seq);
    for (const [index, { writerSeq }] of placed.entries())
      if (writerSeq !== index + 1) report("writer order", `${writer} has ${writerSeq} in place ${index + 1}`);
  }
}
