/** How high rows are guessed to be before they are drawn. */
import { expect, test } from "vitest";
import { RowHeights } from "../../../app/ui/parts/row-heights.ts";

test("a row is guessed as high as the last of its shape, and keeps its guess", () => {
  const heights = new RowHeights(48);
  expect(heights.guess("a", () => "line")).toBe(48);
  heights.learn("line", 46);
  expect(heights.guess("b", () => "line")).toBe(46);
  heights.learn("line", 60);
  // What is being read does not move because of what was learned since.
  expect(heights.guess("a", () => "line")).toBe(48);
  expect(heights.guess("b", () => "line")).toBe(46);
  expect(heights.guess("c", () => "line")).toBe(60);
  expect(heights.guess("d", () => "day")).toBe(48);
});

test("a shape is asked for once a row, and shapes that were not seen for long go", () => {
  const heights = new RowHeights(48);
  let asked = 0;
  const shapeOf = (): string => `shape ${asked++}`;
  for (let i = 0; i < 3; i++) heights.guess("row", shapeOf);
  expect(asked).toBe(1);
  heights.learn("kept", 1);
  for (let i = 0; i < 499; i++) heights.learn(`other ${i}`, 2);
  heights.learn("kept", 3);
  for (let i = 499; i < 998; i++) heights.learn(`other ${i}`, 2);
  expect(heights.guess("x", () => "kept")).toBe(3);
  expect(heights.guess("y", () => "other 0")).toBe(48);
  heights.learn("one more", 2);
  expect(heights.guess("z", () => "kept")).toBe(48);
});
