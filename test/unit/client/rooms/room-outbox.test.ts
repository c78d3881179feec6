/** Own ops on their way into rooms, and what is kept of those that never came there. */
import { expect, test } from "vitest";
import { createRoomOutbox } from "../../../../core/client/rooms/room-outbox.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { messageOp } from "../../../support/messages.ts";

test("[RM33] a message that failed is kept so once, whatever else shows it, and is forgotten whole", async () => {
  await cryptoReady();
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const outbox = createRoomOutbox(tables, () => {});
  const op = messageOp();
  for (const reason of ["muted", "outside"] as const) {
    const failed = outbox.failPlaced([op], reason);
    good(await store.batch(failed.writes));
    failed.commit();
  }
  const started = createRoomOutbox(tables, () => {});
  good(await started.start());
  expect(started.failureOf(op.id)).toBe("muted");
  const forgotten = started.forgetFailed([op.id]);
  good(await store.batch(forgotten.writes));
  forgotten.commit();
  expect(started.failureOf(op.id)).toBe(null);
  expect(good(await tables.roomfailed.scan())).toEqual([]);
});
