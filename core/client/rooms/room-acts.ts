/**
 * What a person does with rooms, over the engine. What their role does not allow is told at once; the group has the last word.
 */
import { toUtf8 } from "../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../base/ids.ts";
import {
  ROOM_ABOUT_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_HISTORY_DAYS_MAX,
  ROOM_INTENTS_MAX,
  ROOM_LIFETIME_MS_MAX,
  ROOM_LIFETIME_MS_MIN,
  ROOM_NAME_BYTES_MAX,
} from "../../base/limits.ts";
import { err, type Result } from "../../base/result.ts";
import type { RoomIntent } from "../../document/schema/groups.ts";
import {
  isOfTwo,
  memberOf,
  rankOf,
  type RoomContext,
  type RoomMember,
} from "../../messenger/room/room-context.ts";
import type { Client } from "../client.ts";
import type { RoomView } from "../views/room-view.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";
import { checkInvitee } from "./conversation-of-two.ts";

type RoomActs = Pick<
  Client,
  | "rooms"
  | "roomHappenings"
  | "createRoom"
  | "inviteToRoom"
  | "acceptRoom"
  | "leaveRoom"
  | "removeFromRoom"
  | "renameRoom"
  | "describeRoom"
  | "setRoomLifetime"
  | "setRoomHistory"
  | "setRoomRole"
  | "muteInRoom"
>;

