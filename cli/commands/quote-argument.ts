/** Arguments in command lines that we print, to be copied. */
import { plainLine } from "../output/plain-text.ts";

/** `text` as one argument of a POSIX shell. */
export function quoteArgument(text: string): string {
  return /^[\w.@:-]+$/.test(text) && !text.startsWith("-")
    ? text
    : `'${plainLine(text).replaceAll("'", "'\\''")}'`;
}
