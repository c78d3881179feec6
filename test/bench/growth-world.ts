/**
 * One world of the growth benchmark: `growth-world.ts MESSAGES [--conversations N]` prints its figures as one JSON object.
 *
 * The messages come from a contact, so that nothing of them waits to be sent. They go through the same way as any that
 * arrive: rows, buckets, the account log, snapshots. With `--open` it is the process that opens the device it wrote.
 * `--keep FOLDER` leaves a copy of the device and the server as they were before that.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { openClient, toHex } from "@dovetail/core";
import { present } from "../../core/base/assert.ts";
import { fromHex } from "../../core/base/bytes.ts";
import { type AccountId, type ConversationId, type DeviceId, idFromBytes } from "../../core/base/ids.ts";
import { silentLogger } from "../../core/base/logger.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { encode } from "../../core/codec/shape.ts";
import { createOp, messagePayloadShape, type NamedOp, OP_KIND } from "../../core/messenger/op.ts";
import { parseSnapshotHeader } from "../../core/protocol/snapshot.ts";
import { openSqliteStore } from "../../sync-server/store/sqlite/sqlite-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "../support/chain-world.ts";
import { good, newAccount } from "../support/client-world.ts";
import { startLocalServer } from "../support/server-in-process.ts";
import { engineOf } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { benchPlatform, devicesReady } from "./bench-device.ts";

/** Sizes in bytes, times in ms. `openBytes` is by how much the peak of memory went up; `opBytes` are the canonical bytes of all messages. */
export interface GrowthFigures extends OpenFigures {
  readonly messages: number;
  readonly opBytes: number;
  readonly serverBytes: number;
  /** Pages of the tables that hold the history, with their indexes, and what of them is filled. */
  readonly historyBytes: number;
  readonly historyFilledBytes: number;
  readonly snapshotBytes: number;
  readonly snapshotBlobs: number;
  readonly deviceBytes: number;
}

interface OpenFigures {
  readonly openMs: number;
  readonly openBytes: number;
  readonly listMs: number;
  readonly sendMs: number;
  readonly syncMs: number;
}

const BATCH = 1_000;
const SENDS = 20;
const TAIL_ENTRIES = 64;
const HOUR_MS = 3_600_000;

const { values, positionals } = parseArgs({
  options: {
    open: { type: "string" },
    key: { type: "string" },
    conversations: { type: "string" },
    keep: { type: "string" },
  },
  allowPositionals: true,
});
await devicesReady();
const figures =
  values.open === undefined
    ? await write(Number(positionals[0]))
    : await open(values.open, present(values.key, "the key of the device"));
console.log(JSON.stringify(figures));
process.exit(0);

async function write(messages: number): Promise<GrowthFigures> {
  const folder = createTemporaryFolder();
  try {
    const serverFolder = join(folder.path, "server");
    mkdirSync(serverFolder);
    const store = must(openSqliteStore(join(serverFolder, "dovetail.db"), silentLogger));
    const server = await startLocalServer({ snapshotGraceMs: HOUR_MS * 1_000 }, store);
    const platform = { ...benchPlatform(folder.path, "ada"), snapshotTailEntries: TAIL_ENTRIES };
    const filled = await fill(server.origin, store, { platform, folder: folder.path, messages });
    if (values.keep !== undefined) {
      cpSync(folder.path, values.keep, { recursive: true });
      const kept = { messages, origin: server.origin, key: toHex(platform.storeKey) };
      writeFileSync(join(values.keep, "kept.json"), JSON.stringify(kept));
    }
    // Before more is sent: what is at rest when all is covered.
    const atRest = {
      serverBytes: bytesBelow(serverFolder),
      ...historyIn(serverFolder),
    };
    const opened = await openElsewhere(folder.path, toHex(platform.storeKey));
    const snapshot = await newestSnapshot(store, filled);
    await server.close();
    return {
      messages,
      opBytes: filled.opBytes,
      ...atRest,
      snapshotBytes: snapshot.bytes,
      snapshotBlobs: snapshot.blobs,
      deviceBytes: bytesBelow(join(folder.path, "ada")),
      ...opened,
    };
  } finally {
    folder.discard();
  }
}

interface Filling {
  readonly platform: ReturnType<typeof benchPlatform>;
  readonly folder: string;
  readonly messages: number;
}

interface Filled {
  /** Canonical bytes of all messages. */
  readonly opBytes: number;
  readonly logId: Parameters<ServerStore["readSnapshots"]>[0];
  readonly account: AccountId;
}

