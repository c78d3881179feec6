/**
 * How tabs of one profile find the engine and talk with it: a BroadcastChannel to meet, one more for each connection.
 *
 * BroadcastChannels do not tell when the other side dies. Web Locks do: every page holds one under its own name for as long
 * as it lives, and the owner of the engine holds the profile's. Pages are of one origin and one profile, and trust each
 * other as much as themselves.
 */
import type { MessageChannelPort, MessageHandlers } from "@dovetail/core";

/** What a connection is for. */
export type ServiceName = "engine" | "client";

/** Messages of the channel on which all tabs of a profile meet. */
export type Notice =
  | { readonly type: "who" }
  /** `leader` runs the engine: told when it begins, and whenever somebody asks. */
  | { readonly type: "leader"; readonly leader: string }
  | {
      readonly type: "connect";
      readonly leader: string;
      readonly page: string;
      readonly connection: string;
      readonly service: ServiceName;
    };

/** A notice as it came, or null for anything else. */
export function parseNotice(message: unknown): Notice | null {
  if (typeof message !== "object" || message === null || !("type" in message)) return null;
  const { type, leader, page, connection, service } = message as Readonly<Record<string, unknown>>;
  if (type === "who") return { type };
  if (typeof leader !== "string") return null;
  if (type === "leader") return { type, leader };
  if (type !== "connect" || typeof page !== "string" || typeof connection !== "string") return null;
  return service === "engine" || service === "client" ? { type, leader, page, connection, service } : null;
}

export function meetingName(profile: string): string {
  return `dovetail/${profile}`;
}

/** Held by the worker that runs the engine. */
export function engineLockName(profile: string): string {
  return `dovetail/${profile}/engine`;
}

/** Held by a page for as long as it lives. */
export function pageLockName(profile: string, page: string): string {
  return `dovetail/${profile}/page/${page}`;
}

/** One end of a connection. */
export interface TabPort extends MessageChannelPort {
  /** Resolves once the other end has opened; false when it has closed instead. */
  readonly whenOpen: Promise<boolean>;
  /** The other side is known to be gone. */
  lose(): void;
}

type Signal = { readonly type: "open" } | { readonly type: "close" };

/**
 * Opens an end of `connection`. The page opens its own first and then asks for the other, which says `open`.
 */
export function openTabPort(profile: string, connection: string, side: "page" | "leader"): TabPort {
  const channel = new BroadcastChannel(`dovetail/${profile}/connection/${connection}`);
  const waiting: unknown[] = [];
  const open = Promise.withResolvers<boolean>();
  let handlers: MessageHandlers | null = null;
  let isClosed = false;

  function end(): boolean {
    if (isClosed) return false;
    isClosed = true;
    open.resolve(false);
    channel.close();
    return true;
  }

  function lose(): void {
    if (end()) handlers?.onClose();
  }

  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (typeof data !== "object" || data === null) return;
    if ("body" in data) {
      if (handlers === null) waiting.push(data.body);
      else handlers.onMessage(data.body);
    } else if ("type" in data && data.type === "open") open.resolve(true);
    else if ("type" in data && data.type === "close") lose();
  };
  const signal = (message: Signal): void => channel.postMessage(message);
  if (side === "leader") {
    open.resolve(true);
    signal({ type: "open" });
  }

  return {
    whenOpen: open.promise,
    lose,
    send(message) {
      if (!isClosed) channel.postMessage({ body: message });
    },
    listen(taken) {
      handlers = taken;
      for (const message of waiting.splice(0)) taken.onMessage(message);
      if (isClosed) taken.onClose();
    },
    close() {
      if (isClosed) return;
      signal({ type: "close" });
      end();
    },
  };
}
