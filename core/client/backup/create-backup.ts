/**
 * Making a backup: every document of the account as it is here, one after the other. Rules BK1, BK8, BK9.
 *
 * Taken a piece at a time by whoever writes the file, so that no more than a document is in memory.
 */
import { type Bytes, fromHex } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type BackupRecord, type BackupWriter, createBackupWriter } from "../../log/backup/backup-file.ts";
import {
  type BucketName,
  bucketName,
  type DocumentName,
  generationOf,
  isBucket,
} from "../../log/document-name.ts";
import { PART_BYTES_MAX } from "../../log/snapshot/snapshot-blob.ts";
import { currentRecovery } from "../../sigchain/chain-state.ts";
import type { BackupSource } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";
import { ownHandle } from "../account/own-handle.ts";
import { type BackupKey, backupSecretOf } from "./backup-secret.ts";

/** Deletions first, so that nothing that is deleted is brought back by what follows. */
const ORDER: readonly DocumentName["type"][] = [
  "deletions",
  "settings",
  "contacts",
  "tags",
  "groups",
  "inbox",
];

/**
 * Begins a backup.
 *
 * - Fails: `HistoryIncomplete`; `BadRecoveryWords`; `WrongRecoveryKey` for words of another account.
 */
export async function createBackup(
  engine: Engine,
  key: BackupKey,
): Promise<Result<BackupSource, ClientError>> {
  const { context, conversations, forgetting, introductions, log } = engine;
  const { identity, random, serial, clock } = context;
  const secret = backupSecretOf(key);
  if (!secret.ok) return secret;
  const holder = secret.value.type === "recovery" ? secret.value.keys.signerId : null;
  if (holder !== null && holder !== currentRecovery(context.chain()).id)
    return err({ type: "WrongRecoveryKey" });
  // BK9: part of an account is no backup of it.
  if (!engine.isHistoryComplete()) return err({ type: "HistoryIncomplete" });
  for (const prepare of [conversations.prepareToSync, forgetting.work, log.flush]) {
    const prepared = await serial.run(prepare);
    if (!prepared.ok) return prepared;
  }
  const displayName = await serial.run(introductions.displayName);
  if (!displayName.ok) return displayName;
  const handle = await serial.run(() => ownHandle(engine));
  if (!handle.ok) return handle;
  const held = await serial.run(log.held);
  if (!held.ok) return held;
  const names = held.value.map(({ name }) => name).sort((a, b) => rank(a) - rank(b));
  const writer = createBackupWriter(random, secret.value);
  const start = {
    type: "start" as const,
    accountId: identity.accountId,
    origin: identity.origin,
    handle: handle.value,
    displayName: displayName.value,
    createdAtMs: Math.max(0, clock.nowMs()),
    documentCount: names.length,
  };
  return ok(sourceOf(engine, writer, start, names));
}

function rank(name: DocumentName): number {
  const at = ORDER.indexOf(name.type);
  return at < 0 ? ORDER.length : at;
}

function sourceOf(
  engine: Engine,
  writer: BackupWriter,
  start: BackupRecord,
  names: readonly DocumentName[],
): BackupSource {
  const waiting: Bytes[] = [writer.head, writer.write(start)];
  let done = 0;
  let frames = 1;
  let isEnded = false;

  async function next(): Promise<
    Result<{ readonly bytes: Bytes; readonly done: number; readonly total: number } | null, ClientError>
  > {
    while (waiting.length === 0 && !isEnded) {
      const name = names[done];
      if (name === undefined) {
        isEnded = true;
        waiting.push(writer.write({ type: "end", documentCount: done, frameCount: frames }));
        break;
      }
      const records = await partsOf(engine, name);
      if (!records.ok) return records;
      for (const record of records.value) waiting.push(writer.write(record));
      frames += records.value.length;
      done++;
    }
    const bytes = waiting.shift();
    return ok(bytes === undefined ? null : { bytes, done, total: names.length });
  }

  return {
    next,
    async cancel() {
      isEnded = true;
      waiting.length = 0;
    },
  };
}

/** A document in parts. A bucket that was written anew meanwhile is taken as it is now. */
async function partsOf(
  { context, documents, log }: Engine,
  listed: DocumentName,
): Promise<Result<readonly BackupRecord[], ClientError>> {
  return context.serial.run(async () => {
    const held = await log.held();
    if (!held.ok) return held;
    const names = held.value.map(({ name }) => name);
    const document = isBucket(listed) ? presentOf(listed, names) : listed;
    const saved = await documents.save(log.ref(document));
    if (!saved.ok) return saved;
    const { bytes } = saved.value;
    const heads = [...saved.value.heads].sort().map(fromHex);
    const count = Math.max(1, Math.ceil(bytes.length / PART_BYTES_MAX));
    return ok(
      Array.from({ length: count }, (_, index) => ({
        type: "part" as const,
        document,
        heads,
        index,
        count,
        bytes: bytes.slice(index * PART_BYTES_MAX, (index + 1) * PART_BYTES_MAX),
      })),
    );
  });
}

/** The newest of a place that is here. One that is empty has no document, and is saved as an empty one. */
function presentOf(listed: BucketName, held: readonly DocumentName[]): BucketName {
  const { conversationId, device, index } = listed;
  const generations = held
    .filter(isBucket)
    .filter((one) => one.conversationId === conversationId && one.device === device && one.index === index)
    .map(generationOf);
  return generations.length === 0
    ? listed
    : bucketName({ conversationId, device, index }, Math.max(...generations));
}
