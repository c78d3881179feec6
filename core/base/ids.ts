/**
 * Identifiers: hash values and random numbers, kept in memory as lower-case hex and on the wire as bytes.
 *
 * As text they serve as map keys and compare by value; `idBytes` and `parseId` convert at the edge.
 */
import { assert } from "./assert.ts";
import type { Brand } from "./brand.ts";
import { type Bytes, fromHex, toHex } from "./bytes.ts";
import { err, ok, type Result } from "./result.ts";

/** Hash of the first link of a sigchain, 32 bytes. */
export type AccountId = Brand<string, "AccountId">;
/** First 16 bytes of the hash of a device's signing key. */
export type DeviceId = Brand<string, "DeviceId">;
/** A sealed log, 32 bytes. */
export type LogId = Brand<string, "LogId">;
/** Hash of an entry of a sealed log, 32 bytes. */
export type EntryId = Brand<string, "EntryId">;
/** Pseudonym of a writer within one log, 16 bytes. */
export type WriterTag = Brand<string, "WriterTag">;
/** Hash of an op, 32 bytes. */
export type OpId = Brand<string, "OpId">;
/** A conversation, 32 bytes. */
export type ConversationId = Brand<string, "ConversationId">;
/** An Automerge document, 16 bytes. */
export type DocumentId = Brand<string, "DocumentId">;
/** Hash of a sigchain link, 32 bytes. */
export type LinkHash = Brand<string, "LinkHash">;
/** Who signed a sigchain link: a device by its `DeviceId`, or a recovery key by the hash of its signing key; 16 bytes. */
export type SignerId = Brand<string, "SignerId">;
/** A slot where two devices meet while linking, 16 bytes. */
export type RendezvousId = Brand<string, "RendezvousId">;
/** A prekey of a device, 8 bytes. */
export type PreKeyId = Brand<string, "PreKeyId">;
/** Hash of a stored ciphertext, 32 bytes. */
export type BlobId = Brand<string, "BlobId">;
/** Hash of a snapshot's manifest as it was installed, 32 bytes. */
export type SnapshotId = Brand<string, "SnapshotId">;

interface IdByKind {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly log: LogId;
  readonly entry: EntryId;
  readonly writerTag: WriterTag;
  readonly op: OpId;
  readonly conversation: ConversationId;
  readonly document: DocumentId;
  readonly link: LinkHash;
  readonly signer: SignerId;
  readonly rendezvous: RendezvousId;
  readonly preKey: PreKeyId;
  readonly blob: BlobId;
  readonly snapshot: SnapshotId;
}

export type IdKind = keyof IdByKind;
export type Id<K extends IdKind> = IdByKind[K];

/** Length in bytes of each kind of id. */
export const ID_BYTES: { readonly [K in IdKind]: number } = {
  account: 32,
  device: 16,
  log: 32,
  entry: 32,
  writerTag: 16,
  op: 32,
  conversation: 32,
  document: 16,
  link: 32,
  signer: 16,
  rendezvous: 16,
  preKey: 8,
  blob: 32,
  snapshot: 32,
};

export interface MalformedId {
  readonly type: "MalformedId";
  readonly kind: IdKind;
}

/** Id from bytes that our own code made or a codec has measured. */
export function idFromBytes<K extends IdKind>(kind: K, bytes: Bytes): Id<K> {
  assert(bytes.length === ID_BYTES[kind], `an id of kind ${kind} has ${ID_BYTES[kind]} bytes`);
  return toHex(bytes) as string as Id<K>;
}

/** Id from text a person or a peer gave. */
export function parseId<K extends IdKind>(kind: K, text: string): Result<Id<K>, MalformedId> {
  if (text.length !== 2 * ID_BYTES[kind] || !/^[0-9a-f]+$/.test(text))
    return err({ type: "MalformedId", kind });
  return ok(text as Id<K>);
}

/** The bytes behind an id. */
export function idBytes(id: Id<IdKind>): Bytes {
  return fromHex(id);
}
