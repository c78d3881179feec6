/** `dovetail tag`: tags on conversations, and rules that set them by sender. */
import type { Command } from "commander";
import { ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count, shortId } from "../../errors/error-words.ts";
import { layOutTable } from "../../output/columns.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { findContact, findConversation, findTag, findTagRule } from "../find-things.ts";

export function addTagCommands(program: Command, run: RunCommand): void {
  const tag = program.command("tag").description("tags on conversations; only your devices see them");
  addExamples(tag, [
    ["dovetail tag add work", "make a tag"],
    ["dovetail tag set Ben work", "put a conversation under it"],
    ["dovetail tag list", "which there are"],
    ["dovetail tag unset Ben work", "take it off again"],
    ["dovetail tag rule add Ben work", "whatever Ben writes puts the conversation under it"],
    ["dovetail tag rule list", "which rules there are"],
    ["dovetail tag rule remove 3fa9", "by the start of its id, as listed"],
    ["dovetail tag remove work --yes", "delete it without a question"],
  ]);

  tag
    .command("list")
    .description("all tags")
    .action((_options: unknown, command: Command) => run(command, list));
  tag
    .command("add")
    .description("make a tag")
    .argument("<name>")
    .action((name: string, _options: unknown, command: Command) =>
      run(command, (context) => add(context, name)),
    );
  tag
    .command("remove")
    .description("delete a tag and its rules; the conversations stay")
    .argument("<tag>")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => remove(context, query)),
    );
  for (const [name, isTagged] of [
    ["set", true],
    ["unset", false],
  ] as const) {
    tag
      .command(name)
      .description(isTagged ? "put a conversation under a tag" : "take a conversation off a tag")
      .argument("<contact>")
      .argument("<tag>")
      .action((contact: string, query: string, _options: unknown, command: Command) =>
        run(command, (context) => setTag(context, { contact, tag: query }, isTagged)),
      );
  }

  const rule = tag
    .command("rule")
    .description("rules: messages of a contact put the conversation under a tag");
  rule
    .command("list")
    .description("all rules")
    .action((_options: unknown, command: Command) => run(command, listRules));
  rule
    .command("add")
    .description("make a rule")
    .argument("<contact>")
    .argument("<tag>")
    .action((contact: string, query: string, _options: unknown, command: Command) =>
      run(command, (context) => addRule(context, { contact, tag: query })),
    );
  rule
    .command("remove")
    .description("delete a rule; what it tagged stays tagged")
    .argument("<rule>", "the start of its id")
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => removeRule(context, query)),
    );
}

async function list(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const tags = await client.tags();
    if (!tags.ok) return tags;
    return ok({
      json: { tags: tags.value },
      text: (page) =>
        layOutTable(
          [{ title: "TAG", isFlexible: true }, { title: "CONVERSATIONS", align: "end" }, { title: "ID" }],
          tags.value.map(({ name, conversationCount, id }) => [
            { text: plainLine(name), style: "strong" },
            { text: String(conversationCount) },
            { text: shortId(id), style: "faint" },
          ]),
          page,
        ),
      messages: tags.value.length === 0 ? ["No tags yet. Make one: dovetail tag add NAME"] : [],
    });
  });
}

async function add(context: CommandContext, name: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const tag = await client.createTag(name);
    if (!tag.ok) return tag;
    return reportChange(context, client, {
      json: { tag: tag.value },
      message: `Tag ${plainLine(tag.value.name)} is there.`,
    });
  });
}

async function remove(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const tag = await findTag(client, query);
    if (!tag.ok) return tag;
    const agreed = await isAgreed(
      context,
      `Delete the tag ${plainLine(tag.value.name)}, on all your devices? ${count(tag.value.conversationCount, "conversation")} will lose it.`,
      "delete the tag",
    );
    if (!agreed.ok) return agreed;
    const deleted = await client.deleteTag(tag.value.id);
    if (!deleted.ok) return deleted;
    const { id, name, conversationCount } = tag.value;
    return reportChange(context, client, {
      json: { tagId: id },
      message: `Tag ${plainLine(name)} is gone from ${count(conversationCount, "conversation")}.`,
    });
  });
}

/** Puts a conversation under a tag, or takes it off. */
export async function setTag(
  context: CommandContext,
  named: { readonly contact: string; readonly tag: string },
  isTagged: boolean,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const conversation = await findConversation(client, named.contact);
    if (!conversation.ok) return conversation;
    const tag = await findTag(client, named.tag);
    if (!tag.ok) return tag;
    const done = await client.setTagged(conversation.value.id, tag.value.id, isTagged);
    if (!done.ok) return done;
    const words = `${plainLine(conversation.value.contact.name)} is ${isTagged ? "under" : "off"} ${plainLine(tag.value.name)}.`;
    return reportChange(context, client, {
      json: { conversationId: conversation.value.id, tagId: tag.value.id, isTagged },
      message: words,
    });
  });
}

async function listRules(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const rules = await client.tagRules();
    if (!rules.ok) return rules;
    const contacts = await client.contacts();
    if (!contacts.ok) return contacts;
    const tags = await client.tags();
    if (!tags.ok) return tags;
    const names = new Map<string, string>(contacts.value.map(({ accountId, name }) => [accountId, name]));
    const tagNames = new Map(tags.value.map(({ id, name }) => [id, name]));
    return ok({
      json: { rules: rules.value },
      text: (page) =>
        layOutTable(
          [{ title: "MESSAGES OF", isFlexible: true }, { title: "PUT UNDER" }, { title: "ID" }],
          rules.value.map(({ id, sender, tagId }) => [
            { text: plainLine(names.get(sender) ?? shortId(sender)), style: "strong" },
            { text: plainLine(tagNames.get(tagId) ?? shortId(tagId)) },
            { text: shortId(id), style: "faint" },
          ]),
          page,
        ),
      messages: rules.value.length === 0 ? ["No rules yet. Make one: dovetail tag rule add CONTACT TAG"] : [],
    });
  });
}

async function addRule(
  context: CommandContext,
  named: { readonly contact: string; readonly tag: string },
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const contact = await findContact(client, named.contact);
    if (!contact.ok) return contact;
    const tag = await findTag(client, named.tag);
    if (!tag.ok) return tag;
    const rule = await client.createTagRule(contact.value.accountId, tag.value.id);
    if (!rule.ok) return rule;
    return reportChange(context, client, {
      json: { rule: rule.value },
      message: `Messages of ${plainLine(contact.value.name)} go under ${plainLine(tag.value.name)} from now on.`,
    });
  });
}

async function removeRule(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const rule = await findTagRule(client, query);
    if (!rule.ok) return rule;
    const deleted = await client.deleteTagRule(rule.value.id);
    if (!deleted.ok) return deleted;
    return reportChange(context, client, {
      json: { ruleId: rule.value.id },
      message: "The rule is gone. What it tagged stays tagged.",
    });
  });
}
