/** `dovetail room`: rooms, who is in them, and what each may do. */
import { type Command, Option } from "commander";
import {
  type Client,
  type ContactView,
  err,
  ok,
  type Result,
  type RoomRole,
  type RoomView,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { isAgreed } from "../../confirm.ts";
import type { CliError } from "../../errors/command-error.ts";
import { localTime } from "../../output/local-time.ts";
import { plainLine } from "../../output/plain-text.ts";
import { reportChange } from "../../send-off.ts";
import { changeRoom, reportRoom, ROOM_ARGUMENT } from "./change-room.ts";
import { addExamples } from "../examples.ts";
import { findContact, findRoom, findRoomMember } from "../find-things.ts";
import { parseDuration } from "../parse-duration.ts";
import { quoteArgument } from "../quote-argument.ts";
import { addRoomDescribeCommand } from "./room-describe.ts";
import { addRoomHistoryCommand, historyText } from "./room-history.ts";
import { addRoomLifetimeCommand } from "./room-lifetime.ts";
import { addRoomLinkCommands } from "./room-link.ts";
import { layOutRoom, layOutRooms } from "./room-layout.ts";
import { addRoomNoteCommands } from "./room-note.ts";

const ROLES: readonly RoomRole[] = ["member", "moderator", "admin", "owner"];
const MEMBER = "somebody in the room: name, or the start of the id";

export function addRoomCommands(program: Command, run: RunCommand): void {
  const room = program.command("room").description("rooms: conversations of several people");
  addExamples(room, [
    ["dovetail room create Garden", "a room that is yours"],
    ["dovetail room invite Garden Ben", "let a contact in, with all their devices"],
    ["dovetail room accept Garden", "join a room somebody let you into"],
    ["dovetail room link Garden --uses 5", "a line by which five people come in"],
    ["dovetail room note add Garden Seeds --list", "a list everybody in it writes"],
    ["dovetail send Garden Good morning", "write to everybody in it"],
    ["dovetail inbox show Garden", "what was written there"],
    ["dovetail room role Garden Ben moderator", "let Ben let people in, remove and mute them"],
    ["dovetail room mute Garden Eve 2h", "nothing Eve writes in the next two hours is shown to anybody"],
    ["dovetail room leave Garden --yes", "leave without a question"],
  ]);

  const list = room
    .command("list")
    .description("all rooms and invitations")
    .action((_options: unknown, command: Command) => run(command, listRooms));
  addExamples(list, [["dovetail room list --json | jq -r '.rooms[].name'", "for programs"]]);
  const create = room
    .command("create")
    .description(
      "found a room, with you as its owner, or a conversation of two over MLS; works without a connection",
    )
    .argument("[name]", "what everybody in it sees")
    .option("--with <contact>", "in place of a name: a conversation of two, which nobody else comes into")
    .action((name: string | undefined, options: { readonly with?: string }, command: Command) =>
      run(command, (context) => createNamedOrOfTwo(context, name, options.with)),
    );
  addExamples(create, [
    ['dovetail room create "Allotment 12"', "then let people in: room invite"],
    ["dovetail room create --with Ben", "write to Ben over MLS; it is called Ben (MLS)"],
  ]);
  const show = room
    .command("show")
    .description("who is in a room, in what role, and what waits to happen")
    .argument("<room>", ROOM_ARGUMENT)
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => showRoom(context, query)),
    );
  addExamples(show, [["dovetail room show Garden", "members, roles, mutes"]]);
  const invite = room
    .command("invite")
    .description("let a contact in; they are told, and decide whether they join")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<contact>", "name, handle, or the start of the id")
    .addOption(
      new Option("--role <role>", "what they may do from the start").choices(ROLES).default("member"),
    )
    .action((query: string, contact: string, options: { readonly role: RoomRole }, command: Command) =>
      run(command, (context) => inviteTo(context, { query, contact, role: options.role })),
    );
  addExamples(invite, [
    ["dovetail room invite Garden Ben", "as a member"],
    ["dovetail room invite Garden Ben --role admin", "by the owner only"],
  ]);
  addMembershipCommands(room, run);
  addRoomDescribeCommand(room, run);
  addRoomLifetimeCommand(room, run);
  addRoomHistoryCommand(room, run);
  addRoomLinkCommands(room, run);
  addRoomNoteCommands(room, run);
  addGovernCommands(room, run);
}

