/** Help as lines of a page: sections of rows and paragraphs, for any width. */
import type { Paint } from "../output/paint.ts";
import { padText, textWidth, wrapText } from "../output/text-width.ts";
import type { HelpSection } from "./help-topics.ts";

export interface HelpPage {
  readonly width: number;
  readonly paint: Paint;
}

export const HELP_WIDTH_MAX = 96;
const INDENT = "  ";
/** With less room beside its name, a meaning goes below it. */
const COLUMN_MIN = 24;

/** A title and what stands under it. */
export function layOutSection({ title, paragraphs = [], rows = [] }: HelpSection, page: HelpPage): string[] {
  const termWidth = Math.max(0, ...rows.map(([term]) => textWidth(term)));
  return [
    page.paint(`${title}:`, "strong"),
    ...rows.flatMap(([term, meaning]) => layOutRow(term, termWidth, meaning, page.width)),
    ...paragraphs.flatMap((paragraph, index) => [
      ...(index === 0 ? [] : [""]),
      ...wrapText(paragraph, Math.min(page.width, HELP_WIDTH_MAX) - INDENT.length).map(
        (line) => INDENT + line,
      ),
    ]),
  ];
}

/** A name and what it is, side by side or below each other. */
export function layOutRow(term: string, termWidth: number, meaning: string, columns: number): string[] {
  const width = Math.min(columns, HELP_WIDTH_MAX);
  const column = termWidth + 2 * INDENT.length;
  const isNarrow = width - column < COLUMN_MIN;
  const start = isNarrow ? 2 * INDENT.length : column;
  const [first = "", ...rest] = wrapText(meaning, width - start);
  const pad = " ".repeat(start);
  const lines = isNarrow
    ? [...wrapText(term, width - INDENT.length).map((line) => INDENT + line), pad + first]
    : [padText(INDENT + term, start) + first];
  return [...lines, ...rest.map((line) => pad + line)].map((line) => line.trimEnd());
}
