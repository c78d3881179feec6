/** What a client needs from where it runs. A face makes one; tests and the simulator make their own. */
import type { Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { SpanSink } from "../base/spans.ts";
import type { TxStore } from "../store/tx-store.ts";
import type { PeerConnector } from "../transport/peer-connector.ts";
import type { ServerConnector } from "../transport/server-connector.ts";
import type { StorageAdapterInterface } from "../document/automerge.ts";
import type { DeviceKind } from "../document/schema/settings.ts";
import type { Result } from "../base/result.ts";
import type { ClientMeter } from "./client-meter.ts";
import type { SearchFault, SearchIndex } from "../messenger/search/search-index.ts";

export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly connector: ServerConnector;
  /** Where spans of sending and receiving go; by default there are none. */
  readonly spans?: SpanSink;
  /** What counts the traffic with servers; by default nothing does. */
  readonly meter?: ClientMeter;
  /** What this device is, for its siblings' lists; by default it says nothing of that. */
  readonly deviceKind?: DeviceKind;
  /** Absent where there are no sockets to other devices, as in a browser. */
  readonly peerConnector?: PeerConnector;
  /** Not sealed yet: the client seals rows and documents with `storeKey`. */
  readonly store: TxStore;
  readonly documentStorage: StorageAdapterInterface;
  /** 32 random bytes of this profile. */
  readonly storeKey: Bytes;
  /** After how many entries of the account log a snapshot is made; by default `SNAPSHOT_TAIL_ENTRIES`. */
  readonly snapshotTailEntries?: number;
  /** An empty index in memory; asked for at the first search. Without it there is no search. */
  readonly openSearchIndex?: () =>
    | Result<SearchIndex, SearchFault>
    | Promise<Result<SearchIndex, SearchFault>>;
}
