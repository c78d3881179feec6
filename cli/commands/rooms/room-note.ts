/** `dovetail room note`: notes and lists that everybody in a room writes together. */
import type { Command } from "commander";
import {
  type Client,
  err,
  ok,
  type Result,
  type RoomDocumentEdit,
  type RoomDocumentView,
  type RoomView,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { ROOM_ARGUMENT } from "./change-room.ts";
import { addExamples } from "../examples.ts";
import { findNote, findNoteItem, findRoom } from "../find-things.ts";
import { quoteArgument } from "../quote-argument.ts";
import { layOutNote, layOutNotes } from "./room-note-layout.ts";
import { readText } from "../inbox/send.ts";

const NOTE_ARGUMENT = "its title, or the start of its id";
const ITEM_ARGUMENT = "its number in room note show, or its text";

export function addRoomNoteCommands(room: Command, run: RunCommand): void {
  const note = room
    .command("note")
    .description("notes and lists that everybody in a room writes together, also without a connection");
  addExamples(note, [
    ["dovetail room note add Garden Watering", "a note for everybody in it"],
    ["dovetail room note append Garden Watering Every evening", "a line more"],
    ["dovetail room note add Garden Seeds --list", "a list"],
    ["dovetail room note append Garden Seeds Beans", "an item more"],
    ["dovetail room note check Garden Seeds 1", "done"],
    ["dovetail room note show Garden Seeds", "as it is now"],
  ]);
  addShowCommands(note, run);
  addWriteCommands(note, run);
  addItemCommands(note, run);
  const remove = note
    .command("remove")
    .description("take a note or list away for everybody; only who made it can")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<note>", NOTE_ARGUMENT)
    .action((query: string, name: string, _options: unknown, command: Command) =>
      run(command, (context) => removeNote(context, query, name)),
    );
  addExamples(remove, [["dovetail room note remove Garden Seeds --yes", "without a question"]]);
}

function addShowCommands(note: Command, run: RunCommand): void {
  const list = note
    .command("list")
    .description("the notes and lists of a room")
    .argument("<room>", ROOM_ARGUMENT)
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => listNotes(context, query)),
    );
  addExamples(list, [["dovetail room note list Garden", "who changed which last"]]);
  const show = note
    .command("show")
    .description("a note's text, or a list's items")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<note>", NOTE_ARGUMENT)
    .action((query: string, name: string, _options: unknown, command: Command) =>
      run(command, (context) => showNote(context, query, name)),
    );
  addExamples(show, [["dovetail room note show Garden Watering --json | jq -r .note.text", "for programs"]]);
  const add = note
    .command("add")
    .description("make a note, or a list, for everybody in a room")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<title...>", "what it is called")
    .option("--list", "a list of items instead of a text")
    .action(
      (query: string, words: readonly string[], options: { readonly list?: boolean }, command: Command) =>
        run(command, (context) =>
          addNote(context, query, { title: words.join(" "), form: options.list === true ? "list" : "note" }),
        ),
    );
  addExamples(add, [
    [
      "dovetail room note add Garden Watering",
      "whoever comes into the room later sees what is made from then on",
    ],
  ]);
}

function addWriteCommands(note: Command, run: RunCommand): void {
  const write = note
    .command("write")
    .description(
      "put a text in place of a note's; only what differs is changed, so what others write meanwhile stays",
    )
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<note>", NOTE_ARGUMENT)
    .argument("[text...]", "the text; without it, standard input is read")
    .action((query: string, name: string, words: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) => writeNote(context, { query, name, words })),
    );
  addExamples(write, [["dovetail room note write Garden Watering < watering.txt", "from a file"]]);
  const append = note
    .command("append")
    .description("add a line to a note, or an item to a list")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<note>", NOTE_ARGUMENT)
    .argument("[text...]", "the line or item; without it, standard input is read")
    .action((query: string, name: string, words: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) => appendTo(context, { query, name, words })),
    );
  addExamples(append, [["dovetail room note append Garden Seeds Beans", "at its end"]]);
  const title = note
    .command("title")
    .description("call a note or list something else")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<note>", NOTE_ARGUMENT)
    .argument("<title...>", "the new title")
    .action((query: string, name: string, words: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) =>
        editNote(context, query, name, () => ok({ type: "title", text: words.join(" ") })),
      ),
    );
  addExamples(title, [["dovetail room note title Garden Seeds Seeds for spring", "for everybody"]]);
}

function addItemCommands(note: Command, run: RunCommand): void {
  const acts = [
    ["check", "mark an item of a list as done", "done"],
    ["uncheck", "mark an item of a list as not done", "to be done again"],
    ["drop", "take an item off a list", "gone for everybody"],
  ] as const;
  for (const [word, about, example] of acts) {
    const command = note
      .command(word)
      .description(about)
      .argument("<room>", ROOM_ARGUMENT)
      .argument("<list>", NOTE_ARGUMENT)
      .argument("<item...>", ITEM_ARGUMENT)
      .action((query: string, name: string, words: readonly string[], _options: unknown, itself: Command) =>
        run(itself, (context) =>
          editItem(context, { query, name, item: words.join(" ") }, ({ id }) => ({
            type: word === "drop" ? "remove" : word,
            item: id,
          })),
        ),
      );
    addExamples(command, [[`dovetail room note ${word} Garden Seeds Beans`, example]]);
  }
  const reword = note
    .command("reword")
    .description("change the text of an item; others may change it at the same time")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<list>", NOTE_ARGUMENT)
    .argument("<item>", ITEM_ARGUMENT)
    .argument("<text...>", "what it says from now on")
    .action(
      (
        query: string,
        name: string,
        item: string,
        words: readonly string[],
        _options: unknown,
        command: Command,
      ) =>
        run(command, (context) =>
          editItem(context, { query, name, item }, ({ id }) => ({
            type: "item-text",
            item: id,
            text: words.join(" "),
          })),
        ),
    );
  addExamples(reword, [["dovetail room note reword Garden Seeds 1 Runner beans", "the first item"]]);
}

