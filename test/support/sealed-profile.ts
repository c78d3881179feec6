/** A profile on disk with known rows and chunks, written through the stores a client uses, and read back the same way. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Passphrase, parsePassphrase, type Platform } from "@dovetail/core";
import { createNodePlatform } from "../../cli/platform/node-platform.ts";
import {
  noteFinished,
  type OpenedProfile,
  openProfile,
  type ProfileError,
} from "../../cli/platform/profile-folder.ts";
import {
  type ChunkFault,
  createSealingStorageAdapter,
} from "../../core/document/storage/sealing-storage-adapter.ts";
import { StorageFault } from "../../core/document/storage/storage-fault.ts";
import type { Result } from "../../core/base/result.ts";
import { sealTxStore } from "../../core/store/sealing-tx-store.ts";
import type { StoreError } from "../../core/store/tx-store.ts";
import { must } from "./chain-world.ts";

export const PROFILE = "default";

/** What a profile holds: values by row key, chunk data by the parts of the chunk's name. */
export interface ProfileContent {
  readonly rows: ReadonlyMap<string, string>;
  readonly chunks: ReadonlyMap<string, string>;
}

export interface ContentSize {
  readonly rows: number;
  readonly documents: number;
  readonly chunksPerDocument: number;
}

/** What the profile of these tests is to hold. Every value says where it belongs. */
export function contentOf(size: ContentSize): ProfileContent {
  const rows = new Map<string, string>();
  for (let n = 0; n < size.rows; n++) {
    rows.set(
      `canary/${String(n).padStart(6, "0")}`,
      `row ${n}: ${"what Ada wrote to Ben ".repeat(1 + (n % 9))}`,
    );
  }
  const chunks = new Map<string, string>();
  for (let d = 0; d < size.documents; d++) {
    for (let c = 0; c < size.chunksPerDocument; c++) {
      chunks.set(
        `document-of-ada-${d}/incremental/chunk-${c}`,
        `chunk ${c} of ${d}: ${"tags and names ".repeat(4 + c)}`,
      );
    }
  }
  return { rows, chunks };
}

export function phrase(typed: string): Passphrase {
  return must(parsePassphrase(typed));
}

/** Opens the profile; `passphrase` is what unlocks it. */
export function openTestProfile(
  home: string,
  passphrase: Passphrase | null = null,
): Promise<Result<OpenedProfile, ProfileError | { readonly type: "WrongPassphrase" }>> {
  return openProfile<{ readonly type: "WrongPassphrase" }>(
    { home, name: PROFILE },
    {
      create: true,
      newPassphrase: passphrase,
      unlock: async (attempt) => attempt(passphrase ?? phrase("wrong")),
    },
  );
}

/** Makes a profile that holds `content`, wrapped by `passphrase` where there is one. */
export async function writeProfile(
  home: string,
  content: ProfileContent,
  passphrase: Passphrase | null,
): Promise<void> {
  const profile = must(await openTestProfile(home, passphrase));
  const platform = must(createNodePlatform(profile));
  const { store, documents } = sealedStores(platform, () => {});
  const ops = [...content.rows].map(([key, text]) => ({
    type: "put" as const,
    key,
    value: Buffer.from(text),
  }));
  must(await store.batch(ops));
  for (const [name, text] of content.chunks) await documents.save(name.split("/"), Buffer.from(text));
  await store.close();
  // As one that has its account.
  noteFinished(profile.folder);
  profile.release();
}

/** Everything that reads and everything that does not, of a profile that may be damaged. */
export interface ProfileReading {
  readonly content: ProfileContent;
  readonly faults: readonly string[];
}

/** Reads rows by a scan and one by one, and documents whole. */
export async function readProfile(
  home: string,
  passphrase: Passphrase | null,
  expected: ProfileContent,
): Promise<ProfileReading> {
  const rows = new Map<string, string>();
  const chunks = new Map<string, string>();
  const faults: string[] = [];
  const reading: ProfileReading = { content: { rows, chunks }, faults };
  const profile = await openTestProfile(home, passphrase);
  if (!profile.ok) return { ...reading, faults: [profile.error.type] };
  const platform = createNodePlatform(profile.value);
  if (!platform.ok) {
    profile.value.release();
    return { ...reading, faults: [platform.error.type] };
  }
  const { store, documents } = sealedStores(platform.value, () => {});
  const note = (error: StoreError): void => void faults.push(error.type);
  const scanned = await store.scan({ prefix: "" });
  if (!scanned.ok) note(scanned.error);
  else for (const { key, value } of scanned.value) rows.set(key, Buffer.from(value).toString());
  for (const key of expected.rows.keys()) {
    const row = await store.get(key);
    if (!row.ok) note(row.error);
    else if (row.value !== null) rows.set(key, Buffer.from(row.value).toString());
  }
  for (const document of new Set([...expected.chunks.keys()].map((name) => name.split("/")[0] ?? ""))) {
    try {
      for (const { key, data } of await documents.loadRange([document]))
        if (data !== undefined) chunks.set(key.join("/"), Buffer.from(data).toString());
    } catch (thrown) {
      if (!(thrown instanceof StorageFault)) throw thrown;
      faults.push(thrown.reason.type);
    }
  }
  await store.close();
  profile.value.release();
  return reading;
}

/** Every file below `folder`. */
export function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

function sealedStores(platform: Platform, onFault: (fault: ChunkFault) => void) {
  const { random, storeKey } = platform;
  return {
    store: sealTxStore(platform.store, { random, storeKey }),
    documents: createSealingStorageAdapter(platform.documentStorage, { random, storeKey, onFault }),
  };
}
