/** The outer layer of a room's entries, and what is signed beside the group. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import {
  DISPLAY_NAME_BYTES_MAX,
  ENTRY_BYTES_MAX,
  GROUP_CONTEXT_BYTES_MAX,
  ROOM_ABOUT_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_COMMIT_PARTS_MAX,
  ROOM_FORMER_MAX,
  ROOM_HISTORY_DAYS_MAX,
  ROOM_LIFETIME_MS_MAX,
  ROOM_NAME_BYTES_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../../../core/base/limits.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { signKeyPairFromSeed } from "../../../../core/crypto/sign.ts";
import {
  encodeRoomContext,
  parseRoomContext,
  type RoomContext,
} from "../../../../core/messenger/room/room-context.ts";
import {
  cutRoomCommit,
  isDepartureSigned,
  isRejoinSigned,
  joinRoomCommit,
  openRoomEntry,
  ROOM_COMMIT_BYTES_MAX,
  ROOM_PART_BYTES_MAX,
  type RoomBody,
  sealRoomEntry,
  signDeparture,
  signRejoin,
} from "../../../../core/messenger/room/room-entry.ts";
import { encodeEntryHeader, writerTag } from "../../../../core/protocol/entry.ts";
import { bad, good } from "../../../support/client-world.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const logId = idFromBytes("log", filled(1));

function place(log = logId, writerSeq = 1) {
  const header = encodeEntryHeader({
    version: 1,
    kind: 4,
    writerTag: writerTag(log, filled(2)),
    writerSeq,
    epoch: null,
    expect: null,
  });
  return { logId: log, header };
}

test("[RM11] an entry opens with the room's key, in its log and under its header only", () => {
  const random = createSeededRandom("entry");
  const body: RoomBody = { type: "commit", parts: 0, bytes: filled(7, 700) };
  const sealed = good(sealRoomEntry(random, filled(3), place(), body));
  expect(openRoomEntry(filled(3), place(), sealed)).toEqual(body);
  expect(openRoomEntry(filled(4), place(), sealed)).toBe(null);
  expect(openRoomEntry(filled(3), place(idFromBytes("log", filled(9))), sealed)).toBe(null);
  expect(openRoomEntry(filled(3), place(logId, 2), sealed)).toBe(null);
  for (let at = 0; at < sealed.length; at += 11) {
    const bent = sealed.slice();
    bent[at] = (bent[at] ?? 0) ^ 1;
    expect(openRoomEntry(filled(3), place(), bent)).toBe(null);
  }
});

test("[RM11] what two messages of about one length hold is as long; what does not fit an entry is not made", () => {
  const random = createSeededRandom("length");
  const sealedBytes = (length: number) =>
    good(sealRoomEntry(random, filled(3), place(), { type: "message", sealed: filled(7, length) })).length;
  expect(sealedBytes(300)).toBe(sealedBytes(310));
  expect(sealedBytes(200_000)).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
});

test("[RM38] a commit is cut into as few entries as hold it, 16 at most, each of which fits, and is whole again of all of them", () => {
  const random = createSeededRandom("parts");
  const whole = { commit: filled(1, 10), context: filled(2, 10), welcome: null };
  const sizeOf = (welcomeBytes: number) => cutRoomCommit({ ...whole, welcome: filled(3, welcomeBytes) });
  for (const [welcomeBytes, entries] of [
    [300, 1],
    [ROOM_PART_BYTES_MAX - 500, 1],
    [ROOM_PART_BYTES_MAX + 1, 2],
    [ROOM_COMMIT_BYTES_MAX - 500, ROOM_COMMIT_PARTS_MAX],
  ] as const) {
    const bodies = good(sizeOf(welcomeBytes));
    expect(bodies).toHaveLength(entries);
    expect(bodies.map(({ type }) => type)).toEqual([...Array(entries - 1).fill("part"), "commit"]);
    expect(bodies.at(-1)).toMatchObject({ parts: entries - 1 });
    const opened = bodies.map((body) => {
      const sealed = good(sealRoomEntry(random, filled(3), place(), body));
      expect(sealed.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
      return openRoomEntry(filled(3), place(), sealed);
    });
    expect(opened).toEqual(bodies);
    const pieces = bodies.map((body) => ("bytes" in body ? body.bytes : new Uint8Array(0)));
    expect(joinRoomCommit(pieces)).toEqual({ ...whole, welcome: filled(3, welcomeBytes) });
    if (entries > 1) expect(joinRoomCommit(pieces.slice(0, -1))).toBe(null);
  }
  expect(bad(sizeOf(ROOM_COMMIT_BYTES_MAX))).toEqual({ type: "TooLarge" });
});

test(`[RM1] ${ROOM_ACCOUNTS_MAX} members with the longest names and origins are a context a group takes`, () => {
  const context: RoomContext = {
    lifetimeMs: ROOM_LIFETIME_MS_MAX,
    history: {
      days: ROOM_HISTORY_DAYS_MAX,
      since: Number.MAX_SAFE_INTEGER,
      former: Array.from({ length: ROOM_FORMER_MAX }, () => ({
        accountId: idFromBytes("account", filled(8)),
        name: "n".repeat(DISPLAY_NAME_BYTES_MAX),
        origin: "o".repeat(SERVER_ORIGIN_CHARS_MAX),
        since: Number.MAX_SAFE_INTEGER,
        until: Number.MAX_SAFE_INTEGER,
        seq: Number.MAX_SAFE_INTEGER,
        head: idFromBytes("link", filled(7)),
      })),
    },
    name: "n".repeat(ROOM_NAME_BYTES_MAX),
    about: "a".repeat(ROOM_ABOUT_BYTES_MAX),
    keysSince: Number.MAX_SAFE_INTEGER,
    members: Array.from({ length: ROOM_ACCOUNTS_MAX }, (_, at) => ({
      accountId: idFromBytes(
        "account",
        filled(0, 32).map((_, index) => (index === 0 ? at >> 8 : index === 1 ? at & 255 : 9)),
      ),
      name: "n".repeat(DISPLAY_NAME_BYTES_MAX),
      origin: "o".repeat(SERVER_ORIGIN_CHARS_MAX),
      role: at === 0 ? "owner" : "moderator",
      sinceEpoch: Number.MAX_SAFE_INTEGER,
      seq: Number.MAX_SAFE_INTEGER,
      head: idFromBytes("link", filled(7)),
      mutedUntilMs: Number.MAX_SAFE_INTEGER,
    })),
  };
  const bytes = encodeRoomContext(context);
  expect(bytes.length).toBeLessThanOrEqual(GROUP_CONTEXT_BYTES_MAX);
  expect(good(parseRoomContext(bytes)).members).toHaveLength(ROOM_ACCOUNTS_MAX);
});

test("[RM12] a departure and a request to come back are of one room, one device, and nothing else", () => {
  const random = createSeededRandom("signed");
  const key = signKeyPairFromSeed(filled(5));
  const claim = {
    roomId: idFromBytes("conversation", filled(1)),
    accountId: idFromBytes("account", filled(2)),
    deviceId: idFromBytes("device", filled(3, 16)),
  };
  const elsewhere = idFromBytes("conversation", filled(9));
  const departure = signDeparture(key, { ...claim, sinceEpoch: 4 });
  expect(isDepartureSigned(claim.roomId, departure, key.publicKey)).toBe(true);
  expect(isDepartureSigned(elsewhere, departure, key.publicKey)).toBe(false);
  expect(isDepartureSigned(claim.roomId, { ...departure, sinceEpoch: 5 }, key.publicKey)).toBe(false);
  const request = signRejoin(random, key, claim);
  expect(isRejoinSigned(claim.roomId, request, key.publicKey)).toBe(true);
  expect(isRejoinSigned(elsewhere, request, key.publicKey)).toBe(false);
  expect(isRejoinSigned(claim.roomId, { ...request, token: filled(0, 16) }, key.publicKey)).toBe(false);
  const other = signKeyPairFromSeed(filled(6)).publicKey;
  expect(isDepartureSigned(claim.roomId, departure, other)).toBe(false);
  expect(isDepartureSigned(claim.roomId, { ...departure, signature: request.signature }, key.publicKey)).toBe(
    false,
  );
});
