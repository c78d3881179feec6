/** People come into rooms and go: invitations that are taken over, accepted and told, and departures. Rules RM13, RM32, RM33. */
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { decode, encode } from "../../../codec/shape.ts";
import type { RoomPart, RoomRecord } from "../../../document/schema/groups.ts";
import { OP_KIND } from "../../../messenger/op.ts";
import { roomConversationId } from "../../../messenger/room/room-context.ts";
import {
  type RoomInvitation,
  roomInvitationPayloadShape,
  roomOutPayloadShape,
} from "../../../messenger/room/room-invitation.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { EngineContext } from "../../engine-context.ts";
import { isDialable } from "../../conversations/inbound.ts";
import { keysOf, type RoomBook } from "../room-book.ts";
import type { RoomLetters } from "../sending/room-letters.ts";
import type { RoomKeyAsking } from "./room-key-asking.ts";
import type { PlacedRoom } from "../log/room-home.ts";
import type { RoomIntake } from "../reading/room-intake.ts";
import type { RoomOutbox } from "../room-outbox.ts";

export interface RoomInvitationsDeps {
  readonly context: EngineContext;
  readonly contacts: ContactBook;
  readonly conversations: Conversations;
  readonly book: RoomBook;
  readonly intake: Pick<RoomIntake, "startAfresh">;
  readonly keyAsking: Pick<RoomKeyAsking, "take" | "takeOut" | "takeLater">;
  readonly letters: Pick<RoomLetters, "sealDeparture">;
  readonly outbox: RoomOutbox;
  kick(roomId: ConversationId): void;
  onChanged(): void;
}

/** An invitation into a room this account is in, and what drops it: one of a contact's, the latest, is kept. */
interface Waiting {
  readonly sinceEpoch: number;
  readonly remove: WriteOp;
}

/** All of it runs within the serial. */
export interface RoomInvitations {
  accept(roomId: ConversationId): Promise<Result<void, ClientError>>;
  /** Declines an invitation, or leaves. */
  leave(roomId: ConversationId): Promise<Result<void, ClientError>>;
  takeInvitations(): Promise<Result<void, ClientError>>;
  /** Tells who was let in. True when there was somebody. */
  tellInvitees(placed: PlacedRoom): Promise<Result<boolean, ClientError>>;
}

