/** `dovetail room link`, `links`, `unlink`, `join`: coming into a room by a line of text. */
import type { Command } from "commander";
import { err, ok, type Result, type RoomLinkView } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { layOutTable } from "../../output/columns.ts";
import { localTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { reportChange } from "../../send-off.ts";
import { ROOM_ARGUMENT } from "./change-room.ts";
import { addExamples } from "../examples.ts";
import { findRoom } from "../find-things.ts";
import { parseCount } from "../parse-count.ts";
import { parseDuration } from "../parse-duration.ts";

const USES_MAX = 100;
const ID_CHARS = 8;
const ID_PREFIX = "link-";

interface LinkOptions {
  readonly for: string;
  readonly uses: number;
}

export function addRoomLinkCommands(room: Command, run: RunCommand): void {
  const link = room
    .command("link")
    .description("make a line that lets people into a room; takes a moderator")
    .argument("<room>", ROOM_ARGUMENT)
    .option("--for <duration>", "how long it works: 30m, 2h, 7d; 90d at most", "7d")
    .option("--uses <count>", "how many people it lets in", parseCount(USES_MAX), 1)
    .action((query: string, options: LinkOptions, command: Command) =>
      run(command, (context) => makeLink(context, query, options)),
    );
  addExamples(link, [
    ["dovetail room link Garden", "for one person, for a week"],
    ["dovetail room link Garden --for 2h --uses 10", "for ten people, for two hours"],
    ["dovetail room link Garden --json | jq -r .link.code", "for programs"],
  ]);
  const links = room
    .command("links")
    .description("the links of a room, and how often each was used")
    .argument("<room>", ROOM_ARGUMENT)
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => listLinks(context, query)),
    );
  addExamples(links, [["dovetail room links Garden", "yours: others see their own"]]);
  const unlink = room
    .command("unlink")
    .description("make a link let nobody in any more; who came by it stays")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<link>", "the start of its id, as room links shows it")
    .action((query: string, id: string, _options: unknown, command: Command) =>
      run(command, (context) => revokeLink(context, query, id)),
    );
  addExamples(unlink, [["dovetail room unlink Garden 3f2a", "the id is in room links"]]);
  const join = room
    .command("join")
    .description("come into a room by a link")
    .argument("<link>", "the line that begins with dovetail-room:")
    .action((code: string, _options: unknown, command: Command) =>
      run(command, (context) => joinByLink(context, code)),
    );
  addExamples(join, [
    ["dovetail room join dovetail-room:…", "whoever made it becomes a contact, and their device lets you in"],
  ]);
}

function makeLink(
  context: CommandContext,
  query: string,
  options: LinkOptions,
): Promise<Result<Outcome, CliError>> {
  const lifetimeMs = parseDuration(options.for);
  if (lifetimeMs === null) {
    const error: CliError = {
      type: "Usage",
      message: "--for takes a duration",
      hint: "a number and m, h or d: 30m, 2h, 7d",
    };
    return Promise.resolve(err(error));
  }
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const made = await client.createRoomLink(room.value.id, { lifetimeMs, usesMax: options.uses });
    if (!made.ok) return made;
    const message = "Whoever has this line comes in while a device of yours is there, and is your contact.";
    const reported = await reportChange(context, client, { json: { link: made.value }, message });
    return reported.ok ? ok({ ...reported.value, text: () => [made.value.code] }) : reported;
  });
}

function listLinks(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const links = await client.roomLinks(room.value.id);
    if (!links.ok) return links;
    return ok({
      json: { links: links.value },
      text: (page) => layOutLinks(links.value, page),
      messages: links.value.length === 0 ? ["No links. Make one: dovetail room link ROOM"] : [],
    });
  });
}

function layOutLinks(links: readonly RoomLinkView[], page: Page): readonly string[] {
  return layOutTable(
    [
      { title: "ID" },
      { title: "WORKS UNTIL" },
      { title: "USED", align: "end" },
      { title: "LINK", isFlexible: true },
    ],
    links.map(({ id, untilMs, useCount, usesMax, isLive, code }) => [
      { text: shortLinkId(id), style: "faint" },
      { text: isLive ? localTime(untilMs) : "over", style: isLive ? undefined : "faint" },
      { text: `${useCount} of ${usesMax}` },
      { text: isLive ? code : "", style: "faint" },
    ]),
    page,
  );
}

const shortLinkId = (id: string) => id.slice(ID_PREFIX.length, ID_PREFIX.length + ID_CHARS);

function revokeLink(context: CommandContext, query: string, id: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const links = await client.roomLinks(room.value.id);
    if (!links.ok) return links;
    const wanted = id.startsWith(ID_PREFIX) ? id : `${ID_PREFIX}${id}`;
    const found = links.value.filter((link) => link.id.startsWith(wanted));
    const [only] = found;
    if (only === undefined || found.length > 1) return err<CliError>({ type: "UnknownRoomLink" });
    const revoked = await client.revokeRoomLink(room.value.id, only.id);
    if (!revoked.ok) return revoked;
    return reportChange(context, client, { json: {}, message: "It lets nobody in any more." });
  });
}

function joinByLink(context: CommandContext, code: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const asked = await client.joinRoom(code);
    if (!asked.ok) return asked;
    const message =
      "Asked. You are in once a device of whoever made the link is there; see dovetail room list.";
    return reportChange(context, client, { json: { ...asked.value }, message });
  });
}
