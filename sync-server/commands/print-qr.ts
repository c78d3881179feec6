/** QR codes for whoever sits at the terminal with a phone. The only importer of the library here. */
import process from "node:process";
import { toString as drawQr } from "qrcode";
import { print } from "./command.ts";

/** Black on white, whatever the terminal's colours are. */
const PAPER = "\u001b[47m\u001b[30m";
const PLAIN = "\u001b[0m";
/** Blank modules on each side. */
const MARGIN = 2;
const COLUMNS_DEFAULT = 80;

/** Prints the code of `text`, where there is a terminal. */
export async function printQr(text: string): Promise<void> {
  const { isTTY, columns } = process.stdout;
  if (isTTY) for (const line of await qrLines(text, columns || COLUMNS_DEFAULT)) print(line);
}

/** The code of `text`, or why there is none: a terminal that breaks its lines shows nothing a camera can read. */
export async function qrLines(text: string, width: number): Promise<readonly string[]> {
  const drawn = await drawQr(text, { type: "utf8", errorCorrectionLevel: "L", margin: MARGIN });
  const lines = drawn.split("\n").filter((line) => line !== "");
  const needed = Math.max(...lines.map((line) => line.length));
  if (needed > width) return [`The QR needs ${needed} columns, this terminal has ${width}.`];
  return lines.map((line) => `${PAPER}${line.padEnd(needed)}${PLAIN}`);
}
