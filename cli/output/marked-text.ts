/** Text with parts of it marked: in colour, or between brackets where there is none. */
import type { TextRange } from "@dovetail/core";
import type { Page } from "./output.ts";
import { plainPaint } from "./paint.ts";
import { plainLine } from "./plain-text.ts";
import { wrapText } from "./text-width.ts";

/** One paragraph of text from somebody else, made plain, wrapped to `width`, with `ranges` of it marked. */
export function layOutMarked(
  text: string,
  ranges: readonly TextRange[],
  { width, paint }: Page,
): readonly string[] {
  const hasColor = paint !== plainPaint;
  let plain = "";
  let at = 0;
  const marks: TextRange[] = [];
  for (const { start, end } of ranges) {
    plain += plainLine(text.slice(at, start));
    const marked = plainLine(text.slice(start, end));
    const from = plain.length;
    plain += hasColor ? marked : `[${marked}]`;
    marks.push({ start: from, end: plain.length });
    at = end;
  }
  plain += plainLine(text.slice(at));
  let lineStart = 0;
  return wrapText(plain, width).map((line) => {
    lineStart = Math.max(0, plain.indexOf(line, lineStart));
    const painted = hasColor ? paintLine(line, lineStart, marks, paint) : line;
    lineStart += line.length;
    return painted;
  });
}

function paintLine(
  line: string,
  lineStart: number,
  marks: readonly TextRange[],
  paint: Page["paint"],
): string {
  let painted = "";
  let at = 0;
  for (const mark of marks) {
    const start = Math.max(at, mark.start - lineStart);
    const end = Math.min(line.length, mark.end - lineStart);
    if (start >= end) continue;
    painted += line.slice(at, start) + paint(line.slice(start, end), "match");
    at = end;
  }
  return painted + line.slice(at);
}
