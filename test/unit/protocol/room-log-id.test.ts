/** Whose a room's log is, by its id. Rule LG22. */
import { beforeAll, expect, test } from "vitest";
import { idBytes, idFromBytes } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { isRoomLogOf, ROOM_LOG_SALT_BYTES, roomLogId } from "../../../core/protocol/room-log-id.ts";

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
