/** `dovetail profile`: the profiles of this user, each one device of an account. */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { cryptoReady, err, ok, type Result } from "@dovetail/core";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { layOutFields, layOutTable } from "../../output/columns.ts";
import { byteCount } from "../../output/byte-count.ts";
import { localTime } from "../../output/local-time.ts";
import { isUnfinished, listProfiles, profileFolder, PROFILE_NAME } from "../../platform/profile-folder.ts";
import { lockProfile, type ProfileLock, type ProfileOwner } from "../../platform/profile-lock.ts";
import { type Protection, readProtection } from "../../platform/store-key-file.ts";
import { addExamples } from "../examples.ts";
import { PROTECTION_WORDS } from "./lock.ts";

/** What can be said of a profile without its key. */
interface ProfileSummary {
  readonly name: string;
  readonly folder: string;
  readonly protection: Protection | null;
  readonly sizeBytes: number;
  /** The process that has it now. */
  readonly owner: ProfileOwner | null;
  readonly isInUse: boolean;
  /** It was made for an account that did not come to be. */
  readonly isUnfinished: boolean;
}

export function addProfileCommands(program: Command, run: RunCommand): void {
  const profile = program
    .command("profile")
    .description("the profiles of this user: each is one device of an account, in a folder of its own");
  addExamples(profile, [
    ["dovetail profile list", "which there are, and which process has one"],
    ["dovetail profile show ada", "where it lies, and what protects it"],
    ["dovetail profile rename ada work", "call one something else on this machine"],
    ["dovetail profile remove old", "delete one from this machine; asks first"],
  ]);
  profile
    .command("list")
    .description("all profiles; none has to be unlocked")
    .action((_options: unknown, command: Command) => run(command, list));
  profile
    .command("show")
    .description("where a profile lies, how large it is, what protects it, which process has it")
    .argument("[name]", "without it, the one in use")
    .action((name: string | undefined, _options: unknown, command: Command) =>
      run(command, (context) => show(context, name ?? context.choice.name)),
    );
  profile
    .command("rename")
    .description("call a profile something else; nobody else sees its name")
    .argument("<profile>")
    .argument("<name>", "small letters, digits, dots and dashes")
    .action((from: string, to: string, _options: unknown, command: Command) =>
      run(command, (context) => rename(context, from, to)),
    );
  profile
    .command("remove")
    .description("delete a profile and all it holds from this machine; asks first")
    .argument("<profile>")
    .action((name: string, _options: unknown, command: Command) =>
      run(command, (context) => remove(context, name)),
    );
}

async function list({ choice }: CommandContext): Promise<Result<Outcome, CliError>> {
  await cryptoReady();
  const profiles = listProfiles(choice.home).map((name) => summarize({ ...choice, name }));
  return ok({
    json: { profiles },
    text: (page) =>
      layOutTable(
        [{ title: "PROFILE" }, { title: "SIZE", align: "end" }, { title: "AT REST" }, { title: "IN USE BY" }],
        profiles.map(({ name, sizeBytes, isInUse, owner, ...summary }) => [
          { text: name },
          { text: byteCount(sizeBytes) },
          { text: describeProtection(summary) },
          { text: isInUse ? describeOwner(owner) : "" },
        ]),
        page,
      ),
    messages:
      profiles.length === 0
        ? ["No profiles yet. Make an account: dovetail account create, or join yours: dovetail account link"]
        : profiles.filter((profile) => profile.isUnfinished).map(adviseOn),
  });
}

async function show({ choice }: CommandContext, name: string): Promise<Result<Outcome, CliError>> {
  if (!listProfiles(choice.home).includes(name)) return err({ type: "NoProfile", profile: name });
  await cryptoReady();
  const summary = summarize({ ...choice, name });
  const { folder, sizeBytes, isInUse, owner } = summary;
  return ok({
    json: { profile: summary },
    text: (page) =>
      layOutFields(
        [
          ["profile", name],
          ["folder", folder],
          ["size", byteCount(sizeBytes)],
          ["at rest", describeProtection(summary)],
          ["in use by", isInUse ? describeOwner(owner) : "nobody"],
        ],
        page,
      ),
    messages: summary.isUnfinished ? [adviseOn(summary)] : [],
  });
}

