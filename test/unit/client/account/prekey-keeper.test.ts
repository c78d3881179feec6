/** What becomes of prekeys that are used while they are looked after. */
import { beforeAll, expect, test } from "vitest";
import { err, ok } from "../../../../core/base/result.ts";
import { PREKEY_LIFETIME_MS, PREKEY_POOL_MAX } from "../../../../core/base/limits.ts";
import { keepPreKeys } from "../../../../core/client/account/prekey-keeper.ts";
import type { ClientError } from "../../../../core/client/client-error.ts";
import type { Gateway } from "../../../../core/client/connection/gateway.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import {
  createPreKey,
  decodePreKeyRecord,
  encodePreKeyRecord,
} from "../../../../core/ratchet/prekey-record.ts";
import { createSide, expectValue } from "../../../support/messenger-side.ts";

beforeAll(cryptoReady);

test("[PK11] a one-time prekey that opens a message while it is retired does not come back", async () => {
  const { context } = await createSide("prekeys");
  const { tables, store, random } = context;
  const nowMs = 3 * PREKEY_LIFETIME_MS;
  const long = { steadyMs: context.times.steadyMs() - 2 * PREKEY_LIFETIME_MS, likelyMs: PREKEY_LIFETIME_MS };
  const [used, unused] = [createPreKey(random, "oneTime", long), createPreKey(random, "oneTime", long)];
  const records = [used, unused].map((one) =>
    tables.prekey.put([one.id], { record: encodePreKeyRecord(one) }),
  );
  expectValue(await store.batch(records));
  const answers: Readonly<Record<string, () => Promise<unknown>>> = {
    preKeyCounts: async () => ok({ oneTime: PREKEY_POOL_MAX, hasSigned: true, hasLastResort: true, nowMs }),
    done: () => store.batch([tables.prekey.remove(used.id)]),
  };
  const gateway = { call: (answer: string) => answers[answer]?.() } as unknown as Gateway;
  expectValue(await keepPreKeys(context, gateway, 0));
  const kept = async (id: typeof used.id) => {
    const row = expectValue(await tables.prekey.get(id));
    return row === null ? null : expectValue(decodePreKeyRecord(row.record)).retiredAtMs;
  };
  expect(await kept(used.id)).toBeNull();
  expect(await kept(unused.id)).not.toBeNull();
});

test("[PK8] prekeys that the server refuses are erased, and those it may have taken are kept", async () => {
  const { context } = await createSide("refused");
  const publish = async (failure: ClientError) => {
    const counts = ok({ oneTime: 0, hasSigned: true, hasLastResort: true, nowMs: context.clock.nowMs() });
    const gateway = { call: async (answer: string) => (answer === "done" ? err(failure) : counts) };
    expect(await keepPreKeys(context, gateway as unknown as Gateway, 0)).toEqual(err(failure));
    const rows = expectValue(await context.tables.prekey.scan());
    const types = rows.map(({ value }) => expectValue(decodePreKeyRecord(value.record)).type);
    return types.filter((type) => type === "oneTime").length;
  };
  expect(await publish({ type: "Refused", code: "storage-full" })).toBe(0);
  const cut = { type: "ServerUnreachable", origin: "https://a.example", detail: "cut" } as const;
  expect(await publish(cut)).toBe(PREKEY_POOL_MAX);
  expect(await publish({ type: "Refused", code: "quota" })).toBe(PREKEY_POOL_MAX);
});
