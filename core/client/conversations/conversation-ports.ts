/** What conversations tell, what they ask about what is deleted, and how an own op is written: what they share with their parts. */
import type { AccountId, ConversationId, LogId, OpId } from "../../base/ids.ts";
import type { Result } from "../../base/result.ts";
import type { BucketName, BucketPlace } from "../../log/document-name.ts";
import type { NamedOp, Op, Redacted } from "../../messenger/op.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { ClientError } from "../client-error.ts";

export interface ConversationEvents {
  onMessages(ops: readonly NamedOp[]): void;
  onRequest(accountId: AccountId): void;
  onDelivered(conversationId: ConversationId): void;
  onStateChanged(): void;
  /** Shared documents have changed. */
  onShared(): void;
  /** Something waits to be sent to this contact. */
  onOutgoing(contact: AccountId): void;
  onRoomOutgoing(roomId: ConversationId): void;
  /** Somebody has let this account into a room, or asks to come into one. */
  onInvitation(): void;
  /** Everything up to a seq of this log is in the account log. */
  onAckable(logId: LogId): void;
}

/** What becomes of what is deleted. */
export interface Deleting {
  /** The present bucket of a place. */
  bucketOf(place: BucketPlace): BucketName;
  /** The deletions document has changed. */
  noticed(): Promise<Result<void, ClientError>>;
  /** What is stored with a redaction, so that its buckets are written anew whatever is refused behind it. */
  redaction(targets: readonly Redacted[]): RowsStep;
  /** Authors have taken messages back, and that is stored with what `redaction` gives. What fails is tried again. */
  redacted(targets: readonly Redacted[], isOwn: boolean): Promise<Result<void, ClientError>>;
  /** A bucket holds something that is deleted. */
  revisit(place: BucketPlace): void;
  /** A bucket holds something whose time is over. */
  later(place: BucketPlace): Promise<Result<void, ClientError>>;
  /** The groups document has changed, and with it what goes when. */
  limited(): Promise<Result<void, ClientError>>;
  /** A bucket was read. */
  loaded(name: BucketName): void;
}

/** Whom an op is for: a contact, or with no account a room. */
export interface Correspondent {
  readonly accountId: AccountId | null;
  readonly conversationId: ConversationId;
  /** How long what is written there stays; for ever without. */
  readonly lifetimeMs?: number | null;
  /** The author's proof of what is written there, where others hand it on. RM41 */
  readonly prove?: ((op: Op) => Uint8Array) | null;
}

export interface WriteOptions {
  readonly storeWith?: StoreWith;
  /** The op it is about. */
  readonly target?: OpId | null;
  /** When it goes by itself. */
  readonly expire?: number | null;
  /** Payload of a message to a contact that is stored in the same act, right after it. */
  readonly message?: Uint8Array | null;
}

/** Stores rows together with something of the caller's. */
export type StoreWith = (writes: readonly WriteOp[]) => Promise<Result<void, ClientError>>;

/** Writes an op of this device and queues it for the correspondent, in one transaction; `storeWith` may add to it. */
export type WriteOwnOp = (
  to: Correspondent,
  kind: number,
  payload: Uint8Array,
  options?: WriteOptions,
) => Promise<Result<NamedOp, ClientError>>;
