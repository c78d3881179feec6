/**
 * Where a command's words go: data to standard output, everything said about it to standard error.
 *
 * With `--json` standard output carries one JSON object (or one a line, for streams) and standard error carries errors
 * and warnings as JSON; nothing else is written.
 */
import type { CliError } from "../errors/command-error.ts";
import type { ErrorText } from "../errors/error-words.ts";
import { createPaint, type Paint, type Style } from "./paint.ts";
import { jsonLine } from "./plain-text.ts";
import { truncateText, wrapText } from "./text-width.ts";

/** A stream a command writes to: standard output or error, or a test's. */
export interface TextSink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface OutputStreams {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface OutputOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly hasColor: boolean;
}

/** What the text of a command needs to know of the page it is for. */
export interface Page {
  /** Columns; without end when no terminal reads, so that nothing is cut for a program. */
  readonly width: number;
  readonly paint: Paint;
}

/** What a command gives. */
export interface Report {
  /** What `--json` prints. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Lines for standard output. */
  readonly text?: (page: Page) => readonly string[];
  /** Sentences for standard error. */
  readonly messages?: readonly string[];
}

export interface Output {
  readonly isJson: boolean;
  /** Somebody watches standard error, so that a line there may change in place. */
  readonly isLive: boolean;
  /** Columns of the live line. */
  readonly liveWidth: number;
  readonly page: Page;
  report(report: Report): void;
  /** One object of a stream, with `--json`. */
  stream(json: Readonly<Record<string, unknown>>): void;
  /** Lines of data for people, without `--json`. */
  print(lines: readonly string[]): void;
  /** Lines of data for whoever reads, with `--json` too: they are in a form for programs then. */
  write(lines: readonly string[]): void;
  /** A sentence about what happens, for people. */
  say(message: string): void;
  warn(message: string): void;
  fail(error: CliError | { readonly type: "InternalFault" }, text: ErrorText): void;
  /** Shows `line` in place of the last one shown this way; null takes it away. Only where somebody watches. */
  live(line: string | null): void;
}

const CLEAR_LINE = "\r\x1b[K";
const WIDTH_MIN = 20;
const COLUMNS_DEFAULT = 80;

export function createOutput({ stdout, stderr, env }: OutputStreams, options: OutputOptions): Output {
  const { isJson, isQuiet, hasColor } = options;
  const page: Page = { width: widthOf(stdout, env), paint: createPaint(stdout, env, hasColor) };
  const paintMessage = createPaint(stderr, env, hasColor);
  const isLive = stderr.isTTY === true && !isJson && !isQuiet && env.TERM !== "dumb";
  let hasLiveLine = false;

  const clearLive = (): void => {
    if (hasLiveLine) stderr.write(CLEAR_LINE);
    hasLiveLine = false;
  };
  const sayLine = (line: string): void => {
    clearLive();
    stderr.write(`${line}\n`);
  };
  /** A sentence on lines that fit, so that no word is broken by the terminal. `prefix` is its first word, styled. */
  const saySentence = (sentence: string, prefix?: { readonly word: string; readonly style: Style }): void => {
    const width = stderr.isTTY === true ? columnsOf(stderr) : Number.POSITIVE_INFINITY;
    const [first = "", ...rest] = wrapText(
      prefix === undefined ? sentence : `${prefix.word} ${sentence}`,
      width,
    );
    const start = prefix === undefined ? "" : paintMessage(prefix.word, prefix.style);
    for (const line of [start + first.slice(prefix?.word.length ?? 0), ...rest]) sayLine(line);
  };
  const say = (message: string): void => {
    if (!isJson && !isQuiet) saySentence(message);
  };

  const stream = (json: Readonly<Record<string, unknown>>): void => {
    if (isJson) stdout.write(`${jsonLine(json)}\n`);
  };
  const print = (lines: readonly string[]): void => {
    clearLive();
    if (!isJson) for (const line of lines) stdout.write(`${line}\n`);
  };

  return {
    isJson,
    isLive,
    // One column less: a terminal may break a line that fills it.
    liveWidth: columnsOf(stderr) - 1,
    page,
    stream,
    print,
    write(lines) {
      clearLive();
      stdout.write(lines.map((line) => `${line}\n`).join(""));
    },
    report({ json, text, messages = [] }) {
      stream(json);
      print(text?.(page) ?? []);
      for (const message of messages) say(message);
    },
    say,
    warn(message) {
      if (isJson) sayLine(jsonLine({ warning: message }));
      else saySentence(message, { word: "warning:", style: "warning" });
    },
    fail(error, { text, hint, exitCode }) {
      if (isJson) {
        sayLine(jsonLine({ error: { ...error, message: text, hint, exitCode } }));
        return;
      }
      saySentence(text, { word: "error:", style: "bad" });
      if (hint !== null) saySentence(hint, { word: "hint:", style: "strong" });
    },
    live(line) {
      if (!isLive) return;
      clearLive();
      if (line === null) return;
      stderr.write(truncateText(line, columnsOf(stderr) - 1));
      hasLiveLine = true;
    },
  };
}

/** `COLUMNS` wins; then the terminal; without one there is no width. */
function widthOf(stdout: TextSink, env: OutputStreams["env"]): number {
  const named = Number(env.COLUMNS);
  if (env.COLUMNS !== undefined && Number.isInteger(named) && named > 0) return Math.max(WIDTH_MIN, named);
  if (stdout.isTTY !== true) return Number.POSITIVE_INFINITY;
  return Math.max(WIDTH_MIN, columnsOf(stdout));
}

/** A terminal that was never told its size says 0, as inside a container or under another program. */
function columnsOf(sink: TextSink): number {
  return sink.columns || COLUMNS_DEFAULT;
}
