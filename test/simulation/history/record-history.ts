/** Lets writers and readers loose on one log of a server's store, and writes down what each of them saw. */
import { idFromBytes, type LogId } from "../../../core/base/ids.ts";
import { entryId, type PlacedEntry } from "../../../core/protocol/entry.ts";
import type { NewEntry } from "../../../sync-server/store/log-store.ts";
import type { ServerStore } from "../../../sync-server/store/server-store.ts";
import { must } from "../../support/chain-world.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { byDevice, registerAccount, storeEntry } from "../../support/store-world.ts";
import type { DiscardableDisk } from "../world/server-disk.ts";
import type { AppendSeen, ReadSeen, SeenOperation } from "./check-history.ts";

export const WRITERS = 5;
export const OPERATIONS_EACH = 40;
const READERS = 3;
/** Of a hundred reads, after how many the power goes. */
const CRASHES_PERCENT = 6;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export interface Recording {
  readonly disk: DiscardableDisk;
  readonly seed: string;
  readonly isCrashing: boolean;
  /** Puts a fault into the store. */
  bend?(store: ServerStore): ServerStore;
}

/** The history of one log. Some entries are sent twice, some leave a hole in their writer's counter. */
export async function recordHistory({
  disk,
  seed,
  isCrashing,
  bend = (store) => store,
}: Recording): Promise<readonly SeenOperation[]> {
  const random = createSeededRandom(seed);
  let store = bend(disk.open());
  let generation = 0;
  const { accountId, deviceId } = await registerAccount(store, random);
  const logId = idFromBytes("log", random.bytes(32));
  must(await store.createLog({ logId, ownerId: accountId, kind: "account", appendKey: null }));
  const history: SeenOperation[] = [];
  let clock = 0;

  async function write(writer: string, own: SeededRandom): Promise<void> {
    const tag = idFromBytes("writerTag", own.bytes(16));
    let writerSeq = 1;
    let last: NewEntry | null = null;
    for (let n = 0; n < OPERATIONS_EACH; n++) {
      const at = generation;
      const isAgain = last !== null && own.chance(8);
      const entry: NewEntry = isAgain
        ? (last ?? fresh(logId, tag, writerSeq, own))
        : fresh(logId, tag, own.chance(8) ? writerSeq + 2 : writerSeq, own);
      const seen: AppendSeen = {
        type: "append",
        client: writer,
        writer,
        writerSeq: entry.fields.writerSeq,
        id: entry.id,
        atStart: clock++,
        atEnd: null,
        result: null,
      };
      history.push(seen);
      const placed = await store.append({
        logId,
        appender: byDevice(accountId, deviceId),
        writerTag: tag,
        entries: [entry],
      });
      if (at !== generation) {
        // The answer did not arrive: the writer asks where it stands, as a client does.
        writerSeq = must(await store.writerSeq(logId, tag)) + 1;
        continue;
      }
      seen.atEnd = clock++;
      const [result] = must(placed);
      seen.result = result === undefined || result.type === "refused" ? "refused" : { seq: result.seq };
      if (seen.result !== "refused") {
        writerSeq = Math.max(writerSeq, entry.fields.writerSeq + 1);
        last = entry;
      }
      for (let wait = own.below(3); wait > 0; wait--) await turn();
    }
  }

  async function read(client: string, own: SeededRandom): Promise<void> {
    let after = 0;
    for (let n = 0; n < OPERATIONS_EACH; n++) {
      const at = generation;
      const seen: ReadSeen = { type: "read", client, after, atStart: clock++, atEnd: null, result: null };
      history.push(seen);
      const page = await store.read({ logId, after, entriesMax: 1 + own.below(20), bytesMax: 100_000 });
      if (at === generation) {
        const { entries, head } = must(page);
        seen.atEnd = clock++;
        seen.result = { headSeq: head.seq, entries: seenOf(entries) };
        after = own.chance(10) ? 0 : (entries.at(-1)?.seq ?? after);
      }
      await turn();
      if (isCrashing && own.chance(CRASHES_PERCENT)) {
        generation++;
        store = bend(disk.open());
      }
    }
  }

  const seenOf = (entries: readonly PlacedEntry[]) =>
    entries.map((entry) => ({ seq: entry.seq, id: entryId(logId, entry) }));

  await Promise.all([
    ...Array.from({ length: WRITERS }, (_, n) => write(`w${n}`, createSeededRandom(`${seed}/w${n}`))),
    ...Array.from({ length: READERS }, (_, n) => read(`r${n}`, createSeededRandom(`${seed}/r${n}`))),
  ]);
  const all: ReadSeen = {
    type: "read",
    client: "last",
    after: 0,
    atStart: clock++,
    atEnd: null,
    result: null,
  };
  const page = must(await store.read({ logId, after: 0, entriesMax: 10_000, bytesMax: 100_000_000 }));
  all.atEnd = clock++;
  all.result = { headSeq: page.head.seq, entries: seenOf(page.entries) };
  history.push(all);
  return history;
}

const fresh = (
  logId: LogId,
  ...[tag, writerSeq, own]: [Parameters<typeof storeEntry>[1], number, SeededRandom]
) => storeEntry(logId, tag, writerSeq, own.bytes(40));
