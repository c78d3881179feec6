/** How much the server keeps for an account. What an operator sets; the first values are in limits.ts. Rule LG11. */
import type { LogKind } from "@dovetail/core/protocol/client-frame.ts";
import {
  ACCOUNT_BYTES_MAX,
  BLOBS_PER_ACCOUNT_BYTES_MAX,
  ENTRIES_MAX_BY_KIND,
  LOG_BYTES_MAX_BY_KIND,
} from "../limits.ts";

export interface LogQuota {
  readonly bytesMax: number;
  readonly entriesMax: number;
}

export interface Quotas {
  /** All logs of an account together. */
  readonly accountBytesMax: number;
  /** Blobs of an account, which its snapshots name. */
  readonly blobBytesMax: number;
  /** One log of each kind. */
  readonly byKind: Readonly<Record<LogKind, LogQuota>>;
}

/** Quotas of a server that was told none. */
export const FIRST_QUOTAS: Quotas = {
  accountBytesMax: ACCOUNT_BYTES_MAX,
  blobBytesMax: BLOBS_PER_ACCOUNT_BYTES_MAX,
  byKind: {
    account: { bytesMax: LOG_BYTES_MAX_BY_KIND.account, entriesMax: ENTRIES_MAX_BY_KIND.account },
    inbound: { bytesMax: LOG_BYTES_MAX_BY_KIND.inbound, entriesMax: ENTRIES_MAX_BY_KIND.inbound },
    request: { bytesMax: LOG_BYTES_MAX_BY_KIND.request, entriesMax: ENTRIES_MAX_BY_KIND.request },
    room: { bytesMax: LOG_BYTES_MAX_BY_KIND.room, entriesMax: ENTRIES_MAX_BY_KIND.room },
  },
};