async function fill(
  origin: string,
  store: ServerStore,
  { platform, folder, messages }: Filling,
): Promise<Filled> {
  const made = await newAccount(origin, "ada", platform);
  const ben = await newAccount(origin, "ben", benchPlatform(folder, "ben"));
  good(await ben.client.sync());
  const { conversationId } = good(await made.client.addContact(good(await ben.client.contactLink())));
  good(await made.client.sync());
  const { accountId, deviceId } = good(await ben.client.account());
  await ben.client.stop();
  await made.client.stop();
  const { client, engine } = await engineOf({
    ...benchPlatform(folder, "ada", platform.storeKey),
    snapshotTailEntries: TAIL_ENTRIES,
  });
  const random = createPlatformRandom();
  const conversations = [
    conversationId,
    ...Array.from({ length: Number(values.conversations ?? 1) - 1 }, () =>
      idFromBytes("conversation", random.bytes(32)),
    ),
  ];
  let opBytes = 0;
  for (let from = 0; from < messages; from += BATCH) {
    const ops = historyOf({ conversations, accountId, deviceId }, from, Math.min(messages, from + BATCH));
    opBytes += ops.reduce((sum, { bytes }) => sum + bytes.length, 0);
    good(await engine.context.serial.run(() => engine.conversations.restore(ops)));
    if ((from / BATCH) % 5 === 4) good(await client.sync());
  }
  // Two snapshots cover all of it, and what they cover goes.
  good(await client.sync());
  good(
    await engine.context.store.batch([
      engine.tables.unpacked.put([], { seq: engine.log.reader().point.seq }),
    ]),
  );
  for (let round = 0; round < 4; round++) good(await client.sync());
  // A round gives back a part of the file; a running server has one every minute.
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    const nowMs = Date.now() + 1;
    const gone = must(await store.reclaim({ nowMs, graceMs: 0, silentMs: HOUR_MS * 1_000 }));
    const bytes = bytesBelow(join(folder, "server"));
    if (gone.isDone && gone.entries === 0 && gone.blobs === 0 && bytes >= before) break;
    before = bytes;
  }
  await client.stop();
  const { accountLogId: logId, identity } = engine.context;
  return { opBytes, logId, account: identity.accountId };
}

function historyOf(
  by: {
    readonly conversations: readonly ConversationId[];
    readonly accountId: AccountId;
    readonly deviceId: DeviceId;
  },
  from: number,
  upto: number,
): readonly NamedOp[] {
  const startMs = Date.now() - 400 * 24 * HOUR_MS;
  return Array.from({ length: upto - from }, (_, at) =>
    createOp({
      version: 1,
      conversationId: present(
        by.conversations[(from + at) % by.conversations.length],
        "there is a conversation",
      ),
      author: by.accountId,
      device: by.deviceId,
      deviceSeq: Math.floor((from + at) / by.conversations.length),
      devicePrev: null,
      hlc: (startMs + (from + at) * 20) * 1_024,
      kind: OP_KIND.message,
      target: null,
      payload: encode(messagePayloadShape, {
        text: `Message ${from + at}: some words of the usual length for a chat between two people.`,
      }),
      expire: null,
      ext: null,
    }),
  );
}

/** What of the server's file is the history's: entries, and what is kept of those that were let go, blobs and snapshots. */
function historyIn(serverFolder: string): Pick<GrowthFigures, "historyBytes" | "historyFilledBytes"> {
  // A running server lets nobody else into its file.
  const copy = createTemporaryFolder();
  cpSync(serverFolder, copy.path, { recursive: true });
  const database = new DatabaseSync(join(copy.path, "dovetail.db"));
  const row = database
    .prepare(
      `SELECT sum(pgsize) AS pages, sum(pgsize - unused) AS filled
       FROM dbstat JOIN sqlite_schema ON sqlite_schema.name = dbstat.name
       WHERE tbl_name IN ('entries', 'trimmed', 'blobs', 'snapshots', 'endorsements')`,
    )
    .get();
  database.close();
  copy.discard();
  return { historyBytes: Number(row?.pages), historyFilledBytes: Number(row?.filled) };
}

async function newestSnapshot(
  store: ServerStore,
  { logId, account }: Filled,
): Promise<{ readonly bytes: number; readonly blobs: number }> {
  const newest = must(await store.readSnapshots(logId))[0];
  if (newest === undefined) return { bytes: 0, blobs: 0 };
  const header = good(parseSnapshotHeader(newest.snapshot.header));
  let sum = newest.snapshot.header.length + newest.snapshot.sealed.length;
  for (let from = 0; from < header.blobs.length; ) {
    const blobs = must(await store.readBlobs(account, header.blobs.slice(from, from + 64), 1e8));
    sum += blobs.reduce((total, blob) => total + (blob?.length ?? 0), 0);
    from += blobs.length;
  }
  return { bytes: sum, blobs: header.blobs.length };
}

/** In a process of its own, whose memory is that of opening alone. */
function openElsewhere(folder: string, key: string): Promise<OpenFigures> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [import.meta.filename, "--open", folder, "--key", key], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (part) => {
      text += String(part);
    });
    child.once("exit", (code) =>
      code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`ended with ${code}`)),
    );
  });
}

async function open(folder: string, key: string): Promise<OpenFigures> {
  const platform = benchPlatform(folder, "ada", fromHex(key));
  const beforeBytes = peakBytes();
  const startMs = performance.now();
  const client = present(good(await openClient(platform)), "there is an account");
  const openMs = performance.now() - startMs;
  const listed = performance.now();
  const conversation = present(good(await client.conversations())[0], "there is a conversation");
  good(await client.messages(conversation.id, { limit: 50 }));
  const listMs = performance.now() - listed;
  const openBytes = peakBytes() - beforeBytes;
  good(await client.sync());
  const sending = performance.now();
  for (let n = 0; n < SENDS; n++) good(await client.send(conversation.id, `One more ${n}`));
  const sendMs = (performance.now() - sending) / SENDS;
  const syncing = performance.now();
  good(await client.send(conversation.id, "And one that goes out"));
  good(await client.sync());
  const syncMs = performance.now() - syncing;
  await client.stop();
  return { openMs, openBytes, listMs, sendMs, syncMs };
}

/** The most memory this process has had. Of Linux; `resourceUsage` begins with what the process had that started this one. */
function peakBytes(): number {
  const [, kilobytes] = present(
    /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")),
    "a peak",
  );
  return Number(kilobytes) * 1_024;
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
