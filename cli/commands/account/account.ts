/** `dovetail account`: make an account, join one from another device, show it, rename it. */
import { hostname } from "node:os";
import type { Command } from "commander";
import {
  type AccountView,
  type Client,
  createAccount,
  err,
  DEVICE_NAME_BYTES_MAX,
  ok,
  type Result,
} from "@dovetail/core";
import { stopAfter, withClient, withPlatform } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { describeError } from "../../errors/error-text.ts";
import { layOutFields } from "../../output/columns.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { profileFolder } from "../../platform/profile-folder.ts";
import { reportChange, sendOff } from "../../send-off.ts";
import { addExamples } from "../examples.ts";
import { deleteOwnAccount } from "./delete-account.ts";
import { linkThisDevice } from "../devices/link-this-device.ts";
import { PROTECTION_WORDS } from "./lock.ts";
import { recoverFromWords } from "./recover-account.ts";

interface CreateOptions {
  readonly server?: string;
  readonly handle?: string;
  readonly name?: string;
  readonly device?: string;
  readonly invitation?: string;
  readonly lock?: boolean;
}

interface RecoverOptions extends LinkOptions {
  readonly server: string;
  readonly account: string;
  readonly keepDevices?: boolean;
}

interface LinkOptions {
  readonly server?: string;
  readonly device: string;
  readonly lock?: boolean;
}

const WORDS_MEANING =
  "These words are the recovery key. Whoever has them has your account. Without device and words, nobody can bring it back.";
const WORDS_PER_LINE = 4;
const FALLBACK_DEVICE_NAME = "computer";

export function addAccountCommands(program: Command, run: RunCommand): void {
  const account = program.command("account").description("your account on this device");
  addExamples(account, [
    ["dovetail account create --server https://chat.example.org --name Ada", "make an account"],
    ["dovetail account link", "join yours: paste the code another device shows"],
    [
      "dovetail account link T1PF-DPVK-V0XN-JXWD-6WW6 --server https://chat.example.org",
      "or type the short one it shows",
    ],
    ["dovetail account recover --server https://chat.example.org --account ada", "with the words alone"],
    ["dovetail account show --json", "who this is"],
  ]);

  account
    .command("create")
    .description("make an account, with this as its first device")
    .option("--server <origin>", "its server, as https://host[:port]")
    .option("--name <name>", "what others see")
    .option("--handle <handle>", "a public name on the server, by which strangers find you")
    .option("--device <name>", "what this device is called", defaultDeviceName())
    .option("--invitation <code or link>", "for servers that ask for one; a link names the server too")
    .option("--lock", "ask for a passphrase that protects this profile on disk")
    .action((options: CreateOptions, command: Command) =>
      run(command, (context) => create(context, options)),
    );

  account
    .command("link")
    .description("join your account from the code that `dovetail device link` shows on another device")
    .argument("[code]", "the code; without it, it is asked for, or read from standard input")
    .option("--server <origin>", "the server of your account, for a code that is typed")
    .option("--device <name>", "what this device is called", defaultDeviceName())
    .option("--lock", "ask for a passphrase that protects this profile on disk")
    .action((code: string | undefined, options: LinkOptions, command: Command) =>
      run(command, (context) =>
        linkThisDevice(context, {
          code,
          origin: options.server,
          deviceName: options.device,
          isToBeLocked: options.lock === true,
        }),
      ),
    );

  account
    .command("recover")
    .description("bring your account back on this device with the 24 words of its recovery key")
    .requiredOption("--server <origin>", "its server, as https://host[:port]")
    .requiredOption("--account <handle>", "its handle on that server, or its id")
    .option("--device <name>", "what this device is called", defaultDeviceName())
    .option("--keep-devices", "the devices it has now stay; without it they are out")
    .option("--lock", "ask for a passphrase that protects this profile on disk")
    .action((options: RecoverOptions, command: Command) =>
      run(command, (context) =>
        recoverFromWords(context, {
          origin: options.server,
          account: options.account,
          deviceName: options.device,
          keepsDevices: options.keepDevices === true,
          isToBeLocked: options.lock === true,
        }),
      ),
    );

  account
    .command("words")
    .description(
      "show the 24 words of the recovery key again, until you have confirmed that you wrote them down",
    )
    .option("--confirm", "they are written down: erase them here")
    .action((options: { readonly confirm?: boolean }, command: Command) =>
      run(command, (context) => showWords(context, options.confirm === true)),
    );

  account
    .command("show")
    .description("name, server, ids")
    .action((_options: unknown, command: Command) => run(command, show));

  account
    .command("delete")
    .description("erase your account on its server, for good; asks first, or takes --yes")
    .action((_options: unknown, command: Command) => run(command, deleteOwnAccount));

  account
    .command("rename")
    .description("change what others see")
    .argument("<name>")
    .action((name: string, _options: unknown, command: Command) =>
      run(command, (context) => rename(context, name)),
    );
}

/** What the machine calls itself, cut to what a device may be called. */
export function defaultDeviceName(): string {
  const name = hostname();
  return name === "" || Buffer.byteLength(name) > DEVICE_NAME_BYTES_MAX ? FALLBACK_DEVICE_NAME : name;
}

