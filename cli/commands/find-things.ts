/** Contacts, conversations, devices, tags and rules by the words a person uses for them. */
import type {
  Client,
  ContactView,
  ConversationView,
  DeviceView,
  Result,
  TagRuleView,
  TagView,
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

function nameContact(value: ContactView): Named<ContactView> {
  const otherNames = [value.displayName, value.handle].filter((name) => name !== null);
  return { value, id: value.accountId, ownNames: value.petname === null ? [] : [value.petname], otherNames };
}
