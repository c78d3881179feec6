/** Connections that are not signed in, one to each server: other people's logs and rooms are used over these. Rule GW5. */
import type { LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { CHANNEL_MAX } from "../../protocol/client-frame.ts";
import type { ClientError } from "../client-error.ts";
import type { Gateway } from "./gateway.ts";
import { connectMetered, type MeteredDeps } from "./metered-gateway.ts";
import { type LogChannel, type OpenLog, openLogChannel } from "./log-channel.ts";

/** A log opened on such a connection, for as long as it lasts. */
export interface GuestLog {
  readonly gateway: Gateway;
  readonly channel: LogChannel;
}

export interface GuestGateways {
  /** Opens a log, once a connection. */
  open(origin: string, log: OpenLog): Promise<Result<GuestLog, ClientError>>;
  /** Opens it anew the next time: what the server counts differs from what we count. */
  forget(logId: LogId): void;
  closeAll(): Promise<void>;
}

type Connecting = Promise<Result<Gateway, ClientError>>;

/** `onClosed` is told of logs whose connection has gone. */
export function createGuestGateways(
  deps: MeteredDeps,
  onClosed: (logIds: readonly LogId[]) => void = () => {},
): GuestGateways {
  const gateways = new Map<string, Connecting>();
  const logs = new Map<
    LogId,
    { readonly over: Connecting; readonly log: Promise<Result<GuestLog, ClientError>> }
  >();
  const lastChannel = new WeakMap<Gateway, number>();
  const proven = new WeakSet<Gateway>();
  const firstOpening = new WeakMap<Gateway, Promise<unknown>>();

  /** Of one that is over already, since another one took its place, nothing else is forgotten. */
  function forgetOver(origin: string, over: Connecting): void {
    if (gateways.get(origin) === over) gateways.delete(origin);
    const gone = [...logs].filter(([, one]) => one.over === over).map(([logId]) => logId);
    for (const logId of gone) logs.delete(logId);
    onClosed(gone);
  }

  function gatewayTo(origin: string): Connecting {
    const known = gateways.get(origin);
    if (known !== undefined) return known;
    const connecting: Connecting = connectMetered(deps, origin).then((opened) => {
      if (opened.ok) void opened.value.whenClosed.then(() => forgetOver(origin, connecting));
      else if (gateways.get(origin) === connecting) gateways.delete(origin);
      return opened;
    });
    gateways.set(origin, connecting);
    return connecting;
  }

  async function openOnce(over: Connecting, log: OpenLog): Promise<Result<GuestLog, ClientError>> {
    const gateway = await over;
    if (!gateway.ok) return gateway;
    const number = (lastChannel.get(gateway.value) ?? 0) + 1;
    // A new connection starts counting anew.
    if (number >= CHANNEL_MAX) gateway.value.close();
    lastChannel.set(gateway.value, number);
    const channel = await openInTurn(gateway.value, number, log);
    return channel.ok ? ok({ gateway: gateway.value, channel: channel.value }) : channel;
  }

  /** GW2: a server takes few bytes before something is proven, and padded frames are large. Until then one log at a time. */
  async function openInTurn(
    gateway: Gateway,
    number: number,
    log: OpenLog,
  ): Promise<Result<LogChannel, ClientError>> {
    while (!proven.has(gateway)) {
      const other = firstOpening.get(gateway);
      if (other === undefined) break;
      await other;
    }
    const opening = openLogChannel(gateway, number, log);
    if (proven.has(gateway)) return opening;
    firstOpening.set(gateway, opening);
    const opened = await opening;
    firstOpening.delete(gateway);
    if (opened.ok) proven.add(gateway);
    return opened;
  }

  return {
    open(origin, log) {
      const over = gatewayTo(origin);
      const known = logs.get(log.logId);
      // IN11: a log may be at another server than a while ago.
      if (known?.over === over) return known.log;
      const opening = openOnce(over, log).then((opened) => {
        if (!opened.ok && logs.get(log.logId)?.log === opening) logs.delete(log.logId);
        return opened;
      });
      logs.set(log.logId, { over, log: opening });
      return opening;
    },
    forget: (logId) => void logs.delete(logId),
    async closeAll() {
      const open = [...gateways.values()];
      gateways.clear();
      logs.clear();
      // Each as soon as it can be: one that is still dialling keeps no other one open.
      await Promise.all(
        open.map(async (connecting) => {
          const gateway = await connecting;
          if (gateway.ok) gateway.value.close();
        }),
      );
    },
  };
}
