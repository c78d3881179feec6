import fs, { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { NodeFSStorageAdapter } from "@automerge/automerge-repo-storage-nodefs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { DurableNodeFsAdapter } from "../../../cli/platform/durable-nodefs-adapter.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

/** What reached the disk, in its order. The real calls go on behind it. */
const trace: string[] = [];
let failOn: string | null = null;

const { open, rename } = fs.promises;

function step(what: string): void {
  trace.push(what);
  if (failOn === what) throw Object.assign(new Error(what), { code: "EIO" });
}

async function tracedOpen(...args: Parameters<typeof open>): ReturnType<typeof open> {
  const handle = await open(...args);
  const isFolder = args[1] === "r";
  const sync = handle.sync.bind(handle);
  handle.sync = async () => {
    step(isFolder ? "sync folder" : "sync file");
    await sync();
  };
  if (!isFolder) step("create");
  return handle;
}

async function tracedRename(...args: Parameters<typeof rename>): Promise<void> {
  step("rename");
  await rename(...args);
}

/** What other files of this process see again afterwards. */
function useCalls(calls: { readonly open: typeof open; readonly rename: typeof rename }): void {
  Object.assign(fs.promises, calls);
  syncBuiltinESMExports();
}

beforeAll(() => useCalls({ open: tracedOpen, rename: tracedRename }));
afterAll(() => useCalls({ open, rename }));

let folder: ReturnType<typeof createTemporaryFolder>;
let root: string;

beforeEach(() => {
  folder = createTemporaryFolder();
  root = join(folder.path, "documents");
  trace.length = 0;
  failOn = null;
});
afterEach(() => folder.discard());

const KEY = ["docA", "snapshot", "h1"];
const pathOf = (...parts: readonly string[]) => join(root, "do", "cA", ...parts);

test("[ST40] a chunk is written aside, synced, renamed into place, and its folder synced, before save resolves", async () => {
  const adapter = new DurableNodeFsAdapter(root);
  await adapter.save(KEY, new Uint8Array([1]));
  expect(trace.slice(0, 2)).toEqual(["create", "sync file"]);
  expect(trace.at(-2)).toBe("rename");
  expect(trace.at(-1)).toBe("sync folder");
  // Each new folder is synced into the one above it: snapshot, cA, do.
  expect(trace.filter((step) => step === "sync folder").length).toBe(4);
  trace.length = 0;
  await adapter.save(KEY, new Uint8Array([2]));
  expect(trace).toEqual(["create", "sync file", "rename", "sync folder"]);
  expect(readFileSync(pathOf("snapshot", "h1"))).toEqual(Buffer.from([2]));
});

test.each(["create", "sync file", "rename", "sync folder"])(
  "[ST40] a save that fails at '%s' is an error and leaves the old chunk whole",
  async (step) => {
    const adapter = new DurableNodeFsAdapter(root);
    await adapter.save(KEY, new Uint8Array([1, 1, 1]));
    failOn = step;
    await expect(adapter.save(KEY, new Uint8Array([2, 2]))).rejects.toMatchObject({ code: "EIO" });
    failOn = null;
    const after = [...readFileSync(pathOf("snapshot", "h1"))];
    expect(after).toEqual(step === "sync folder" ? [2, 2] : [1, 1, 1]);
    expect(readdirSync(join(root, "unfinished"))).toEqual([]);
    expect((await adapter.loadRange(["docA"])).length).toBe(1);
  },
);

test("[ST41] no chunk is kept in memory: what changed on disk is what is read", async () => {
  const adapter = new DurableNodeFsAdapter(root);
  await adapter.save(KEY, new Uint8Array([1]));
  await adapter.load(KEY);
  await adapter.loadRange(["docA"]);
  writeFileSync(pathOf("snapshot", "h1"), new Uint8Array([9]));
  expect(await adapter.load(KEY)).toEqual(new Uint8Array([9]));
  expect(await adapter.loadRange(["docA"])).toEqual([{ key: KEY, data: new Uint8Array([9]) }]);
  const library = new NodeFSStorageAdapter(root);
  await library.save(KEY, new Uint8Array([1]));
  writeFileSync(pathOf("snapshot", "h1"), new Uint8Array([9]));
  expect(await library.load(KEY), "the library's own adapter caches, which is why ours does not").toEqual(
    new Uint8Array([1]),
  );
});

test.skipIf(process.platform === "win32")("[ST42] only the owner may read files and folders", async () => {
  await new DurableNodeFsAdapter(root).save(KEY, new Uint8Array([1]));
  const modeOf = (path: string) => statSync(path).mode & 0o777;
  expect(modeOf(pathOf("snapshot", "h1"))).toBe(0o600);
  for (const path of [root, join(root, "do"), pathOf(), pathOf("snapshot"), join(root, "unfinished")])
    expect(modeOf(path)).toBe(0o700);
});

test("[ST43] what an interrupted save left is never read, and is removed at the next start", async () => {
  mkdirSync(join(root, "unfinished"), { recursive: true });
  writeFileSync(join(root, "unfinished", "torn"), "half a chu");
  const adapter = new DurableNodeFsAdapter(root);
  expect(await adapter.loadRange(["unfinished"])).toEqual([]);
  expect(await adapter.loadRange(["docA"])).toEqual([]);
  await adapter.save(KEY, new Uint8Array([1]));
  expect(readdirSync(join(root, "unfinished"))).toEqual([]);
  expect((await adapter.loadRange(["docA"])).length).toBe(1);
});

test("a removed chunk and a removed range are gone, and so is the folder", async () => {
  const adapter = new DurableNodeFsAdapter(root);
  await adapter.save(KEY, new Uint8Array([1]));
  await adapter.save(["docA", "incremental", "h2"], new Uint8Array([2]));
  trace.length = 0;
  await adapter.remove(KEY);
  await adapter.remove(KEY);
  expect(trace).toEqual(["sync folder"]);
  await adapter.removeRange(["docA"]);
  await adapter.removeRange(["docA"]);
  await adapter.removeRange(["nothing", "here"]);
  expect(readdirSync(join(root, "do"))).toEqual([]);
});
