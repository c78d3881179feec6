/** Lines of a file one after the other, however long the file is. */
import { createReadStream, readFileSync, statSync } from "node:fs";
import { err, ok, type Result } from "@dovetail/core";
import type { CliError } from "../errors/command-error.ts";
import { codeOf } from "../output/file-sink.ts";

/** Longer than any line a reader takes, so that it is the reader who says that a line is too long. */
const LINE_CHARS_MAX = 1_048_576;

/**
 * Calls `onLine` for each line, with the share of the file read so far, until it fails.
 *
 * - Fails: `FileUnreadable`; as `onLine` does.
 */
export async function readLines(
  path: string,
  onLine: (text: string, share: number) => Promise<Result<void, CliError>>,
): Promise<Result<void, CliError>> {
  const stream = createReadStream(path, { encoding: "utf8" });
  let rest = "";
  let readBytes = 0;
  try {
    const sizeBytes = Math.max(1, statSync(path).size);
    for await (const part of stream) {
      readBytes += Buffer.byteLength(String(part));
      const lines = (rest + String(part)).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LINE_CHARS_MAX) lines.push(rest);
      for (const line of lines) {
        const taken = await onLine(line.replace(/\r$/, ""), Math.min(1, readBytes / sizeBytes));
        if (!taken.ok) return taken;
      }
    }
    return rest === "" ? ok() : onLine(rest, 1);
  } catch (thrown) {
    return err({ type: "FileUnreadable", path, detail: codeOf(thrown) });
  } finally {
    stream.destroy();
  }
}

/** The text of a whole file of at most `bytesMax`. */
export function readWhole(path: string, bytesMax: number): Result<string, CliError> {
  try {
    if (statSync(path).size > bytesMax) return err({ type: "FileUnreadable", path, detail: "EFBIG" });
    return ok(readFileSync(path, "utf8"));
  } catch (thrown) {
    return err({ type: "FileUnreadable", path, detail: codeOf(thrown) });
  }
}
