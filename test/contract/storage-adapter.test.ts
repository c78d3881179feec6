/** automerge-repo's own acceptance tests, and ours, on every document storage. */
import { runStorageAdapterTests } from "@automerge/automerge-repo/helpers/tests/storage-adapter-tests.js";
import { beforeAll, describe, expect, test } from "vitest";
import { DurableNodeFsAdapter } from "../../cli/platform/durable-nodefs-adapter.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import type { StorageAdapterInterface } from "../../core/document/automerge.ts";
import { createMemoryStorageAdapter } from "../../core/document/storage/memory-storage-adapter.ts";
import { createSealingStorageAdapter } from "../../core/document/storage/sealing-storage-adapter.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

interface Setup {
  readonly adapter: StorageAdapterInterface;
  readonly teardown?: () => void;
}

beforeAll(cryptoReady);

const SETUPS: Readonly<Record<string, () => Setup>> = {
  memory: () => ({ adapter: createMemoryStorageAdapter() }),
  "durable files": onFiles,
  "sealing over memory": () => sealed({ adapter: createMemoryStorageAdapter() }),
  "sealing over durable files": () => sealed(onFiles()),
};

describe.each(Object.entries(SETUPS))("%s", (_, setup) => {
  runStorageAdapterTests(async () => setup());

  test("a range knows where a part of a key ends", async () => {
    const { adapter, teardown } = setup();
    await adapter.save(["AAAA", "snap", "x"], new Uint8Array([1]));
    await adapter.save(["AAAA", "snapshot", "x"], new Uint8Array([2]));
    await adapter.save(["AAAAB", "snap", "x"], new Uint8Array([3]));
    expect(await adapter.loadRange(["AAAA", "snap"])).toEqual([
      { key: ["AAAA", "snap", "x"], data: new Uint8Array([1]) },
    ]);
    await adapter.removeRange(["AAAA", "snap"]);
    expect((await adapter.loadRange(["AAAA"])).map(({ key }) => key)).toEqual([["AAAA", "snapshot", "x"]]);
    expect((await adapter.loadRange(["AAAAB"])).length).toBe(1);
    teardown?.();
  });

  test("an empty value is a value, and removing what is not there is no fault", async () => {
    const { adapter, teardown } = setup();
    await adapter.save(["AAAA", "snapshot", "x"], new Uint8Array());
    expect(await adapter.load(["AAAA", "snapshot", "x"])).toEqual(new Uint8Array());
    await adapter.remove(["AAAA", "snapshot", "y"]);
    await adapter.removeRange(["BBBB"]);
    expect((await adapter.loadRange(["AAAA"])).length).toBe(1);
    teardown?.();
  });
});

function onFiles(): Setup {
  const folder = createTemporaryFolder();
  return { adapter: new DurableNodeFsAdapter(folder.path), teardown: folder.discard };
}

function sealed({ adapter, ...rest }: Setup): Setup {
  const random = createSeededRandom("sealed chunks");
  return {
    ...rest,
    adapter: createSealingStorageAdapter(adapter, { random, storeKey: random.bytes(32), onFault: () => {} }),
  };
}