export function createRoomInvitations(all: RoomInvitationsDeps): RoomInvitations {
  const { context, contacts, conversations, book, intake, outbox, kick } = all;
  const { tables, store, identity, clock } = context;
  const nowMs = () => Math.max(0, clock.nowMs());

  async function known(roomId: ConversationId): Promise<Result<RoomRecord, ClientError>> {
    const room = await book.get(roomId);
    if (!room.ok) return room;
    return room.value === null ? err({ type: "UnknownRoom" }) : ok(room.value);
  }

  async function accept(roomId: ConversationId): Promise<Result<void, ClientError>> {
    const room = await known(roomId);
    if (!room.ok) return room;
    if (room.value.standing.standing !== "invited") return err({ type: "NotInvited" });
    const standing: RoomPart = {
      type: "standing",
      ...room.value.standing,
      standing: "joined",
      atMs: nowMs(),
    };
    // What was said while this account was not in it is not for it.
    const fresh = intake.startAfresh(roomId, room.value.keys.logId);
    const stored = await book.set(roomId, new Map([["standing", standing]]), { with: fresh.writes });
    if (!stored.ok) return stored;
    fresh.commit();
    kick(roomId);
    return stored;
  }

  async function leave(roomId: ConversationId): Promise<Result<void, ClientError>> {
    const room = await known(roomId);
    if (!room.ok) return room;
    const { standing } = room.value;
    if (standing.standing !== "invited" && standing.standing !== "joined") return err({ type: "NotInRoom" });
    const departure = await all.letters.sealDeparture(roomId, room.value);
    if (!departure.ok) return departure;
    // What is sealed already goes before the departure, and counts.
    const letters = await tables.letter.scan({ under: [roomId] });
    if (!letters.ok) return letters;
    const onItsWay = new Set(letters.value.flatMap(({ value }) => value.outKeys));
    const unsent = outbox.fail(
      outbox.keysOf(roomId).filter((key) => !onItsWay.has(key)),
      "outside",
    );
    const part: RoomPart = {
      type: "standing",
      ...standing,
      standing: standing.standing === "invited" ? "declined" : "left",
      atMs: nowMs(),
    };
    // The group stays until the departure has its place: what opens the log may change before.
    const rows = [tables.commit.remove(roomId), ...departure.value, ...unsent.writes];
    const stored = await book.set(roomId, new Map([["standing", part]]), { with: rows });
    if (!stored.ok) return stored;
    unsent.commit();
    kick(roomId);
    return ok();
  }

  /** RM13: an invitation of an accepted contact; a room that was left is offered again by a later membership only. */
  async function takeInvitations(): Promise<Result<void, ClientError>> {
    const rows = await tables.invitation.scan();
    if (!rows.ok) return rows;
    const waiting = new Map<string, Waiting>();
    for (const { key, value } of rows.value) {
      const remove = tables.invitation.remove(...rowKeyParts(key).slice(1));
      const invitation = decode(roomInvitationPayloadShape, value.payload);
      const out = invitation.ok ? null : decode(roomOutPayloadShape, value.payload);
      if (out?.ok === true) {
        const heard = await all.keyAsking.takeOut(value.by, out.value, remove);
        if (!heard.ok) return heard;
        continue;
      }
      const contact = await contacts.get(value.by);
      if (!contact.ok) return contact;
      const isGood =
        invitation.ok &&
        contact.value?.state === "accepted" &&
        isDialable(invitation.value.keys.origin, identity.origin);
      const taken = isGood
        ? await takeInvitation(value.by, invitation.value, { remove, waiting })
        : await store.batch([remove]);
      if (!taken.ok) return taken;
    }
    return ok();
  }

  async function takeInvitation(
    by: AccountId,
    invitation: RoomInvitation,
    { remove, waiting }: { readonly remove: WriteOp; readonly waiting: Map<string, Waiting> },
  ): Promise<Result<void, ClientError>> {
    const { keys, name, sinceEpoch, history } = invitation;
    const roomId = roomConversationId(keys.logId);
    const room = await book.get(roomId);
    if (!room.ok) return room;
    if (room.value !== null && room.value.standing.since >= sinceEpoch) {
      const told = await all.keyAsking.take(roomId, room.value, { by, invitation });
      return told.ok ? store.batch([remove]) : told;
    }
    if (room.value?.standing.standing === "joined") {
      // This account may be out by now: that the log says, or who of the room was asked (RM68), and no other invitation.
      const isOut = await all.keyAsking.takeLater(roomId, room.value, { by, sinceEpoch });
      // It is taken over once what is left of the membership before it is gone.
      if (!isOut.ok || isOut.value) return isOut.ok ? ok() : isOut;
      const key = `${by} ${roomId}`;
      const other = waiting.get(key);
      const isLater = other === undefined || other.sinceEpoch < sinceEpoch;
      if (isLater) waiting.set(key, { sinceEpoch, remove });
      return other === undefined ? ok() : store.batch([isLater ? other.remove : remove]);
    }
    const { from, ...opens } = keys;
    const wanted = await book.wanted(roomId);
    if (!wanted.ok) return wanted;
    // RM32: who has asked by a link has said yes.
    const isWanted = wanted.value?.by === by && wanted.value.atMs > (room.value?.standing.atMs ?? 0);
    const joined = isWanted ? ("joined" as const) : ("invited" as const);
    const parts = new Map<string, RoomPart>([
      ["keys", { type: "keys", ...opens, fromSeq: from.seq, fromChain: from.chain }],
      ["standing", { type: "standing", since: sinceEpoch, standing: joined, by, atMs: nowMs() }],
    ]);
    parts.set("history", { type: "history", epoch: sinceEpoch, history });
    if (room.value === null) parts.set("info", { type: "info", epoch: 0, name, about: "", members: [] });
    const fresh = isWanted ? intake.startAfresh(roomId, opens.logId) : null;
    const stored = await book.set(roomId, parts, { with: [remove, ...(fresh?.writes ?? [])] });
    if (stored.ok) fresh?.commit();
    all.onChanged();
    if (isWanted) kick(roomId);
    return stored;
  }

  /** RM13: who was let in is told, in the conversation with them, in one transaction with knowing that they were. */
  async function tellInvitees({
    roomId,
    room,
    home: { origin },
  }: PlacedRoom): Promise<Result<boolean, ClientError>> {
    const rows = await tables.invitee.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      const [, , accountId = ""] = rowKeyParts(key);
      const remove = tables.invitee.remove(roomId, accountId);
      const contact = await contacts.get(accountId as AccountId);
      if (!contact.ok) return contact;
      if (contact.value?.state !== "accepted") {
        const dropped = await store.batch([remove]);
        if (!dropped.ok) return dropped;
        continue;
      }
      const payload = encode(roomInvitationPayloadShape, {
        keys: {
          ...keysOf(room),
          origin,
          generation: value.generation,
          accessSeed: value.accessSeed,
          roomKey: value.roomKey,
          from: value.from,
        },
        name: room.info?.name ?? "",
        sinceEpoch: value.sinceEpoch,
        history: room.history,
      });
      const written = await conversations.write(contact.value, OP_KIND.roomInvitation, payload, {
        storeWith: (writes) => store.batch([...writes, remove]),
      });
      if (!written.ok) return written;
    }
    return ok(rows.value.length > 0);
  }

  return { accept, leave, takeInvitations, tellInvitees };
}
