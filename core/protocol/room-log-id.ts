/**
 * The id of a room's log names the account that founds the room: half of it is random, half says whose it is. So nobody else takes the
 * id of a log that its server has lost. Rule LG22.
 */
import { type Bytes, concatBytes, equalBytes } from "../base/bytes.ts";
import { type AccountId, idBytes, idFromBytes, type LogId } from "../base/ids.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";

/** Bytes of either half. */
export const ROOM_LOG_SALT_BYTES = 16;

/** The id of a new room's log. `salt` is random. */
export function roomLogId(accountId: AccountId, salt: Bytes): LogId {
  return idFromBytes("log", concatBytes(salt, ownerPart(accountId, salt)));
}

/** LG22: whether a room's log with this id is this account's to create. */
export function isRoomLogOf(logId: LogId, accountId: AccountId): boolean {
  const bytes = idBytes(logId);
  const salt = bytes.slice(0, ROOM_LOG_SALT_BYTES);
  return equalBytes(bytes.slice(ROOM_LOG_SALT_BYTES), ownerPart(accountId, salt));
}

/**
 * The id of a log that its append key names, in place of an account: who comes back to it by what makes that key knows no account
 * yet. Rule EP23.
 */
export function keyLogId(appendKey: Bytes, salt: Bytes): LogId {
  return idFromBytes("log", concatBytes(salt, keyPart(appendKey, salt)));
}

/** LG22: whether a log with this id is for who has this append key to create. */
export function isLogOfKey(logId: LogId, appendKey: Bytes): boolean {
  const bytes = idBytes(logId);
  const salt = bytes.slice(0, ROOM_LOG_SALT_BYTES);
  return equalBytes(bytes.slice(ROOM_LOG_SALT_BYTES), keyPart(appendKey, salt));
}

function ownerPart(accountId: AccountId, salt: Bytes): Bytes {
  return hash(LABEL.roomLogOwner, idBytes(accountId), salt).slice(0, ROOM_LOG_SALT_BYTES);
}

function keyPart(appendKey: Bytes, salt: Bytes): Bytes {
  return hash(LABEL.keyLogOwner, appendKey, salt).slice(0, ROOM_LOG_SALT_BYTES);
}
