/**
 * A server does something long, and what is on its disk is kept before each effect: what a kill there leaves. Between two of these
 * states stand those a kill in the middle of SQLite's own writing leaves: a write-ahead log of which a part is there, a file into
 * which a part of the log was brought.
 *
 * In each the check of the database finds nothing wrong, a server starts and shows each step wholly done or wholly not, an acknowledged
 * one done; and asked again it comes through, with the same rows, files and bytes as if nobody had been killed.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { DatabaseSync } from "node:sqlite";
import { checkDatabase } from "../../../sync-server/store/sqlite/check-database.ts";
import { watchEffects } from "../watch-effects.ts";

export interface ServerPath {
  readonly name: string;
  /** Puts into the folder what is there before. */
  prepare(folder: string): Promise<void>;
  /**
   * Does it, and says of each step that it has been answered; asked again after a kill, does what is left of it. Throws when it does not
   * come through, or leaves what is no longer needed while the server runs on.
   */
  act(folder: string, onAnswer: () => void): Promise<void>;
  /** What a server that starts on the folder shows, before and after each step. */
  shown(folder: string): Promise<unknown>;
  /** What is wrong with what lies in the folder once it came through. */
  left(folder: string): readonly string[];
  /** Databases in the folder that are a server's, whenever they are there. */
  readonly databases: readonly string[];
}

export interface PathReport {
  readonly effects: number;
  /** Ways the disk was left by a kill. */
  readonly states: number;
  readonly broken: readonly string[];
}

interface State {
  readonly folder: string;
  readonly effect: number;
  /** Steps that had been answered. */
  readonly answered: number;
  /** Its files' in the live folder: one that was renamed was not written. */
  readonly inodes: ReadonlyMap<string, bigint>;
}

const PAGE_BYTES = 4_096;
const FRAME_BYTES = PAGE_BYTES + 24;
/** Of a transaction, or of a log that is brought into the file. */
const CUTS_MAX = 24;

/** Plays one path and opens every state; `isLong` cuts what is written between two of them in more places than one. */
export async function killAtEachWrite(
  folder: string,
  path: ServerPath,
  { isLong }: { readonly isLong: boolean },
): Promise<PathReport> {
  const live = join(folder, "live");
  mkdirSync(live, { recursive: true, mode: 0o700 });
  await path.prepare(live);
  const broken: string[] = [];
  const { effects, kept, answers } = await recordPath(folder, live, path);
  const whole = rowsOf(live, path);
  broken.push(...path.left(live));
  const shown: unknown[] = [];
  for (const state of answers) shown.push(await path.shown(copyOf(folder, state)));

  let states = 0;
  async function verify(state: State, where: string): Promise<void> {
    states++;
    const allowed = shown.slice(state.answered, state.answered + 2);
    for (const what of await findBroken(folder, state, { path, allowed, whole }))
      broken.push(`${path.name}: killed ${where}: ${what}`);
  }
  for (const [at, state] of kept.entries()) {
    await verify(state, `before effect ${state.effect}`);
    const next = kept[at + 1];
    if (next === undefined) break;
    for (const cut of cutsBetween(state, next, isLong ? CUTS_MAX : 1)) {
      const torn = join(folder, "torn");
      cpSync(state.folder, torn, { recursive: true });
      for (const [name, bytes] of cut.files) {
        mkdirSync(dirname(join(torn, name)), { recursive: true });
        writeFileSync(join(torn, name), bytes);
      }
      await verify({ ...state, folder: torn }, `after effect ${state.effect}, ${cut.where}`);
      rmSync(torn, { recursive: true });
    }
  }
  return { effects, states, broken };
}

/** Does it once, and keeps each way the disk is while that goes on, and how it is before and after each step. */
async function recordPath(folder: string, live: string, path: ServerPath) {
  const kept: State[] = [];
  const answers: State[] = [];
  let [effects, answered, last] = [0, 0, ""];
  const keep = (): State => {
    const before = kept.at(-1);
    const signature = signatureOf(live);
    // What has been answered by then counts.
    if (before !== undefined && signature === last) {
      const state = { ...before, answered };
      kept[kept.length - 1] = state;
      return state;
    }
    last = signature;
    const inodes = new Map(
      filesOf(live).map((name) => [name, statSync(join(live, name), { bigint: true }).ino]),
    );
    const state = { folder: join(folder, `state-${kept.length}`), effect: effects, answered, inodes };
    cpSync(live, state.folder, { recursive: true });
    kept.push(state);
    return state;
  };
  answers.push(keep());
  const endWatch = watchEffects(() => {
    effects++;
    keep();
  });
  await new Promise((resolve) => setImmediate(resolve));
  try {
    await path.act(live, () => {
      answered++;
      answers.push(keep());
    });
  } finally {
    endWatch();
  }
  effects++;
  keep();
  return { effects, kept, answers };
}

