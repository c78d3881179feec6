import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type NoteClient, NoteText } from "../../../app/ui/notes/note-text.ts";
import { NoteTexts } from "../../../app/ui/notes/note-texts.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { err, ok, type Result } from "../../../core/base/result.ts";
import type { RoomDocumentEdit, RoomDocumentView } from "../../../core/client/views/room-view.ts";
import type { ClientError } from "../../../core/client/client-error.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function viewOf(version: number, text: string): RoomDocumentView {
  const bytes = new Uint8Array(32).fill(1);
  const author = idFromBytes("account", bytes);
  return {
    id: idFromBytes("op", bytes),
    roomId: idFromBytes("conversation", bytes),
    form: "note",
    title: "Trip",
    text,
    items: [],
    createdBy: author,
    createdAtMs: 0,
    changedBy: author,
    changedAtMs: 0,
    version: [idFromBytes("op", new Uint8Array(32).fill(version))],
    waitingCount: 0,
    unsentCount: 0,
    isFull: false,
  };
}

/** A client whose edits and readings wait until a test answers them. */
function createEditing() {
  const asked: { readonly text: string | undefined; readonly version: number | undefined }[] = [];
  const waiting: ((answer: Result<RoomDocumentView, ClientError>) => void)[] = [];
  const reading: ((read: Result<readonly RoomDocumentView[], ClientError>) => void)[] = [];
  const client: NoteClient = {
    roomDocuments: () => new Promise((resolve) => void reading.push(resolve)),
    editRoomDocument: (_room, _id, edit: RoomDocumentEdit, since) => {
      // The last byte of an id of one byte repeated says which.
      const version = [1, 2, 3, 4, 5].find((one) => viewOf(one, "").version[0] === since?.[0]);
      asked.push({ text: edit.text, version });
      return new Promise((resolve) => void waiting.push(resolve));
    },
  };
  async function answer(result: Result<RoomDocumentView, ClientError>): Promise<void> {
    waiting.shift()?.(result);
    await vi.advanceTimersByTimeAsync(0);
  }
  /** Answers the reading that waits. */
  async function read(result: Result<readonly RoomDocumentView[], ClientError>): Promise<void> {
    expect(reading).toHaveLength(1);
    reading.shift()?.(result);
    await vi.advanceTimersByTimeAsync(0);
  }
  return { client, asked, answer, read };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const GONE = err<ClientError>({ type: "OwnerGone" });
const MUTED: ClientError = { type: "RoomDocumentRefused", rule: "muted" };

test("what is typed is kept after a pause, and of who does not pause after three seconds", async () => {
  const { client, asked, answer } = createEditing();
  const note = new NoteText(client, viewOf(1, "Pack"));
  note.type("Pack t");
  await pass(600);
  note.type("Pack the");
  await pass(600);
  expect(asked).toEqual([]);
  await pass(100);
  expect(asked).toEqual([{ text: "Pack the", version: 1 }]);
  await answer(ok(viewOf(2, "Pack the")));
  expect(note.isKept).toBe(true);
  for (const letter of " big tent") {
    note.type(note.text + letter);
    await pass(400);
  }
  expect(asked[1]).toMatchObject({ text: "Pack the big ten", version: 2 });
  // Typed and taken back: nothing to keep.
  await answer(ok(viewOf(3, "Pack the big ten")));
  note.type("Pack the big ten");
  await pass(5_000);
  expect(asked).toHaveLength(2);
});

test("what others write comes in between, around what is typed and not kept yet", async () => {
  const { client, asked, answer } = createEditing();
  const note = new NoteText(client, viewOf(1, "one\ntwo"));
  const carets: number[] = [];
  note.onChange((merged) => void carets.push(merged?.moved("one more".length) ?? -1));
  note.type("one more\ntwo");
  note.take(viewOf(2, "zero\none\ntwo three"));
  expect(note.text).toBe("zero\none more\ntwo three");
  expect(carets).toEqual(["zero\none more".length]);
  await pass(700);
  expect(asked).toEqual([{ text: "zero\none more\ntwo three", version: 2 }]);
  // While it is on its way: what is read is older than its answer, and typing goes on.
  note.take(viewOf(5, "zero\none\ntwo three four"));
  note.type("zero\none more!\ntwo three");
  await pass(1_000);
  await answer(ok(viewOf(3, "zero\none more\ntwo three four")));
  expect(note.text).toBe("zero\none more!\ntwo three four");
  await pass(700);
  expect(asked[1]).toEqual({ text: "zero\none more!\ntwo three four", version: 3 });
  await answer(ok(viewOf(4, "zero\none more!\ntwo three four")));
  expect([note.text, note.isKept]).toEqual(["zero\none more!\ntwo three four", true]);
});

test("what is refused stays, with the reason, and is kept once it can be", async () => {
  const { client, asked, answer } = createEditing();
  const told: ClientError[] = [];
  const notes = new NoteTexts(client, (error) => void told.push(error));
  const note = notes.of(viewOf(1, "a"));
  note.type("ab");
  const left = notes.leave(note);
  await pass(0);
  await answer(err(MUTED));
  await left;
  expect([note.fault, told]).toEqual([MUTED, [MUTED]]);
  // Who comes back finds it.
  expect(notes.of(viewOf(2, "a c"))).toBe(note);
  expect(note.text).toBe("ab c");
  await pass(700);
  await answer(ok(viewOf(3, "ab c")));
  expect([note.fault, note.isKept]).toEqual([null, true]);
  await notes.leave(note);
  expect(notes.of(viewOf(3, "ab c"))).not.toBe(note);
  expect(asked).toHaveLength(2);
});

test("while a character is being composed nothing changes under it and nothing is sent", async () => {
  const { client, asked } = createEditing();
  const note = new NoteText(client, viewOf(1, "a"));
  note.hold(true);
  note.type("aか");
  note.take(viewOf(2, "0 a"));
  await pass(4_000);
  expect([note.text, asked]).toEqual(["aか", []]);
  // Nothing comes round while it lasts.
  expect(vi.getTimerCount()).toBe(0);
  note.hold(false);
  expect(note.text).toBe("0 aか");
  await pass(700);
  expect(asked).toEqual([{ text: "0 aか", version: 2 }]);
});

test("what was typed while a character was being composed is kept when it is done", async () => {
  const { client, asked } = createEditing();
  const note = new NoteText(client, viewOf(1, "a"));
  note.hold(true);
  note.type("aか");
  await pass(4_000);
  note.hold(false);
  await pass(700);
  expect(asked).toEqual([{ text: "aか", version: 1 }]);
});

test("who comes back while what they typed is on its way finds that text, and it is kept with the rest", async () => {
  const { client, asked, answer } = createEditing();
  const told: ClientError[] = [];
  const notes = new NoteTexts(client, (error) => void told.push(error));
  const note = notes.of(viewOf(1, "a"));
  note.type("ab");
  const left = notes.leave(note);
  await pass(0);
  expect(notes.of(viewOf(1, "a"))).toBe(note);
  note.onChange(() => {});
  await answer(ok(viewOf(2, "ab")));
  await left;
  note.type("abc");
  void notes.flush();
  await pass(0);
  expect(asked.at(-1)).toEqual({ text: "abc", version: 2 });
  expect(told).toEqual([]);
});

test.each([true, false])(
  "an edit whose answer is lost is in the note once (it was stored: %s)",
  async (isStored) => {
    const { client, asked, answer, read } = createEditing();
    const note = new NoteText(client, viewOf(1, "one two"));
    note.type("one big two");
    await pass(700);
    await answer(GONE);
    expect([note.text, note.fault, note.isKept]).toEqual(["one big two", null, false]);
    await read(ok([isStored ? viewOf(3, "one big two three") : viewOf(2, "one two three")]));
    expect(note.text).toBe("one big two three");
    await pass(700);
    expect(asked.slice(1)).toEqual(isStored ? [] : [{ text: "one big two three", version: 2 }]);
  },
);

test.each([true, false])(
  "what is typed on after an edit whose answer is lost waits for the note to be read, and nothing stands there twice (it was stored: %s)",
  async (isStored) => {
    const { client, asked, answer, read } = createEditing();
    const note = new NoteText(client, viewOf(1, "one"));
    note.type("one two");
    await pass(700);
    await answer(GONE);
    note.type("one two three");
    await pass(4_000);
    expect(asked).toHaveLength(1);
    await read(ok([isStored ? viewOf(2, "one two") : viewOf(1, "one")]));
    await pass(700);
    expect(asked.slice(1)).toEqual([{ text: "one two three", version: isStored ? 2 : 1 }]);
    await answer(ok(viewOf(3, "one two three")));
    expect([note.text, note.isKept]).toEqual(["one two three", true]);
  },
);

test("an edit whose answer is lost while no engine comes is not sent before the note could be read", async () => {
  const { client, asked, answer, read } = createEditing();
  const note = new NoteText(client, viewOf(1, "one"));
  note.type("one two");
  await pass(700);
  await answer(GONE);
  await read(err({ type: "ClientStopped" }));
  expect(note.fault).toEqual({ type: "ClientStopped" });
  // Trying again reads first.
  void note.flush();
  await pass(0);
  expect(asked).toHaveLength(1);
  await read(ok([viewOf(2, "one two")]));
  expect([note.text, note.fault, note.isKept]).toEqual(["one two", null, true]);
  await pass(5_000);
  expect(asked).toHaveLength(1);
});

test("an edit whose answer is lost in a note that is gone says so", async () => {
  const { client, answer, read } = createEditing();
  const note = new NoteText(client, viewOf(1, "one"));
  note.type("one two");
  await pass(700);
  await answer(GONE);
  await read(ok([]));
  expect([note.text, note.fault]).toEqual(["one two", { type: "UnknownRoomDocument" }]);
});

test("an edit whose answer is lost and that was not stored goes again where nothing else has changed", async () => {
  const { client, asked, answer, read } = createEditing();
  const note = new NoteText(client, viewOf(1, "one"));
  note.type("one two");
  await pass(700);
  await answer(GONE);
  await read(ok([viewOf(1, "one")]));
  await pass(700);
  expect(asked.slice(1)).toEqual([{ text: "one two", version: 1 }]);
});

test("an answer that comes while a character is being composed is shown after it, and what was stored is not sent again", async () => {
  const { client, asked, answer } = createEditing();
  const note = new NoteText(client, viewOf(1, "a"));
  note.type("ab");
  await pass(700);
  note.hold(true);
  note.type("abか");
  await answer(ok(viewOf(2, "0 ab")));
  // What others write after it has it too.
  note.take(viewOf(3, "00 ab"));
  expect(note.text).toBe("abか");
  note.hold(false);
  expect(note.text).toBe("00 abか");
  await pass(700);
  expect(asked.slice(1)).toEqual([{ text: "00 abか", version: 3 }]);
});

test("what comes while an edit is on its way waits for its answer, also when a character was composed meanwhile", async () => {
  const { client, asked, answer } = createEditing();
  const note = new NoteText(client, viewOf(1, "a"));
  note.type("ab");
  await pass(700);
  note.hold(true);
  note.take(viewOf(2, "0 a"));
  note.hold(false);
  expect(note.text).toBe("ab");
  // Refused: what came is shown with what is not kept.
  await answer(err(MUTED));
  expect([note.text, note.fault]).toEqual(["0 ab", MUTED]);
  await pass(700);
  expect(asked.slice(1)).toEqual([{ text: "0 ab", version: 2 }]);
});

test("ends of lines from another system are not changed by looking, and places are counted as the field has them", async () => {
  const { client, asked } = createEditing();
  const note = new NoteText(client, viewOf(1, "a\r\nb"));
  expect(note.text).toBe("a\nb");
  await note.flush();
  expect(asked).toEqual([]);
});
