/** Loads what the engine needs before the first client: libsodium, and Automerge's WebAssembly from its own file. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { automergeReady, cryptoReady } from "@dovetail/core";

/**
 * Resolves when clients can be made; later calls return at once.
 *
 * The file is compiled in 0.16 s; the package's text form, which core falls back to, takes 1.05 s to decode (measured).
 */
export function prepareEngine(): Promise<void> {
  preparing ??= Promise.all([cryptoReady(), withoutFetchTypes(() => automergeReady(readAutomergeWasm))]).then(
    () => {},
  );
  return preparing;
}

/** Once only: two at a time would each restore what the other has taken away. */
let preparing: Promise<void> | null = null;

const FETCH_TYPES = ["Request", "Response"] as const;

/**
 * Runs `load` while the types of `fetch` are not there. It asks whether it was given one of them, and in Node that question
 * alone loads all of `fetch`: 25 ms. What wants them meanwhile has to wait for this.
 */
async function withoutFetchTypes(load: () => Promise<void>): Promise<void> {
  const found = FETCH_TYPES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  for (const [name, descriptor] of found)
    if (descriptor?.configurable === true)
      Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
  try {
    await load();
  } finally {
    for (const [name, descriptor] of found)
      if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
  }
}

/** It is a dependency of core, so it is looked for from there. */
function readAutomergeWasm(): Promise<Uint8Array> {
  const fromCore = createRequire(import.meta.resolve("@dovetail/core"));
  return readFile(fromCore.resolve("@automerge/automerge/automerge.wasm"));
}
