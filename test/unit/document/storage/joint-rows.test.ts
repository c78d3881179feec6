/** Rows of documents that are stored at the same time go into one transaction, and none waits for what never comes. */
import { expect, test } from "vitest";
import { ok } from "../../../../core/base/result.ts";
import type { DocumentRowWrite } from "../../../../core/document/storage/document-rows.ts";
import { createJointRows } from "../../../../core/document/storage/joint-rows.ts";

const row = (key: string): DocumentRowWrite => ({ type: "put", key, value: new Uint8Array() });

function recorded() {
  const batches: string[][] = [];
  const storeJointly = createJointRows({
    async batch(ops) {
      batches.push(ops.map(({ key }) => key));
      return ok();
    },
  });
  return { batches, storeJointly };
}

test("what is stored while others are still being stored is noted with them, once", async () => {
  const { batches, storeJointly } = recorded();
  const slow = Promise.withResolvers<readonly DocumentRowWrite[]>();
  const both = [storeJointly(async () => [row("first")]), storeJointly(() => slow.promise)];
  expect(await Promise.race([both[0], slow.promise.then(() => "slow"), Promise.resolve("waits")])).toBe(
    "waits",
  );
  expect(batches).toEqual([]);
  slow.resolve([row("second")]);
  expect(await Promise.all(both)).toEqual([ok(), ok()]);
  expect(batches).toEqual([["first", "second"]]);
});

test("what is stored alone is noted at once, and what fails holds up nothing else", async () => {
  const { batches, storeJointly } = recorded();
  expect(await storeJointly(async () => [row("alone")])).toEqual(ok());
  const failing = storeJointly(() => Promise.reject(new Error("disk")));
  const other = storeJointly(async () => [row("other")]);
  await expect(failing).rejects.toThrow("disk");
  expect(await other).toEqual(ok());
  expect(batches).toEqual([["alone"], ["other"]]);
});
