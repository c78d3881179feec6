import { expect, test } from "vitest";
import { mergeTexts } from "../../../app/ui/notes/merge-texts.ts";
import { splicesBetween } from "../../../app/ui/notes/text-difference.ts";

/** `before` with its splices, which has to be the other text. */
function applied(before: string, after: string): string {
  let [text, shift] = [before, 0];
  for (const { at, removed, inserted } of splicesBetween(before, after)) {
    text = text.slice(0, at + shift) + inserted + text.slice(at + shift + removed);
    shift += inserted.length - removed;
  }
  return text;
}

test.each([
  ["", "abc"],
  ["abc", ""],
  ["one two three", "One two and three!"],
  ["a\nb\nc\n", "x\na\nc\ny\n"],
  ["aaaa", "aa"],
  ["👩‍🌾 plants 👩‍🌾", "👨‍🌾 plants 👩‍🌾🌱"],
  ["\u{1f600}", "\u{1f601}"],
  ["abc".repeat(20), "cab".repeat(21)],
])("the splices between %j and %j make one of the other, and cut no character in two", (before, after) => {
  expect(applied(before, after)).toBe(after);
  expect(applied(after, before)).toBe(before);
  for (const { at, removed, inserted } of splicesBetween(before, after)) {
    expect(inserted.isWellFormed()).toBe(true);
    expect(before.slice(at, at + removed).isWellFormed()).toBe(true);
  }
});

test("places that are far apart are splices of their own; texts with nothing in common are one", () => {
  expect(splicesBetween("one two three four", "1 two three 4")).toEqual([
    { at: 0, removed: 3, inserted: "1" },
    { at: 14, removed: 4, inserted: "4" },
  ]);
  const [before, after] = ["ab".repeat(700), "cd".repeat(700)];
  expect(splicesBetween(before, after)).toEqual([{ at: 0, removed: 1_400, inserted: after }]);
});

/** The caret is `|` in what is typed here; where it is in the merged text. */
function merged(base: string, mine: string, theirs: string): string {
  const caret = mine.indexOf("|");
  const { text, moved } = mergeTexts(base, mine.replace("|", ""), theirs);
  const at = moved(caret);
  return `${text.slice(0, at)}|${text.slice(at)}`;
}

test.each([
  // Nothing typed: what comes leaves the caret beside what it stood beside.
  ["one two", "one |two", "0 one two!", "0 one |two!"],
  ["one two", "|one two", "one two!", "|one two!"],
  ["one two", "one two|", "one two three", "one two| three"],
  ["red green blue", "red gr|een blue", "red blue", "red |blue"],
  ["one two three", "one two |three", "ONE two THREE", "ONE two |THREE"],
  // A line above leaves it in its own line.
  ["a\nb\n", "a\n|b\n", "a\nx\nb\n", "a\nx\n|b\n"],
  ["a\nb\n", "|a\nb\n", "x\na\nb\n", "x\n|a\nb\n"],
  ["a\n", "a\n|", "a\nb", "a\n|b"],
  // Both typed.
  ["one two", "one big| two", "one two three", "one big| two three"],
  ["milk", "milk and| ", "oat milk", "oat milk and| "],
  ["ab", "aX|b", "aYb", "aX|Yb"],
  ["red green blue", "red| blue", "red green white", "red| white"],
  ["red green blue", "red grXX|een blue", "red blue", "red XX|blue"],
])("%j, here %j, elsewhere %j: %j", (base, mine, theirs, expected) => {
  expect(merged(base, mine, theirs)).toBe(expected);
});
