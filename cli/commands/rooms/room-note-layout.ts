/** Notes and lists of a room as lines of a page of any width. */
import type { AccountId, RoomDocumentView, RoomView } from "@dovetail/core";
import { shortId } from "../../errors/error-words.ts";
import { layOutTable } from "../../output/columns.ts";
import { shortTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine, plainLines } from "../../output/plain-text.ts";
import { wrapText } from "../../output/text-width.ts";

/** All of a room. */
export function layOutNotes(
  notes: readonly RoomDocumentView[],
  room: RoomView,
  page: Page,
): readonly string[] {
  const nowMs = Date.now();
  return layOutTable(
    [
      { title: "TITLE", isFlexible: true },
      { title: "HAS" },
      { title: "CHANGED" },
      { title: "BY", shareMax: 0.3 },
      { title: "ID" },
    ],
    notes.map((note) => [
      { text: plainLine(note.title), style: "strong" },
      { text: sizeOf(note), style: "faint" },
      { text: shortTime(note.changedAtMs, nowMs), style: "faint" },
      { text: nameOf(room, note.changedBy) },
      { text: shortId(note.id), style: "faint" },
    ]),
    page,
  );
}

/** One: its text, or its items with the numbers by which commands take them. */
export function layOutNote(note: RoomDocumentView, room: RoomView, page: Page): readonly string[] {
  const { paint, width } = page;
  const by = `${nameOf(room, note.changedBy)}, ${shortTime(note.changedAtMs, Date.now())}`;
  const head = `${paint(plainLine(note.title), "strong")} ${paint(by, "faint")}`;
  if (note.form !== "list") return [head, ...plainLines(note.text).flatMap((line) => wrapText(line, width))];
  const items = note.items.map(
    ({ text, isDone }, index) =>
      `${String(index + 1).padStart(3)} [${isDone ? "x" : " "}] ${plainLine(text)}`,
  );
  return [head, ...items];
}

function sizeOf({ form, items, text }: RoomDocumentView): string {
  if (form === "list") return `${items.filter(({ isDone }) => isDone).length} of ${items.length} done`;
  return form === "note" ? (text === "" ? "no text" : "a text") : "of another program";
}

function nameOf({ members }: RoomView, accountId: AccountId): string {
  const member = members.find((one) => one.accountId === accountId);
  if (member === undefined) return "somebody who left";
  return member.isSelf ? "you" : plainLine(member.name);
}
