/** Contacts, conversations, devices, tags and rules by the words a person uses for them. */
import {
  type Client,
  type ContactView,
  type ConversationId,
  type ConversationView,
  type DeviceView,
  err,
  type MessageView,
  ok,
  type OpId,
  type Result,
  type RoomDocumentItem,
  type RoomDocumentView,
  type RoomMemberView,
  type RoomView,
  type TagRuleView,
  type TagView,
} from "@dovetail/core";
import type { CliError } from "../errors/command-error.ts";
import { findNamed, type Named } from "../find-named.ts";

export async function findContact(client: Client, query: string): Promise<Result<ContactView, CliError>> {
  const contacts = await client.contacts();
  return contacts.ok ? findNamed("contact", contacts.value.map(nameContact), query) : contacts;
}

/** The conversation with a contact. */
export async function findConversation(
  client: Client,
  query: string,
): Promise<Result<ConversationView, CliError>> {
  const conversations = await client.conversations();
  if (!conversations.ok) return conversations;
  const named = conversations.value.map((value) => ({ ...nameContact(value.contact), value }));
  return findNamed("conversation", named, query);
}

export async function findRoom(client: Client, query: string): Promise<Result<RoomView, CliError>> {
  const rooms = await client.rooms();
  return rooms.ok ? findNamed("room", rooms.value.map(nameRoom), query) : rooms;
}

/** Somebody in a room, by what this account calls them. */
export function findRoomMember(room: RoomView, query: string): Result<RoomMemberView, CliError> {
  const named = room.members.map((value) => ({
    value,
    id: value.accountId,
    ownNames: [],
    otherNames: [value.name],
  }));
  return findNamed("member", named, query);
}

/** A note or list of a room. */
export async function findNote(
  client: Client,
  { id }: RoomView,
  query: string,
): Promise<Result<RoomDocumentView, CliError>> {
  const notes = await client.roomDocuments(id);
  if (!notes.ok) return notes;
  const named = notes.value.map((value) => ({
    value,
    id: value.id,
    ownNames: [],
    otherNames: [value.title],
  }));
  return findNamed("note", named, query);
}

/** An item of a list, by its number, counted from 1, or its text. */
export function findNoteItem({ items }: RoomDocumentView, query: string): Result<RoomDocumentItem, CliError> {
  const byNumber = /^[1-9][0-9]{0,5}$/.test(query) ? items[Number(query) - 1] : undefined;
  if (byNumber !== undefined) return ok(byNumber);
  const named = items.map((value, index) => ({
    value,
    id: `#${index + 1}`,
    ownNames: [],
    otherNames: [value.text],
  }));
  return findNamed("item", named, query);
}

/** Where messages stand: the conversation with a contact, or a room. */
export type Place =
  | { readonly type: "contact"; readonly conversation: ConversationView }
  | { readonly type: "room"; readonly room: RoomView };

/** A petname wins over what a room is called: others chose that. */
export async function findPlace(client: Client, query: string): Promise<Result<Place, CliError>> {
  const conversations = await client.conversations();
  if (!conversations.ok) return conversations;
  const rooms = await client.rooms();
  if (!rooms.ok) return rooms;
  const places: readonly Named<Place>[] = [
    ...conversations.value.map((conversation) => ({
      ...nameContact(conversation.contact),
      value: { type: "contact", conversation } as const,
    })),
    ...rooms.value.map((room) => ({ ...nameRoom(room), value: { type: "room", room } as const })),
  ];
  return findNamed("conversation", places, query);
}

/** What acts on messages need to know of where they stand. */
export interface NamedPlace {
  readonly id: ConversationId;
  readonly name: string;
  readonly messageCount: number;
  readonly isRoom: boolean;
}

/** As `findPlace`, for what is done in the same way to both. */
export async function findNamedPlace(client: Client, query: string): Promise<Result<NamedPlace, CliError>> {
  const place = await findPlace(client, query);
  if (!place.ok) return place;
  const isRoom = place.value.type === "room";
  const { id, messageCount } = place.value.type === "room" ? place.value.room : place.value.conversation;
  const { name } = place.value.type === "room" ? place.value.room : place.value.conversation.contact;
  return ok({ id, name, messageCount, isRoom });
}

const SEARCH_PAGE = 500;

/** A message by the start of its id, from the newest on; or the newest. */
export async function findMessage(
  client: Client,
  conversation: Pick<ConversationView, "id">,
  query: string,
): Promise<Result<MessageView, CliError>> {
  const prefix = query.toLowerCase();
  const found = new Map<OpId, MessageView>();
  for (let before: string | null | undefined; before !== null; ) {
    const page = await client.messages(conversation.id, {
      limit: SEARCH_PAGE,
      ...(before === undefined ? {} : { before }),
    });
    if (!page.ok) return page;
    const newest = page.value.messages[0];
    if (query === "last" && newest !== undefined) return ok(newest);
    for (const message of page.value.messages)
      if (message.id.startsWith(prefix)) found.set(message.id, message);
    before = page.value.older;
  }
  const [only, another] = found.values();
  if (only === undefined || prefix === "")
    return err({ type: "NotFound", what: "message", query, similar: [] });
  if (another !== undefined)
    return err({ type: "Ambiguous", what: "message", query, candidates: [...found.keys()].slice(0, 5) });
  return ok(only);
}

/**
 * Where a page before a message begins: `query` is the start of its id, or what a page ended with. Null when there is
 * nothing older.
 */
export async function findCursor(
  client: Client,
  conversation: Pick<ConversationView, "id">,
  query: string,
): Promise<Result<string | null, CliError>> {
  if (query.includes("/")) return ok(query);
  const message = await findMessage(client, conversation, query);
  if (!message.ok) return message;
  for (let before: string | null | undefined; before !== null; ) {
    const start = before === undefined ? {} : { before };
    const page = await client.messages(conversation.id, { limit: SEARCH_PAGE, ...start });
    if (!page.ok) return page;
    const place = page.value.messages.findIndex(({ id }) => id === message.value.id);
    if (place !== -1) {
      const upTo = await client.messages(conversation.id, { limit: place + 1, ...start });
      return upTo.ok ? ok(upTo.value.older) : upTo;
    }
    before = page.value.older;
  }
  return ok(null);
}

export async function findDevice(client: Client, query: string): Promise<Result<DeviceView, CliError>> {
  const devices = await client.devices();
  if (!devices.ok) return devices;
  const named = devices.value.map((value) => ({
    value,
    id: value.id,
    ownNames: [value.name],
    otherNames: [],
  }));
  return findNamed("device", named, query);
}

export async function findTag(client: Client, query: string): Promise<Result<TagView, CliError>> {
  const tags = await client.tags();
  if (!tags.ok) return tags;
  const named = tags.value.map((value) => ({ value, id: value.id, ownNames: [value.name], otherNames: [] }));
  return findNamed("tag", named, query);
}

export async function findTagRule(client: Client, query: string): Promise<Result<TagRuleView, CliError>> {
  const rules = await client.tagRules();
  if (!rules.ok) return rules;
  const named = rules.value.map((value) => ({ value, id: value.id, ownNames: [], otherNames: [] }));
  return findNamed("rule", named, query);
}

function nameRoom(value: RoomView): Named<RoomView> {
  return { value, id: value.id, ownNames: [], otherNames: [value.name] };
}

function nameContact(value: ContactView): Named<ContactView> {
  const otherNames = [value.displayName, value.handle].filter((name) => name !== null);
  return { value, id: value.accountId, ownNames: value.petname === null ? [] : [value.petname], otherNames };
}
