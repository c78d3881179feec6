/**
 * The caller's end: an object whose methods run on the other side of a port.
 *
 * Values that come back are taken as they are: they come from the process or worker that holds the keys of this very
 * profile, runs the same version, and could lie in any case.
 */
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { SERVED_CALLS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseToCaller, type ToCaller, type ToOwner } from "./call-message.ts";
import type { MessageChannelPort } from "./message-port.ts";
import { type Callable, type HandleRule, type Service, serviceFingerprint } from "./service.ts";

/** How long an owner that lives takes to answer a greeting, with much to spare. */
const WELCOME_WAIT_MS = 10_000;

export type ConnectError =
  /** The other side runs another version of the program. */
  | { readonly type: "OwnerOtherVersion" }
  /** The other side is gone; what it was doing it may have done or not. */
  | { readonly type: "OwnerGone" }
  /** The other side does not answer. */
  | { readonly type: "OwnerSilent" };

export interface ConnectOptions<E> {
  readonly clock: Clock;
  onEvent(event: E): void;
  /** The other side is gone. Calls that were on their way, and later ones, resolve with `err(OwnerGone)`. */
  onGone(): void;
}

export interface ConnectedObject<T> {
  readonly calls: Callable<T>;
  /** What the owner told with its welcome. */
  readonly state: unknown;
  close(): void;
}

interface Waiting {
  readonly message: Extract<ToOwner, { type: "call" }>;
  readonly handleRule: HandleRule | null;
  readonly resolve: (value: unknown) => void;
  readonly reject: (why: Error) => void;
}

const GONE = err<ConnectError>({ type: "OwnerGone" });

/**
 * Greets the owner at the other end of `port`.
 *
 * - Fails: see `ConnectError`; the port is closed then.
 */
export async function connectObject<T, E>(
  port: MessageChannelPort,
  service: Service<T>,
  options: ConnectOptions<E>,
): Promise<Result<ConnectedObject<T>, ConnectError>> {
  const welcomed = Promise.withResolvers<Result<unknown, ConnectError>>();
  const queued: Waiting[] = [];
  const sentById = new Map<number, Waiting>();
  const promisesByHandle = new Map<number, Map<string, (value: unknown) => void>>();
  let lastId = 0;
  let isOpen = true;

  const send = (message: ToOwner): void => port.send(message);

  function end(reason: ConnectError): void {
    if (!isOpen) return;
    isOpen = false;
    port.close();
    welcomed.resolve(err(reason));
    for (const { resolve } of [...sentById.values(), ...queued]) resolve(GONE);
    for (const promises of promisesByHandle.values()) for (const resolve of promises.values()) resolve(GONE);
    sentById.clear();
    queued.length = 0;
    promisesByHandle.clear();
  }

  function lose(): void {
    if (!isOpen) return;
    end({ type: "OwnerGone" });
    options.onGone();
  }

  function take(message: unknown) {
    if (!isOpen) return;
    const parsed = parseToCaller(message);
    if (!parsed.ok) return lose();
    const taken = parsed.value;
    switch (taken.type) {
      case "welcome":
        return welcomed.resolve(ok(taken.state));
      case "refused":
        return end({ type: "OwnerOtherVersion" });
      case "result":
      case "failed":
        return settle(taken);
      case "settled":
        promisesByHandle.get(taken.handle)?.get(taken.name)?.(taken.value);
        return;
      case "event":
        // What an owner of the same version sends is an event of the service.
        options.onEvent(taken.event as E);
        return send({ type: "seen", number: taken.number });
    }
  }

  function settle(message: Extract<ToCaller, { type: "result" | "failed" }>) {
    const waiting = sentById.get(message.id);
    if (waiting === undefined) return;
    sentById.delete(message.id);
    flow();
    if (message.type === "result")
      return waiting.resolve(
        message.handle === null || waiting.handleRule === null
          ? message.value
          : revive(message.value, message.handle, waiting.handleRule),
      );
    // A handle that is no longer there had its end.
    if (message.why === "handle") return waiting.resolve(GONE);
    waiting.reject(new Error(`the process that has the profile could not run a call (${message.why})`));
  }

  function flow(): void {
    while (sentById.size < SERVED_CALLS_MAX) {
      const next = queued.shift();
      if (next === undefined) return;
      sentById.set(next.message.id, next);
      send(next.message);
    }
  }

  function call(
    target: { readonly handle: number | null; readonly handleRule: HandleRule | null },
    method: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    if (!isOpen) return Promise.resolve(GONE);
    lastId += 1;
    const message = { type: "call", id: lastId, handle: target.handle, method, args } as const;
    return new Promise((resolve, reject) => {
      queued.push({ message, handleRule: target.handleRule, resolve, reject });
      flow();
    });
  }

  /** The object a handle stands for: its data as it came, methods that call, promises that settle when theirs do. */
  function revive(value: unknown, handle: number, rule: HandleRule): unknown {
    assert(typeof value === "object" && value !== null && "value" in value, "a handle comes inside ok");
    const promises = new Map<string, (value: unknown) => void>();
    promisesByHandle.set(handle, promises);
    const object: { [name: string]: unknown } = { ...(value.value as object) };
    for (const name of rule.promises) {
      const settled = Promise.withResolvers<unknown>();
      promises.set(name, settled.resolve);
      object[name] = settled.promise;
    }
    for (const name of Object.keys(rule.methods))
      object[name] = (...args: readonly unknown[]) => call({ handle, handleRule: null }, name, args);
    return ok(object);
  }

  port.listen({ onMessage: take, onClose: lose });
  send({ type: "hello", fingerprint: serviceFingerprint(service) });
  const cancelWait = options.clock.schedule(WELCOME_WAIT_MS, () => end({ type: "OwnerSilent" }));
  const welcome = await welcomed.promise;
  cancelWait();
  if (!welcome.ok) return welcome;
  const rules: Readonly<Record<string, HandleRule | undefined>> = service.handles;
  const calls = Object.fromEntries(
    Object.keys(service.methods).map((name) => [
      name,
      (...args: readonly unknown[]) => call({ handle: null, handleRule: rules[name] ?? null }, name, args),
    ]),
  );
  return ok({
    // The table of the service names each method of `T` that can be called, and no other.
    calls: calls as unknown as Callable<T>,
    state: welcome.value,
    close: () => end({ type: "OwnerGone" }),
  });
}
