/**
 * A verified chain as bytes, so that a server row or a client's store need not verify every link again at each start.
 *
 * For storage that is trusted as much as the program itself: decoding checks the form, not the signatures. What comes
 * from anywhere else goes through `verifyChain`.
 */
import type { Bytes } from "../base/bytes.ts";
import { fromHex, toHex } from "../base/bytes.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { parseServerOrigin } from "../base/server-origin.ts";
import {
  bytes,
  type DecodeError,
  decode,
  encode,
  id,
  integer,
  list,
  literal,
  nullable,
  oneOf,
  struct,
  text,
} from "../codec/shape.ts";
import { HASH_BYTES } from "../crypto/hash.ts";
import { SIGN_PUBLIC_KEY_BYTES } from "../crypto/verify.ts";
import type { ChainState } from "./chain-state.ts";
import { AGREEMENT_PUBLIC_KEY_BYTES, KEM_PUBLIC_KEY_BYTES } from "./link.ts";

const KEY_ID_BYTES = 16;
/** No limit of the protocol: only what one stored value may hold. */
const ITEMS_MAX = 1_000_000;
const seq = integer(1);
const device = struct({
  id: id("device"),
  signKey: bytes(SIGN_PUBLIC_KEY_BYTES),
  agreementKey: bytes(AGREEMENT_PUBLIC_KEY_BYTES),
  kemKey: bytes(KEM_PUBLIC_KEY_BYTES),
  mlsKey: bytes(SIGN_PUBLIC_KEY_BYTES),
  arrival: oneOf("genesis", "added", "recovered"),
  addedBy: id("signer"),
  addedSeq: seq,
  kemKeySeq: seq,
  revokedSeq: nullable(seq),
});
const epoch = struct({
  number: integer(1),
  commit: bytes(HASH_BYTES),
  boxesHash: bytes(HASH_BYTES),
  requestKey: bytes(KEM_PUBLIC_KEY_BYTES),
  seq,
});
const recovery = struct({
  id: id("signer"),
  signKey: bytes(SIGN_PUBLIC_KEY_BYTES),
  kemKey: bytes(KEM_PUBLIC_KEY_BYTES),
  seq,
});
const service = struct({ origin: text(SERVER_ORIGIN_CHARS_MAX), requestLogId: id("log"), seq });
const cut = struct({
  seq,
  epoch: integer(1),
  deviceIds: list(id("device"), ITEMS_MAX),
  commitment: bytes(HASH_BYTES),
});
const stateShape = struct({
  version: literal(1),
  accountId: id("account"),
  seq,
  head: id("link"),
  hashes: list(id("link"), ITEMS_MAX, 1),
  devices: list(device, ITEMS_MAX, 1),
  epochs: list(epoch, ITEMS_MAX, 1),
  recoveries: list(recovery, ITEMS_MAX, 1),
  service: nullable(service),
  cuts: list(cut, ITEMS_MAX),
  recoverSeqs: list(seq, ITEMS_MAX),
  usedKeyIds: list(bytes(KEY_ID_BYTES), ITEMS_MAX),
});

/** Bytes of `state` for a trusted store. */
export function encodeChainState(state: ChainState): Bytes {
  const { devicesById, usedKeyIds, ...rest } = state;
  return encode(stateShape, {
    ...rest,
    version: 1,
    devices: [...devicesById.values()],
    usedKeyIds: [...usedKeyIds].map(fromHex),
  });
}

export type StoredChainError = DecodeError | { readonly type: "InconsistentChainState" };

/** State from a trusted store. - Fails: `DecodeError`; `InconsistentChainState` when its parts do not fit together. */
export function decodeChainState(stored: Bytes): Result<ChainState, StoredChainError> {
  const decoded = decode(stateShape, stored);
  if (!decoded.ok) return decoded;
  const { version: _, devices, usedKeyIds, service: home, ...rest } = decoded.value;
  const inconsistent = err<StoredChainError>({ type: "InconsistentChainState" });
  if (rest.hashes.length !== rest.seq || rest.hashes.at(-1) !== rest.head) return inconsistent;
  if (rest.epochs.some((entry, index) => entry.number !== index + 1)) return inconsistent;
  const origin = home === null ? null : parseServerOrigin(home.origin);
  if (origin !== null && !origin.ok) return inconsistent;
  return ok({
    ...rest,
    service: home === null || origin === null ? null : { ...home, origin: origin.value },
    devicesById: new Map(devices.map((entry) => [entry.id, entry])),
    usedKeyIds: new Set(usedKeyIds.map(toHex)),
  });
}
