/** `dovetail privacy`: who can learn what of this profile, as it is set now, and what protects it here. */
import { Argument, type Command } from "commander";
import {
  type AccountView,
  type Client,
  type ContactView,
  ok,
  type Padding,
  PADDINGS,
  type Result,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { wrapText } from "../../output/text-width.ts";
import { profileFolder } from "../../platform/profile-folder.ts";
import { type Protection, readProtection } from "../../platform/store-key-file.ts";
import { addExamples } from "../examples.ts";
import { PROTECTION_WORDS } from "./lock.ts";

/** What the answers follow from. */
interface Exposure {
  readonly account: AccountView;
  readonly activeDevices: number;
  /** Contacts for whom the server keeps a log. */
  readonly contactLogs: number;
  readonly unverifiedContacts: number;
  readonly rooms: number;
  /** Servers of contacts that are not this account's. */
  readonly otherServers: readonly string[];
  readonly isPrivateOnTheWay: boolean;
  readonly padding: Padding;
  readonly protection: Protection | null;
  readonly areWordsKept: boolean;
}

export function addPrivacyCommand(program: Command, run: RunCommand): void {
  const privacy = program
    .command("privacy")
    .description("what servers and this disk give away of this profile, as it is set now")
    .action((_options: unknown, command: Command) => run(command, showPrivacy));
  privacy
    .command("padding")
    .description(
      "how much of the length of what this device writes and sends it hides; without a word, what is set",
    )
    .addArgument(new Argument("[setting]", "padme, fixed or off").choices(PADDINGS))
    .action((setting: Padding | undefined, _options: unknown, command: Command) =>
      run(command, (context) => padding(context, setting)),
    );
  addExamples(privacy, [
    ["dovetail privacy", "what is seen, what is not, and what you could do"],
    [
      "dovetail privacy padding fixed",
      "short and long messages, and what acknowledges them, look alike, for several times the bytes",
    ],
    ["dovetail privacy --json", "the same as figures"],
  ]);
}

async function showPrivacy(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const exposure = await look(client, readProtection(profileFolder(context.choice)));
    if (!exposure.ok) return exposure;
    return ok({
      json: { privacy: { ...exposure.value, advice: adviceFor(exposure.value) } },
      text: (page) => layOut(exposure.value, page),
    });
  });
}

async function look(client: Client, protection: Protection | null): Promise<Result<Exposure, CliError>> {
  const account = await client.account();
  if (!account.ok) return account;
  const devices = await client.devices();
  if (!devices.ok) return devices;
  const contacts = await client.contacts();
  if (!contacts.ok) return contacts;
  const rooms = await client.rooms();
  if (!rooms.ok) return rooms;
  const words = await client.recoveryWords();
  if (!words.ok) return words;
  const padding = await client.padding();
  if (!padding.ok) return padding;
  const { origin } = account.value;
  const accepted = contacts.value.filter(({ state }) => state === "accepted");
  const met = contacts.value.filter(isWrittenTo);
  return ok({
    account: account.value,
    activeDevices: devices.value.filter(({ isActive }) => isActive).length,
    contactLogs: met.length,
    unverifiedContacts: accepted.filter(({ verifiedAtMs }) => verifiedAtMs === null).length,
    rooms: rooms.value.filter(({ state }) => state === "joined").length,
    otherServers: [...new Set(met.map((one) => one.origin).filter((one) => one !== origin))].sort(),
    isPrivateOnTheWay: origin.startsWith("https:") || isOfThisMachine(origin),
    padding: padding.value,
    protection,
    areWordsKept: words.value !== null,
  });
}

const PADDING_WORDS: Readonly<Record<Padding, string>> = {
  padme: "rounded up, so that short texts look alike and long ones nearly",
  fixed: "one of two up to 16 KiB, whatever is said",
  off: "as they are: how long each text is",
};

/** What the sizes of frames tell those who see no more of them. */
const FRAME_WORDS: Readonly<Record<Padding, string>> = {
  padme: "when something is written or asked for, by sizes that are rounded up",
  fixed: "that something was sent, in one of two sizes up to 40 KiB; not which of it is a text",
  off: "what each thing it sends is, by its size",
};