export function createRoomActs(engine: Engine): RoomActs {
  const { context, rooms, roomViews } = engine;
  const { serial, identity } = context;

  async function shown(
    roomId: ConversationId,
    done: Result<void, ClientError>,
  ): Promise<Result<RoomView, ClientError>> {
    return done.ok ? roomViews.room(roomId) : done;
  }

  /** Asks something of a room in which this account may do it, as far as is known here. */
  function ask(
    roomId: ConversationId,
    intent: RoomIntent,
    forbids: (room: RoomContext, by: RoomMember) => ClientError | null,
  ): Promise<Result<RoomView, ClientError>> {
    return serial.run(async () => {
      const record = await rooms.book.get(roomId);
      if (!record.ok) return record;
      if (record.value === null) return err<ClientError>({ type: "UnknownRoom" });
      const room = await rooms.contextOf(roomId);
      if (!room.ok) return room;
      const by = room.value === null ? null : memberOf(room.value, identity.accountId);
      if (room.value === null || by === null || record.value.standing.standing !== "joined")
        return err<ClientError>({ type: "NotInRoom" });
      if (record.value.intents.length >= ROOM_INTENTS_MAX)
        return err<ClientError>({ type: "RoomForbids", rule: "intents" });
      const refusal = forbids(room.value, by);
      return refusal === null ? shown(roomId, await rooms.ask(roomId, intent)) : err(refusal);
    });
  }

  /** RM70: a conversation of two stays what it is. */
  const forMany =
    (forbids: (room: RoomContext, by: RoomMember) => ClientError | null) =>
    (room: RoomContext, by: RoomMember): ClientError | null =>
      isOfTwo(room) ? { type: "RoomForbids", rule: "of-two" } : forbids(room, by);

  const stands = (by: RoomMember, role: RoomMember["role"]) => rankOf(by.role) >= rankOf(role);

  /** Somebody in the room who stands below; `least` is the role it takes. */
  function below(
    room: RoomContext,
    by: RoomMember,
    accountId: AccountId,
    { least, rule }: { readonly least: RoomMember["role"]; readonly rule: string },
  ): ClientError | null {
    const member = memberOf(room, accountId);
    if (member === null) return { type: "UnknownContact" };
    return stands(by, least) && rankOf(by.role) > rankOf(member.role) ? null : { type: "RoomForbids", rule };
  }

  return {
    rooms: () => roomViews.rooms(),
    roomHappenings: (roomId) => roomViews.happenings(roomId),
    createRoom: (name) =>
      serial.run(async () => {
        const tooLong = checkRoomName(name);
        if (tooLong !== null) return err(tooLong);
        const made = await rooms.create(name);
        if (!made.ok) return made;
        rooms.kick(made.value);
        return roomViews.room(made.value);
      }),
    inviteToRoom: async (roomId, accountId, role = "member") => {
      const mayCome = await checkInvitee(engine, accountId);
      if (!mayCome.ok) return mayCome;
      const forbids = forMany((room, by) => {
        if (memberOf(room, accountId) !== null) return { type: "ContactExists", accountId };
        if (room.members.length >= ROOM_ACCOUNTS_MAX)
          return { type: "RoomFull", accountsMax: ROOM_ACCOUNTS_MAX };
        const isBelow = role === "member" || rankOf(role) < rankOf(by.role);
        return stands(by, "moderator") && isBelow ? null : { type: "RoomForbids", rule: "add-account" };
      });
      return ask(roomId, { type: "invite", accountId, role }, forbids);
    },
    acceptRoom: (roomId) => serial.run(async () => shown(roomId, await rooms.accept(roomId))),
    leaveRoom: (roomId) => serial.run(async () => shown(roomId, await rooms.leave(roomId))),
    removeFromRoom: (roomId, accountId) =>
      ask(roomId, { type: "remove", accountId }, (room, by) =>
        below(room, by, accountId, { least: "moderator", rule: "remove-account" }),
      ),
    renameRoom: async (roomId, name) => {
      const tooLong = checkRoomName(name);
      if (tooLong !== null) return err(tooLong);
      return ask(
        roomId,
        { type: "name", name },
        forMany((_room, by) => (stands(by, "admin") ? null : { type: "RoomForbids", rule: "name" })),
      );
    },
    describeRoom: async (roomId, about) => {
      const sizeBytes = toUtf8(about).length;
      if (sizeBytes > ROOM_ABOUT_BYTES_MAX)
        return err({ type: "NameTooLong", sizeBytes, sizeBytesMax: ROOM_ABOUT_BYTES_MAX });
      return ask(
        roomId,
        { type: "about", about },
        forMany((_room, by) => (stands(by, "admin") ? null : { type: "RoomForbids", rule: "about" })),
      );
    },
    setRoomLifetime: async (roomId, lifetimeMs) => {
      const isGood =
        lifetimeMs === null ||
        (Number.isSafeInteger(lifetimeMs) &&
          lifetimeMs >= ROOM_LIFETIME_MS_MIN &&
          lifetimeMs <= ROOM_LIFETIME_MS_MAX);
      if (!isGood) return err({ type: "BadRoomLifetime" });
      return ask(roomId, { type: "lifetime", lifetimeMs }, (_room, by) =>
        stands(by, "admin") ? null : { type: "RoomForbids", rule: "lifetime" },
      );
    },
    setRoomHistory: async (roomId, history) => {
      const days = history === null ? null : history.days;
      const isGood =
        days === null || (Number.isSafeInteger(days) && days >= 1 && days <= ROOM_HISTORY_DAYS_MAX);
      if (!isGood) return err({ type: "BadRoomHistory" });
      return ask(
        roomId,
        { type: "history", history: history && { days } },
        forMany((_room, by) => (stands(by, "admin") ? null : { type: "RoomForbids", rule: "history" })),
      );
    },
    setRoomRole: (roomId, accountId, role) =>
      ask(
        roomId,
        { type: "role", accountId, role },
        forMany((room, by) => {
          if (accountId === by.accountId)
            return rankOf(role) <= rankOf(by.role) ? null : { type: "RoomForbids", rule: "role" };
          const isBelow = by.role === "owner" || rankOf(role) < rankOf(by.role);
          return isBelow
            ? below(room, by, accountId, { least: "admin", rule: "role" })
            : { type: "RoomForbids", rule: "role" };
        }),
      ),
    muteInRoom: (roomId, accountId, untilMs) =>
      ask(roomId, { type: "mute", accountId, untilMs }, (room, by) =>
        below(room, by, accountId, { least: "moderator", rule: "mute" }),
      ),
  };
}

function checkRoomName(name: string): ClientError | null {
  const sizeBytes = toUtf8(name).length;
  return sizeBytes === 0 || sizeBytes > ROOM_NAME_BYTES_MAX
    ? { type: "NameTooLong", sizeBytes, sizeBytesMax: ROOM_NAME_BYTES_MAX }
    : null;
}
