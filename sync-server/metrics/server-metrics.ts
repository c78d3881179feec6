/** Port: what a server counts of its own work. Numbers and fixed words; nothing here takes an id, a name or an address. */
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { AppendResult } from "@dovetail/core/protocol/server-frame.ts";
import type { RateName } from "../limits.ts";

/** How a connection signed in. */
export type SignInMeans = "signature" | "resume" | "recovery";

export interface ServerMetrics {
  connectionOpened(): void;
  connectionClosed(): void;
  /** An upgrade that was refused before there was a connection. */
  upgradeRefused(status: string): void;
  signedIn(means: SignInMeans): void;
  /** An append with what it brought, from its arrival to its answer; `error` is the first refusal in it, by the word of the wire. */
  appended(append: {
    readonly seconds: number;
    readonly sealedBytes: readonly number[];
    readonly error: FailureCode | null;
    /** What became of each entry; empty where the store took none of them. */
    readonly outcomes: readonly AppendResult["type"][];
  }): void;
  /** An append that never came to the store; `refused` counts it too. */
  appendRefused(code: FailureCode, seconds: number): void;
  /** Anything that was refused, by the word of the wire. */
  refused(code: FailureCode): void;
  rateLimited(rate: RateName): void;
  acked(): void;
  /** Entries of one commit, to so many subscribers, from stored to handed to the last of them. */
  delivered(entries: number, subscribers: number, seconds: number): void;
  /** What a subscription was sent before it was up to date, and how long that took. */
  replayed(entries: number, seconds: number): void;
  /** A transaction of the store: its operations, and how long it took. */
  committed(operations: number, seconds: number): void;
  storeFailed(code: FailureCode): void;
  httpAnswered(route: string, status: number): void;
}

/** What is read when somebody asks, rather than counted. */
export interface MetricGauges {
  connections(): number;
  subscriptions(): number;
  queueDepth(): number;
  databaseBytes(): number;
}

/** Counts nothing. */
export const silentMetrics: ServerMetrics = {
  connectionOpened: () => {},
  connectionClosed: () => {},
  upgradeRefused: () => {},
  signedIn: () => {},
  appended: () => {},
  appendRefused: () => {},
  refused: () => {},
  rateLimited: () => {},
  acked: () => {},
  delivered: () => {},
  replayed: () => {},
  committed: () => {},
  storeFailed: () => {},
  httpAnswered: () => {},
};
