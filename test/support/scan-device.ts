/** Looks through everything a device holds, opened: rows, chunks of documents and what is in them. */
import { Automerge } from "../../core/document/automerge.ts";
import { concatBytes, toUtf8 } from "../../core/base/bytes.ts";
import { createSealingStorageAdapter } from "../../core/document/storage/sealing-storage-adapter.ts";
import type { DocumentStorage } from "../../core/document/storage/repo-storage.ts";
import { sealTxStore } from "../../core/store/sealing-tx-store.ts";
import { good } from "./client-world.ts";
import type { Device } from "./story.ts";

/** Where `text` stands on a device: keys of rows, and `chunk` for pieces of documents. */
export async function scanDevice({ platform }: Device, text: string): Promise<readonly string[]> {
  const wanted = toUtf8(text);
  const found: string[] = [];
  const store = sealTxStore({ ...platform.store, close: async () => {} }, platform);
  for (const { key, value } of good(await store.scan({ prefix: "" }))) {
    if (holds(value, wanted)) found.push(key);
    // Changes are compressed, and so may hold it unseen.
    for (const change of changesIn(value))
      if (holds(plainChanges(change), wanted)) found.push(`${key} (change)`);
  }
  const storage = createSealingStorageAdapter(platform.documentStorage, {
    random: platform.random,
    storeKey: platform.storeKey,
    onFault: () => {},
  }) as DocumentStorage;
  for (const { data } of await storage.loadRange([])) {
    if (data === undefined) continue;
    if (holds(data, wanted) || holds(plainChanges(data), wanted)) found.push("chunk");
  }
  return found;
}

function holds(bytes: Uint8Array, wanted: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(Buffer.from(wanted));
}

/** Every magic number of an Automerge chunk, with the rest of the bytes. */
function changesIn(value: Uint8Array): readonly Uint8Array[] {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const magic = Buffer.from("856f4a83", "hex");
  const changes: Uint8Array[] = [];
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1))
    changes.push(value.slice(at));
  return changes;
}

/** All bytes a chunk put anywhere, uncompressed. */
export function plainChanges(chunk: Uint8Array): Uint8Array {
  try {
    const document = Automerge.load<{ [key: string]: unknown }>(chunk, { allowMissingChanges: true });
    return concatBytes(...Automerge.getAllChanges(document).map(valuesOf));
  } catch {
    return valuesOf(chunk);
  }
}

function valuesOf(change: Uint8Array): Uint8Array {
  try {
    return concatBytes(
      ...Automerge.decodeChange(change).ops.map(({ value }) =>
        typeof value === "string"
          ? toUtf8(value)
          : Array.isArray(value)
            ? Uint8Array.from(value)
            : new Uint8Array(),
      ),
    );
  } catch {
    return new Uint8Array();
  }
}
