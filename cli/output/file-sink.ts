/** Lines to a file that is there whole or not at all, or to standard output. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { err, ok, type Result } from "@dovetail/core";
import type { CliError } from "../errors/command-error.ts";
import type { Output } from "./output.ts";

/** Where lines go, and how they are kept or thrown away at the end. Each may throw what the system throws. */
export interface Sink {
  write(lines: readonly string[]): void;
  keep(): void;
  discard(): void;
}

/** A file of mode 0600 at `path`; without one, standard output. */
export function openSink(output: Output, path: string | undefined): Result<Sink, CliError> {
  if (path === undefined) {
    const write = (lines: readonly string[]): void => output.write(lines);
    return ok({ write, keep: () => {}, discard: () => {} });
  }
  // Beside the file first: one that is there stays whole until the new one is.
  const partial = `${path}.${process.pid}.part`;
  try {
    const file = openSync(partial, "wx", 0o600);
    return ok({
      write: (lines) => void writeSync(file, lines.map((line) => `${line}\n`).join("")),
      keep() {
        fsyncSync(file);
        closeSync(file);
        renameSync(partial, path);
      },
      discard() {
        closeSync(file);
        rmSync(partial, { force: true });
      },
    });
  } catch (thrown) {
    return err({ type: "FileRefused", path, detail: codeOf(thrown) });
  }
}

/** The system's word for what went wrong. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown";
}
