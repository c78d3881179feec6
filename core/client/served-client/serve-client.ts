/** A client served over a port: to another tab, or to another process of the same user. */
import type { Client, ClientEvent } from "../client.ts";
import { CLIENT_SERVICE, mergeClientEvent, type ServedClient } from "./client-service.ts";
import type { MessageChannelPort } from "./message-port.ts";
import { serveObject } from "./serve-object.ts";

export interface ServeClientOptions {
  /** A call threw: a mistake of ours. The caller is told that there was one, not which. */
  onFault(thrown: unknown): void;
  /** The other side has left. */
  onEnd?(): void;
}

/** Serves `client` on `port`. The returned function ends that, and leaves the client as it is. */
export function serveClient(
  port: MessageChannelPort,
  client: Client,
  options: ServeClientOptions,
): () => void {
  const { start, stop: _stop, status, onEvent, ...methods } = client;
  return serveObject<ServedClient, ClientEvent>(port, CLIENT_SERVICE, {
    target: { ...methods, start: async () => start() },
    state: status,
    onEvent,
    mergeEvent: mergeClientEvent,
    ...options,
  });
}