/** A room and a note of it. */
type Found = { readonly room: RoomView; readonly note: RoomDocumentView };

async function find(client: Client, query: string, name: string): Promise<Result<Found, CliError>> {
  const room = await findRoom(client, query);
  if (!room.ok) return room;
  const note = await findNote(client, room.value, name);
  return note.ok ? ok({ room: room.value, note: note.value }) : note;
}

function listNotes(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const notes = await client.roomDocuments(room.value.id);
    if (!notes.ok) return notes;
    const hint = `None yet. Make one: dovetail room note add ${quoteArgument(query)} TITLE`;
    return ok({
      json: { notes: notes.value },
      text: (page) => layOutNotes(notes.value, room.value, page),
      messages: notes.value.length === 0 ? [hint] : [],
    });
  });
}

function showNote(context: CommandContext, query: string, name: string): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const found = await find(client, query, name);
    if (!found.ok) return found;
    const { note, room } = found.value;
    return ok({
      json: { note },
      text: (page) => layOutNote(note, room, page),
      messages: [
        ...(note.unsentCount > 0 ? ["Some of what you wrote is kept here until the server answers."] : []),
        ...(note.waitingCount > 0 ? ["Some of what others wrote is still on its way."] : []),
        ...(note.isFull ? ["It takes no more changes. Go on in a new one."] : []),
      ],
    });
  });
}

function addNote(
  context: CommandContext,
  query: string,
  { title, form }: { readonly title: string; readonly form: "note" | "list" },
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const made = await client.createRoomDocument(room.value.id, form, title);
    if (!made.ok) return made;
    const words = `${quoteArgument(query)} ${quoteArgument(title)}`;
    const message = `Made. Write in it: dovetail room note append ${words} TEXT`;
    return reportChange(context, client, { json: { note: made.value }, message });
  });
}

interface WriteArguments {
  readonly query: string;
  readonly name: string;
  readonly words: readonly string[];
}

async function writeNote(
  context: CommandContext,
  { query, name, words }: WriteArguments,
): Promise<Result<Outcome, CliError>> {
  const text = words.length > 0 ? words.join(" ") : await readText(context);
  return editNote(context, query, name, () => ok({ type: "text", text }));
}

async function appendTo(
  context: CommandContext,
  { query, name, words }: WriteArguments,
): Promise<Result<Outcome, CliError>> {
  const line = words.length > 0 ? words.join(" ") : await readText(context);
  if (line.trim() === "")
    return err({ type: "Usage", message: "there is nothing to add", hint: "give a text" });
  return editNote(context, query, name, ({ form, text }) => {
    if (form === "list") return ok({ type: "add", text: line });
    const isNewLine = text !== "" && !text.endsWith("\n");
    return ok({ type: "text", text: `${text}${isNewLine ? "\n" : ""}${line}` });
  });
}

interface ItemArguments {
  readonly query: string;
  readonly name: string;
  readonly item: string;
}

function editItem(
  context: CommandContext,
  { query, name, item }: ItemArguments,
  edit: (item: RoomDocumentView["items"][number]) => RoomDocumentEdit,
): Promise<Result<Outcome, CliError>> {
  return editNote(context, query, name, (note) => {
    if (note.form !== "list") return err({ type: "RoomDocumentRefused", rule: "form" });
    const found = findNoteItem(note, item);
    return found.ok ? ok(edit(found.value)) : found;
  });
}

function editNote(
  context: CommandContext,
  query: string,
  name: string,
  edit: (note: RoomDocumentView) => Result<RoomDocumentEdit, CliError>,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const found = await find(client, query, name);
    if (!found.ok) return found;
    const { room, note } = found.value;
    const what = edit(note);
    if (!what.ok) return what;
    // Others may write between the looking and the writing.
    const edited = await client.editRoomDocument(room.id, note.id, what.value, note.version);
    if (!edited.ok) return edited;
    return reportChange(context, client, { json: { note: edited.value }, message: "Done." });
  });
}

function removeNote(
  context: CommandContext,
  query: string,
  name: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const found = await find(client, query, name);
    if (!found.ok) return found;
    const { room, note } = found.value;
    const title = plainLine(note.title);
    const agreed = await isAgreed(context, `Take ${title} away for everybody in the room?`, "remove it");
    if (!agreed.ok) return agreed;
    const removed = await client.removeRoomDocument(room.id, note.id);
    if (!removed.ok) return removed;
    return reportChange(context, client, { json: {}, message: `${title} is gone.` });
  });
}
