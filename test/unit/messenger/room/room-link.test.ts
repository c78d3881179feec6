/** Links into rooms as text. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { parseServerOrigin } from "../../../../core/base/server-origin.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { formatRoomLink, parseRoomLink, roomLinkShape } from "../../../../core/messenger/room/room-link.ts";
import { formatCode, LINK_SCHEME, ROOM_SCHEME } from "../../../../core/sigchain/code-text.ts";
import { formatContactLink, parseContactLink } from "../../../../core/sigchain/contact/contact-link.ts";
import { bad, good } from "../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const link = () => ({
  accountId: idFromBytes("account", filled(1)),
  origin: good(parseServerOrigin("https://chat.example")),
  ticket: filled(2, 16),
  roomId: idFromBytes("conversation", filled(3)),
  secret: filled(4, 16),
});

test("[RM31] a room link is exactly its text", () => {
  const text = formatRoomLink(link());
  expect(text.startsWith("dovetail-room:")).toBe(true);
  expect(good(parseRoomLink(text))).toEqual(link());
  expect(bad(parseRoomLink(text.slice(0, -3)))).toEqual({ type: "MalformedRoomLink" });
  expect(bad(parseRoomLink(`${text}AAAA`))).toEqual({ type: "MalformedRoomLink" });
  expect(bad(parseRoomLink("room"))).toEqual({ type: "NotARoomLink" });
  const later = encode(roomLinkShape, { version: 2, ...link() });
  expect(bad(parseRoomLink(formatCode(ROOM_SCHEME, later)))).toEqual({
    type: "UnsupportedRoomLink",
    version: 2,
  });
  const elsewhere = encode(roomLinkShape, { version: 1, ...link(), origin: "ftp://x" });
  expect(bad(parseRoomLink(formatCode(ROOM_SCHEME, elsewhere)))).toEqual({ type: "MalformedRoomLink" });
});

test("[RM31] a room link is no contact link and no code for linking, and they are none", () => {
  const { accountId, origin } = link();
  expect(bad(parseContactLink(formatRoomLink(link())))).toEqual({ type: "RoomLinkIsNotAContact" });
  const contact = formatContactLink({ accountId, origin, ticket: null });
  expect(bad(parseRoomLink(contact))).toEqual({ type: "NotARoomLink" });
  expect(bad(parseRoomLink(formatCode(LINK_SCHEME, filled(1))))).toEqual({ type: "NotARoomLink" });
});
