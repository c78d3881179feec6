/**
 * Which blocks of the sources have ever run, as V8 counts them (precise coverage, by blocks).
 *
 * V8 names a block only where it ran another number of times than what is around it, so what is kept is what has not run: of each function
 * the stretches that no case has reached. One of them growing smaller is news.
 */
import { type Profiler, Session } from "node:inspector";

/** From one character of a source to the one before another. */
type Stretch = readonly [from: number, to: number];

/** What ran in some time: by function, what of it did not. */
export type Ran = ReadonlyMap<string, readonly Stretch[]>;

export interface Coverage {
  /** What ran since this was last asked. */
  take(): Ran;
  /** Whether something of it had never run. */
  isNews(ran: Ran): boolean;
  /** Adds it to what has ever run. */
  add(ran: Ran): void;
  /** Functions that have run, and characters of them that have not. */
  reached(): { readonly functions: number; readonly charactersLeft: number };
}

let counting: Session | null = null;

/** Whether V8 counts blocks in this process. */
export function isCounting(): boolean {
  return counting !== null;
}

/** Lets V8 count blocks, of functions that are called for the first time from now on: of others it only knows that they ran. */
export function beginCounting(): Session {
  if (counting !== null) return counting;
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  counting = session;
  return session;
}

/** What runs, from now on, in the scripts whose address `isOurs` takes. Only one may look in a process at a time. */
export function startCoverage(isOurs: (url: string) => boolean): Coverage {
  const session = beginCounting();
  const left = new Map<string, readonly Stretch[]>();
  return {
    take() {
      const ran = new Map<string, readonly Stretch[]>();
      for (const { scriptId, url, functions } of takeScripts(session)) {
        if (!isOurs(url)) continue;
        for (const { ranges } of functions) {
          const [whole] = ranges;
          if (whole === undefined || whole.count === 0) continue;
          const key = `${scriptId} ${whole.startOffset} ${whole.endOffset}`;
          ran.set(key, notRun(ranges));
        }
      }
      return ran;
    },
    isNews(ran) {
      for (const [key, stretches] of ran) {
        const before = left.get(key);
        if (before === undefined || length(common(before, stretches)) < length(before)) return true;
      }
      return false;
    },
    add(ran) {
      for (const [key, stretches] of ran) left.set(key, common(left.get(key) ?? stretches, stretches));
    },
    reached: () => ({
      functions: left.size,
      charactersLeft: [...left.values()].reduce((sum, stretches) => sum + length(stretches), 0),
    }),
  };
}

function takeScripts(session: Session): readonly Profiler.ScriptCoverage[] {
  let scripts: readonly Profiler.ScriptCoverage[] = [];
  // The answer of a session of one's own thread is there when `post` returns.
  session.post("Profiler.takePreciseCoverage", (error, { result }) => {
    if (error !== null) throw error;
    scripts = result;
  });
  return scripts;
}

/** Ranges are nested and come from the outside in; an inner one counts for what it spans. */
function notRun(ranges: readonly Profiler.CoverageRange[]): readonly Stretch[] {
  let stretches: readonly Stretch[] = [];
  for (const { startOffset, endOffset, count } of ranges) {
    const around = stretches.flatMap(([from, to]): readonly Stretch[] => [
      [from, Math.min(to, startOffset)],
      [Math.max(from, endOffset), to],
    ]);
    stretches = count === 0 ? [...around, [startOffset, endOffset]] : around;
    stretches = stretches.filter(([from, to]) => from < to);
  }
  return stretches;
}

/** What lies in a stretch of both. Neither list has overlaps. */
function common(a: readonly Stretch[], b: readonly Stretch[]): readonly Stretch[] {
  const both: Stretch[] = [];
  for (const [from, to] of a)
    for (const [otherFrom, otherTo] of b) {
      const [start, end] = [Math.max(from, otherFrom), Math.min(to, otherTo)];
      if (start < end) both.push([start, end]);
    }
  return both;
}

function length(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, [from, to]) => sum + to - from, 0);
}
