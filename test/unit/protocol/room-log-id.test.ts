/** Whose a room's log is, by its id. Rule LG22. */
import { beforeAll, expect, test } from "vitest";
import { idBytes, idFromBytes } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  isLogOfKey,
  isRoomLogOf,
  keyLogId,
  ROOM_LOG_SALT_BYTES,
  roomLogId,
} from "../../../core/protocol/room-log-id.ts";

beforeAll(cryptoReady);

const accountOf = (byte: number) => idFromBytes("account", new Uint8Array(32).fill(byte));
const salt = new Uint8Array(ROOM_LOG_SALT_BYTES).fill(3);

test("[LG22] the id of a room's log is one account's, and no bit of it can be another", () => {
  const logId = roomLogId(accountOf(1), salt);
  expect(logId).toMatchInlineSnapshot(`"03030303030303030303030303030303bc772a4360547506177ce6520cf21415"`);
  expect(isRoomLogOf(logId, accountOf(1))).toBe(true);
  expect(isRoomLogOf(logId, accountOf(2))).toBe(false);
  for (const at of idBytes(logId).keys()) {
    const bent = idBytes(logId).slice();
    bent[at] = (bent[at] ?? 0) ^ 1;
    expect(isRoomLogOf(idFromBytes("log", bent), accountOf(1))).toBe(false);
  }
});

test("[LG22] [EP23] an id that an append key names is that key's and no account's, and no bit of it can be another", () => {
  const key = new Uint8Array(32).fill(1);
  const logId = keyLogId(key, salt);
  expect(logId).toMatchInlineSnapshot(`"03030303030303030303030303030303e4c486695ad1ceb59f5b1f3f3817bcde"`);
  expect(isLogOfKey(logId, key)).toBe(true);
  expect(isLogOfKey(logId, key.slice().fill(2))).toBe(false);
  // The same bytes as an account's id: the two say so under labels of their own.
  expect(isRoomLogOf(logId, accountOf(1))).toBe(false);
  expect(isLogOfKey(roomLogId(accountOf(1), salt), key)).toBe(false);
  for (const at of idBytes(logId).keys()) {
    const bent = idBytes(logId).slice();
    bent[at] = (bent[at] ?? 0) ^ 1;
    expect(isLogOfKey(idFromBytes("log", bent), key)).toBe(false);
  }
});
