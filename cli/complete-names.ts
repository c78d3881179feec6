/**
 * Names of contacts, tags, devices and profiles for shell completion.
 *
 * What a completion offers is put on a command line and evaluated by the shell, and names of contacts are chosen by
 * strangers: only names of letters, digits, dots, dashes and underscores are offered as they are. Any other is offered
 * as the start of its id, with what is harmless of the name beside it. A locked profile offers nothing: nobody is asked
 * for a passphrase by the tab key.
 */
import { readdirSync } from "node:fs";
import type { RootCommand } from "@bomb.sh/tab";
import type { Command } from "commander";
import { type Client, ok, silentLogger } from "@dovetail/core";
import { withClient } from "./client-session.ts";
import type { CommandContext, ProgramStreams } from "./command-runner.ts";
import { shortId } from "./errors/error-words.ts";
import { deepestCommand } from "./help/usage-failure.ts";
import { createOutput } from "./output/output.ts";
import { createPassphrases } from "./passphrases.ts";
import { DEFAULT_PROFILE, dovetailHome, listProfiles, profileFolder } from "./platform/profile-folder.ts";
import { prepareEngine } from "./platform/prepare-engine.ts";
import { readProtection } from "./platform/store-key-file.ts";
import { createPrompts } from "./prompts.ts";

/** One thing that can stand on a command line. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

type NameKind = "contact" | "room" | "tag" | "device" | "profile";
/** Arguments and options whose value is the name of a file. */
const FILE_NAMES = ["file", "output"] as const;

const PLAIN_NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*$/u;
const HARMLESS = /[^\p{L}\p{M}\p{N} ._-]/gu;
const KINDS: readonly NameKind[] = ["contact", "room", "tag", "device"];

/** `id` is offered where the name might mean something to a shell. */
export function candidateOf(name: string, id: string): Candidate {
  return PLAIN_NAME.test(name)
    ? { value: name, description: "" }
    : { value: shortId(id), description: name.toWellFormed().replace(HARMLESS, "").trim() };
}

/** Gives the completions of `root` the names that `words`, those typed so far, may ask for. */
export async function addNameCompletions(
  program: Command,
  root: RootCommand,
  streams: ProgramStreams,
  words: readonly string[],
): Promise<void> {
  const home = dovetailHome(streams.env);
  const profile = namedProfile(streams, words);
  const profiles = listProfiles(home).map((name): Candidate => ({ value: name, description: "" }));
  offer(root, profiles, "profile");
  const files = filesFrom(words.at(-1) ?? "");
  for (const name of FILE_NAMES) offer(root, files, name);
  const { command } = deepestCommand(program, words);
  const isTagOption = command.options.some(({ long }) => long === "--tag");
  const wanted = KINDS.filter(
    (kind) =>
      command.registeredArguments.some((one) => one.name() === kind) || (kind === "tag" && isTagOption),
  );
  if (wanted.length === 0) return;
  const context = quietContext(streams, { name: profile, home });
  await prepareEngine();
  if (readProtection(profileFolder(context.choice)) !== "permissions") return;
  await withClient<void>(context, async (client) => {
    for (const kind of wanted) offer(root, await candidatesOf(client, kind), kind);
    return ok();
  });
}

function namedProfile({ env }: ProgramStreams, words: readonly string[]): string {
  const at = words.indexOf("--profile");
  const joined = words.find((word) => word.startsWith("--profile="))?.slice("--profile=".length);
  const named = joined ?? (at === -1 ? undefined : words[at + 1]) ?? env.DOVETAIL_PROFILE;
  return named === undefined || named === "" ? DEFAULT_PROFILE : named;
}

/** A context that says nothing, asks nothing, and leaves the server alone. */
function quietContext(streams: ProgramStreams, choice: CommandContext["choice"]): CommandContext {
  const output = createOutput(streams, { isJson: false, isQuiet: true, hasColor: false });
  const prompts = { ...createPrompts(streams), isInteractive: false };
  const interrupted = new AbortController().signal;
  return {
    output,
    prompts,
    passphrases: createPassphrases({
      env: {},
      descriptor: undefined,
      nextDescriptor: undefined,
      prompts,
      say: () => {},
      interrupted,
    }),
    choice,
    logger: silentLogger,
    env: streams.env,
    isOffline: true,
    isYes: false,
    interrupted,
  };
}

async function candidatesOf(client: Client, kind: NameKind): Promise<readonly Candidate[]> {
  if (kind === "tag") {
    const tags = await client.tags();
    return tags.ok ? tags.value.map(({ name, id }) => candidateOf(name, id)) : [];
  }
  if (kind === "room") {
    const rooms = await client.rooms();
    return rooms.ok ? rooms.value.map(({ name, id }) => candidateOf(name, id)) : [];
  }
  if (kind === "device") {
    const devices = await client.devices();
    return devices.ok ? devices.value.map(({ name, id }) => candidateOf(name, id)) : [];
  }
  const contacts = await client.contacts();
  return contacts.ok ? contacts.value.map(({ name, accountId }) => candidateOf(name, accountId)) : [];
}

/** Files and folders beside the one that is typed, but for those whose names mean something to a shell. */
export function filesFrom(typed: string): readonly Candidate[] {
  const folder = typed.slice(0, typed.lastIndexOf("/") + 1);
  if (folder !== "" && !/^[\p{L}\p{M}\p{N}._/-]+$/u.test(folder)) return [];
  try {
    return readdirSync(folder === "" ? "." : folder, { withFileTypes: true })
      .filter(({ name }) => PLAIN_NAME.test(name))
      .map((entry) => ({
        value: `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`,
        description: "",
      }));
  } catch {
    return [];
  }
}

/** Arguments and options of one name are the same thing in every command. */
function offer(
  root: RootCommand,
  candidates: readonly Candidate[],
  kind: NameKind | (typeof FILE_NAMES)[number],
): void {
  const handler = (complete: (value: string, description: string) => void): void => {
    for (const { value, description } of candidates) complete(value, description);
  };
  for (const command of [root, ...root.commands.values()]) {
    const argument = command.arguments.get(kind);
    if (argument !== undefined) argument.handler = handler;
    const option = command.options.get(kind);
    if (option !== undefined) option.handler = handler;
  }
}
