/**
 * How one chunk of a document is named and sealed in storage, apart from where it lies. Rules ST30 to ST32.
 */
import { type Bytes, toHex, toUtf8 } from "../../base/bytes.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import { bytes, decode, encode, list, struct, text } from "../../codec/shape.ts";
import { deriveKey } from "../../crypto/kdf.ts";
import { LABEL } from "../../crypto/labels.ts";
import { seal, unseal } from "../../crypto/seal.ts";
import { wipe } from "../../crypto/secret.ts";
import type { StorageKey } from "../automerge.ts";

/** A chunk does not open. `place` is where the inner storage keeps it. */
export interface ChunkDamaged {
  readonly type: "ChunkDamaged";
  readonly place: StorageKey;
}

export interface OpenedChunk {
  readonly key: StorageKey;
  readonly data: Bytes;
}

export interface SealedChunk {
  readonly place: StorageKey;
  readonly sealed: Bytes;
}

export interface ChunkSeal {
  /** Where a chunk of this name lies; a prefix gives a prefix. */
  placeOf(key: StorageKey): StorageKey;
  seal(chunk: OpenedChunk): SealedChunk;
  open(chunk: SealedChunk): Result<OpenedChunk, ChunkDamaged>;
  wipe(): void;
}

/** 128 bits of a blinded part, as lower-case hex: case-insensitive file systems keep it whole. */
const BLINDED_BYTES = 16;
const KEY_PARTS_MAX = 8;
const KEY_PART_BYTES_MAX = 1_024;
const CHUNK_BYTES_MAX = 268_435_456;

/** What is sealed of a chunk. */
export const chunkShape = struct({
  key: list(text(KEY_PART_BYTES_MAX), KEY_PARTS_MAX, 1),
  data: bytes(0, CHUNK_BYTES_MAX),
});

/** The seal of all chunks under one store key, of which it keeps derived keys only. */
export function createChunkSeal(random: Random, storeKey: Bytes): ChunkSeal {
  const sealKey = deriveKey(storeKey, LABEL.storeDocument);
  const nameKey = deriveKey(storeKey, LABEL.storeDocumentName);
  const placeOf = (key: StorageKey): StorageKey => blindKey(nameKey, key);
  const contextOf = (place: StorageKey) => ({
    key: sealKey,
    label: LABEL.sealDocumentChunk,
    aad: encodeCbor(place),
  }); // ST31
  return {
    placeOf,
    seal({ key, data }) {
      const place = placeOf(key);
      return { place, sealed: seal(random, contextOf(place), encode(chunkShape, { key, data })) };
    },
    open({ place, sealed }) {
      const plain = unseal(contextOf(place), sealed);
      const chunk = plain.ok ? decode(chunkShape, plain.value) : plain;
      if (!chunk.ok || !isSameKey(placeOf([...chunk.value.key]), place))
        return err({ type: "ChunkDamaged", place }); // ST32
      return ok({ key: [...chunk.value.key], data: chunk.value.data });
    },
    wipe: () => wipe(sealKey, nameKey),
  };
}

function blindKey(nameKey: Bytes, key: StorageKey): StorageKey {
  const blinded: string[] = [];
  let parent: Bytes = new Uint8Array();
  for (const part of key) {
    parent = deriveKey(nameKey, LABEL.storeDocumentName, parent, toUtf8(part)).subarray(0, BLINDED_BYTES); // ST30
    blinded.push(toHex(parent));
  }
  return blinded;
}

function isSameKey(a: StorageKey, b: StorageKey): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}
