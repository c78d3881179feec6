/** What devices of a room say of the group they have. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { ROOM_MISSED_ASKED_MAX } from "../../../../core/base/limits.ts";
import { decode, encode } from "../../../../core/codec/shape.ts";
import { signKeyPairFromSeed } from "../../../../core/crypto/sign.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import {
  isSenior,
  isStandSigned,
  roomStandShape,
  roomStateAt,
  type StandingDevice,
  signStand,
} from "../../../../core/messenger/room/room-stand.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const key = () => signKeyPairFromSeed(filled(2));
const stand = (missing = [idFromBytes("entry", filled(6))]) =>
  signStand(key(), roomId, {
    ...roomStateAt(roomId, idFromBytes("entry", filled(3)), { epoch: 4, authenticator: filled(5) }),
    accountId: idFromBytes("account", filled(7)),
    deviceId: idFromBytes("device", filled(8, 16)),
    missing,
  });

test("[RM26] a stand holds in its room, whole, and signed by its device only", () => {
  expect(isStandSigned(roomId, stand(), key().publicKey)).toBe(true);
  expect(isStandSigned(idFromBytes("conversation", filled(9)), stand(), key().publicKey)).toBe(false);
  expect(isStandSigned(roomId, stand(), signKeyPairFromSeed(filled(9)).publicKey)).toBe(false);
  for (const bent of [
    { epoch: 5 },
    { state: filled(9) },
    { handshake: idFromBytes("entry", filled(9)) },
    { missing: [] },
    { deviceId: idFromBytes("device", filled(9, 16)) },
  ])
    expect(isStandSigned(roomId, { ...stand(), ...bent }, key().publicKey)).toBe(false);
});

test("[RM26] the state of a group is another in another room, and tells nothing of its authenticator", () => {
  const at = (room: typeof roomId) =>
    roomStateAt(room, idFromBytes("entry", filled(3)), { epoch: 4, authenticator: filled(5) }).state;
  expect(at(roomId)).not.toEqual(at(idFromBytes("conversation", filled(9))));
  expect(at(roomId)).not.toEqual(filled(5));
});

test("[RM24] a stand asks for ROOM_MISSED_ASKED_MAX letters at most", () => {
  const ids = (count: number) =>
    Array.from({ length: count }, (_, index) => idFromBytes("entry", filled(index + 1)));
  const under = stand(ids(ROOM_MISSED_ASKED_MAX - 1));
  const full = stand(ids(ROOM_MISSED_ASKED_MAX));
  expect(decode(roomStandShape, encode(roomStandShape, under))).toEqual({ ok: true, value: under });
  expect(decode(roomStandShape, encode(roomStandShape, full))).toEqual({ ok: true, value: full });
  const over = stand(ids(ROOM_MISSED_ASKED_MAX + 1));
  expect(decode(roomStandShape, encode(roomStandShape, over)).ok).toBe(false);
});

test("[RM26] of two devices exactly one has been in the room for longer", () => {
  const device = (sinceEpoch: number, account: number, addedSeq: number, id: number): StandingDevice => ({
    member: { sinceEpoch, accountId: idFromBytes("account", filled(account)) },
    device: { addedSeq, id: idFromBytes("device", filled(id, 16)) },
  });
  const inOrder = [
    device(0, 9, 9, 9),
    device(1, 1, 9, 9),
    device(1, 2, 1, 9),
    device(1, 2, 2, 1),
    device(1, 2, 2, 2),
  ];
  for (const [index, one] of inOrder.entries())
    for (const [at, other] of inOrder.entries()) expect(isSenior(one, other)).toBe(index < at);
});