/** An invitation as text, or as the link that also says where it is for. */
function readInvitation(given: string | undefined): {
  readonly origin: string | undefined;
  readonly invitation: string | null;
} {
  const [, origin, code] = /^(https?:\/\/[^/#]+)\/?#invitation=(.+)$/.exec(given?.trim() ?? "") ?? [];
  return { origin, invitation: code ?? given ?? null };
}

async function create(context: CommandContext, options: CreateOptions): Promise<Result<Outcome, CliError>> {
  const invited = readInvitation(options.invitation);
  const origin = await answer(
    context,
    options.server ?? invited.origin,
    "Server (https://host[:port]): ",
    "--server ORIGIN",
  );
  if (!origin.ok) return origin;
  const displayName = await answer(context, options.name, "Your name, as others see it: ", "--name NAME");
  if (!displayName.ok) return displayName;
  return withPlatform(context, { create: true, isToBeLocked: options.lock === true }, async (platform) => {
    const created = await createAccount(platform, {
      origin: origin.value,
      handle: options.handle ?? null,
      displayName: displayName.value,
      deviceName: options.device ?? FALLBACK_DEVICE_NAME,
      invitation: invited.invitation,
    });
    if (!created.ok) return created;
    const { client, recoveryWords } = created.value;
    const isToBeLocked = options.lock === true;
    return stopAfter(client, describeCreated(context, client, { recoveryWords, isToBeLocked }));
  });
}

async function describeCreated(
  context: CommandContext,
  client: Client,
  { recoveryWords, isToBeLocked }: { readonly recoveryWords: string; readonly isToBeLocked: boolean },
): Promise<Result<Outcome, CliError>> {
  const account = await client.account();
  if (!account.ok) return account;
  // Others can write to this device once it has published its keys. The account is there either way, and so are the
  // words, which must be shown whatever happens now.
  const sent = await sendOff(context, client);
  if (!sent.ok) context.output.warn(describeError(sent.error).text);
  const words = recoveryWords.split(/\s+/);
  return ok({
    json: { account: account.value, recoveryWords, profile: context.choice.name },
    text: (page) => [...layOutAccount(account.value, page), "", ...layOutWords(words, page)],
    messages: [
      "",
      WORDS_MEANING,
      `Write them down, then run: dovetail account words --confirm. Until then they are kept here. This profile (${profileFolder(context.choice)}) is ${isToBeLocked ? PROTECTION_WORDS.passphrase : `${PROTECTION_WORDS.permissions}; dovetail lock set changes that`}.`,
    ],
  });
}

async function showWords(context: CommandContext, isConfirmed: boolean): Promise<Result<Outcome, CliError>> {
  return withClient<Outcome>(context, async (client) => {
    const words = await client.recoveryWords();
    if (!words.ok) return words;
    if (words.value === null)
      return err({
        type: "Usage",
        message: "the words are not kept on this device",
        hint: "they are shown where the account was made, until they are confirmed; with a device of yours and no words, make sure of a second device: dovetail device link",
      });
    if (isConfirmed) {
      const confirmed = await client.confirmRecoveryWords();
      if (!confirmed.ok) return confirmed;
      return ok({ json: { isConfirmed: true }, messages: ["The words are erased here. Keep yours well."] });
    }
    const shown = words.value.split(" ");
    return ok({
      json: { recoveryWords: words.value },
      text: (page) => layOutWords(shown, page),
      messages: ["", WORDS_MEANING, "When they are written down, run: dovetail account words --confirm"],
    });
  });
}

/** Words with their numbers, in as many columns as fit. */
function layOutWords(words: readonly string[], page: Page): readonly string[] {
  const cellWidth = Math.max(...words.map((word) => word.length)) + 5;
  const perLine = Math.max(1, Math.min(WORDS_PER_LINE, Math.floor(page.width / cellWidth)));
  const cells = words.map((word, index) => `${String(index + 1).padStart(2)} ${word}`.padEnd(cellWidth));
  return Array.from({ length: Math.ceil(cells.length / perLine) }, (_, line) =>
    cells
      .slice(line * perLine, (line + 1) * perLine)
      .join("")
      .trimEnd(),
  );
}

async function show(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const account = await client.account();
    if (!account.ok) return account;
    return ok({
      json: { account: account.value, profile: context.choice.name },
      text: (page) => layOutAccount(account.value, page),
    });
  });
}

function layOutAccount(account: AccountView, page: Page): readonly string[] {
  return layOutFields(
    [
      ["name", plainLine(account.displayName)],
      ["handle", account.handle === null ? "none" : `@${plainLine(account.handle)}`],
      ["server", plainLine(account.origin)],
      ["account", account.accountId],
      ["device", account.deviceId],
      ["epoch", String(account.epoch)],
    ],
    page,
  );
}

async function rename(context: CommandContext, name: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const renamed = await client.setDisplayName(name);
    if (!renamed.ok) return renamed;
    const account = await client.account();
    if (!account.ok) return account;
    const message = `You are ${plainLine(account.value.displayName)} now.`;
    return reportChange(context, client, { json: { account: account.value }, message });
  });
}

/** The value of an option, or the person's answer when it was left out. */
async function answer(
  { prompts }: CommandContext,
  given: string | undefined,
  question: string,
  option: string,
): Promise<Result<string, CliError>> {
  if (given !== undefined) return ok(given);
  if (!prompts.isInteractive) {
    return err({ type: "Usage", message: `${option} is needed`, hint: "dovetail account create --help" });
  }
  const typed = (await prompts.ask(question))?.trim() ?? "";
  return typed === "" ? err({ type: "Cancelled" }) : ok(typed);
}
