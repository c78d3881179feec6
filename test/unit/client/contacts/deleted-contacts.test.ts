/** What a server says of a contact's account: kept, over when it says otherwise, and no other error means it. */
import { expect, test } from "vitest";
import { err, ok } from "../../../../core/base/result.ts";
import { createDeletedContacts } from "../../../../core/client/contacts/deleted-contacts.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { accountOf } from "../../../support/messages.ts";

const BEN = accountOf(1);
const HOME = "https://home.example";
const gone = err({ type: "Refused", code: "account-deleted" } as const);

async function deletedOn(store = createMemoryTxStore()) {
  let changes = 0;
  const clock = createManualClock();
  const deleted = createDeletedContacts({
    store,
    tables: createTables(store),
    clock,
    onChanged: () => changes++,
  });
  good(await deleted.start());
  return { deleted, clock, store, changes: () => changes };
}

test("[CO7] a server's word that an account was deleted holds, also after a restart, until it gives the chain", async () => {
  const { deleted, clock, store, changes } = await deletedOn();
  good(await deleted.take(BEN, HOME, err({ type: "Refused", code: "unknown-account" })));
  good(await deleted.take(BEN, HOME, err({ type: "ServerUnreachable", origin: HOME, detail: "x" })));
  expect([deleted.isDeleted(BEN), changes()]).toEqual([false, 0]);
  await clock.advance(1_000);
  const sinceMs = clock.nowMs();
  good(await deleted.take(BEN, HOME, gone));
  await clock.advance(1_000);
  good(await deleted.take(BEN, HOME, gone));
  expect([deleted.sinceMs(BEN, HOME), changes()]).toEqual([sinceMs, 1]);
  // Silence takes nothing back.
  good(await deleted.take(BEN, HOME, err({ type: "ServerUnreachable", origin: HOME, detail: "x" })));
  const again = await deletedOn(store);
  expect([again.deleted.isDeleted(BEN), again.deleted.sinceMs(BEN, HOME)]).toEqual([true, sinceMs]);
  good(await again.deleted.take(BEN, HOME, ok({})));
  expect([again.deleted.isDeleted(BEN), again.changes()]).toEqual([false, 1]);
  expect((await deletedOn(store)).deleted.isDeleted(BEN)).toBe(false);
});

test("[CO7] says nothing of a contact whose server is another one by now", async () => {
  const { deleted } = await deletedOn();
  good(await deleted.take(BEN, HOME, gone));
  expect(deleted.sinceMs(BEN, "https://other.example")).toBeNull();
  expect(deleted.sinceMs(BEN, HOME)).not.toBeNull();
  good(await deleted.take(BEN, "https://other.example", gone));
  expect(deleted.sinceMs(BEN, HOME)).toBeNull();
});
