/** What a client is said to do: figures, readiness, and that no word of anybody is in them. */
import { describe, expect, test } from "vitest";
import { createClientMetrics } from "../../../cli/platform/client-metrics.ts";
import { readinessOf } from "../../../cli/serve-metrics.ts";
import type { ClientEvent, ConnectionStatus } from "../../../core/client/client.ts";
import type { MessageView } from "../../../core/client/views/conversation-view.ts";
import { parseId } from "../../../core/base/ids.ts";
import { good } from "../../support/client-world.ts";

const OFFLINE: ConnectionStatus = {
  state: "offline",
  sinceMs: 1,
  lastError: { type: "ServerUnreachable", origin: "https://server.example", detail: "refused by ada" },
  pendingCount: 3,
};
const ONLINE: ConnectionStatus = { ...OFFLINE, state: "online", lastError: null };

function message(isOwn: boolean): ClientEvent {
  const message: MessageView = {
    id: good(parseId("op", "ab".repeat(32))),
    conversationId: good(parseId("conversation", "cd".repeat(32))),
    author: good(parseId("account", "ef".repeat(32))),
    device: good(parseId("device", "01".repeat(16))),
    isOwn,
    sentAtMs: 1,
    text: "plums in the icebox",
    isRedacted: false,
    state: "sent",
    failure: null,
    isStarred: false,
  };
  return { type: "message", message };
}

