/** Every text that a person reads in the app stands in the one table of words, so that a translation is one more table. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EN } from "../../app/ui/words/en.ts";
import { listVersioned, ROOT } from "../support/checkout.ts";
import { findLooseTexts } from "../support/loose-texts.ts";

test("texts in templates and in what is read aloud are found; values, icons, keys and styles are none", () => {
  const of = (source: string) => findLooseTexts("one.ts", source).map(({ text }) => text);
  const [open, close] = ["${", "}"];
  expect(of("html`<p>Looking</p>`")).toEqual(["Looking"]);
  expect(of('html`<button aria-label="Close">x</button>`')).toEqual(["Close", "x"]);
  expect(of(`html\`<p>${open}say("saved")${close} now</p>\``)).toEqual(["now"]);
  expect(
    of(`html\`<ul>${open}all.map((one) => html\`<li>und ${open}one${close}</li>\`)${close}</ul>\``),
  ).toEqual(["und"]);
  expect(
    of(`html\`<p class="note" id=${open}id${close}>${open}say("saved")${close} · 4 &amp; 5</p>\``),
  ).toEqual([]);
  expect(of('html`<kbd aria-hidden="true">/</kbd><kbd>Esc</kbd>` + css`p { color: red }`')).toEqual([]);
});

test("the app's templates have none of their own", () => {
  const files = appFiles();
  expect(files.length).toBeGreaterThan(50);
  expect(files.flatMap((file) => findLooseTexts(file, readFileSync(join(ROOT, file), "utf8")))).toEqual([]);
});

test("every text of the table is said somewhere", () => {
  const source = appFiles()
    .map((file) => readFileSync(join(ROOT, file), "utf8"))
    .join("\n");
  const isSaid = (key: string): boolean => source.includes(`"${key}"`) || source.includes(`EN.${key}`);
  expect(Object.keys(EN).filter((key) => !isSaid(key))).toEqual([]);
});

function appFiles(): readonly string[] {
  return listVersioned().filter((file) => /^app\/ui\/.*\.ts$/.test(file));
}
