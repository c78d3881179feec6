/** A line typed without being shown. */
import { StringDecoder } from "node:string_decoder";
import type { Readable, Writable } from "node:stream";

/** A terminal whose own echo and line editing can be turned off. */
export interface SecretStreams {
  readonly stdin: Readable & { setRawMode?(isRaw: boolean): unknown };
  readonly stderr: Writable;
}

const ENTER = new Set(["\r", "\n"]);
const CANCEL = new Set(["\x03", "\x04"]);
const ERASE_ONE = new Set(["\x7f", "\b"]);
const ERASE_LINE = "\x15";
/** Keys such as arrows send a sequence that begins with this; it is no part of a passphrase. */
const ESCAPE = "\x1b";
const LINE_CHARS_MAX = 4_096;

/** What is typed after `question`, or null for Ctrl-C and Ctrl-D. */
export function askSecret({ stdin, stderr }: SecretStreams, question: string): Promise<string | null> {
  return new Promise((resolve) => {
    const decoder = new StringDecoder("utf8");
    let typed: readonly string[] = [];
    const finish = (line: string | null, rest: string): void => {
      stdin.off("data", take);
      stdin.off("end", onEnd);
      stdin.pause();
      stdin.setRawMode?.(false);
      // What was typed or pasted ahead is the answer to the next question.
      if (rest !== "") stdin.unshift(Buffer.from(rest));
      stderr.write("\n");
      resolve(line);
    };
    const onEnd = (): void => finish(null, "");
    const take = (data: Buffer | string): void => {
      const chars = [...(typeof data === "string" ? data : decoder.write(data))];
      if (chars[0] === ESCAPE && chars.length > 1) return;
      for (const [index, char] of chars.entries()) {
        if (ENTER.has(char) || CANCEL.has(char)) {
          const rest = chars.slice(index + 1).join("");
          finish(CANCEL.has(char) ? null : typed.join(""), rest);
          return;
        }
        typed = edit(typed, char);
      }
    };
    // In this order: what is typed the moment the question appears must not be echoed either.
    stdin.setRawMode?.(true);
    stderr.write(question);
    stdin.on("data", take);
    stdin.once("end", onEnd);
    stdin.resume();
  });
}

function edit(typed: readonly string[], char: string): readonly string[] {
  if (ERASE_ONE.has(char)) return typed.slice(0, -1);
  if (char === ERASE_LINE) return [];
  if (char < " " || typed.length === LINE_CHARS_MAX) return typed;
  return [...typed, char];
}
