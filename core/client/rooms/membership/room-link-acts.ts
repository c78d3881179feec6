/** What a person does with links into rooms, over the engine. Rules RM31, RM32. */
import { toHex } from "../../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { ROOM_LINK_LIFETIME_MS_MAX, ROOM_LINK_USES_MAX, ROOM_LINKS_MAX } from "../../../base/limits.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { parseServerOrigin } from "../../../base/server-origin.ts";
import { encode } from "../../../codec/shape.ts";
import { linkKey, type RoomPart, type RoomRecord } from "../../../document/schema/groups.ts";
import { OP_KIND } from "../../../messenger/op.ts";
import { isOfTwo, memberOf, rankOf } from "../../../messenger/room/room-context.ts";
import {
  formatRoomLink,
  parseRoomLink,
  ROOM_LINK_SECRET_BYTES,
  roomJoinPayloadShape,
} from "../../../messenger/room/room-link.ts";
import type { Client } from "../../client.ts";
import type { ContactView } from "../../views/contact-view.ts";
import type { RoomLinkView } from "../../views/room-view.ts";
import type { ClientError } from "../../client-error.ts";
import type { Engine } from "../../engine.ts";
import { isLive, usesOf } from "./room-links.ts";

type RoomLinkActs = Pick<Client, "createRoomLink" | "roomLinks" | "revokeRoomLink" | "joinRoom">;

/** Asks somebody to be a contact; the ticket is what admits it. */
export type AskByLink = (address: {
  readonly accountId: AccountId;
  readonly origin: string;
  readonly ticket: Uint8Array;
  readonly handle: null;
}) => Promise<Result<ContactView, ClientError>>;

export function createRoomLinkActs(engine: Engine, ask: AskByLink): RoomLinkActs {
  const { context, contacts, conversations, rooms, ticket } = engine;
  const { serial, identity, random, clock } = context;
  const { book } = rooms;
  const nowMs = () => Math.max(0, clock.nowMs());

  async function known(roomId: ConversationId): Promise<Result<RoomRecord, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    return room.value === null ? err({ type: "UnknownRoom" }) : ok(room.value);
  }

  /** The room, if this account may let people into it. */
  async function mayInvite(roomId: ConversationId): Promise<Result<RoomRecord, ClientError>> {
    const room = await known(roomId);
    if (!room.ok) return room;
    const now = await rooms.contextOf(roomId);
    if (!now.ok) return now;
    const self = now.value === null ? null : memberOf(now.value, identity.accountId);
    if (self === null || room.value.standing.standing !== "joined") return err({ type: "NotInRoom" });
    if (now.value !== null && isOfTwo(now.value)) return err({ type: "RoomForbids", rule: "of-two" });
    return rankOf(self.role) < rankOf("moderator") ? err({ type: "RoomForbids", rule: "add-account" }) : room;
  }

  async function viewOf(
    roomId: ConversationId,
    room: RoomRecord,
    link: RoomRecord["links"][number],
  ): Promise<Result<RoomLinkView, ClientError>> {
    const admits = await ticket.current();
    if (!admits.ok) return admits;
    const origin = parseServerOrigin(identity.origin);
    if (!origin.ok) return err({ type: "BadRoomLink", rule: origin.error.type });
    const { key, secret, madeAtMs, untilMs, usesMax } = link;
    const { accountId } = identity;
    const code = formatRoomLink({ accountId, origin: origin.value, ticket: admits.value, roomId, secret });
    const uses = { usesMax, useCount: usesOf(room, key) };
    return ok({ id: key, code, madeAtMs, untilMs, ...uses, isLive: isLive(room, link, nowMs()) });
  }

  const createRoomLink: Client["createRoomLink"] = (roomId, { lifetimeMs, usesMax }) =>
    serial.run(async () => {
      const room = await mayInvite(roomId);
      if (!room.ok) return room;
      if (lifetimeMs < 1 || lifetimeMs > ROOM_LINK_LIFETIME_MS_MAX)
        return err<ClientError>({ type: "BadRoomLink", rule: "lifetime" });
      if (usesMax < 1 || usesMax > ROOM_LINK_USES_MAX)
        return err<ClientError>({ type: "BadRoomLink", rule: "uses" });
      const dead = room.value.links.filter((link) => !isLive(room.value, link, nowMs()));
      if (room.value.links.length - dead.length >= ROOM_LINKS_MAX)
        return err<ClientError>({ type: "RoomForbids", rule: "links" });
      const key = linkKey(toHex(random.bytes(16)));
      const secret = random.bytes(ROOM_LINK_SECRET_BYTES);
      const madeAtMs = nowMs();
      const fields = { secret, madeAtMs, untilMs: madeAtMs + lifetimeMs, usesMax, isRevoked: false };
      const parts = new Map<string, RoomPart | null>([[key, { type: "link", ...fields }]]);
      for (const link of dead) {
        parts.set(link.key, null);
        for (const use of room.value.uses) if (use.link === link.key) parts.set(use.key, null);
      }
      const stored = await book.set(roomId, parts);
      return stored.ok ? viewOf(roomId, room.value, { key, ...fields }) : stored;
    });

  const roomLinks: Client["roomLinks"] = (roomId) =>
    serial.run(async () => {
      const room = await known(roomId);
      if (!room.ok) return room;
      const views: RoomLinkView[] = [];
      for (const link of room.value.links) {
        const view = await viewOf(roomId, room.value, link);
        if (!view.ok) return view;
        views.push(view.value);
      }
      return ok(views);
    });

  const revokeRoomLink: Client["revokeRoomLink"] = (roomId, id) =>
    serial.run(async () => {
      const room = await known(roomId);
      if (!room.ok) return room;
      const link = room.value.links.find(({ key }) => key === id);
      if (link === undefined) return err<ClientError>({ type: "UnknownRoomLink" });
      const { key, ...fields } = link;
      return book.set(roomId, new Map([[key, { ...fields, type: "link", isRevoked: true }]]));
    });

  const joinRoom: Client["joinRoom"] = async (code) => {
    const link = parseRoomLink(code.trim());
    if (!link.ok) return err({ type: "BadRoomLink", rule: link.error.type });
    const { accountId, origin, ticket: admits, roomId, secret } = link.value;
    if (accountId === identity.accountId) return err({ type: "BadRoomLink", rule: "own" });
    const room = await serial.run(() => book.get(roomId));
    if (!room.ok) return room;
    if (room.value?.standing.standing === "joined") return err({ type: "BadRoomLink", rule: "joined" });
    const before = await contacts.get(accountId);
    if (!before.ok) return before;
    const isOpen = before.value?.state === "requested" || before.value?.state === "accepted";
    const asked = isOpen ? ok() : await ask({ accountId, origin, ticket: admits, handle: null });
    if (!asked.ok) return asked;
    return serial.run(async () => {
      const contact = await contacts.get(accountId);
      if (!contact.ok) return contact;
      if (contact.value === null) return err<ClientError>({ type: "UnknownContact" });
      // RM32: known before the answer can come.
      const wanted: RoomPart = { type: "wanted", by: accountId, atMs: nowMs() };
      const noted = await book.set(roomId, new Map([["wanted", wanted]]));
      if (!noted.ok) return noted;
      const payload = encode(roomJoinPayloadShape, { roomId, secret });
      const written = await conversations.write(contact.value, OP_KIND.roomJoin, payload);
      return written.ok ? ok({ roomId, by: accountId }) : written;
    });
  };

  return { createRoomLink, roomLinks, revokeRoomLink, joinRoom };
}
