/** Backups as files: one made by a device, and one read through, a piece at a time. */
import { type BackupKey, toUtf8, type verifyBackup } from "@dovetail/core";
import { concatBytes } from "../../core/base/bytes.ts";
import { good } from "./client-world.ts";
import type { Device } from "./story.ts";

export const BACKUP_KEY: BackupKey = { type: "passphrase", passphrase: toUtf8("between two trees") };

/** A whole backup of what a device holds. */
export async function backUp({ client }: Device, key: BackupKey = BACKUP_KEY): Promise<Uint8Array> {
  const source = good(await client.createBackup(key));
  const pieces: Uint8Array[] = [];
  for (let piece = good(await source.next()); piece !== null; piece = good(await source.next()))
    pieces.push(piece.bytes);
  return concatBytes(...pieces);
}

/** Reads a file in pieces of `step` bytes. - Fails: as `intake`, its pieces or its end do. */
export async function readThrough(intake: ReturnType<typeof verifyBackup>, file: Uint8Array, step = 5_000) {
  if (!intake.ok) return intake;
  const { push, finish } = intake.value;
  for (let at = 0; at < file.length; at += step) {
    const pushed = await push(file.subarray(at, at + step));
    if (!pushed.ok) return pushed;
  }
  return finish();
}
