/** `dovetail status`: this device, its server, what waits. */
import type { Command } from "commander";
import { type Client, ok, PROTOCOL_VERSION, type Result } from "@dovetail/core";
import { withClient } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { describeError } from "../errors/error-text.ts";
import { count } from "../errors/error-words.ts";
import { layOutFields } from "../output/columns.ts";
import { attentionLines, needsAttention } from "./devices/alarm.ts";
import { isHeard } from "./inbox/inbox-list.ts";
import { PROTECTION_WORDS } from "./account/lock.ts";
import { plainLine } from "../output/plain-text.ts";
import { listProfiles, profileFolder } from "../platform/profile-folder.ts";
import { readProtection } from "../platform/store-key-file.ts";
import { type SendOff, sendOff } from "../send-off.ts";

const SERVER_WORDS: Readonly<Record<SendOff["server"] | "failed", string>> = {
  reached: "answers",
  unreachable: "does not answer; you can keep writing",
  "not-asked": "not asked",
  failed: "did not work: see below",
};

export function addStatusCommand(program: Command, run: RunCommand): void {
  program
    .command("status")
    .description("this device, its server, and what waits; synchronises unless --offline")
    .action((_options: unknown, command: Command) => run(command, status));
}

async function status(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const sent = await sendOff(context, client);
    // What is here is here, whatever the server says.
    const problem = sent.ok ? null : { error: sent.error, ...describeError(sent.error) };
    const server = sent.ok ? sent.value.server : "failed";
    const counted = await countThings(client);
    if (!counted.ok) return counted;
    const { account, devices, contacts, unread, alarms } = counted.value;
    const words = await client.recoveryWords();
    if (!words.ok) return words;
    const areWordsKept = words.value !== null;
    const { pendingCount } = client.status();
    const { choice } = context;
    const folder = profileFolder(choice);
    const profiles = listProfiles(choice.home);
    const protection = readProtection(folder);
    return ok({
      json: {
        account,
        devices,
        contacts,
        unread,
        pendingCount,
        server,
        problem: problem === null ? null : { ...problem.error, message: problem.text, hint: problem.hint },
        profile: choice.name,
        folder,
        profiles,
        protection,
        areWordsKept,
        alarms: alarms.filter(needsAttention).length,
        protocolVersion: PROTOCOL_VERSION,
      },
      text: (page) =>
        layOutFields(
          [
            ["you", plainLine(account.displayName)],
            ["server", `${plainLine(account.origin)} (${SERVER_WORDS[server]})`],
            ...(problem === null ? [] : [["wrong", problem.text] as const]),
            ...(problem === null || problem.hint === null ? [] : [["to do", problem.hint] as const]),
            ["devices", `${devices.active} active, ${devices.revoked} revoked`],
            ["contacts", `${contacts.accepted} accepted, ${count(contacts.incoming, "request")}`],
            ["unread", count(unread, "message")],
            ["waiting", pendingCount === 0 ? "nothing" : `${count(pendingCount, "change")} to send`],
            ["profile", `${choice.name}: ${folder}`],
            ["at rest", protection === null ? "not known" : PROTECTION_WORDS[protection]],
            ...attentionLines(alarms).map((line) => ["look at", line] as const),
            ...(areWordsKept ? [["words", "not confirmed: dovetail account words"] as const] : []),
          ],
          page,
        ),
      ...(problem === null ? {} : { exitCode: problem.exitCode }),
    });
  });
}

async function countThings(client: Client) {
  const account = await client.account();
  if (!account.ok) return account;
  const devices = await client.devices();
  if (!devices.ok) return devices;
  const conversations = await client.conversations();
  if (!conversations.ok) return conversations;
  const contacts = await client.contacts();
  if (!contacts.ok) return contacts;
  const alarms = await client.alarms();
  if (!alarms.ok) return alarms;
  const active = devices.value.filter(({ isActive }) => isActive).length;
  return ok({
    account: account.value,
    devices: { active, revoked: devices.value.length - active },
    contacts: {
      accepted: contacts.value.filter(({ state }) => state === "accepted").length,
      incoming: contacts.value.filter(({ state }) => state === "incoming").length,
    },
    alarms: alarms.value,
    unread: conversations.value.filter(isHeard).reduce((sum, { unreadCount }) => sum + unreadCount, 0),
  });
}
