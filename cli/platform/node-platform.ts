/** The engine's ports on Node and Deno: system clock and random, fetch and WebSocket, node:sqlite, files. */
import {
  createFts5Index,
  createPlatformRandom,
  createSystemClock,
  createWebConnector,
  ok,
  silentLogger,
  type Logger,
  type Platform,
  type Result,
  type ServerConnector,
  type SpanSink,
} from "@dovetail/core";
import { DurableNodeFsAdapter } from "./durable-nodefs-adapter.ts";
import type { Profile } from "./profile-folder.ts";
import { openSearchDatabase } from "./search-database.ts";
import { createTcpPeerConnector } from "./tcp-peer-connector.ts";
import { type OpenStoreError, openSqliteTxStore } from "./sqlite-tx-store.ts";

export interface NodePlatformOptions {
  readonly logger?: Logger;
  readonly connector?: ServerConnector;
  readonly spans?: SpanSink;
}

/**
 * The platform of one open profile. The client closes the store when it stops; the profile is released after that.
 *
 * - Fails: see `OpenStoreError`.
 */
export function createNodePlatform(
  profile: Profile,
  options: NodePlatformOptions = {},
): Result<Platform, OpenStoreError> {
  const store = openSqliteTxStore(profile.storePath);
  if (!store.ok) return store;
  return ok({
    clock: createSystemClock(),
    random: createPlatformRandom(),
    logger: options.logger ?? silentLogger,
    connector: options.connector ?? createWebConnector(),
    deviceKind: "command-line",
    peerConnector: createTcpPeerConnector(),
    ...(options.spans === undefined ? {} : { spans: options.spans }),
    store: store.value,
    documentStorage: new DurableNodeFsAdapter(profile.documentsFolder),
    storeKey: profile.storeKey,
    openSearchIndex: () => createFts5Index(openSearchDatabase()),
  });
}
