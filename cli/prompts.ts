/** Questions to the person, on standard error, so that answers never mix with data; lines of a program otherwise. */
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { askSecret } from "./ask-secret.ts";
import { wrapText } from "./output/text-width.ts";

export interface Prompts {
  /** Somebody can be asked. */
  readonly isInteractive: boolean;
  /** The next line typed after `question`, or the next line of standard input; null at its end. */
  ask(question: string): Promise<string | null>;
  /** As `ask`, and nothing of it is shown. Only where somebody can be asked; null when they give up. */
  askSecret(question: string): Promise<string | null>;
  /** Whether the answer begins with y. */
  confirm(question: string): Promise<boolean>;
  /** All of standard input. */
  readAll(): Promise<string>;
  close(): void;
}

export interface PromptStreams {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
}

/** Largest input taken from a pipe: far above the largest message. */
const INPUT_BYTES_MAX = 1_048_576;

export function createPrompts(streams: PromptStreams): Prompts {
  const { stdin, stderr } = streams;
  const isInteractive = stdin.isTTY === true && stderr.isTTY === true;
  let reader: Interface | null = null;
  let lines: AsyncIterator<string> | null = null;

  /** A pipe is read by one reader: what it has taken in advance would be lost with it. */
  const nextPipedLine = async (): Promise<string | null> => {
    reader ??= createInterface({ input: stdin });
    lines ??= reader[Symbol.asyncIterator]();
    const next = await lines.next();
    return next.done === true ? null : next.value;
  };

  const ask = (question: string): Promise<string | null> =>
    isInteractive ? askOnTerminal(streams, question) : nextPipedLine();

  return {
    isInteractive,
    ask,
    askSecret: (question) => askSecret(streams, question),
    confirm: async (question) => /^y/i.test((await ask(`${question} [y/N] `)) ?? ""),
    async readAll() {
      const parts: Buffer[] = [];
      let length = 0;
      for await (const part of stdin) {
        const bytes = Buffer.from(part);
        length += bytes.length;
        parts.push(bytes);
        if (length > INPUT_BYTES_MAX) break;
      }
      return Buffer.concat(parts).toString("utf8");
    },
    close: () => reader?.close(),
  };
}

/** A reader for one question: while one lives, the terminal's Ctrl-C ends it instead of the program. */
function askOnTerminal({ stdin, stderr }: PromptStreams, question: string): Promise<string | null> {
  return new Promise((resolve) => {
    const reader = createInterface({ input: stdin, output: stderr });
    reader.once("line", (line) => {
      resolve(line);
      reader.close();
    });
    reader.once("close", () => {
      resolve(null);
    });
    const lines = wrapText(question.trimEnd(), stderr.columns || Number.POSITIVE_INFINITY);
    for (const line of lines.slice(0, -1)) stderr.write(`${line}\n`);
    reader.setPrompt(`${lines.at(-1) ?? ""} `);
    reader.prompt();
  });
}
