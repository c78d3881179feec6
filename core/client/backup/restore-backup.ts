/**
 * Reading a backup: to see that it is whole, or to bring back into the account what it lacks. Rules BK7, BK10-BK12.
 *
 * What comes back goes out to all devices like anything written here. Nothing that is there is undone, nothing that was
 * deleted comes back, and keys of devices and sessions are in no backup, so nothing old of these can be used again.
 */
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { createBackupReader } from "../../log/backup/backup-file.ts";
import { isBucket } from "../../log/document-name.ts";
import type { BackupIntake, BackupReport } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";
import { type BackupDocument, type BackupItem, createBackupItems } from "./backup-documents.ts";
import { type BackupKey, backupSecretOf } from "./backup-secret.ts";

type Take = (item: BackupItem) => Promise<Result<void, ClientError>>;

/** Reads a whole backup and loads each of its documents, without an account and without changing anything. */
export function verifyBackup(key: BackupKey): Result<BackupIntake, ClientError> {
  return intakeOf(key, async () => ok());
}

/**
 * Brings a backup of this account back into it.
 *
 * - Fails: `BackupOfAnotherAccount` before anything is changed.
 */
export function restoreBackup(engine: Engine, key: BackupKey): Result<BackupIntake, ClientError> {
  const { context } = engine;
  return intakeOf(key, async (item) => {
    if (item.type === "start")
      return item.accountId === context.identity.accountId ? ok() : err({ type: "BackupOfAnotherAccount" });
    return item.type === "document" ? context.serial.run(() => bring(engine, item.document)) : ok();
  });
}

/** BK11: ops go where they belong now, less what is deleted; changes of state documents are merged. */
async function bring(
  { conversations, forgetting, log, deletions }: Engine,
  { name, saved, ops }: BackupDocument,
): Promise<Result<void, ClientError>> {
  if (!isBucket(name)) {
    const merged = await log.bring(name, saved);
    return merged.ok ? conversations.adopt([name]) : merged;
  }
  const kept = await forgetting.survivors(name, ops);
  if (!kept.ok) return kept;
  const present = deletions.bucketOf(name);
  const archived = await log.archiveAll(present, kept.value);
  return archived.ok ? conversations.adopt([present], { isHistory: true }) : archived;
}

function intakeOf(key: BackupKey, take: Take): Result<BackupIntake, ClientError> {
  const secret = backupSecretOf(key);
  if (!secret.ok) return secret;
  const reader = createBackupReader();
  const next = createBackupItems(reader);
  let report: BackupReport | null = null;
  let documents = 0;
  let messages = 0;

  async function push(bytes: Bytes): Promise<Result<void, ClientError>> {
    reader.push(bytes);
    for (;;) {
      const item = next();
      if (!item.ok) return item;
      if (item.value === null) return ok();
      if (item.value.type === "locked") {
        const unlocked = secret.ok ? reader.unlock(secret.value) : secret;
        if (!unlocked.ok) return unlocked;
      }
      if (item.value.type === "start") report = { ...startOf(item.value), documents: 0, ops: 0 };
      if (item.value.type === "document") {
        documents++;
        messages += item.value.document.ops.length;
      }
      const taken = await take(item.value);
      if (!taken.ok) return taken;
    }
  }

  return ok({
    push,
    async finish() {
      const finished = reader.finish();
      if (!finished.ok) return finished;
      return report === null
        ? err({ type: "BackupTruncated", atByte: reader.atByte() })
        : ok({ ...report, documents, ops: messages });
    },
    async cancel() {},
  });
}

function startOf(start: BackupItem & { readonly type: "start" }): Omit<BackupReport, "documents" | "ops"> {
  const { accountId, origin, handle, displayName, createdAtMs } = start;
  return { accountId, origin, handle, displayName, createdAtMs };
}