function addMembershipCommands(room: Command, run: RunCommand): void {
  const accept = room
    .command("accept")
    .description("join a room somebody let you into, with all your devices")
    .argument("<room>", ROOM_ARGUMENT)
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => acceptRoom(context, query)),
    );
  addExamples(accept, [
    [
      "dovetail room accept Garden",
      "what is written from then on comes to you; of before, what room show says",
    ],
  ]);
  const leave = room
    .command("leave")
    .description("leave a room, or decline an invitation; what you have of it stays readable")
    .argument("<room>", ROOM_ARGUMENT)
    .action((query: string, _options: unknown, command: Command) =>
      run(command, (context) => leaveRoom(context, query)),
    );
  addExamples(leave, [
    ["dovetail room leave Garden", "asks first; only somebody in it can let you in again"],
  ]);
  const rename = room
    .command("rename")
    .description("change a room's name for everybody; takes an admin")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<name>", "the new name")
    .action((query: string, name: string, _options: unknown, command: Command) =>
      run(command, (context) =>
        changeRoom(
          context,
          query,
          (client, { id }) => client.renameRoom(id, name),
          `It is called ${plainLine(name)}`,
        ),
      ),
    );
  addExamples(rename, [["dovetail room rename Garden Orchard", "once the server has it"]]);
}

function addGovernCommands(room: Command, run: RunCommand): void {
  const remove = room
    .command("remove")
    .description("take somebody out, with all their devices; takes a moderator")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<member>", MEMBER)
    .action((query: string, member: string, _options: unknown, command: Command) =>
      run(command, (context) => removeMember(context, query, member)),
    );
  addExamples(remove, [
    ["dovetail room remove Garden Eve --yes", "what is written from then on Eve cannot read"],
  ]);
  const role = room
    .command("role")
    .description("change what somebody may do; takes an admin")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<member>", MEMBER)
    .argument("<role>", ROLES.join(", "))
    .action((query: string, member: string, word: string, _options: unknown, command: Command) =>
      run(command, (context) => setRole(context, { query, member, word })),
    );
  addExamples(role, [["dovetail room role Garden Ben moderator", "lets in, removes and mutes members"]]);
  const mute = room
    .command("mute")
    .description("show nobody what somebody writes in the next while; takes a moderator")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<member>", MEMBER)
    .argument("<duration>", "30m, 2h, 7d")
    .action((query: string, member: string, duration: string, _options: unknown, command: Command) =>
      run(command, (context) => muteMember(context, { query, member, duration })),
    );
  addExamples(mute, [["dovetail room mute Garden Eve 2h", "what Eve writes in that time never shows"]]);
  const unmute = room
    .command("unmute")
    .description("end a mute")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<member>", MEMBER)
    .action((query: string, member: string, _options: unknown, command: Command) =>
      run(command, (context) => muteMember(context, { query, member, duration: null })),
    );
  addExamples(unmute, [["dovetail room unmute Garden Eve", "what Eve writes shows again"]]);
}

function listRooms(context: CommandContext): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const rooms = await client.rooms();
    if (!rooms.ok) return rooms;
    return ok({
      json: { rooms: rooms.value },
      text: (page) => layOutRooms(rooms.value, page),
      messages: rooms.value.length === 0 ? ["No rooms yet. Found one: dovetail room create NAME"] : [],
    });
  });
}

function createNamedOrOfTwo(
  context: CommandContext,
  name: string | undefined,
  contact: string | undefined,
): Promise<Result<Outcome, CliError>> {
  if (name !== undefined && contact === undefined) return createRoom(context, name);
  if (name === undefined && contact !== undefined) return createConversationOfTwo(context, contact);
  const message = "a room has a name, a conversation of two somebody it is with";
  const hint = "dovetail room create NAME, or dovetail room create --with CONTACT";
  return Promise.resolve(err({ type: "Usage", message, hint }));
}

function createConversationOfTwo(
  context: CommandContext,
  contact: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const found = await findContact(client, contact);
    if (!found.ok) return found;
    const made = await client.createConversationOfTwo(found.value.accountId);
    if (!made.ok) return made;
    const { name } = made.value;
    const message = `${plainLine(found.value.name)} is asked in. Write: dovetail send ${quoteArgument(name)} TEXT`;
    return reportChange(context, client, { json: { room: made.value }, message });
  });
}

function createRoom(context: CommandContext, name: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const made = await client.createRoom(name);
    if (!made.ok) return made;
    const message = `Made. Let people in: dovetail room invite ${quoteArgument(name)} CONTACT`;
    return reportChange(context, client, { json: { room: made.value }, message });
  });
}

function showRoom(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    return ok({
      json: { room: room.value },
      text: (page) => layOutRoom(room.value, page),
      messages: hintsOf(room.value, query),
    });
  });
}

function hintsOf({ state, history, isOfTwo }: RoomView, query: string): readonly string[] {
  const room = quoteArgument(query);
  if (state === "invited") {
    if (isOfTwo) return [`Join: dovetail room accept ${room}. Decline: dovetail room leave ${room}`];
    const proof =
      history === null
        ? ""
        : " What you write there carries a proof that it is yours, which can be shown to anybody.";
    return [
      `You would see ${historyText(history)}.${proof}`,
      `Join: dovetail room accept ${room}. Decline: dovetail room leave ${room}`,
    ];
  }
  return state === "joining"
    ? ["This device comes in with dovetail sync, once a member's device is there."]
    : [];
}

