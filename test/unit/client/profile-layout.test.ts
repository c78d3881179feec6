/** Profiles of earlier and newer versions: told by a number, and left as they are. Rule ST64. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import type { Profile } from "../../../core/client/devices/device-identity.ts";
import { createAccount } from "../../../core/client/account/create-account.ts";
import { mendRows } from "../../../core/client/mend/mend-rows.ts";
import { openClient } from "../../../core/client/open-client.ts";
import { checkLayout, PROFILE_LAYOUT } from "../../../core/client/profile-layout.ts";
import { createTables } from "../../../core/client/tables.ts";
import { createMemoryTxStore } from "../../../core/store/memory-tx-store.ts";
import { sealTxStore } from "../../../core/store/sealing-tx-store.ts";
import type { WriteOp } from "../../../core/store/tx-store.ts";
import { bad, engineReady, good, memoryPlatform } from "../../support/client-world.ts";

beforeAll(engineReady);

/** A profile as some version left it: with a device, and this number or none. */
async function profileOf(layout: number | null, more: readonly WriteOp[] = []) {
  const platform = memoryPlatform();
  const store = sealTxStore(platform.store, platform);
  const tables = createTables(store);
  const seed = () => platform.random.bytes(32);
  const profile: Profile = {
    accountId: idFromBytes("account", seed()),
    origin: "http://localhost:1",
    handle: null,
    seeds: { sign: seed(), agreement: seed(), kem: seed(), mls: seed() },
  };
  const numbered = layout === null ? [] : [tables.layout.put([], { version: layout })];
  good(await store.batch([...numbered, tables.profile.put([], profile), ...more]));
  const rows = async () => good(await platform.store.scan({ prefix: "" }));
  return { platform, store, tables, rows };
}

test.each([
  [null, "ProfileOutdated", 0],
  [PROFILE_LAYOUT + 1, "ProfileTooNew", PROFILE_LAYOUT + 1],
] as const)("[ST64] a profile with the number %s is %s, and stays as it is", async (number, type, layout) => {
  // What an op looked like in a row of its own.
  const old: WriteOp = { type: "put", key: "op/1", value: Uint8Array.of(0x81, 0x01) };
  const { platform, rows } = await profileOf(number, [old]);
  const before = await rows();
  const error = { type, layout, layoutNow: PROFILE_LAYOUT };
  expect(bad(await openClient(platform))).toEqual(error);
  const wanted = { origin: "http://localhost:1", handle: "ada", displayName: "ada", deviceName: "phone" };
  expect(bad(await createAccount(platform, { ...wanted, invitation: null }))).toEqual(error);
  expect(await rows()).toEqual(before);
});

test("[ST64] also where damage was noted, nothing of another version is mended", async () => {
  const { platform, store, tables, rows } = await profileOf(null);
  good(await store.batch([tables.damage.put([], {})]));
  good(await platform.store.batch([{ type: "put", key: "op/1", value: Uint8Array.of(1) }]));
  const before = await rows();
  expect(bad(await openClient(platform)).type).toBe("ProfileOutdated");
  expect(await rows()).toEqual(before);
});

test("[ST64] a profile with this version's number is read, and an empty one", async () => {
  expect(await checkLayout((await profileOf(PROFILE_LAYOUT)).tables)).toMatchObject({ ok: true });
  expect(await checkLayout(createTables(createMemoryTxStore()))).toMatchObject({ ok: true });
});

test("[ST61] a number that does not open is taken for this version's", async () => {
  const { platform, store, tables } = await profileOf(PROFILE_LAYOUT);
  const value = new Uint8Array(80).fill(3);
  good(await platform.store.batch([{ type: "put", key: tables.layout.key(), value }]));
  expect(bad(await checkLayout(tables)).type).toBe("StoreCorrupt");
  expect(good(await mendRows({ inner: platform.store, store }))).toBe(1);
  expect(good(await tables.layout.get())).toEqual({ version: PROFILE_LAYOUT });
});
