/**
 * Bodies of the HTTP requests, canonical CBOR both ways. None of them is signed in: links and prekeys carry their own
 * signatures, and what is asked about other accounts is asked without saying who asks. Rules DI1-DI9.
 *
 * | request | body | answer |
 * |---|---|---|
 * | `GET /v1/server` | | `serverInfo` |
 * | `POST /v1/accounts` | `register` | `done` |
 * | `GET /v1/accounts/{accountId}/chain?after={seq}` | | `chainPage` |
 * | `POST /v1/accounts/{accountId}/links` | `appendLink` | `done` |
 * | `POST /v1/accounts/{accountId}/staged-links` | `stageLink` | `staged` |
 * | `POST /v1/accounts/{accountId}/prekeys` | `claimPreKeys` | `claimedPreKeys` |
 * | `POST /v1/accounts/{accountId}/key-packages` | `claimPreKeys` | `claimedKeyPackages` |
 * | `GET /v1/handles/{handle}` | | `handleAnswer`, of constant length |
 * | `PUT /v1/rendezvous/{rendezvousId}` | `rendezvousPut` | `rendezvousState` |
 * | `GET /v1/rendezvous/{rendezvousId}?after={version}` | | `rendezvousState`, waits up to 20 s for a newer version |
 *
 * A refusal is status 4xx or 5xx with `httpFailure`.
 */
import {
  ACTIVE_DEVICES_MAX,
  CHAIN_PAGE_LINKS_MAX,
  HANDLE_CHARS_MAX,
  KEY_PACKAGE_BYTES_MAX,
  LINK_BYTES_MAX,
  RENDEZVOUS_BYTES_MAX,
} from "../base/limits.ts";
import { bytes, flag, id, integer, list, nullable, type ShapeOf, struct, text } from "../codec/shape.ts";
import { SERVER_ORIGIN_CHARS_MAX } from "../base/limits.ts";
import { PREKEY_BYTES_MAX } from "./client-frame.ts";
import { failureCodeShape } from "./failure.ts";
import { BOXES_BYTES_MAX } from "./server-frame.ts";

export const RENDEZVOUS_WAIT_MS = 20_000;
export const INVITATION_BYTES_MAX = 64;
export const BOX_BYTES_MAX = 4_096;

/** How many leading zero bits admission by work needs (`LABEL.powStamp`). */
const workBits = integer(0, 40);

export const serverInfoShape = struct({
  versionMin: integer(1, 255),
  versionMax: integer(1, 255),
  origin: text(SERVER_ORIGIN_CHARS_MAX),
  isRegistrationOpen: flag,
  admissionWorkBits: workBits,
});
export type ServerInfo = ShapeOf<typeof serverInfoShape>;

export const registerShape = struct({
  genesis: bytes(1, LINK_BYTES_MAX),
  boxes: bytes(1, BOXES_BYTES_MAX),
  handle: nullable(text(HANDLE_CHARS_MAX)),
  invitation: nullable(text(INVITATION_BYTES_MAX)),
  /** The last link of a chain that was here, or elsewhere, before: nothing of it is shown until that is there (IN6). Null for a new account. */
  restores: nullable(id("link")),
});
export type Register = ShapeOf<typeof registerShape>;

/** What a link comes with: `boxes` with a link that starts an epoch; `box` (of the current epoch, for the new device) with a device-add that does not. */
const linkFields = {
  link: bytes(1, LINK_BYTES_MAX),
  boxes: nullable(bytes(1, BOXES_BYTES_MAX)),
  box: nullable(bytes(1, BOX_BYTES_MAX)),
};
export const appendLinkShape = struct(linkFields);
export type AppendLink = ShapeOf<typeof appendLinkShape>;

/** A link of a chain that is put back, with what came with it; `head` is the chain's last one. */
export const stageLinkShape = struct({ head: id("link"), ...linkFields });
export type StageLink = ShapeOf<typeof stageLinkShape>;

/** How far the chain that is put back is there. */
export const stagedShape = struct({ seq: integer(1) });
export type Staged = ShapeOf<typeof stagedShape>;

export const doneShape = struct({ isDone: flag });

export const chainPageShape = struct({
  links: list(bytes(1, LINK_BYTES_MAX), CHAIN_PAGE_LINKS_MAX),
  headSeq: integer(0),
});
export type ChainPage = ShapeOf<typeof chainPageShape>;

/** Claims prekeys of the named devices, or of all active ones for null. */
export const claimPreKeysShape = struct({ devices: nullable(list(id("device"), ACTIVE_DEVICES_MAX)) });
export type ClaimPreKeys = ShapeOf<typeof claimPreKeysShape>;

const preKey = bytes(1, PREKEY_BYTES_MAX);
export const claimedPreKeysShape = struct({
  bundles: list(
    struct({
      deviceId: id("device"),
      signed: preKey,
      oneTime: nullable(preKey),
      lastResort: nullable(preKey),
    }),
    ACTIVE_DEVICES_MAX,
  ),
});
export type ClaimedPreKeys = ShapeOf<typeof claimedPreKeysShape>;

/** One of each device that has any. */
export const claimedKeyPackagesShape = struct({
  keyPackages: list(
    struct({ deviceId: id("device"), keyPackage: bytes(1, KEY_PACKAGE_BYTES_MAX), isLastResort: flag }),
    ACTIVE_DEVICES_MAX,
  ),
});
export type ClaimedKeyPackages = ShapeOf<typeof claimedKeyPackagesShape>;

/** For an unknown handle the account id is 32 random bytes and `isFound` false: same status, same length. */
export const handleAnswerShape = struct({ isFound: flag, accountId: id("account") });
export type HandleAnswer = ShapeOf<typeof handleAnswerShape>;

/** `expectedVersion` 0 creates the slot. */
export const rendezvousPutShape = struct({
  expectedVersion: integer(0, 255),
  message: bytes(1, RENDEZVOUS_BYTES_MAX),
});
export type RendezvousPut = ShapeOf<typeof rendezvousPutShape>;

export const rendezvousStateShape = struct({
  version: integer(0, 255),
  message: nullable(bytes(1, RENDEZVOUS_BYTES_MAX)),
});
export type RendezvousState = ShapeOf<typeof rendezvousStateShape>;

export const httpFailureShape = struct({ code: failureCodeShape, retryAfterMs: nullable(integer(0)) });
export type HttpFailure = ShapeOf<typeof httpFailureShape>;
