/**
 * What libraries take from the platform without asking, given to the world instead: timers, the clock, random bytes.
 *
 * Our own code takes these through ports. Automerge, its repo and the web server's streams do not, and a world must not
 * depend on the machine it runs on.
 */
import type { Random } from "../../../core/base/random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A timer as Node's callers expect one. */
interface VirtualTimer {
  cancel(): void;
  unref(): VirtualTimer;
  ref(): VirtualTimer;
  [Symbol.toPrimitive](): number;
}

/** Puts `time` and `random` in the place of the platform's; the returned function puts the platform's back. */
export function takeAmbient(time: VirtualTime, random: Random): () => void {
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
    clearImmediate: globalThis.clearImmediate,
  };
  const realNow = Date.now;
  let timers = 0;
  const timer = (start: () => () => void): VirtualTimer => {
    const cancel = start();
    const number = ++timers;
    const handle: VirtualTimer = {
      cancel: () => cancel(),
      unref: () => handle,
      ref: () => handle,
      [Symbol.toPrimitive]: () => number,
    };
    return handle;
  };
  const once = (task: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
    timer(() => time.schedule(delayMs, () => task(...args)));
  const repeat = (task: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) => {
    let cancel = (): void => {};
    const again = (): void => {
      cancel = time.schedule(Math.max(1, delayMs), () => {
        task(...args);
        again();
      });
    };
    again();
    return timer(() => () => cancel());
  };
  const clear = (handle: unknown): void => {
    if (typeof handle === "object" && handle !== null && "cancel" in handle)
      (handle as VirtualTimer).cancel();
  };
  Object.assign(globalThis, {
    setTimeout: once,
    clearTimeout: clear,
    setInterval: repeat,
    clearInterval: clear,
    setImmediate: (task: (...args: unknown[]) => void, ...args: unknown[]) => once(task, 0, ...args),
    clearImmediate: clear,
  });
  Date.now = () => Math.floor(time.nowMs());
  const fill = (target: ArrayBufferView): ArrayBufferView => {
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(random.bytes(target.byteLength));
    return target;
  };
  Object.defineProperty(globalThis.crypto, "getRandomValues", { value: fill, configurable: true });
  return () => {
    Object.assign(globalThis, real);
    Date.now = realNow;
    Reflect.deleteProperty(globalThis.crypto, "getRandomValues");
  };
}
