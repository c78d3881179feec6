/** What a backup asks for, from its first bytes. */
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { type BackupFault, createBackupReader } from "../../log/backup/backup-file.ts";
import type { BackupLock } from "../../log/backup/backup-head.ts";

/** - Fails: `NotABackup`; `BackupTooNew`; `BackupDamaged`; `BackupTruncated` when these are too few bytes of one. */
export function peekBackupLock(firstBytes: Bytes): Result<BackupLock, BackupFault> {
  const reader = createBackupReader();
  reader.push(firstBytes);
  const event = reader.next();
  if (!event.ok) return event;
  if (event.value?.type === "locked") return ok(event.value.lock);
  const ended = reader.finish();
  return ended.ok ? err({ type: "BackupTruncated", atByte: reader.atByte() }) : ended;
}