interface InviteArguments {
  readonly query: string;
  readonly contact: string;
  readonly role: RoomRole;
}

function inviteTo(
  context: CommandContext,
  { query, contact, role }: InviteArguments,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const found = await findContact(client, contact);
    if (!found.ok) return found;
    const refusal = notInvitable(found.value, room.value);
    if (refusal !== null) return err(refusal);
    const asked = await client.inviteToRoom(room.value.id, found.value.accountId, role);
    if (!asked.ok) return asked;
    return reportRoom(
      context,
      client,
      room.value,
      `${plainLine(found.value.name)} is let in, and told. They see ${historyText(room.value.history)}.`,
    );
  });
}

function notInvitable(contact: ContactView, room: RoomView): CliError | null {
  const name = plainLine(contact.name);
  if (room.members.some(({ accountId }) => accountId === contact.accountId))
    return { type: "Usage", message: `${name} is in this room already`, hint: "dovetail room show ROOM" };
  if (contact.state === "accepted") return null;
  return {
    type: "Usage",
    message: `${name} is no contact who has accepted, or whom you have accepted`,
    hint: "a room is for contacts: dovetail contact list",
  };
}

function acceptRoom(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return changeRoom(context, query, (client, { id }) => client.acceptRoom(id), "Joined");
}

function leaveRoom(context: CommandContext, query: string): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const room = await findRoom(client, query);
    if (!room.ok) return room;
    const name = plainLine(room.value.name);
    const isInvited = room.value.state === "invited";
    const question = isInvited
      ? `Decline the invitation to ${name}?`
      : `Leave ${name} with all your devices?`;
    const agreed = await isAgreed(context, question, "leave");
    if (!agreed.ok) return agreed;
    const left = await client.leaveRoom(room.value.id);
    if (!left.ok) return left;
    return reportRoom(context, client, room.value, isInvited ? "Declined." : "Left.");
  });
}

function removeMember(
  context: CommandContext,
  query: string,
  who: string,
): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const found = await roomAndMember(client, query, who);
    if (!found.ok) return found;
    const { room, member } = found.value;
    const name = plainLine(member.name);
    const agreed = await isAgreed(context, `Remove ${name} from ${plainLine(room.name)}?`, "remove them");
    if (!agreed.ok) return agreed;
    const asked = await client.removeFromRoom(room.id, member.accountId);
    if (!asked.ok) return asked;
    return reportRoom(context, client, room, `${name} is out: what is written from now on they cannot read.`);
  });
}

function setRole(
  context: CommandContext,
  { query, member: who, word }: { readonly query: string; readonly member: string; readonly word: string },
): Promise<Result<Outcome, CliError>> {
  const role = ROLES.find((one) => one === word);
  if (role === undefined) {
    const error: CliError = {
      type: "Usage",
      message: `there is no role ${plainLine(word)}`,
      hint: `one of ${ROLES.join(", ")}`,
    };
    return Promise.resolve(err(error));
  }
  return withClient(context, async (client) => {
    const found = await roomAndMember(client, query, who);
    if (!found.ok) return found;
    const { room, member } = found.value;
    const asked = await client.setRoomRole(room.id, member.accountId, role);
    if (!asked.ok) return asked;
    return reportRoom(context, client, room, `${plainLine(member.name)} is ${role}.`);
  });
}

function muteMember(
  context: CommandContext,
  {
    query,
    member: who,
    duration,
  }: { readonly query: string; readonly member: string; readonly duration: string | null },
): Promise<Result<Outcome, CliError>> {
  const lengthMs = duration === null ? null : parseDuration(duration);
  if (duration !== null && lengthMs === null) {
    const error: CliError = {
      type: "Usage",
      message: `${plainLine(duration)} is no duration`,
      hint: "a number and m, h or d: 30m, 2h, 7d",
    };
    return Promise.resolve(err(error));
  }
  return withClient(context, async (client) => {
    const found = await roomAndMember(client, query, who);
    if (!found.ok) return found;
    const { room, member } = found.value;
    const untilMs = lengthMs === null ? null : Date.now() + lengthMs;
    const asked = await client.muteInRoom(room.id, member.accountId, untilMs);
    if (!asked.ok) return asked;
    const name = plainLine(member.name);
    const message =
      untilMs === null ? `${name} is not muted any more.` : `${name} is muted until ${localTime(untilMs)}.`;
    return reportRoom(context, client, room, message);
  });
}

async function roomAndMember(client: Client, query: string, who: string) {
  const room = await findRoom(client, query);
  if (!room.ok) return room;
  const member = findRoomMember(room.value, who);
  return member.ok ? ok({ room: room.value, member: member.value }) : member;
}