function describeProtection({
  protection,
  isUnfinished,
}: Pick<ProfileSummary, "protection" | "isUnfinished">): string {
  return protection === null || isUnfinished ? "no account yet" : PROTECTION_WORDS[protection];
}

function adviseOn({ name }: Pick<ProfileSummary, "name">): string {
  const chosen = `dovetail --profile ${name} account`;
  return `${name} has no account yet: go on with ${chosen} create, ${chosen} link or ${chosen} recover, or delete it: dovetail profile remove ${name}`;
}

async function rename(
  { choice }: CommandContext,
  from: string,
  to: string,
): Promise<Result<Outcome, CliError>> {
  if (!PROFILE_NAME.test(to)) return err({ type: "BadProfileName", profile: to });
  const target = profileFolder({ ...choice, name: to });
  return withLocked(choice.home, from, (folder, lock) => {
    if (existsSync(target)) return err({ type: "ProfileExists", profile: to });
    // Windows moves no folder with an open file in it; whoever opens it in between finds it there or gone.
    lock.release();
    renameSync(folder, target);
    return ok({
      json: { profile: to, was: from },
      messages: [`${from} is called ${to} now: dovetail --profile ${to}`],
    });
  });
}

async function remove(context: CommandContext, name: string): Promise<Result<Outcome, CliError>> {
  const { home } = context.choice;
  if (!listProfiles(home).includes(name)) return err({ type: "NoProfile", profile: name });
  const agreed = await isAgreed(
    context,
    `All that profile ${name} holds goes from this machine, also what no other device has yet. Its device stays on the account until another one revokes it. Delete it?`,
    "delete it",
  );
  if (!agreed.ok) return agreed;
  return withLocked(home, name, (folder, lock) => {
    const hadAccount = !isUnfinished(folder);
    lock.release();
    // The key first: without it the rest is worth nothing, wherever a deletion is interrupted.
    rmSync(join(folder, "store.key"), { force: true });
    rmSync(folder, { recursive: true });
    return ok({
      json: { removed: name },
      messages: [
        hadAccount
          ? `${name} is deleted. On another device of the account, if there is one: dovetail device revoke`
          : `${name} is deleted.`,
      ],
    });
  });
}

/** Runs `act` while no other process has the profile. */
function withLocked(
  home: string,
  name: string,
  act: (folder: string, lock: ProfileLock) => Result<Outcome, CliError>,
): Result<Outcome, CliError> {
  if (!listProfiles(home).includes(name)) return err({ type: "NoProfile", profile: name });
  const folder = profileFolder({ home, name });
  try {
    const locked = lockProfile(folder, name);
    if (!locked.ok) return locked;
    try {
      return act(folder, locked.value);
    } finally {
      locked.value.release();
    }
  } catch (thrown) {
    const detail = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "unknown";
    return err({ type: "ProfileUnavailable", path: folder, detail });
  }
}

function summarize(choice: { readonly home: string; readonly name: string }): ProfileSummary {
  const folder = profileFolder(choice);
  const locked = lockProfile(folder, choice.name);
  if (locked.ok) locked.value.release();
  return {
    name: choice.name,
    folder,
    protection: readProtection(folder),
    sizeBytes: sizeOf(folder),
    isInUse: !locked.ok,
    isUnfinished: isUnfinished(folder),
    owner: locked.ok ? null : locked.error.owner,
  };
}

function sizeOf(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // A file that goes while this looks is no part of it any more.
    if (entry.isFile())
      sum += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

function describeOwner(owner: ProfileOwner | null): string {
  return owner === null ? "another process" : `process ${owner.pid} since ${localTime(owner.startedAtMs)}`;
}
