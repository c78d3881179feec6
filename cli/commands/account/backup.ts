/** `dovetail backup`: all of the account in one sealed file, looked through, and brought back. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import {
  type BackupIntake,
  type BackupKey,
  type BackupReport,
  type Client,
  cryptoReady,
  err,
  ok,
  openClient,
  peekBackupLock,
  recoverAccount,
  type Result,
  verifyBackup,
} from "@dovetail/core";
import { stopAfter, withClient, withPlatform } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { localTime } from "../../output/local-time.ts";
import { plainLine } from "../../output/plain-text.ts";
import { showProgress } from "../../output/progress.ts";
import { openBackupSink, readBackupFile } from "../../platform/backup-files.ts";
import { prepareEngine } from "../../platform/prepare-engine.ts";
import { syncWithProgress } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { OTHERS_OUT } from "./recover-account.ts";

interface CreateOptions {
  readonly words?: boolean;
}
interface RestoreOptions {
  readonly server?: string;
  readonly device: string;
  readonly keepDevices?: boolean;
  readonly lock?: boolean;
}

const PROGRESS_STEPS = 1_000;
const WORDS_QUESTION = "The 24 words of the recovery key: ";

export function addBackupCommands(program: Command, run: RunCommand, deviceName: string): void {
  const backup = program.command("backup").description("all of your account in one sealed file");
  addExamples(backup, [
    ["dovetail backup create ada.backup", "under a passphrase of its own"],
    ["dovetail backup create ada.backup --words", "under your recovery words"],
    ["dovetail backup verify ada.backup", "read it through; changes nothing"],
    ["dovetail backup restore ada.backup", "bring back what is missing"],
  ]);
  const withSecret = (command: Command): Command =>
    command.option(
      "--backup-passphrase-fd <n>",
      "read the backup's passphrase from this descriptor: its first line",
    );
  withSecret(backup.command("create"))
    .description("write a backup; no keys of devices are in it")
    .argument("<file>", "where it is to be; it is there when it is whole")
    .option("--words", "under the 24 recovery words, instead of a passphrase")
    .action((file: string, options: CreateOptions, command: Command) =>
      run(command, (context) => create(context, file, options.words === true)),
    );
  withSecret(backup.command("verify"))
    .description("read a backup through and load all that is in it; changes nothing and asks no server")
    .argument("<file>", "made by backup create")
    .action((file: string, _options: unknown, command: Command) =>
      run(command, (context) => verify(context, file)),
    );
  withSecret(backup.command("restore"))
    .description(
      "bring back what the account lacks; on an empty profile, as a new device by the recovery words",
    )
    .argument("<file>", "made by backup create")
    .option("--server <origin>", "the account's server, if it is not the one of the backup any more")
    .option("--device <name>", "on an empty profile: what this device is called", deviceName)
    .option(
      "--keep-devices",
      "on an empty profile: the devices the account has stay; without it they are out",
    )
    .option("--lock", "on an empty profile: ask for a passphrase that protects it on disk")
    .action((file: string, options: RestoreOptions, command: Command) =>
      run(command, (context) => restore(context, file, options)),
    );
}

async function create(
  context: CommandContext,
  path: string,
  isByWords: boolean,
): Promise<Result<Outcome, CliError>> {
  const question = `${plainLine(path)} is there. Replace it?`;
  const agreed = existsSync(path) ? await isAgreed(context, question, "replace it") : ok();
  if (!agreed.ok) return agreed;
  const key = isByWords ? await askWords(context) : await newPassphrase(context);
  if (!key.ok) return key;
  return withClient<Outcome>(context, async (client) => {
    if (!context.isOffline) {
      const synced = await syncWithProgress(context, client);
      if (!synced.ok && synced.error.type !== "ServerUnreachable") return synced;
      if (!synced.ok) context.output.warn("The server does not answer; this is what this device has.");
    }
    const written = await writeBackup(context, client, key.value, path);
    if (!written.ok) return written;
    const { sizeBytes, documents } = written.value;
    return ok({
      json: { path, sizeBytes, documents },
      messages: [
        `${count(documents, "document")} in ${plainLine(path)}, ${sizeBytes.toLocaleString("en")} bytes.`,
        `Look it through: dovetail backup verify ${plainLine(path)}`,
        "Restoring makes a new device, which needs your 24 recovery words too. Keep both, apart from each other.",
      ],
    });
  });
}

async function writeBackup(
  { output, interrupted }: CommandContext,
  client: Client,
  key: BackupKey,
  path: string,
): Promise<Result<{ readonly sizeBytes: number; readonly documents: number }, CliError>> {
  const source = await client.createBackup(key);
  if (!source.ok) return source;
  const sink = openBackupSink(path);
  if (!sink.ok) return sink;
  try {
    for (let documents = 0; ; ) {
      if (interrupted.aborted) return err({ type: "Interrupted" });
      const piece = await source.value.next();
      if (!piece.ok) return piece;
      if (piece.value === null) {
        const kept = sink.value.keep();
        return kept.ok ? ok({ sizeBytes: kept.value, documents }) : kept;
      }
      const written = sink.value.write(piece.value.bytes);
      if (!written.ok) return written;
      documents = piece.value.done;
      showProgress(output, "writing", documents, piece.value.total);
    }
  } finally {
    output.live(null);
    sink.value.discard();
    await source.value.cancel();
  }
}

async function verify(context: CommandContext, path: string): Promise<Result<Outcome, CliError>> {
  const key = await keyOf(context, path);
  if (!key.ok) return key;
  const report = await readThrough(context, path, "checking", verifyBackup(key.value));
  return report.ok ? ok(describe(report.value, path)) : report;
}

async function restore(
  context: CommandContext,
  path: string,
  options: RestoreOptions,
): Promise<Result<Outcome, CliError>> {
  const key = await keyOf(context, path);
  if (!key.ok) return key;
  // BK12: all of it, before anything is begun.
  const checked = await readThrough(context, path, "checking", verifyBackup(key.value));
  if (!checked.ok) return checked;
  const here = await withClient<Outcome>(context, (client) =>
    bringBack(context, client, { path, key: key.value, isAlone: false }),
  );
  const isEmpty = !here.ok && (here.error.type === "NoAccount" || here.error.type === "NoProfile");
  return isEmpty ? restoreAsNew(context, path, { key: key.value, report: checked.value, options }) : here;
}

/** A new device of the account, made by the recovery words; then the backup is brought into it. */
async function restoreAsNew(
  context: CommandContext,
  path: string,
  plan: { readonly key: BackupKey; readonly report: BackupReport; readonly options: RestoreOptions },
): Promise<Result<Outcome, CliError>> {
  const { key, report, options } = plan;
  const words = key.type === "words" ? ok(key) : await askWords(context);
  if (!words.ok) return words;
  const isToBeLocked = options.lock === true;
  return withPlatform(context, { create: true, isToBeLocked }, async (platform) => {
    const existing = await openClient(platform);
    if (!existing.ok) return existing;
    if (existing.value !== null)
      return stopAfter(existing.value, bringBack(context, existing.value, { path, key, isAlone: false }));
    const recovered = await recoverAccount(platform, {
      origin: options.server ?? report.origin,
      account: { type: "id", accountId: report.accountId },
      words: words.value.words,
      deviceName: options.device,
      keepsDevices: options.keepDevices === true,
    });
    if (!recovered.ok) return recovered;
    const isAlone = options.keepDevices !== true;
    return stopAfter(recovered.value, bringBack(context, recovered.value, { path, key, isAlone }));
  });
}

