/** More ops for one contact than one transaction of the store takes: all of them are closed, opened, taken back and forgotten. */
import { beforeAll, expect, test } from "vitest";
import { STORE_BATCH_ROWS_MAX } from "../../../../core/base/limits.ts";
import { PARCELS_AT_ONCE_MAX } from "../../../../core/client/conversations/outbox.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { OPS_PER_BODY_MAX } from "../../../../core/messenger/envelope.ts";
import type { NamedOp } from "../../../../core/messenger/op.ts";
import {
  acquaint,
  createSide,
  expectValue,
  opOf,
  pendingOf,
  routeTo,
  sealFor,
  type Side,
} from "../../../support/messenger-side.ts";

beforeAll(cryptoReady);

/** More than `STORE_BATCH_ROWS_MAX`, in more parcels than are sent or taken back at once. */
const COUNT = (PARCELS_AT_ONCE_MAX + 260) * OPS_PER_BODY_MAX;

/** Two sides, and so many ops of the first that wait for the second. */
async function waiting(count: number) {
  const [ada, ben] = [await createSide("ada"), await createSide("ben")];
  await acquaint(ada, ben);
  const ops = Array.from({ length: count }, (_, at) => opOf(ada, ben, at, {}, ""));
  const puts = ops.map((op) => ada.outbox.put(op, ben.accountId));
  for (let from = 0; from < puts.length; from += STORE_BATCH_ROWS_MAX)
    expectValue(
      await ada.store.batch(puts.slice(from, from + STORE_BATCH_ROWS_MAX).map(({ write }) => write)),
    );
  for (const { commit } of puts) commit();
  return { ada, ben, ops };
}

/** How many rows there are in each state, in the store and in memory. */
async function states(side: Side, ops: readonly NamedOp[]): Promise<unknown> {
  const count = (all: readonly (string | null)[]) =>
    Object.fromEntries([...new Set(all)].map((one) => [one, all.filter((each) => each === one).length]));
  const rows = expectValue(await side.context.tables.outbox.scan());
  const inMemory = count(ops.map(({ id }) => side.outbox.stateOf(id)));
  expect(count(rows.map(({ value }) => value.state))).toEqual(inMemory);
  return inMemory;
}

test("[CO4] [DM12] more ops and parcels than one transaction takes are taken back, closed, waited with again, told of and forgotten", {
  timeout: 240_000,
}, async () => {
  const { ada, ben, ops } = await waiting(COUNT);
  for (;;) {
    await sealFor(ada, ben);
    if (ops.every(({ id }) => ada.outbox.stateOf(id) === "sealed")) break;
  }
  const route = routeTo(ada, ben);
  expect((await pendingOf(ada, route, 0)).length).toBeGreaterThan(PARCELS_AT_ONCE_MAX);
  expectValue(await ada.outbox.close(ben.accountId, 1));
  expect(await states(ada, ops)).toEqual({ failed: COUNT });
  expect(expectValue(await ada.context.tables.parcel.scan())).toEqual([]);
  expectValue(await ada.outbox.reopen(ben.accountId, 1));
  expect(await states(ada, ops)).toEqual({ kept: COUNT });
  expectValue(await ada.outbox.close(ben.accountId, 1));
  const steps = ada.outbox.settleClosed(ben.accountId);
  expect(steps.reduce((sum, { writes }) => sum + writes.length, 0)).toBe(COUNT);
  for (const { writes, commit } of steps) {
    // Beside an op.
    expectValue(await ada.store.batch([...writes, ...writes.slice(0, 99)]));
    commit();
  }
  expect(ada.outbox.hasClosedBefore(ben.accountId, 9)).toBe(false);
  expectValue(await ada.outbox.dropFailed(ops.map(({ id }) => id)));
  expect(expectValue(await ada.context.tables.outbox.scan())).toEqual([]);
});
