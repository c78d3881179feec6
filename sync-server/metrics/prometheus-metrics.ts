/** `ServerMetrics` in the text form that Prometheus reads. The only importer of prom-client. */
import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { MetricGauges, ServerMetrics } from "./server-metrics.ts";

export interface PrometheusMetrics extends ServerMetrics {
  /** Says where the gauges read from; until then they are left out. */
  watch(gauges: MetricGauges): void;
  text(): Promise<string>;
  readonly contentType: string;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 20_000];
const SIZES = [64, 256, 1_024, 4_096, 16_384, 65_536, 131_072, 262_144];

/** A registry of its own, so that two servers of one process do not count together. */
export function createPrometheusMetrics(): PrometheusMetrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name: `dovetail_${name}`, help, registers });
  const labelled = <L extends string>(name: string, help: string, ...labelNames: readonly L[]) =>
    new Counter({ name: `dovetail_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    new Histogram({ name: `dovetail_${name}`, help, buckets: [...buckets], registers });

  const opened = counter("connections_opened_total", "Connections that were opened.");
  const closed = counter("connections_closed_total", "Connections that ended.");
  const upgrades = labelled(
    "upgrades_refused_total",
    "Upgrades refused before there was a connection.",
    "status",
  );
  const signIns = labelled(
    "sign_ins_total",
    "Sign-ins by means; resume is a client that came back.",
    "means",
  );
  const appendSeconds = histogram("append_seconds", "From the arrival of an append to its answer.", SECONDS);
  const batchEntries = histogram("append_batch_entries", "Entries of one append.", COUNTS);
  const entryBytes = histogram("entry_bytes", "Sealed bytes of one entry.", SIZES);
  const outcomesTotal = labelled(
    "append_entries_total",
    "Entries by what became of them; a duplicate is one that a client sent again.",
    "outcome",
  );
  const refusals = labelled("refusals_total", "Refusals by the word of the wire.", "code");
  const limited = labelled("rate_limited_total", "Requests over a rate, by its name.", "rate");
  const acks = counter("acks_total", "Acknowledgements.");
  const deliveries = counter("delivered_entries_total", "Entries sent to subscribers as they came.");
  const fanOut = histogram("delivery_subscribers", "Subscribers of one delivery.", COUNTS);
  const replays = histogram("replay_entries", "Entries a subscription was sent to catch up.", COUNTS);
  const commitSeconds = histogram("commit_seconds", "One transaction of the store, with its sync.", SECONDS);
  const commitOperations = histogram("commit_operations", "Operations that shared a transaction.", COUNTS);
  const faults = labelled("store_failures_total", "Transactions that the medium refused.", "code");
  const answers = labelled("http_responses_total", "Answers of HTTP routes.", "route", "status");

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    connectionOpened: () => opened.inc(),
    connectionClosed: () => closed.inc(),
    upgradeRefused: (status) => upgrades.inc({ status }),
    signedIn: (means) => signIns.inc({ means }),
    appended({ seconds, sealedBytes, outcomes }) {
      appendSeconds.observe(seconds);
      batchEntries.observe(sealedBytes.length);
      for (const size of sealedBytes) entryBytes.observe(size);
      for (const outcome of outcomes) outcomesTotal.inc({ outcome });
    },
    // `refused` has counted it.
    appendRefused: () => {},
    refused: (code) => refusals.inc({ code }),
    rateLimited: (rate) => limited.inc({ rate }),
    acked: () => acks.inc(),
    delivered(entries, subscribers) {
      deliveries.inc(entries * subscribers);
      fanOut.observe(subscribers);
    },
    replayed: (entries) => replays.observe(entries),
    committed(operations, seconds) {
      commitOperations.observe(operations);
      commitSeconds.observe(seconds);
    },
    storeFailed: (code) => faults.inc({ code }),
    httpAnswered: (route, status) => answers.inc({ route, status: String(status) }),
    watch: (gauges) => addGauges(registry, gauges),
  };
}

function addGauges(registry: Registry, gauges: MetricGauges): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({
      name: `dovetail_${name}`,
      help,
      registers: [registry],
      collect: () => made.set(read()),
    });
  };
  gauge("connections", "Connections that are open.", gauges.connections);
  gauge("subscriptions", "Logs that connections follow.", gauges.subscriptions);
  gauge("store_queue_depth", "Operations that wait for a transaction.", gauges.queueDepth);
  gauge("database_bytes", "Size of the database.", gauges.databaseBytes);
  gauge("process_resident_bytes", "Memory of the process.", () => process.memoryUsage.rss());
  gauge("process_cpu_seconds", "Processor time of the process.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000_000;
  });
}
