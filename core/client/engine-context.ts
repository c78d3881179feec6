/**
 * What the parts of a running client share. One place holds each: the chain and epochs in `own-account`, rows in the
 * store, and one serial in which all of them change.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { AccountId, DeviceId, EntryId, LogId } from "../base/ids.ts";
import type { Random } from "../base/random.ts";
import type { Err, Result } from "../base/result.ts";
import type { Padding } from "../crypto/padding.ts";
import type { LogFault } from "../log/log-reader.ts";
import type { Entry, LogPoint } from "../protocol/entry.ts";
import type { ChainState } from "../sigchain/chain-state.ts";
import type { TxStore } from "../store/tx-store.ts";
import type { ServerConnector } from "../transport/server-connector.ts";
import type { TakenLink } from "./account/own-account.ts";
import type { Alarm, ClientError } from "./client-error.ts";
import type { Times } from "./calendar/times.ts";
import type { DeviceIdentity } from "./devices/device-identity.ts";
import type { DirectoryClient } from "./connection/directory-client.ts";
import type { ClientMeter } from "./client-meter.ts";
import type { ClientSpans } from "./client-spans.ts";
import type { Serial } from "./serial.ts";
import type { Tables } from "./tables.ts";

export interface EngineContext {
  readonly store: TxStore;
  readonly tables: Tables;
  readonly clock: Clock;
  /** Where a wrong clock must do no harm. */
  readonly times: Times;
  readonly random: Random;
  readonly connector: ServerConnector;
  /** Null while nobody asks for spans. */
  readonly spans: ClientSpans | null;
  /** Null while nobody asks how much passes. */
  readonly meter: ClientMeter | null;
  readonly serial: Serial;
  readonly identity: DeviceIdentity;
  /** This start of the program. GW14 */
  readonly instance: Bytes;
  readonly accountRoot: Bytes;
  readonly accountLogId: LogId;
  directory(origin: string): DirectoryClient;
  /** The own chain as verified so far. */
  chain(): ChainState;
  /** How much of the length of what is sealed now is hidden. */
  padding(): Padding;
  epochSecret(epoch: number): Bytes | null;
  /** Last seq of an incarnation of the account log that counts for a revoked device; null while its cut is not opened. */
  cutSeqOf(device: DeviceId, incarnation: number): number | null;
  /** Where the account log was cut for a revoked device; null while that is not opened. */
  cutOf(device: DeviceId): LogPoint | null;
  /** Fetches and verifies newer links and boxes of the own account. */
  refreshOwnChain(): Promise<Result<void, ClientError>>;
  /** Notes a link of this device that the server has taken. Within the serial. */
  takeOwnLink(own: TakenLink): Promise<Result<void, ClientError>>;
  /** Another account's chain as far as it is stored. */
  storedChain(accountId: AccountId): Promise<Result<ChainState | null, ClientError>>;
  /** A contact's chain: from the store, or fetched. `isFresh` asks the server in any case. */
  contactChain(
    accountId: AccountId,
    origin: string,
    isFresh: boolean,
  ): Promise<Result<ChainState, ClientError>>;
  entryId(logId: LogId, entry: Entry): EntryId;
  raise(alarm: Alarm): void;
  distrustLog(logId: LogId, fault: LogFault): Err<ClientError>;
  /** Own changes are in the account log, and so are the ops these rows stand for: they have done their work. */
  onSettled(keys: readonly string[]): void;
  /** There is something to send to the account log. */
  onOutgoing(): void;
  /** A sibling brought changes past the account log, which may never have them from anybody else. DS14 */
  onDirect(): void;
}
