/** Colour, where the stream and the person want it. What a colour says is always said in words too. */
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";

export type Style = "strong" | "faint" | "good" | "warning" | "bad" | "match" | "paper";

/** `text` in a style; as it is without one. */
export type Paint = (text: string, style?: Style) => string;

type Format = Parameters<typeof styleText>[0];

const FORMAT_BY_STYLE: Readonly<Record<Style, Format>> = {
  strong: "bold",
  faint: "dim",
  good: "green",
  warning: "yellow",
  bad: "red",
  match: ["bold", "yellow"],
  // Dark on light on every terminal: not every camera reads the other way round.
  paper: ["black", "bgWhiteBright"],
};

/** Leaves every text as it is. */
export const plainPaint: Paint = (text) => text;

/**
 * The paint for a stream.
 *
 * `NO_COLOR` and `--no-color` turn it off, `FORCE_COLOR` on; else it is on where a terminal reads.
 */
export function createPaint(
  stream: Partial<Pick<WriteStream, "isTTY">>,
  env: Readonly<Record<string, string | undefined>>,
  isWanted: boolean,
): Paint {
  const isForced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "" && env.FORCE_COLOR !== "0";
  const isPlain = env.NO_COLOR !== undefined && env.NO_COLOR !== "";
  const isOn = isWanted && !isPlain && (isForced || (stream.isTTY === true && env.TERM !== "dumb"));
  if (!isOn) return plainPaint;
  return (text, style) =>
    style === undefined ? text : styleText(FORMAT_BY_STYLE[style], text, { validateStream: false });
}
