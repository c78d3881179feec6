/**
 * Links of a sigchain as they travel: `[body, [[signer, signature] …]]`, with the body as a byte string.
 *
 * body = canonical CBOR `[version, accountId, seq, prevHash, timeMs, type, payload, signerId]`. Signatures and hashes
 * run over the received bytes of the body. Decoding says only that the form is right; `reduceLink` says what holds.
 * Rules SC1-SC5. Holds no secret: the server imports it.
 */
import type { Bytes } from "../base/bytes.ts";
import { type AccountId, type DeviceId, idFromBytes, type LinkHash, type SignerId } from "../base/ids.ts";
import { ACTIVE_DEVICES_MAX, LINK_BYTES_MAX, SERVER_ORIGIN_CHARS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { type CborValue, decodeCbor } from "../codec/cbor.ts";
import {
  bytes,
  type DecodeError,
  decode,
  embedded,
  encode,
  id,
  integer,
  list,
  type MalformedShape,
  nullable,
  type Shape,
  type ShapeOf,
  struct,
  text,
  variants,
} from "../codec/shape.ts";
import { HASH_BYTES, hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import { SIGN_PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from "../crypto/verify.ts";

export const LINK_VERSION = 1;
/** `XWING_PUBLIC_KEY_BYTES`; repeated because what knows X-Wing holds secrets and the server must not import it. */
export const KEM_PUBLIC_KEY_BYTES = 1_216;
export const AGREEMENT_PUBLIC_KEY_BYTES = 32;
const SIGNATURES_PER_LINK_MAX = 2;

/** Public keys of a device. Its id follows from `signKey`; its name is in the settings document, not here. */
export const deviceRecordShape = struct({
  signKey: bytes(SIGN_PUBLIC_KEY_BYTES),
  agreementKey: bytes(AGREEMENT_PUBLIC_KEY_BYTES),
  kemKey: bytes(KEM_PUBLIC_KEY_BYTES),
  mlsKey: bytes(SIGN_PUBLIC_KEY_BYTES),
});
export type DeviceRecord = ShapeOf<typeof deviceRecordShape>;

/** Public half of the recovery key. */
export const recoveryRecordShape = struct({
  signKey: bytes(SIGN_PUBLIC_KEY_BYTES),
  kemKey: bytes(KEM_PUBLIC_KEY_BYTES),
});
export type RecoveryRecord = ShapeOf<typeof recoveryRecordShape>;

/** What a link fixes about an epoch: `commit` = H(ES_e), the hash of its boxes, and the key first contacts seal to. */
export const epochRecordShape = struct({
  number: integer(1),
  commit: bytes(HASH_BYTES),
  boxesHash: bytes(HASH_BYTES),
  requestKey: bytes(KEM_PUBLIC_KEY_BYTES),
});
export type EpochRecord = ShapeOf<typeof epochRecordShape>;

/** Where an account's logs live. */
export const serviceRecordShape = struct({ origin: text(SERVER_ORIGIN_CHARS_MAX), requestLogId: id("log") });
export type ServiceRecord = ShapeOf<typeof serviceRecordShape>;

/** Hiding commitment to the account log's head when a device was revoked; opened in the epoch's boxes. */
const cutCommitment = bytes(HASH_BYTES);

/** What a link does. Lists of devices are strictly ascending, so one set has one form. */
export const linkPayloadShape = variants({
  genesis: [
    1,
    {
      device: deviceRecordShape,
      recovery: recoveryRecordShape,
      epoch: epochRecordShape,
      service: nullable(serviceRecordShape),
    },
  ],
  "device-add": [
    2,
    {
      device: deviceRecordShape,
      replaces: nullable(struct({ deviceId: id("device"), cut: cutCommitment, epoch: epochRecordShape })),
    },
  ],
  revoke: [
    3,
    { deviceIds: list(id("device"), ACTIVE_DEVICES_MAX, 1), cut: cutCommitment, epoch: epochRecordShape },
  ],
  rotate: [4, { epoch: epochRecordShape }],
  "device-update": [5, { kemKey: bytes(KEM_PUBLIC_KEY_BYTES) }],
  "recovery-change": [6, { recovery: recoveryRecordShape, epoch: epochRecordShape }],
  recover: [
    7,
    {
      recoveringId: id("device"),
      device: nullable(deviceRecordShape),
      survivorIds: list(id("device"), ACTIVE_DEVICES_MAX),
      cut: cutCommitment,
      epoch: epochRecordShape,
    },
  ],
  service: [8, { service: serviceRecordShape }],
});
export type LinkPayload = ShapeOf<typeof linkPayloadShape>;
export type LinkType = LinkPayload["type"];

/** The signed part of a link. `accountId` and `prevHash` are null in a genesis only. `timeMs` decides nothing. */
export interface LinkBody {
  readonly accountId: AccountId | null;
  readonly seq: number;
  readonly prevHash: LinkHash | null;
  readonly timeMs: number;
  readonly payload: LinkPayload;
  readonly signerId: SignerId;
}

const headFields = struct({
  accountId: nullable(id("account")),
  seq: integer(1),
  prevHash: nullable(id("link")),
  timeMs: integer(0),
});

/** `[version, accountId, seq, prevHash, timeMs, type, payload, signerId]`. */
export const linkBodyShape: Shape<LinkBody> = {
  print: `[${LINK_VERSION},...${headFields.print},...${linkPayloadShape.print},signerId:${id("signer").print}]`,
  toCbor(body) {
    const [type, ...fields] = linkPayloadShape.toCbor(body.payload) as readonly CborValue[];
    const head = headFields.toCbor(body) as readonly CborValue[];
    return [LINK_VERSION, ...head, type as CborValue, fields, id("signer").toCbor(body.signerId)];
  },
  fromCbor(value): Result<LinkBody, MalformedShape> {
    if (!isArray(value) || value.length !== 8 || value[0] !== LINK_VERSION)
      return malformed("", "a link body");
    const fields = value[6] as CborValue;
    if (!isArray(fields)) return malformed("payload", "an array");
    const head = headFields.fromCbor(value.slice(1, 5));
    if (!head.ok) return head;
    const payload = linkPayloadShape.fromCbor([value[5] as CborValue, ...fields]);
    if (!payload.ok) return payload;
    const signerId = id("signer").fromCbor(value[7] as CborValue);
    if (!signerId.ok) return signerId;
    return ok({ ...head.value, payload: payload.value, signerId: signerId.value });
  },
};

/** One signature and who it claims to be from. */
export const linkSignatureShape = struct({ signerId: id("signer"), signature: bytes(SIGNATURE_BYTES) });
export type LinkSignature = ShapeOf<typeof linkSignatureShape>;

export const signedLinkShape = struct({
  body: embedded(LINK_BYTES_MAX),
  signatures: list(linkSignatureShape, SIGNATURES_PER_LINK_MAX, 1),
});

/** A link whose form is right and of which nothing else is known. */
export interface ParsedLink {
  readonly hash: LinkHash;
  /** As received. */
  readonly bodyBytes: Bytes;
  readonly body: LinkBody;
  readonly signatures: readonly LinkSignature[];
}

export type LinkFormError =
  | { readonly type: "LinkTooLarge"; readonly bytes: number; readonly bytesMax: number }
  /** Made by a newer program: this one must not guess what it means. */
  | { readonly type: "UnsupportedLinkVersion"; readonly version: number }
  | { readonly type: "MalformedLink"; readonly cause: DecodeError };

/** Reads the form of a link. - Limits: `LINK_BYTES_MAX`. */
export function parseLink(link: Bytes): Result<ParsedLink, LinkFormError> {
  // SC5
  if (link.length > LINK_BYTES_MAX) {
    return err({ type: "LinkTooLarge", bytes: link.length, bytesMax: LINK_BYTES_MAX });
  }
  const signed = decode(signedLinkShape, link); // SC4
  if (!signed.ok) return err({ type: "MalformedLink", cause: signed.error });
  const body = parseLinkBody(signed.value.body);
  if (!body.ok) return body;
  return ok({
    hash: linkHash(signed.value.body),
    bodyBytes: signed.value.body,
    body: body.value,
    signatures: signed.value.signatures,
  });
}

/** Reads the form of a body that is not signed yet, such as one proposed while linking. */
export function parseLinkBody(bodyBytes: Bytes): Result<LinkBody, LinkFormError> {
  const value = decodeCbor(bodyBytes);
  if (!value.ok) return err({ type: "MalformedLink", cause: value.error });
  const version = isArray(value.value) ? value.value[0] : undefined;
  if (typeof version === "number" && version !== LINK_VERSION) {
    return err({ type: "UnsupportedLinkVersion", version });
  }
  const body = linkBodyShape.fromCbor(value.value);
  return body.ok ? body : err({ type: "MalformedLink", cause: body.error });
}

/** Bytes of a link from its body and signatures, signer first. */
export function encodeLink(body: Bytes, signatures: readonly LinkSignature[]): Bytes {
  return encode(signedLinkShape, { body, signatures });
}

/** Hash of a body; that of the genesis is the account id (SC2). */
export function linkHash(bodyBytes: Bytes): LinkHash {
  return idFromBytes("link", hash(LABEL.linkHash, bodyBytes));
}

/** The account that begins with the genesis of this hash. */
export function accountIdOf(genesisHash: LinkHash): AccountId {
  return genesisHash as string as AccountId;
}

/** Id of the device with this signing key (SC3). */
export function deviceIdOf(signKey: Bytes): DeviceId {
  return idFromBytes("device", hash(LABEL.deviceId, signKey).subarray(0, 16));
}

/** A device as signer. */
export function deviceSigner(deviceId: DeviceId): SignerId {
  return deviceId as string as SignerId;
}

/** Id of the recovery key with this signing key (SC3). */
export function recoveryIdOf(signKey: Bytes): SignerId {
  return idFromBytes("signer", hash(LABEL.recoveryId, signKey).subarray(0, 16));
}

/** The epoch a link starts, or null. */
export function epochOf(payload: LinkPayload): EpochRecord | null {
  switch (payload.type) {
    case "device-add":
      return payload.replaces?.epoch ?? null;
    case "device-update":
    case "service":
      return null;
    default:
      return payload.epoch;
  }
}

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function malformed(path: string, expected: string): Result<never, MalformedShape> {
  return err({ type: "MalformedShape", path, expected });
}
