/**
 * What a client counts, in the text form that Prometheus reads. The only importer of prom-client here, and not before it is
 * wanted.
 *
 * Numbers and fixed words: nothing here takes an id, a name, an address or a text.
 */
import {
  type Client,
  type ClientMeter,
  type ConnectionStatus,
  fixedWord,
  type SpanSink,
} from "@dovetail/core";

export interface ClientMetrics extends SpanSink {
  readonly meter: ClientMeter;
  /** Counts what `client` tells until the returned function is called, and reads gauges from it. Once. */
  watch(client: WatchedClient): () => void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** What metrics need of a client. */
export type WatchedClient = Pick<Client, "status" | "onEvent">;

/** A message can wait for days where there is no server. */
const SEND_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600, 86_400];
const ENTRY_BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536, 131_072, 262_144];
const ENTRIES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 20_000];
const RECEIVE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STATES: readonly ConnectionStatus["state"][] = ["offline", "connecting", "online", "stopped"];
const DONE = "done";

/** Metrics of one client, in a registry of their own. */
export async function createClientMetrics(): Promise<ClientMetrics> {
  const { Counter, Gauge, Histogram, Registry } = await import("prom-client");
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name: `dovetail_client_${name}`, help, registers });
  const outcomes = (name: string, help: string) =>
    new Counter({ name: `dovetail_client_${name}`, help, labelNames: ["outcome"], registers });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    new Histogram({ name: `dovetail_client_${name}`, help, buckets: [...buckets], registers });

  const sends = outcomes("sends_total", "Messages and marks that a server took, or never will, by outcome.");
  const retries = counter("send_retries_total", "Attempts after the first, of what is in sends_total.");
  const sendSeconds = histogram("send_seconds", "From taken to the server's receipt.", SEND_SECONDS);
  const receives = outcomes("receives_total", "Deliveries of entries, by outcome.");
  const receiveSeconds = histogram(
    "receive_seconds",
    "From delivered to opened and stored.",
    RECEIVE_SECONDS,
  );
  const messages = counter("messages_received_total", "Messages of others that came.");
  const entryBytes = new Histogram({
    name: "dovetail_client_entry_bytes",
    help: "Sealed bytes of entries, by direction.",
    labelNames: ["direction"],
    buckets: ENTRY_BYTES,
    registers,
  });
  const replays = histogram("replay_entries", "Entries read of a log before it was up to date.", ENTRIES);
  const acks = counter("acks_total", "Acknowledgements that a server took.");
  const refusals = new Counter({
    name: "dovetail_client_refusals_total",
    help: "Refusals of servers, by the word of the wire.",
    labelNames: ["code"],
    registers,
  });
  const reconnects = counter("reconnects_total", "Connections to the server after the first.");

  function watchGauges(client: WatchedClient): void {
    new Gauge({
      name: "dovetail_client_queue_depth",
      help: "Changes and messages that the server has not taken.",
      registers,
      collect() {
        this.set(client.status().pendingCount);
      },
    });
    new Gauge({
      name: "dovetail_client_connection",
      help: "1 at the state the connection to the server is in.",
      labelNames: ["state"],
      registers,
      collect() {
        const now = client.status().state;
        for (const state of STATES) this.set({ state }, state === now ? 1 : 0);
      },
    });
  }

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    meter: {
      entry: (direction, sealedBytes) => entryBytes.observe({ direction }, sealedBytes),
      replayed: (entries) => replays.observe(entries),
      acked: () => acks.inc(),
      refused: (code) => refusals.inc({ code }),
    },
    monotonicMs: () => performance.now(),
    record({ name, durationMs, error, attempts }) {
      const outcome = error === null ? DONE : fixedWord(error);
      const seconds = Math.max(0, durationMs) / 1_000;
      if (name === "send") {
        sends.inc({ outcome });
        retries.inc(Math.max(0, (attempts ?? 1) - 1));
        if (error === null) sendSeconds.observe(seconds);
      } else if (name === "receive") {
        receives.inc({ outcome });
        if (error === null) receiveSeconds.observe(seconds);
      }
    },
    watch(client) {
      watchGauges(client);
      let last = client.status().state;
      let wasOnline = last === "online";
      return client.onEvent((event) => {
        if (event.type === "message" && !event.message.isOwn) messages.inc();
        if (event.type !== "connection") return;
        const { state } = event.status;
        const isNew = state === "online" && last !== "online";
        if (isNew && wasOnline) reconnects.inc();
        wasOnline ||= isNew;
        last = state;
      });
    },
  };
}
