/** What people do in rooms, and what is promised by it. Nothing here waits. */
import type { Client, RoomMemberView, RoomView } from "@dovetail/core";
import type { AccountId, ConversationId } from "../../../core/base/ids.ts";
import { ask, count, type Stage } from "./play-step.ts";
import type { RoomStep } from "./room-plan.ts";
import {
  CANARY,
  isHostile,
  type Member,
  type Person,
  type Room,
  type RoomText,
  type World,
} from "./world.ts";

/** Enough for people to be taken out of one and to stay in another. */
const ROOMS_MAX = 2;
const DAY_MS = 86_400_000;
/** Longer than any story, and than any clock of one is behind by a jump of seconds. */
const MUTE_MS = 40 * 365 * DAY_MS;
const LIFETIMES_MS = 100 * 365 * DAY_MS;
const LINK_MS = 30 * DAY_MS;
const ROLES = ["member", "moderator", "admin"] as const;

/** One thing a person does with a room. */
export function playRoomStep(stage: Stage, member: Member, step: RoomStep): void {
  count(stage, `room ${step.act}`);
  ask(stage, member, async (client) => {
    if (step.act === "create") return create(stage, member, client, step);
    if (step.act === "join") return join(stage.world, member, client, step);
    const shown = await client.rooms();
    if (!shown.ok) return null;
    const wanted = step.act === "accept" ? "invited" : "joined";
    const rooms = shown.value.filter(({ state }) => state === wanted);
    const view = rooms[step.pick % Math.max(1, rooms.length)];
    const room = view === undefined ? undefined : stage.world.rooms.get(view.id);
    if (view === undefined || room === undefined) return null;
    return act(stage, { member, client, room, view }, step);
  });
}

async function create(stage: Stage, member: Member, client: Client, { pick }: RoomStep): Promise<unknown> {
  const { world } = stage;
  // What a changed program founds is nobody's promise.
  if (world.rooms.size >= ROOMS_MAX || isHostile(world, member.person)) return null;
  const made = await client.createRoom(`${CANARY}room${pick}`);
  if (!made.ok) return made;
  roomOf(world, made.value.id, member.person).joinedAt.set(member.person, 0);
  return made;
}

interface InRoom {
  readonly member: Member;
  readonly client: Client;
  readonly room: Room;
  readonly view: RoomView;
}

async function act(stage: Stage, at: InRoom, { act: what, pick }: RoomStep): Promise<unknown> {
  const { world } = stage;
  const { member, client, room, view } = at;
  const others = view.members.filter(({ isSelf }) => !isSelf);
  const other: RoomMemberView | undefined = others[pick % Math.max(1, others.length)];
  switch (what) {
    case "create":
    case "join":
      return null;
    case "send":
      return send(world, at, 1 + (pick % 3));
    case "invite": {
      const inside = new Set(view.members.map(({ accountId }) => accountId));
      const outside = world.people.filter(({ accountId }) => accountId !== null && !inside.has(accountId));
      const person = outside[pick % Math.max(1, outside.length)];
      if (person === undefined || person.accountId === null) return null;
      room.invitations.set(person, (room.invitations.get(person) ?? 0) + 1);
      return client.inviteToRoom(room.id, person.accountId);
    }
    case "accept": {
      const accepted = await client.acceptRoom(room.id);
      if (accepted.ok && !room.joinedAt.has(member.person))
        room.joinedAt.set(member.person, room.written.length);
      return accepted;
    }
    case "leave":
      // Of a room whose founder leaves as its server is lost nobody begins the log anew (docs/protocol/rooms.md).
      if (room.founder === member.person && world.plan.steps.some(({ type }) => type === "server-lost"))
        return null;
      room.unsteady.add(member.person);
      return client.leaveRoom(room.id);
    case "remove": {
      const person = personOf(world, other?.accountId);
      if (other === undefined || person === null) return null;
      room.unsteady.add(person);
      return client.removeFromRoom(room.id, other.accountId);
    }
    case "role": {
      const role = ROLES[pick % ROLES.length] ?? "member";
      return other === undefined ? null : client.setRoomRole(room.id, other.accountId, role);
    }
    case "mute": {
      const person = personOf(world, other?.accountId);
      if (other === undefined || person === null) return null;
      // It takes effect with a commit, so it may be in force before it is answered.
      const isAllowed = mayMute(view, other);
      if (isAllowed) room.muted.add(person);
      const muted = await client.muteInRoom(
        room.id,
        other.accountId,
        pick % 4 === 0 ? null : mutedUntilMs(world),
      );
      // Whoever may not do it yet may once it is carried out.
      if (muted.ok) room.muted.add(person);
      return muted;
    }
    case "lifetime":
      return client.setRoomLifetime(room.id, pick % 3 === 0 ? null : LIFETIMES_MS + pick);
    case "link": {
      const made = await client.createRoomLink(room.id, { lifetimeMs: LINK_MS, usesMax: 8 });
      if (made.ok) world.roomLinks.push({ room: room.id, code: made.value.code });
      return made;
    }
    case "rename":
      return client.renameRoom(room.id, `${CANARY}renamed${pick}`);
  }
}

/** Somebody who is not in it comes by a link. */
async function join(world: World, member: Member, client: Client, { pick }: RoomStep): Promise<unknown> {
  const found = world.roomLinks[pick % Math.max(1, world.roomLinks.length)];
  const room = found === undefined ? undefined : world.rooms.get(found.room);
  if (found === undefined || room === undefined) return null;
  const shown = await client.rooms();
  if (!shown.ok || shown.value.some(({ id, state }) => id === room.id && state === "joined")) return null;
  room.invitations.set(member.person, (room.invitations.get(member.person) ?? 0) + 1);
  return client.joinRoom(found.code);
}

const RANKS = ["member", "moderator", "admin", "owner"];

function mayMute({ members }: RoomView, other: RoomMemberView): boolean {
  const own = RANKS.indexOf(members.find(({ isSelf }) => isSelf)?.role ?? "member");
  return own > 0 && RANKS.indexOf(other.role) < own;
}

/** By the right clock: one that is wrong mutes for another time, which is nobody's promise. */
const mutedUntilMs = ({ time }: World) => time.nowMs() + MUTE_MS;

async function send(world: World, at: InRoom, times: number): Promise<void> {
  const { member, client, room, view } = at;
  const readers = new Set(peopleOf(world, view));
  const before = room.seenBy.get(member) ?? new Set();
  const removed = new Set([...before].filter((person) => !readers.has(person)));
  room.seenBy.set(member, new Set([...before, ...readers]));
  for (let index = 0; index < times; index++) {
    const text = `${CANARY}room:${member.device.name}:${room.written.length}`;
    const row: RoomText = { text, by: member, readers, removed, state: "asked" };
    room.written.push(row);
    const sent = await client.send(room.id, text);
    row.state = sent.ok ? "kept" : "refused";
  }
}

function roomOf(world: World, id: ConversationId, founder: Person): Room {
  const known = world.rooms.get(id);
  if (known !== undefined) return known;
  const room: Room = {
    id,
    founder,
    written: [],
    joinedAt: new Map(),
    invitations: new Map(),
    unsteady: new Set(),
    muted: new Set(),
    seenBy: new Map(),
  };
  world.rooms.set(id, room);
  return room;
}

function peopleOf(world: World, { members }: RoomView): readonly Person[] {
  return members.flatMap(({ accountId }) => personOf(world, accountId) ?? []);
}

function personOf(world: World, accountId: AccountId | undefined): Person | null {
  return world.people.find((person) => person.accountId === accountId) ?? null;
}
