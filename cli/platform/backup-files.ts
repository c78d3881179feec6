/** Files of backups: written beside their place and put there when they are whole, read a piece at a time. */
import {
  createReadStream,
  statSync,
  openSync,
  closeSync,
  fsyncSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { type Bytes, err, ok, type Result } from "@dovetail/core";
import type { CliError } from "../errors/command-error.ts";
import { codeOf } from "../output/file-sink.ts";
import { syncFolder } from "./durable-files.ts";

const READ_BYTES = 262_144;

/** A backup on its way into a file. */
export interface BackupSink {
  write(bytes: Bytes): Result<void, CliError>;
  /** The file is whole: it takes its place, on disk with its name. */
  keep(): Result<number, CliError>;
  /** Leaves nothing behind, unless it was kept. */
  discard(): void;
}

/** Begins a file at `path`, which only its owner can read. What is there stays until the new one is whole. */
export function openBackupSink(path: string): Result<BackupSink, CliError> {
  const partial = `${path}.${process.pid}.part`;
  const refused = (thrown: unknown): Result<never, CliError> =>
    err({ type: "FileRefused", path, detail: codeOf(thrown) });
  let sizeBytes = 0;
  let isOpen = true;
  try {
    const file = openSync(partial, "wx", 0o600);
    return ok({
      write(bytes) {
        try {
          for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
          sizeBytes += bytes.length;
          return ok();
        } catch (thrown) {
          return refused(thrown);
        }
      },
      keep() {
        try {
          fsyncSync(file);
          renameSync(partial, path);
          syncFolder(dirname(path));
          return ok(sizeBytes);
        } catch (thrown) {
          return refused(thrown);
        }
      },
      discard() {
        if (isOpen) closeSync(file);
        isOpen = false;
        rmSync(partial, { force: true });
      },
    });
  } catch (thrown) {
    return refused(thrown);
  }
}

/**
 * Gives the bytes of a file in order, with the share of it read so far, until `take` fails or says that it has enough.
 *
 * - Fails: `FileUnreadable`; `Interrupted`; as `take` does.
 */
export async function readBackupFile(
  path: string,
  interrupted: AbortSignal,
  take: (bytes: Bytes, share: number) => Promise<Result<"more" | "enough", CliError>>,
): Promise<Result<void, CliError>> {
  const stream = createReadStream(path, { highWaterMark: READ_BYTES });
  let readBytes = 0;
  try {
    const sizeBytes = Math.max(1, statSync(path).size);
    for await (const part of stream) {
      if (interrupted.aborted) return err({ type: "Interrupted" });
      const bytes = Uint8Array.from(part);
      readBytes += bytes.length;
      const taken = await take(bytes, Math.min(1, readBytes / sizeBytes));
      if (!taken.ok) return taken;
      if (taken.value === "enough") return ok();
    }
    return ok();
  } catch (thrown) {
    return err({ type: "FileUnreadable", path, detail: codeOf(thrown) });
  } finally {
    stream.destroy();
  }
}
