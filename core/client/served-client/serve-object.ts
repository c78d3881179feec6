/**
 * The owner's end: runs calls that come over a port on the object it serves, and sends its events.
 *
 * Nothing is called before the fingerprints have been compared. What breaks the rules of the port closes it; what only
 * cannot be done is answered. When the port closes, handles that were not ended are cancelled; calls that run go on,
 * since what they began must not stay half done.
 */
import { SERVED_CALLS_MAX, SERVED_HANDLES_MAX } from "../../base/limits.ts";
import { parseToOwner, type ToCaller, type ToOwner } from "./call-message.ts";
import { createEventWindow, type MergeEvent } from "./event-window.ts";
import type { MessageChannelPort } from "./message-port.ts";
import { type ArgumentParser, parseArguments } from "./parse-argument.ts";
import { type Callable, type HandleRule, type Service, serviceFingerprint } from "./service.ts";

type AnyMethod = (...args: readonly unknown[]) => unknown;

export interface ServedObject<T, E> {
  readonly target: Callable<T>;
  /** Told with the welcome. */
  state(): unknown;
  onEvent(listener: (event: E) => void): () => void;
  readonly mergeEvent: MergeEvent<E>;
  /** A method threw: a mistake of ours, which the caller is told without its text. */
  onFault(thrown: unknown): void;
  /** The port is closed, by whichever side. */
  onEnd?(): void;
}

interface LiveHandle {
  readonly object: object;
  readonly rule: HandleRule;
  isEnded: boolean;
}

/** Serves `served` on `port`, until either side closes it. The returned function closes it. */
export function serveObject<T, E>(
  port: MessageChannelPort,
  service: Service<T>,
  served: ServedObject<T, E>,
): () => void {
  const fingerprint = serviceFingerprint(service);
  const handlesByNumber = new Map<number, LiveHandle>();
  const events = createEventWindow<E>(
    (number, event) => send({ type: "event", number, event }),
    served.mergeEvent,
  );
  let stopEvents: (() => void) | null = null;
  let handleCount = 0;
  let running = 0;
  let isOpen = true;

  const send = (message: ToCaller): void => port.send(message);

  function end(): void {
    if (!isOpen) return;
    isOpen = false;
    stopEvents?.();
    port.close();
    for (const handle of handlesByNumber.values())
      if (!handle.isEnded) void callMethod(handle.object, handle.rule.cancel, []).catch(served.onFault);
    handlesByNumber.clear();
    served.onEnd?.();
  }

  function take(message: unknown) {
    if (!isOpen) return;
    const parsed = parseToOwner(message);
    if (!parsed.ok) return end();
    const isFirst = stopEvents === null;
    switch (parsed.value.type) {
      case "hello":
        return isFirst ? greet(parsed.value.fingerprint) : end();
      case "seen":
        return isFirst ? end() : events.confirm(parsed.value.number);
      case "call":
        return isFirst || running >= SERVED_CALLS_MAX ? end() : void run(parsed.value);
    }
  }

  function greet(theirs: string) {
    if (theirs !== fingerprint) {
      send({ type: "refused", why: "version" });
      return end();
    }
    stopEvents = served.onEvent(events.push);
    send({ type: "welcome", state: served.state() });
  }

  async function run(call: Extract<ToOwner, { type: "call" }>): Promise<void> {
    const handle = call.handle === null ? null : handlesByNumber.get(call.handle);
    if (handle === undefined) return send({ type: "failed", id: call.id, why: "handle" });
    const parsers = parsersOf(handle === null ? service.methods : handle.rule.methods, call.method);
    const args = parsers === null ? null : parseArguments(parsers, call.args);
    if (args === null || !args.ok) return send({ type: "failed", id: call.id, why: "arguments" });
    if (handle?.rule.ends.includes(call.method) === true) handle.isEnded = true;
    running += 1;
    try {
      const value = await callMethod(
        handle === null ? served.target : handle.object,
        call.method,
        args.value,
      );
      answer(call, value);
    } catch (thrown) {
      served.onFault(thrown);
      send({ type: "failed", id: call.id, why: "fault" });
    } finally {
      running -= 1;
    }
  }

  function answer(call: Extract<ToOwner, { type: "call" }>, value: unknown) {
    const rule = call.handle === null ? handleRuleOf(service, call.method) : null;
    const object = rule === null ? null : valueOfOk(value);
    if (rule === null || object === null) return send({ type: "result", id: call.id, value, handle: null });
    handleCount += 1;
    const number = handleCount;
    const handle: LiveHandle = { object, rule, isEnded: false };
    if (!isOpen) return void callMethod(object, rule.cancel, []).catch(served.onFault);
    makeRoom();
    handlesByNumber.set(number, handle);
    send({ type: "result", id: call.id, value: { ok: true, value: dataOf(object, rule) }, handle: number });
    for (const name of rule.promises) {
      const promise: unknown = Reflect.get(object, name);
      void Promise.resolve(promise).then((settled: unknown) =>
        send({ type: "settled", handle: number, name, value: settled }),
      );
    }
  }

  /** The oldest handle goes when there are too many: ended ones stay for late calls, and are the first to go. */
  function makeRoom(): void {
    if (handlesByNumber.size < SERVED_HANDLES_MAX) return;
    const oldest =
      [...handlesByNumber].find(([, handle]) => handle.isEnded) ?? [...handlesByNumber][0] ?? null;
    if (oldest === null) return;
    handlesByNumber.delete(oldest[0]);
    if (!oldest[1].isEnded)
      void callMethod(oldest[1].object, oldest[1].rule.cancel, []).catch(served.onFault);
  }

  port.listen({ onMessage: take, onClose: end });
  return end;
}

function parsersOf(
  table: Readonly<Record<string, readonly ArgumentParser<unknown>[]>>,
  method: string,
): readonly ArgumentParser<unknown>[] | null {
  return Object.hasOwn(table, method) ? (table[method] ?? null) : null;
}

function handleRuleOf(service: Service<never>, method: string): HandleRule | null {
  const rules: Readonly<Record<string, HandleRule | undefined>> = service.handles;
  return Object.hasOwn(rules, method) ? (rules[method] ?? null) : null;
}

/** Calls a method that a table has named, so that it is one. */
async function callMethod(object: object, name: string, args: readonly unknown[]): Promise<unknown> {
  const method = Reflect.get(object, name) as AnyMethod;
  return method.apply(object, [...args]);
}

function valueOfOk(value: unknown): object | null {
  if (typeof value !== "object" || value === null || !("ok" in value) || !("value" in value)) return null;
  return value.ok === true && typeof value.value === "object" ? value.value : null;
}

/** What of a handle can be copied. */
function dataOf(object: object, rule: HandleRule): object {
  const kept = Object.entries(object).filter(
    ([name]) => !Object.hasOwn(rule.methods, name) && !rule.promises.includes(name),
  );
  return Object.fromEntries(kept);
}
