/**
 * Rows in columns, without borders, for any width.
 *
 * One column takes what is left. When that is too little to read, each row becomes a few lines: its first cell, then
 * the others below it. Nothing is cut but the column that gives way and those with a limit. A column that says nothing in
 * any row is left out.
 */
import type { Paint, Style } from "./paint.ts";
import { padText, textWidth, truncateText, wrapText } from "./text-width.ts";

/** Plain text of one line; see plain-text.ts. */
export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

export interface Column {
  readonly title: string;
  readonly align?: "start" | "end";
  /** Takes the width that is left and is cut to it. At most one. */
  readonly isFlexible?: boolean;
  /** Side by side with others it is cut to this share of the page. */
  readonly shareMax?: number;
}

export interface TableOptions {
  readonly width: number;
  readonly paint: Paint;
}

const GAP = 2;
/** Below this a flexible column says nothing any more. */
const FLEXIBLE_WIDTH_MIN = 16;
/** A limited column keeps this much. */
const SHARED_WIDTH_MIN = 12;
const INDENT = "  ";

/** Lines of a table with a line of titles; none for no rows. */
export function layOutTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): readonly string[] {
  if (rows.length === 0) return [];
  const isSaid = columns.map(
    (_, index) => index === 0 || rows.some((row) => (row[index]?.text ?? "") !== ""),
  );
  if (isSaid.includes(false)) {
    const said = <T>(cells: readonly T[]): readonly T[] =>
      cells.filter((_, index) => isSaid[index] !== false);
    return layOutTable(said(columns), rows.map(said), options);
  }
  const widths = columns.map((column, index) => {
    const widest = rows.reduce((most, row) => Math.max(most, textWidth(row[index]?.text ?? "")), 0);
    const share = Math.floor(options.width * (column.shareMax ?? 1));
    return Math.max(textWidth(column.title), Math.min(widest, Math.max(share, SHARED_WIDTH_MIN)));
  });
  const flexible = columns.findIndex((column) => column.isFlexible === true);
  const fixed = widths.reduce((sum, width, index) => (index === flexible ? sum : sum + width), 0);
  const left = options.width - fixed - GAP * (columns.length - 1);
  const needed = flexible === -1 ? 0 : Math.min(widths[flexible] ?? 0, FLEXIBLE_WIDTH_MIN);
  if (left < needed) return rows.flatMap((row) => stackRow(columns, row, options));
  if (flexible !== -1) widths[flexible] = Math.min(widths[flexible] ?? 0, left);
  const titles = columns.map(({ title }): Cell => ({ text: title, style: "faint" }));
  return [titles, ...rows].map((row) => layOutRow(columns, row, widths, options.paint));
}

function layOutRow(
  columns: readonly Column[],
  row: readonly Cell[],
  widths: readonly number[],
  paint: Paint,
): string {
  const cells = columns.map(({ align = "start" }, index) => {
    const cell = row[index] ?? { text: "" };
    const width = widths[index] ?? 0;
    const text = truncateText(cell.text, width);
    const isLast = index === columns.length - 1 && align === "start";
    return paint(isLast ? text : padText(text, width, align), cell.style);
  });
  return cells.join(" ".repeat(GAP)).trimEnd();
}

/** The first cell, and below it every other that says something, after its title. */
function stackRow(
  columns: readonly Column[],
  row: readonly Cell[],
  { width, paint }: TableOptions,
): readonly string[] {
  return row.flatMap(({ text, style }, index) => {
    if (text === "") return [];
    if (index === 0) return wrapText(text, width).map((line) => paint(line, style));
    const title = `${columns[index]?.title.toLowerCase() ?? ""}: `;
    const [first = "", ...rest] = wrapText(title + text, width - INDENT.length);
    const words = [
      paint(title, "faint") + paint(first.slice(title.length), style),
      ...rest.map((line) => paint(line, style)),
    ];
    return words.map((line) => INDENT + line);
  });
}

/** Lines of names and values; a value that is longer than its line goes on below, indented. */
export function layOutFields(
  fields: readonly (readonly [name: string, value: string])[],
  { width, paint }: TableOptions,
): readonly string[] {
  const nameWidth = Math.max(0, ...fields.map(([name]) => textWidth(name)));
  const indent = nameWidth + GAP;
  const isNarrow = width - indent < FLEXIBLE_WIDTH_MIN;
  return fields.flatMap(([name, value]) => {
    if (isNarrow)
      return [paint(name, "faint"), ...wrapText(value, width - INDENT.length).map((line) => INDENT + line)];
    const [first = "", ...rest] = wrapText(value, width - indent);
    const title = paint(padText(name, nameWidth), "faint");
    return [`${title}${" ".repeat(GAP)}${first}`, ...rest.map((line) => " ".repeat(indent) + line)];
  });
}
