/**
 * The one door to Automerge and automerge-repo.
 *
 * Both are taken in their `slim` form, which brings no WebAssembly of its own: the composition root chooses where the
 * bytes come from, because no entry that loads itself works in Node, Deno, a bundler and a SharedWorker alike.
 */
import * as Automerge from "@automerge/automerge/slim";
import {
  type BinaryDocumentId,
  type Chunk,
  type DocHandle,
  interpretAsDocumentId,
  type DocumentId as RepoDocumentId,
  Repo,
  type StorageAdapterInterface,
  type StorageKey,
} from "@automerge/automerge-repo/slim";
import { present } from "../base/assert.ts";

/** The WebAssembly: its bytes, or in a browser its address. */
export type AutomergeWasm = Uint8Array | string;

let loading: Promise<void> | null = null;

/**
 * Loads Automerge once for this process; every further call waits for the first.
 *
 * - `load` gives the bytes of `@automerge/automerge/automerge.wasm`; without it they come from the package's own text
 *   form, which needs no loader and is what Node, Deno and tests use.
 */
export function automergeReady(load?: () => Promise<AutomergeWasm>): Promise<void> {
  loading ??= initialize(load).catch((why: unknown) => {
    loading = null;
    throw why;
  });
  return loading;
}

async function initialize(load?: () => Promise<AutomergeWasm>): Promise<void> {
  if (load !== undefined) return Automerge.initializeWasm(await load());
  const { automergeWasmBase64 } = await import("@automerge/automerge/automerge.wasm.base64");
  await Automerge.initializeBase64Wasm(automergeWasmBase64);
}

/**
 * A copy of `document` whose changes are by `actor`; `document` may be freed afterwards.
 *
 * Automerge's own `clone` reuses the nested objects it has built, and those go on asking the document they came from:
 * its conflicts, and its memory once it is freed. Here every object is built anew, as `load` does.
 */
export function copyWithActor<T>(document: Automerge.Doc<T>, actor: string): Automerge.Doc<T> {
  return drawn(Automerge.getBackend(document).fork(actor));
}

/**
 * `document` with `changes`, which may wait for others; it is not used afterwards.
 *
 * Automerge brings the objects it has built up to date by patches, and those of several changes at once may leave a value
 * there that one of them took out. So the objects are built anew unless it was one change that nothing waited for. DC7
 *
 * - Fails: throws `RangeError` when one is malformed; none is in it then.
 */
export function withChanges<T>(document: Automerge.Doc<T>, changes: readonly Uint8Array[]): Automerge.Doc<T> {
  const isAlone = changes.length <= 1 && Automerge.getMissingDeps(document, []).length === 0;
  const [next] = Automerge.applyChanges(document, [...changes]);
  return isAlone ? next : drawn(Automerge.getBackend(next));
}

function drawn<T>(handle: ReturnType<typeof Automerge.getBackend>): Automerge.Doc<T> {
  return handle.materialize("/", undefined, {
    handle,
    heads: undefined,
    freeze: false,
    patchCallback: undefined,
  }) as Automerge.Doc<T>;
}

/** An operation as Automerge writes it out; its own type lacks half of the fields. */
export interface WrittenOperation {
  readonly action: string;
  readonly obj: string;
  readonly key?: string;
  readonly elemId?: string;
  readonly insert?: boolean;
  readonly value?: unknown;
  readonly datatype?: string;
  readonly pred: readonly string[];
}

/** The bytes of a change. */
export function encodeChange(change: {
  readonly actor: string;
  readonly seq: number;
  readonly startOp: number;
  readonly time: number;
  readonly message: null;
  readonly deps: readonly string[];
  readonly ops: readonly WrittenOperation[];
}): Uint8Array {
  return Automerge.encodeChange(change as unknown as Parameters<typeof Automerge.encodeChange>[0]);
}

/** The operations of a change this device has made, and the number of the first. */
export function writtenOperations(change: Uint8Array): {
  readonly startOp: number;
  readonly operations: readonly WrittenOperation[];
} {
  const { startOp, ops } = Automerge.decodeChange(change);
  return { startOp, operations: ops as unknown as readonly WrittenOperation[] };
}

/** What automerge-repo keeps of documents in `storage`: it loads them of chunks, and adds chunks or puts them together. */
export function openChunkStore(
  storage: StorageAdapterInterface,
): NonNullable<InstanceType<typeof Repo>["storageSubsystem"]> {
  return present(
    new Repo({ storage, network: [] }).storageSubsystem,
    "a repository with a storage keeps chunks",
  );
}

export { Automerge, interpretAsDocumentId, Repo };
export type { BinaryDocumentId, Chunk, DocHandle, RepoDocumentId, StorageAdapterInterface, StorageKey };