/** A client that says what it is told to. */
function scripted(first: ConnectionStatus) {
  let status = first;
  const listeners = new Set<(event: ClientEvent) => void>();
  const emit = (event: ClientEvent): void => {
    for (const listener of listeners) listener(event);
  };
  return {
    status: () => status,
    onEvent(listener: (event: ClientEvent) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    emit,
    turn(next: Partial<ConnectionStatus>) {
      status = { ...status, ...next };
      emit({ type: "connection", status });
    },
  };
}

describe("the metrics of a client", () => {
  test("count what was sent, how often it was tried, and how long it took", async () => {
    const metrics = await createClientMetrics();
    const send = { name: "send", durationMs: 200, error: null, attempts: 1 } as const;
    metrics.record(send);
    metrics.record({ ...send, attempts: 3, durationMs: 4_000 });
    metrics.record({ ...send, attempts: 0 });
    metrics.record({ ...send, error: "quota", attempts: 2, durationMs: 90_000_000 });
    metrics.record({ ...send, error: "ada.of.spring says", attempts: null });
    metrics.record({ name: "receive", durationMs: 30, error: null, attempts: null });
    metrics.record({ name: "receive", durationMs: 5, error: "StoreUnavailable", attempts: null });
    metrics.record({ name: "append", durationMs: 5, error: null, attempts: null });
    const text = await metrics.text();
    expect(text.match(/^dovetail_client_sends_total.*/gm)).toEqual([
      'dovetail_client_sends_total{outcome="done"} 3',
      'dovetail_client_sends_total{outcome="quota"} 1',
      'dovetail_client_sends_total{outcome="other"} 1',
    ]);
    expect(text).toContain("dovetail_client_send_retries_total 3\n");
    expect(text).toContain('dovetail_client_send_seconds_bucket{le="0.25"} 2\n');
    expect(text).toContain('dovetail_client_send_seconds_bucket{le="5"} 3\n');
    expect(text).toContain("dovetail_client_send_seconds_sum 4.4\n");
    expect(text).toContain("dovetail_client_send_seconds_count 3\n");
    expect(text.match(/^dovetail_client_receives_total.*/gm)).toEqual([
      'dovetail_client_receives_total{outcome="done"} 1',
      'dovetail_client_receives_total{outcome="StoreUnavailable"} 1',
    ]);
    expect(text).toContain('dovetail_client_receive_seconds_bucket{le="0.05"} 1\n');
    // Nothing is known of a queue or a connection before there is a client.
    expect(text).not.toMatch(/queue_depth|connection\{/);
  });

  test("count what passes: sizes, what was caught up with, acknowledgements, refusals", async () => {
    const metrics = await createClientMetrics();
    const { meter } = metrics;
    meter.entry("sent", 300);
    meter.entry("received", 5_000);
    meter.entry("received", 40);
    for (const entries of [0, 30]) meter.replayed(entries);
    meter.acked();
    for (const code of ["rate-limited", "rate-limited", "quota"] as const) meter.refused(code);
    const text = await metrics.text();
    for (const line of [
      'entry_bytes_bucket{le="256",direction="sent"} 0',
      'entry_bytes_bucket{le="1024",direction="sent"} 1',
      'entry_bytes_count{direction="received"} 2',
      'replay_entries_bucket{le="0"} 1',
      "replay_entries_sum 30",
      "acks_total 1",
      'refusals_total{code="rate-limited"} 2',
      'refusals_total{code="quota"} 1',
    ])
      expect(text).toContain(`dovetail_client_${line}\n`);
  });

  test("say what waits, how it stands to the server, and how often it came back", async () => {
    const metrics = await createClientMetrics();
    const client = scripted(OFFLINE);
    const stop = metrics.watch(client);
    const shown = async () =>
      (await metrics.text()).match(/^dovetail_client_(reconnects|messages|queue|connection).*/gm)?.join("\n");
    const figures = (state: string, queue: number, reconnects: number, messages: number) =>
      [
        `dovetail_client_messages_received_total ${messages}`,
        `dovetail_client_reconnects_total ${reconnects}`,
        `dovetail_client_queue_depth ${queue}`,
        ...["offline", "connecting", "online", "stopped"].map(
          (each) => `dovetail_client_connection{state="${each}"} ${each === state ? 1 : 0}`,
        ),
      ].join("\n");
    expect(await shown()).toBe(figures("offline", 3, 0, 0));
    client.turn({ state: "connecting" });
    client.turn({ state: "online", lastError: null });
    client.turn({ pendingCount: 0 });
    expect(await shown()).toBe(figures("online", 0, 0, 0));
    client.emit(message(false));
    client.emit(message(true));
    client.turn({ state: "offline" });
    client.turn({ state: "connecting" });
    expect(await shown()).toBe(figures("connecting", 0, 0, 1));
    client.turn({ state: "online" });
    expect(await shown()).toBe(figures("online", 0, 1, 1));
    stop();
    client.emit(message(false));
    client.turn({ state: "stopped" });
    expect(await shown()).toBe(figures("stopped", 0, 1, 1));
    expect(await metrics.text()).not.toMatch(/plums|abab|cdcd|efef|0101|server\.example|ada/);
  });

  test("of two clients of one process do not count together", async () => {
    const [one, other] = [await createClientMetrics(), await createClientMetrics()];
    one.record({ name: "send", durationMs: 1, error: null, attempts: 1 });
    expect(await other.text()).not.toContain("dovetail_client_sends_total{");
  });
});

describe("a client", () => {
  test("is ready while its store is open and its server is reached, whatever waits", () => {
    expect(readinessOf(true, ONLINE)).toEqual({
      status: "ready",
      store: "open",
      network: "online",
      error: null,
      queue: 3,
    });
  });

  test("says in fixed words why it is not", () => {
    const offline = readinessOf(true, OFFLINE);
    expect(offline).toMatchObject({
      status: "not-connected",
      network: "offline",
      error: "ServerUnreachable",
    });
    expect(JSON.stringify(offline)).not.toMatch(/server\.example|ada/);
    expect(readinessOf(true, { ...OFFLINE, state: "connecting" }).status).toBe("not-connected");
    expect(readinessOf(true, null)).toMatchObject({ status: "starting", queue: 0 });
    for (const status of [null, ONLINE, OFFLINE])
      expect(readinessOf(false, status)).toMatchObject({ status: "store-unavailable", store: "unavailable" });
    expect(readinessOf(false, { ...ONLINE, state: "stopped" }).status).toBe("stopping");
  });
});
