/** The codes that a server shows on a terminal, as a camera reads them. */
import { expect, test } from "vitest";
import { qrLines } from "../../../sync-server/commands/print-qr.ts";
import { readDrawnQr } from "../../support/terminal-page.ts";

const LINK = "https://chat.example/#invitation=4q8d-0w1n-4q8d-0w1n-4q8d-0w1n";

test("a code is drawn where it has room, and told of where a terminal would break it", async () => {
  const wide = await qrLines(LINK, 80);
  expect(await readDrawnQr(wide.join("\n"))).toBe(LINK);
  const [needed = 0] = (await qrLines(LINK, 1)).map((line) => Number(/\d+/.exec(line)?.[0]));
  expect(await qrLines(LINK, needed)).toEqual(wide);
  const narrow = await qrLines(LINK, needed - 1);
  expect(narrow).toEqual([`The QR needs ${needed} columns, this terminal has ${needed - 1}.`]);
});
