import type { TemplateResult } from "lit";
import { expect, test } from "vitest";
import { shortItem, summaryOf } from "../../../app/ui/notes/note-lines.ts";
import { mayWrite } from "../../../app/ui/rooms/room-rights.ts";
import { describeError } from "../../../app/ui/words/error-words.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import {
  SHARED_DOCUMENTS_PER_ACCOUNT_MAX,
  SHARED_ITEM_BYTES_MAX,
  SHARED_NOTE_BYTES_MAX,
  SHARED_TITLE_BYTES_MAX,
} from "../../../core/base/limits.ts";
import type { RoomMemberView, RoomState } from "../../../core/client/views/room-view.ts";

/** What a template puts on the page, less the marks. */
function said(part: unknown): string {
  if (Array.isArray(part)) return part.map(said).join("");
  if (typeof part !== "object" || part === null) return String(part);
  const { strings, values } = part as TemplateResult;
  return strings
    .map((one, at) => one.replace(/<[^>]*>/g, "") + (at in values ? said(values[at]) : ""))
    .join("");
}

test("a row says what is in a note or list; what others write is set apart, whatever it looks like", () => {
  const item = (isDone: boolean) => ({ id: "1@a", text: "Milk", isDone });
  const row = (form: string, text = "", items: readonly ReturnType<typeof item>[] = []) =>
    summaryOf({ form, text, items });
  expect(said(row("note"))).toBe("Nothing written yet");
  expect(said(row("note", " \n "))).toBe("Nothing written yet");
  expect(said(row("note", "one\ntwo"))).toBe("one two");
  expect(row("note", "<b>one</b>").values).toEqual(["<b>one</b>"]);
  expect(said(row("list"))).toBe("No items yet");
  expect(said(row("list", "", [item(true), item(false)]))).toBe("1 of 2 done");
  expect(said(row("board"))).toBe("Another program made this, and reads it.");
});

test("an item is named shortly in the labels of its buttons, never by half a character", () => {
  expect(shortItem("Runner\nbeans")).toBe("Runner beans");
  const long = shortItem("\u{1f331}".repeat(40));
  expect(long.length).toBeLessThan(62);
  expect(long.isWellFormed()).toBe(true);
});

function self(mutedUntilMs: number | null): RoomMemberView {
  const accountId = idFromBytes("account", new Uint8Array(32).fill(1));
  return { accountId, name: "Nora", isSelf: true, role: "member", mutedUntilMs } as RoomMemberView;
}

test("[SD15] who is muted changes nothing until the mute is over, and who is outside nothing at all", () => {
  const writing = (state: RoomState, mutedUntilMs: number | null) =>
    mayWrite({ state, members: [self(mutedUntilMs)] }, 1_000);
  expect(writing("joined", null)).toEqual({ type: "open" });
  expect(writing("joining", null)).toEqual({ type: "open" });
  expect(writing("joined", 1_001)).toEqual({ type: "muted", untilMs: 1_001 });
  expect(writing("joined", 1_000)).toEqual({ type: "open" });
  for (const state of ["left", "removed", "invited", "declined"] as const)
    expect(writing(state, null)).toEqual({ type: "outside" });
});

test("limits of notes and lists are told as they are", () => {
  const words = (rule: "too-long" | "too-many") =>
    describeError({ type: "RoomDocumentRefused", rule }).text.replaceAll(",", "");
  for (const bytes of [SHARED_TITLE_BYTES_MAX, SHARED_ITEM_BYTES_MAX, SHARED_NOTE_BYTES_MAX])
    expect(words("too-long")).toContain(` ${bytes}`);
  expect(words("too-many")).toContain(` ${SHARED_DOCUMENTS_PER_ACCOUNT_MAX} `);
});
