/** The outer layer of a room's entries, and what is signed beside the group. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { ENTRY_BYTES_MAX } from "../../../../core/base/limits.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { signKeyPairFromSeed } from "../../../../core/crypto/sign.ts";
import {
  isDepartureSigned,
  isRejoinSigned,
  openRoomEntry,
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
  const body: RoomBody = { type: "commit", commit: filled(7, 300), welcome: filled(8, 400) };
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
  const body: RoomBody = { type: "commit", commit: filled(7, 200_000), welcome: filled(8, 200_000) };
  expect(bad(sealRoomEntry(random, filled(3), place(), body))).toEqual({ type: "TooLarge" });
  expect(sealedBytes(200_000)).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
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