/** `isAlone`: the account's other devices are out by now. */
async function bringBack(
  context: CommandContext,
  client: Client,
  { path, key, isAlone }: { readonly path: string; readonly key: BackupKey; readonly isAlone: boolean },
): Promise<Result<Outcome, CliError>> {
  // What the account has comes first: what was deleted since the backup is known then.
  const before = await syncWithProgress(context, client);
  if (!before.ok) return before;
  const report = await readThrough(context, path, "restoring", await client.restoreBackup(key));
  if (!report.ok) return report;
  const after = await syncWithProgress(context, client);
  if (!after.ok) return after;
  const { displayName, documents, createdAtMs } = report.value;
  return ok({
    json: { restored: report.value },
    messages: [
      `${plainLine(displayName)}: all ${count(documents, "document")} of the backup of ${localTime(createdAtMs)} are in the account.`,
      isAlone ? OTHERS_OUT : "Other devices you have get what they lack when they next connect.",
    ],
  });
}

/** Pushes the whole file. */
async function readThrough(
  { output, interrupted }: CommandContext,
  path: string,
  label: string,
  intake: Result<BackupIntake, CliError>,
): Promise<Result<BackupReport, CliError>> {
  if (!intake.ok) return intake;
  await prepareEngine();
  try {
    const read = await readBackupFile(path, interrupted, async (bytes, share) => {
      const pushed = await intake.value.push(bytes);
      showProgress(output, label, Math.round(share * PROGRESS_STEPS), PROGRESS_STEPS);
      return pushed.ok ? ok("more" as const) : pushed;
    });
    return read.ok ? await intake.value.finish() : read;
  } finally {
    output.live(null);
    await intake.value.cancel();
  }
}

/** Asks for what this backup wants. */
async function keyOf(context: CommandContext, path: string): Promise<Result<BackupKey, CliError>> {
  await cryptoReady();
  let head: Uint8Array = new Uint8Array();
  const read = await readBackupFile(path, context.interrupted, async (bytes) => {
    head = bytes;
    return ok("enough" as const);
  });
  if (!read.ok) return read;
  const lock = peekBackupLock(head);
  if (!lock.ok) return lock;
  if (lock.value === "recovery") return askWords(context);
  const passphrase = await context.passphrases.ofBackup();
  return passphrase.ok ? ok({ type: "passphrase", passphrase: passphrase.value }) : passphrase;
}

async function newPassphrase({ passphrases }: CommandContext): Promise<Result<BackupKey, CliError>> {
  const chosen = await passphrases.chooseForBackup();
  return chosen.ok ? ok({ type: "passphrase", passphrase: chosen.value }) : chosen;
}

/** At a terminal or from standard input, so that they are in no list of processes. */
async function askWords({
  prompts,
}: CommandContext): Promise<Result<BackupKey & { readonly type: "words" }, CliError>> {
  const words = (await prompts.ask(WORDS_QUESTION))?.trim() ?? "";
  if (words !== "") return ok({ type: "words", words });
  return err({
    type: "Usage",
    message: "the 24 words are needed",
    hint: "type them, or give them on standard input",
  });
}

function describe(report: BackupReport, path: string): Outcome {
  const { displayName, documents, ops, createdAtMs } = report;
  return {
    json: { verified: report },
    messages: [
      `${plainLine(path)} is whole: ${plainLine(displayName)}, ${localTime(createdAtMs)}, ${count(documents, "document")} with ${count(ops, "op")}.`,
    ],
  };
}