/** Where each file stands, how long it is and when it was written. */
function signatureOf(folder: string): string {
  return filesOf(folder)
    .map((name) => {
      const { ino, size, mtimeNs } = statSync(join(folder, name), { bigint: true });
      return `${name} ${ino} ${size} ${mtimeNs}`;
    })
    .join("\n");
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

interface Cut {
  readonly where: string;
  readonly files: readonly (readonly [name: string, bytes: Uint8Array])[];
}

/** What a kill leaves while SQLite, or the platform, writes what is new in `after`. */
function* cutsBetween(before: State, after: State, cutsMax: number): Generator<Cut> {
  const [names, later] = [filesOf(before.folder), filesOf(after.folder)];
  const read = (state: State, name: string): Uint8Array =>
    (state === before ? names : later).includes(name)
      ? readFileSync(join(state.folder, name))
      : new Uint8Array();
  // An index of the log is made anew at each start.
  for (const name of later.filter((one) => !one.endsWith("-shm"))) {
    const [old, made] = [read(before, name), read(after, name)];
    const inode = after.inodes.get(name);
    const isMoved =
      inode !== before.inodes.get(name) && [...before.inodes.values()].some((one) => one === inode);
    if (isMoved || isDeepStrictEqual(old, made)) continue;
    const isLog = name.endsWith("-wal");
    // A log that shrinks was brought into its file before: that is the file's cut.
    if (isLog && made.length < old.length) continue;
    const unit = isLog ? FRAME_BYTES : PAGE_BYTES;
    const from = firstDifference(old, made);
    const units = Math.ceil((made.length - from) / unit);
    for (let cut = 1; cut <= cutsMax; cut++) {
      const bytes = Math.min(made.length, from + Math.ceil((units * unit * cut) / (cutsMax + 1)));
      if (bytes <= from) continue;
      const torn = new Uint8Array(Math.max(bytes, old.length));
      torn.set(old);
      torn.set(made.subarray(0, bytes));
      // What is brought into a file stands in its log whole.
      const log = `${name}-wal`;
      const isLogged = read(after, log).length > read(before, log).length;
      yield {
        where: `${bytes} of ${made.length} bytes of ${name} written`,
        files: isLogged ? [[name, torn] as const, [log, read(after, log)] as const] : [[name, torn] as const],
      };
    }
  }
}

function firstDifference(one: Uint8Array, other: Uint8Array): number {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at++;
  return at;
}

function copyOf(folder: string, state: State): string {
  const copy = join(folder, "opened");
  rmSync(copy, { recursive: true, force: true });
  cpSync(state.folder, copy, { recursive: true });
  return copy;
}

/** All that a server's databases hold, for comparing. */
function rowsOf(folder: string, { databases }: ServerPath): unknown {
  return databases.map((name) => {
    const db = new DatabaseSync(join(folder, name));
    const tables = db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .all()
      .map((row) => String(row.name));
    const rows = tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]);
    db.close();
    return rows;
  });
}

async function findBroken(
  folder: string,
  state: State,
  {
    path,
    allowed,
    whole,
  }: { readonly path: ServerPath; readonly allowed: readonly unknown[]; readonly whole: unknown },
): Promise<readonly string[]> {
  const broken: string[] = [];
  try {
    const checked = copyOf(folder, state);
    for (const name of path.databases.filter((one) => filesOf(checked).includes(one))) {
      const found = checkDatabase(join(checked, name));
      if (!found.ok) broken.push(`${name}: ${JSON.stringify(found.error)}`);
    }
    const shown = await path.shown(copyOf(folder, state));
    if (!allowed.some((one) => isDeepStrictEqual(one, shown)))
      broken.push(`it is neither done nor not done: ${JSON.stringify(shown)}`);
    const again = copyOf(folder, state);
    await path.act(again, () => {});
    if (!isDeepStrictEqual(rowsOf(again, path), whole)) broken.push("asked again other rows are there");
    broken.push(...path.left(again));
  } catch (thrown) {
    broken.push(thrown instanceof Error ? thrown.message : String(thrown));
  }
  return broken;
}
