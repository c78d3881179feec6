/** `dovetail verify-fs`: everything the profile has on disk is read, and what is damaged comes back from the server. */
import type { Command } from "commander";
import { type Client, err, ok, openClient, type Platform, type Result } from "@dovetail/core";
import { stopAfter, withPlatform } from "../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { count } from "../errors/error-words.ts";
import { EXIT } from "../errors/exit-code.ts";
import { showProgress } from "../output/progress.ts";
import { type ProfileFiles, verifyProfile, type VerifySource } from "../platform/verify-profile.ts";
import { syncWithProgress } from "../send-off.ts";
import { addExamples } from "./examples.ts";

/** One meeting with the server may bring back several documents; a profile that needs more is asked for again. */
const MEETINGS_MAX = 8;

export function addVerifyFilesCommand(program: Command, run: RunCommand): void {
  const verify = program
    .command("verify-fs")
    .description("read everything this profile has on disk; what is damaged comes back from the server")
    .action((_options: unknown, command: Command) => run(command, verifyFiles));
  addExamples(verify, [
    ["dovetail verify-fs", "after a disk made trouble, or from time to time"],
    ["dovetail verify-fs --offline", "only look; ends with 9 when something is damaged"],
  ]);
}

async function verifyFiles(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withPlatform(context, { create: false }, async (platform, profile) => {
    const found = await look(context, profile);
    if (!found.ok) return found;
    const loaded = await loadAll(context, platform, damageOf(found.value) > 0);
    if (!loaded.ok) return loaded;
    const left = damageOf(found.value) === 0 ? found : await look(context, profile);
    if (!left.ok) return left;
    const isWhole = damageOf(left.value) === 0 && loaded.value.areDocumentsWhole;
    return ok({
      json: { files: { found: found.value, left: left.value }, ...loaded.value, isWhole },
      messages: describe(found.value, left.value, isWhole),
      exitCode: isWhole ? EXIT.ok : EXIT.storage,
    });
  });
}

async function look(
  { output, interrupted }: CommandContext,
  profile: VerifySource,
): Promise<Result<ProfileFiles, CliError>> {
  const read = await verifyProfile(profile, {
    onProgress: (done, total) => showProgress(output, "reading", done, total),
    signal: interrupted,
  });
  output.live(null);
  return read;
}

/** Loads every document, which finds what is missing altogether, and lets the server bring back what it can. */
async function loadAll(
  context: CommandContext,
  platform: Platform,
  isDamaged: boolean,
): Promise<Result<{ readonly areDocumentsWhole: boolean }, CliError>> {
  const opened = await openClient(platform);
  if (!opened.ok) return opened;
  const client = opened.value;
  if (client === null) return err({ type: "NoAccount", profile: context.choice.name });
  return stopAfter(client, mend(context, client, isDamaged));
}

async function mend(
  context: CommandContext,
  client: Client,
  isDamaged: boolean,
): Promise<Result<{ readonly areDocumentsWhole: boolean }, CliError>> {
  for (let meeting = 0; ; meeting++) {
    const read = await client.fingerprint();
    const isMissing = !read.ok && MISSING_TYPES.has(read.error.type);
    if (!read.ok && !isMissing) return read;
    const isDone = !isMissing && (meeting > 0 || !isDamaged);
    if (isDone || context.isOffline || meeting >= MEETINGS_MAX) return ok({ areDocumentsWhole: !isMissing });
    const synced = await syncWithProgress(context, client);
    if (!synced.ok) return synced;
  }
}

const MISSING_TYPES: ReadonlySet<string> = new Set(["DocumentDamaged", "DocumentIncomplete"]);

function damageOf({ damagedRows, damagedChunks }: ProfileFiles): number {
  return damagedRows + damagedChunks;
}

function describe(found: ProfileFiles, left: ProfileFiles, isWhole: boolean): readonly string[] {
  const aside =
    left.setAsideChunks === 0
      ? []
      : [`${count(left.setAsideChunks, "damaged chunk")} of earlier lies beside the others and is not used.`];
  const tell = ({ damagedRows, damagedChunks }: ProfileFiles): string =>
    `${count(damagedRows, "row")} and ${count(damagedChunks, "chunk")}`;
  if (isWhole)
    return [
      ...(damageOf(found) > 0 ? [`${tell(found)} were damaged. What they held came back.`] : []),
      `Everything opens: ${count(left.rows, "row")} and ${count(left.chunks, "chunk")}.`,
      ...aside,
    ];
  return [
    damageOf(left) > 0
      ? `${tell(left)} do not open.`
      : "A document is not whole: some of what it had is gone from the disk.",
    "Nothing was changed that still opens. With its server this device brings back what the account has: dovetail verify-fs. What does not come back needs the device linked anew: dovetail account link, in another profile.",
    ...aside,
  ];
}
