/**
 * Links into rooms: made, told, revoked, used. Who made one lets in whoever comes by it, with any device that is there; the group
 * and its rules have the last word. Runs within the serial. Rules RM31, RM32.
 */
import { equalBytes, toHex } from "../../../base/bytes.ts";
import { type AccountId, type ConversationId, idBytes } from "../../../base/ids.ts";
import { ROOM_INTENTS_MAX } from "../../../base/limits.ts";
import { ok, type Result } from "../../../base/result.ts";
import { decode } from "../../../codec/shape.ts";
import { hash } from "../../../crypto/hash.ts";
import { LABEL } from "../../../crypto/labels.ts";
import { newIntentKey, type RoomPart, type RoomRecord, useKey } from "../../../document/schema/groups.ts";
import { roomJoinPayloadShape } from "../../../messenger/room/room-link.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { RoomBook } from "../room-book.ts";
import type { RoomKeyAsking } from "./room-key-asking.ts";

export interface RoomLinksDeps {
  readonly context: EngineContext;
  readonly book: RoomBook;
  readonly contacts: ContactBook;
  readonly keyAsking: Pick<RoomKeyAsking, "answer">;
  /** Makes a contact of who asked to be one. */
  acceptContact(accountId: AccountId): Promise<Result<void, ClientError>>;
  onAsked(roomId: ConversationId): void;
}

export interface RoomLinks {
  /** Judges requests that came. */
  takeJoins(): Promise<Result<void, ClientError>>;
}

/** How many have come by a link. */
export function usesOf({ uses }: RoomRecord, key: string): number {
  return uses.filter(({ link }) => link === key).length;
}

/** Whether a link lets anybody in now. */
export function isLive(room: RoomRecord, link: RoomRecord["links"][number], nowMs: number): boolean {
  return !link.isRevoked && nowMs < link.untilMs && usesOf(room, link.key) < link.usesMax;
}

export function createRoomLinks({ context, book, contacts, keyAsking, ...all }: RoomLinksDeps): RoomLinks {
  const { tables, store, random, clock } = context;
  const nowMs = () => Math.max(0, clock.nowMs());

  async function takeJoins(): Promise<Result<void, ClientError>> {
    const rows = await tables.joinask.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) {
      const remove = tables.joinask.remove(...rowKeyParts(key).slice(1));
      const ask = decode(roomJoinPayloadShape, value.payload);
      const room = ask.ok ? await book.get(ask.value.roomId) : ok(null);
      if (!room.ok) return room;
      const link = room.value?.links.find(({ secret }) => ask.ok && equalBytes(secret, ask.value.secret));
      const taken =
        ask.ok && room.value !== null && link !== undefined && isLive(room.value, link, nowMs())
          ? await letIn(ask.value.roomId, room.value, { by: value.by, link: link.key }, remove)
          : await answerMember(ask.ok ? ask.value.roomId : null, room.value, { by: value.by, remove });
      if (!taken.ok) return taken;
    }
    return ok();
  }

  /** RM68: somebody asks by no link for the keys of the room's log. */
  async function answerMember(
    roomId: ConversationId | null,
    room: RoomRecord | null,
    { by, remove }: { readonly by: AccountId; readonly remove: WriteOp },
  ): Promise<Result<void, ClientError>> {
    if (roomId === null || room === null) return store.batch([remove]);
    const answered = await keyAsking.answer({ roomId, room, by }, remove);
    if (answered.ok) all.onAsked(roomId);
    return answered;
  }

  /** RM32: they become a contact, and the room is asked to let them in. */
  async function letIn(
    roomId: ConversationId,
    room: RoomRecord,
    { by, link }: { readonly by: AccountId; readonly link: string },
    remove: ReturnType<typeof tables.joinask.remove>,
  ): Promise<Result<void, ClientError>> {
    const contact = await contacts.get(by);
    if (!contact.ok) return contact;
    const state = contact.value?.state;
    const isWelcome = state === "incoming" || state === "accepted";
    const isFull = room.intents.length >= ROOM_INTENTS_MAX;
    if (!isWelcome || isFull || room.standing.standing !== "joined") return store.batch([remove]);
    if (state === "incoming") {
      const accepted = await all.acceptContact(by);
      if (!accepted.ok) return accepted;
    }
    const atMs = nowMs();
    const digest = hash(LABEL.roomLinkUse, idBytes(roomId), idBytes(by), new TextEncoder().encode(link));
    const intent: RoomPart = {
      type: "intent",
      intent: { type: "invite", accountId: by, role: "member" },
      order: atMs,
    };
    const parts = new Map<string, RoomPart>([
      [newIntentKey(random), intent],
      // Named by whom and what, so that two devices that are asked at once count it once.
      [useKey(toHex(digest.slice(0, 16))), { type: "use", link, accountId: by, atMs }],
    ]);
    const stored = await book.set(roomId, parts, { with: [remove] });
    all.onAsked(roomId);
    return stored;
  }

  return { takeJoins };
}
