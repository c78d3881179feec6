/**
 * Room links: whoever has one may come into a room, for a while and a number of times. Rules RM31, RM32.
 *
 * `dovetail-room:` + base64url of what follows. It names the account that made it, whose devices let people in, and carries what
 * admits a first message to it; the server is shown nothing but that message. Who holds the text can come in: it is a secret.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin, type ServerOrigin } from "../../base/server-origin.ts";
import { bytes, decode, encode, id, integer, struct, text } from "../../codec/shape.ts";
import { formatCode, parseCode, ROOM_SCHEME } from "../../sigchain/code-text.ts";

const TICKET_BYTES = 16;
export const ROOM_LINK_SECRET_BYTES = 16;
const ROOM_LINK_VERSION = 1;

export interface RoomLink {
  /** Who made it. */
  readonly accountId: AccountId;
  readonly origin: ServerOrigin;
  readonly ticket: Bytes;
  readonly roomId: ConversationId;
  readonly secret: Bytes;
}

/** What the text of a room link holds. */
export const roomLinkShape = struct({
  version: integer(1, 255),
  accountId: id("account"),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  ticket: bytes(TICKET_BYTES),
  roomId: id("conversation"),
  secret: bytes(ROOM_LINK_SECRET_BYTES),
});

/** Payload of the op `roomJoin`: what the link says, to who made it. */
export const roomJoinPayloadShape = struct({
  roomId: id("conversation"),
  secret: bytes(ROOM_LINK_SECRET_BYTES),
});

export type RoomLinkError =
  | { readonly type: "NotARoomLink" }
  | { readonly type: "MalformedRoomLink" }
  | { readonly type: "UnsupportedRoomLink"; readonly version: number };

export function formatRoomLink(link: RoomLink): string {
  return formatCode(ROOM_SCHEME, encode(roomLinkShape, { version: ROOM_LINK_VERSION, ...link }));
}

/** Room link of exactly this text. */
export function parseRoomLink(linkText: string): Result<RoomLink, RoomLinkError> {
  const payload = parseCode(ROOM_SCHEME, linkText);
  if (!payload.ok)
    return err({ type: payload.error.type === "MalformedCode" ? "MalformedRoomLink" : "NotARoomLink" });
  const decoded = decode(roomLinkShape, payload.value);
  if (!decoded.ok) return err({ type: "MalformedRoomLink" });
  const { version, ...link } = decoded.value;
  if (version !== ROOM_LINK_VERSION) return err({ type: "UnsupportedRoomLink", version });
  const origin = parseServerOrigin(link.origin);
  return origin.ok ? ok({ ...link, origin: origin.value }) : err({ type: "MalformedRoomLink" });
}
