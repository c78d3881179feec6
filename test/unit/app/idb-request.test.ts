import { expect, test } from "vitest";
import { committed, requested } from "../../../app/platform/idb-request.ts";

/** As Chromium leaves what was begun while it threw the database away: nothing is ever told of it. */
function silent(): { idb: EventTarget; transaction: IDBTransaction; request: IDBRequest<number> } {
  const idb = new EventTarget();
  const transaction = { db: idb } as unknown as IDBTransaction;
  return { idb, transaction, request: { transaction } as unknown as IDBRequest<number> };
}

test("[WB9] what waits for a database ends when the browser closes it", async () => {
  const { idb, transaction, request } = silent();
  const waiting = Promise.allSettled([committed(transaction), requested(request)]);
  idb.dispatchEvent(new Event("close"));
  const ends = await waiting;
  expect(ends.map((end) => end.status === "rejected" && end.reason.name)).toEqual([
    "AbortError",
    "AbortError",
  ]);
});

test("[WB9] an answer that came before the database was closed counts", async () => {
  const { idb, transaction, request } = silent();
  const waiting = Promise.all([committed(transaction), requested(request)]);
  Object.assign(request, { result: 7 });
  transaction.oncomplete?.(new Event("complete"));
  request.onsuccess?.(new Event("success"));
  await Promise.resolve();
  idb.dispatchEvent(new Event("close"));
  expect(await waiting).toEqual([undefined, 7]);
});
