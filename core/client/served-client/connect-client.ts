/** The client of a profile that another process or worker has open. Faces use it like one of their own. */
import type { Clock } from "../../base/clock.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Client, ClientEvent, ConnectionStatus } from "../client.ts";
import { createClientEvents } from "../client-events.ts";
import { CLIENT_SERVICE, type ServedClient } from "./client-service.ts";
import { connectObject, type ConnectError } from "./connect-object.ts";
import type { MessageChannelPort } from "./message-port.ts";

/**
 * Connects to the client served at the other end of `port`.
 *
 * `stop` leaves; the client over there goes on. When it ends first, its status here becomes `stopped` and every call
 * answers `OwnerGone`.
 *
 * - Fails: see `ConnectError`. - Secrets: none come over the port; they stay with the owner.
 */
export async function connectClient(
  port: MessageChannelPort,
  clock: Clock,
): Promise<Result<Client, ConnectError>> {
  const events = createClientEvents();
  let status: ConnectionStatus | null = null;

  function take(event: ClientEvent): void {
    if (event.type === "connection") status = event.status;
    events.emit(event);
  }

  const stopped = (): ConnectionStatus => ({
    state: "stopped",
    sinceMs: clock.nowMs(),
    lastError: { type: "OwnerGone" },
    pendingCount: status?.pendingCount ?? 0,
  });

  const connected = await connectObject<ServedClient, ClientEvent>(port, CLIENT_SERVICE, {
    clock,
    onEvent: take,
    onGone: () => take({ type: "connection", status: stopped() }),
  });
  if (!connected.ok) return connected;
  const { calls, state, close } = connected.value;
  // An owner of the same version tells its status; an event that came meanwhile is newer.
  const first = state as ConnectionStatus;
  return ok({
    ...calls,
    start: () => void calls.start(),
    status: () => status ?? first,
    onEvent: events.onEvent,
    stop: async () => {
      close();
      status = { ...stopped(), lastError: null };
      return ok();
    },
  });
}
