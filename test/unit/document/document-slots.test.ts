import { expect, test } from "vitest";
import { ok, type Result } from "../../../core/base/result.ts";
import { createDocumentSlots } from "../../../core/document/document-slots.ts";

/** Loaded documents that can be made busy or unable to be saved. */
function createLoaded(...ids: readonly string[]) {
  const loaded = new Set(ids);
  const busy = new Set<string>();
  const unsavable = new Set<string>();
  const unloaded: string[] = [];
  const unload = async (id: string): Promise<Result<void, string>> => {
    await Promise.resolve();
    if (unsavable.has(id)) return { ok: false, error: `${id} is not saved` };
    loaded.delete(id);
    unloaded.push(id);
    return ok();
  };
  const slots = createDocumentSlots<string>({
    slotsMax: 2,
    loadedCount: () => loaded.size,
    listIdle: () => [...loaded].filter((id) => !busy.has(id)).map((id) => ({ id, unload: () => unload(id) })),
  });
  return { slots, loaded, busy, unsavable, unloaded, unload };
}

const isPending = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve("pending"), 10))])) ===
  "pending";

test("[DC15] a slot is free, or is freed by the idle document that comes first", async () => {
  const world = createLoaded("a");
  expect(await world.slots.take()).toEqual(ok());
  expect(world.unloaded).toEqual([]);
  expect(await world.slots.take()).toEqual(ok());
  expect(world.unloaded).toEqual(["a"]);
});

test("[DC15] who finds all busy waits until one is done with its task", async () => {
  const world = createLoaded("a", "b");
  world.busy.add("a").add("b");
  const taking = world.slots.take();
  expect(await isPending(taking)).toBe(true);
  await world.slots.offer(() => world.unload("b"));
  expect(await taking).toEqual(ok());
  expect(world.unloaded).toEqual(["b"]);
  await world.slots.offer(() => world.unload("a"));
  expect(world.unloaded).toEqual(["b"]);
});

test("[DC15] a load that failed passes its slot on, and so does a document that was unloaded for another reason", async () => {
  const world = createLoaded("a");
  world.busy.add("a");
  expect(await world.slots.take()).toEqual(ok());
  const [second, third] = [world.slots.take(), world.slots.take()];
  world.slots.settle(false);
  expect(await second).toEqual(ok());
  expect(await isPending(third)).toBe(true);
  world.loaded.delete("a");
  await world.slots.offer(null);
  expect(await third).toEqual(ok());
});

test("[DC15] when no document can be saved, asking for another is an error and does not wait", async () => {
  const world = createLoaded("a", "b");
  world.unsavable.add("a").add("b");
  expect(await world.slots.take()).toEqual({ ok: false, error: "b is not saved" });
  world.unsavable.delete("b");
  expect(await world.slots.take()).toEqual(ok());
  world.slots.settle(false);
  world.loaded.add("b");
  world.busy.add("b");
  const taking = world.slots.take();
  expect(await isPending(taking)).toBe(true);
  world.unsavable.add("b");
  await world.slots.offer(() => world.unload("b"));
  expect(await taking).toEqual({ ok: false, error: "b is not saved" });
});

test("closing ends all waiting", async () => {
  const world = createLoaded("a", "b");
  world.busy.add("a").add("b");
  const taking = world.slots.take();
  world.slots.close("closed");
  expect(await taking).toEqual({ ok: false, error: "closed" });
});
