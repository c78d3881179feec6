/** What a program shows on a terminal, and the QR code on it as a camera sees it. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { stripVTControlCharacters } from "node:util";
import { present } from "../../core/base/assert.ts";
import type { Runtime } from "./start-program.ts";

/** Runs a program on a terminal of its own, and shows here what stands there. A stop of it stops the program. */
const ON_A_TERMINAL = [
  ...["sh", "-c"],
  `line=; for word; do line="$line '$word'"; done; exec script -qefc "$line" /dev/null`,
  "sh",
];

/** `runtime` on a terminal, within `where`. */
export function onTerminal(runtime: Runtime, where: readonly string[] = []): Runtime {
  return { ...runtime, within: [...where, ...ON_A_TERMINAL] };
}

/** What `child` shows until `isAll` takes it. - Fails: when it ends before. */
export function shown(child: ChildProcess, isAll: (text: string) => boolean): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`it ended: ${text}`)));
    present(child.stdout, "it is a pipe")
      .setEncoding("utf8")
      .on("data", (part: string) => {
        text += part;
        if (isAll(text)) resolve(text);
      });
  });
}

/** Two modules above each other in a character. */
const HALVES: Readonly<Record<string, readonly [upper: boolean, lower: boolean]>> = {
  " ": [false, false],
  "▀": [true, false],
  "▄": [false, true],
  "█": [true, true],
};
const MODULE_PX = 4;
const QUIET_MODULES = 4;

/** The text of the code drawn in the lines of blocks in `text`, or null. */
export async function readDrawnQr(text: string): Promise<string | null> {
  const { prepareZXingModule, readBarcodes } = await import("zxing-wasm/reader");
  const wasm = readFileSync(createRequire(import.meta.url).resolve("zxing-wasm/reader/zxing_reader.wasm"));
  // Otherwise it asks a server for its program.
  prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(wasm).buffer } });
  const lines = drawnLines(text);
  const modules = lines.flatMap((line) =>
    [0, 1].map((half) => line.map((char) => HALVES[char]?.[half] === true)),
  );
  const found = await readBarcodes(photograph(modules), { formats: ["QRCode"], maxNumberOfSymbols: 1 });
  return found[0]?.text ?? null;
}

/** Whether a code stands in `text` to its last line: it is square. */
export function hasDrawnQr(text: string): boolean {
  const lines = drawnLines(text);
  return lines.length > 0 && lines.length * 2 >= (lines[0]?.length ?? 0);
}

function drawnLines(text: string): readonly (readonly string[])[] {
  return stripVTControlCharacters(text)
    .split(/\r?\n/)
    .filter((line) => /^[ ▀▄█]{20,}$/.test(line))
    .map((line) => [...line]);
}

/** Dark modules on white paper. */
function photograph(modules: readonly (readonly boolean[])[]): ImageData {
  const sides = [modules[0]?.length ?? 0, modules.length].map(
    (side) => (side + 2 * QUIET_MODULES) * MODULE_PX,
  );
  const [width = 0, height = 0] = sides;
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const [row, column] = [y, x].map((px) => Math.floor(px / MODULE_PX) - QUIET_MODULES);
      const isDark = modules[row ?? -1]?.[column ?? -1] === true;
      if (isDark) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
    }
  return { data, width, height, colorSpace: "srgb" };
}
