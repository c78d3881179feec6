/** Streams for running the command line inside a test: input that is at its end, outputs that are kept. */
import { PassThrough } from "node:stream";
import type { ProgramStreams } from "../../cli/command-runner.ts";

export interface Written {
  readonly stdout: string;
  readonly stderr: string;
}

/** Streams of no terminal, `columns` wide for help. */
export function createCommandStreams(
  env: Readonly<Record<string, string | undefined>>,
  columns: number,
): { readonly streams: ProgramStreams; written(): Written } {
  const stdin = new PassThrough();
  stdin.end();
  const parts = { stdout: "", stderr: "" };
  const sink = (name: keyof Written) => {
    const stream = new PassThrough();
    stream.on("data", (part: Buffer) => {
      parts[name] += part.toString("utf8");
    });
    return Object.assign(stream, { columns });
  };
  const streams = { stdin, stdout: sink("stdout"), stderr: sink("stderr"), env };
  return { streams, written: () => ({ ...parts }) };
}