async function padding(
  context: CommandContext,
  setting: Padding | undefined,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const set = setting === undefined ? ok() : await client.setPadding(setting);
    if (!set.ok) return set;
    const now = await client.padding();
    if (!now.ok) return now;
    return ok({
      json: { padding: now.value },
      text: () => [now.value],
      messages: [
        `Servers see of what this device seals sizes ${PADDING_WORDS[now.value]}.`,
        `Who is on the way to them sees ${FRAME_WORDS[now.value]}.`,
        ...(setting === undefined ? [] : ["It holds from now on, on this device."]),
      ],
    });
  });
}

/** Nobody is on the way to it. */
function isOfThisMachine(origin: string): boolean {
  return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(origin).hostname);
}

/** Each of them has a log here to write to. */
function isWrittenTo({ state }: ContactView): boolean {
  return state === "accepted" || state === "requested";
}

function layOut(exposure: Exposure, page: Page): readonly string[] {
  const advice = adviceFor(exposure);
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    [`${plainLine(exposure.account.origin)} sees`, seenBy(exposure)],
    [
      "It cannot see",
      [
        "what you write, to whom, or who wrote to you",
        "names, notes, tags, drafts, stars, what you have read",
        "which of the logs belongs to whom, unless it watches connections on both sides",
      ],
    ],
    ["Other servers see", seenElsewhere(exposure)],
    ["Somebody on the way sees", seenOnTheWay(exposure)],
    ["On this disk", onDisk(exposure)],
    ...(advice.length === 0 ? [] : [["You could", advice] as const]),
  ];
  return sections.flatMap(([title, lines], index) => [
    ...(index === 0 ? [] : [""]),
    ...wrapText(title, page.width).map((line) => page.paint(line, "strong")),
    ...lines.flatMap((line) =>
      wrapText(line, page.width - 4).map((part, at) => `${at === 0 ? "  - " : "    "}${part}`),
    ),
  ]);
}

function seenBy({ account, activeDevices, contactLogs, rooms, padding }: Exposure): readonly string[] {
  return [
    "the address of this device, and when it is connected",
    account.handle === null
      ? "no handle: nobody finds this account by a name"
      : `the handle @${plainLine(account.handle)}, and so does whoever looks it up there`,
    `${count(activeDevices, "device")} with their public keys, and when the account changed them`,
    `${count(contactLogs, "log")} for contacts${rooms === 0 ? "" : ", and those of rooms that were founded here"}: how much is in them and when it came`,
    `sizes: ${PADDING_WORDS[padding]}`,
  ];
}

function seenElsewhere({ otherServers }: Exposure): readonly string[] {
  if (otherServers.length === 0) return ["nothing: everybody you write with is on yours"];
  return otherServers.map(
    (origin) => `${plainLine(origin)}: the address of this device when it writes there, not whose it is`,
  );
}

function seenOnTheWay({ isPrivateOnTheWay, padding }: Exposure): readonly string[] {
  const sees = "the addresses of this device and of the servers, and when they speak";
  if (!isPrivateOnTheWay) return [sees, "everything the server sees"];
  const asks = "when something is asked by a request of its own, as a chain, a handle or prekeys are";
  return padding === "off" ? [sees, FRAME_WORDS.off] : [sees, FRAME_WORDS[padding], asks];
}

function onDisk({ protection, areWordsKept }: Exposure): readonly string[] {
  return [
    protection === null
      ? "what protects this profile is not known"
      : `everything is sealed, and ${PROTECTION_WORDS[protection]}`,
    ...(protection === "passphrase"
      ? ["who has the files sees sizes, times and counts"]
      : ["who can read the files can read everything"]),
    "while a process serves this profile, every program of yours can ask it",
    ...(areWordsKept ? ["the recovery words are kept until you confirm them"] : []),
  ];
}

/** What would give less away, or make sure of more. */
function adviceFor(exposure: Exposure): readonly string[] {
  const { protection, isPrivateOnTheWay, areWordsKept, unverifiedContacts, activeDevices } = exposure;
  return [
    ...(isPrivateOnTheWay
      ? []
      : ["have the server speak TLS: without it, everybody on the way sees what the server sees"]),
    ...(exposure.padding === "off" ? ["hide lengths: dovetail privacy padding padme, or fixed"] : []),
    ...(protection === "permissions" ? ["set a passphrase: dovetail lock set"] : []),
    ...(areWordsKept ? ["write the words down and erase them here: dovetail account words --confirm"] : []),
    ...(unverifiedContacts > 0
      ? [`compare the numbers of ${count(unverifiedContacts, "contact")}: dovetail contact verify`]
      : []),
    ...(activeDevices === 1
      ? ["link a second device, so that losing this one loses nothing: dovetail device link"]
      : []),
  ];
}
