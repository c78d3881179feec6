/**
 * Port: what only the operator of a server asks of its store. Same promises as `LogStore`. Rules DI14-DI17.
 *
 * Nothing here says who is who: an invitation does not remember who used it, and figures are sums.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId } from "@dovetail/core/base/ids.ts";
import type { Result } from "@dovetail/core/base/result.ts";
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import type { Refusal } from "./refusal.ts";

export interface NewInvitation {
  readonly hash: Bytes;
  readonly usesMax: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

export interface InvitationRecord {
  readonly number: number;
  readonly usesLeft: number;
  readonly usesMax: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** Whether a registration may come: anybody's, or the holder's of an invitation. */
export type RegistrationAdmission =
  | { readonly type: "open" }
  | { readonly type: "invitation"; readonly hash: Bytes; readonly nowMs: number };

export interface StoreFigures {
  readonly accounts: number;
  readonly logs: readonly {
    readonly kind: LogKind;
    readonly logs: number;
    readonly entries: number;
    readonly bytes: number;
  }[];
  readonly blobBytes: number;
  /** Bytes of the logs of the largest account. */
  readonly largestAccountBytes: number;
  readonly databaseBytes: number;
  /** Of those, what is free for new entries. */
  readonly freeBytes: number;
  /** Logs of deleted accounts that are still being erased. */
  readonly erasures: number;
}

export interface OperatorStore {
  /** Gives the number by which it is listed and revoked. */
  addInvitation(invitation: NewInvitation): Promise<Result<number, Refusal>>;
  /** Those that still let somebody in at `nowMs`; others are forgotten. */
  listInvitations(nowMs: number): Promise<Result<readonly InvitationRecord[], Refusal>>;
  /** False when there is none of this number. */
  revokeInvitation(number: number): Promise<Result<boolean, Refusal>>;
  /** Tells whether the account was here and was deleted. */
  isDeleted(accountId: AccountId): Promise<Result<boolean, Refusal>>;
  /** Resolves when everything of deleted accounts is erased, or the store closes. */
  erased(): Promise<Result<void, Refusal>>;
  /** Lets a handle of a deleted account be registered again. False when it is none. */
  releaseHandle(handle: string): Promise<Result<boolean, Refusal>>;
  figures(): Promise<Result<StoreFigures, Refusal>>;
  /** Copies everything into a new file, also while others write. - Fails: `storage-full`, `internal`. */
  backup(path: string): Promise<Result<void, Refusal>>;
  /** What changes from moment to moment. */
  load(): { readonly queueDepth: number; readonly databaseBytes: number };
  /** Writes and commits something. - Fails: as any write does. */
  probe(nowMs: number): Promise<Result<void, Refusal>>;
}
