/** Stored form of a session set: `[version, sessions, rememberedStarts]`, canonical CBOR, in the device's own store. */
import type { Bytes } from "../base/bytes.ts";
import { REMEMBERED_STARTS_MAX, SESSIONS_PER_DEVICE_PAIR_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import { bytes, type DecodeError, decode, encode, id, list, literal, struct } from "../codec/shape.ts";
import { sessionShape } from "./session.ts";
import type { SessionSet } from "./session-set.ts";
import { SESSION_ID_BYTES } from "./session-start.ts";

const STORED_VERSION = 1;

/** The stored form, for the pinned hash of all structures. */
export const sessionSetShape = struct({
  version: literal(STORED_VERSION),
  sessions: list(sessionShape, SESSIONS_PER_DEVICE_PAIR_MAX, 1),
  rememberedStarts: list(
    struct({ sessionId: bytes(SESSION_ID_BYTES), lastResortId: id("preKey") }),
    REMEMBERED_STARTS_MAX,
  ),
});

/** Bytes for the device's own store. They hold every secret of the sessions. */
export function encodeSessionSet(set: SessionSet): Bytes {
  return encode(sessionSetShape, { version: STORED_VERSION, ...set });
}

/** Reads `encodeSessionSet`'s output. The state owns its bytes: wiping its secrets leaves `stored` as it is. */
export function decodeSessionSet(stored: Bytes): Result<SessionSet, DecodeError> {
  const decoded = decode(sessionSetShape, stored);
  if (!decoded.ok) return decoded;
  const { sessions, rememberedStarts } = decoded.value;
  return ok({ sessions, rememberedStarts });
}
