/** Reading a backup's file piece by piece, so that no more than a piece of it is in memory. Rule BK12 */
import {
  type BackupIntake,
  type BackupKey,
  type BackupReport,
  type Client,
  err,
  ok,
  type Result,
  wipe,
} from "@dovetail/core";
import type { EngineError } from "../../engine/engine.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { text } from "../words/say.ts";

const READ_BYTES = 262_144;

/** The browser does not give the file: it was moved, changed or removed since it was chosen. */
export interface FileUnreadable {
  readonly type: "FileUnreadable";
}

/** The first bytes of a file, in which a backup says what opens it. */
export function readFileHead(file: Blob): Promise<Result<Uint8Array, FileUnreadable>> {
  return readPiece(file, 0);
}

/** Pushes the whole file, and tells how much of it was read after each piece. The intake is ended either way. */
export async function readBackup(
  file: Blob,
  intake: BackupIntake,
  onRead: (readBytes: number) => void,
): Promise<Result<BackupReport, EngineError | FileUnreadable>> {
  for (let at = 0; at < file.size; at += READ_BYTES) {
    const piece = await readPiece(file, at);
    const pushed = piece.ok ? await intake.push(piece.value) : piece;
    if (!pushed.ok) {
      await intake.cancel();
      return pushed;
    }
    onRead(Math.min(file.size, at + READ_BYTES));
  }
  return intake.finish();
}

async function readPiece(file: Blob, at: number): Promise<Result<Uint8Array, FileUnreadable>> {
  try {
    return ok(new Uint8Array(await file.slice(at, at + READ_BYTES).arrayBuffer()));
  } catch {
    return err({ type: "FileUnreadable" });
  }
}

export function describeBackupError(error: EngineError | FileUnreadable): ErrorWords {
  return error.type === "FileUnreadable"
    ? { text: text("fileUnreadable"), hint: text("fileUnreadableHint") }
    : describeEngineError(error);
}

/** A backup that was read through, and what opened it. */
export interface OpenBackup {
  readonly file: Blob;
  readonly key: BackupKey;
  readonly report: BackupReport;
}

/**
 * Brings a backup into the account of `client`.
 *
 * What the account has comes first: what was deleted since the backup is known then.
 */
export async function bringBack(
  client: Client,
  { file, key }: OpenBackup,
  onRead: (readBytes: number) => void,
): Promise<Result<BackupReport, EngineError | FileUnreadable>> {
  const before = await client.sync();
  if (!before.ok) return before;
  const intake = await client.restoreBackup(key);
  if (!intake.ok) return intake;
  const report = await readBackup(file, intake.value, onRead);
  if (!report.ok) return report;
  const after = await client.sync();
  return after.ok ? report : after;
}

/** The key of a backup is not needed any more. */
export function wipeBackupKey(key: BackupKey): void {
  if (key.type === "passphrase") wipe(key.passphrase);
}
