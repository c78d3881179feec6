/** What happens to the operations of a transaction that the medium refuses. */
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { ok } from "../../../core/base/result.ts";
import { createCommitQueue } from "../../../sync-server/store/commit-queue.ts";

function world() {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT");
  const told: string[] = [];
  const queue = createCommitQueue(db, {
    beforeCommit: () => {},
    afterCommit: () => told.push("commit"),
    afterRollback: () => told.push("rollback"),
    onFault: (code) => told.push(code),
  });
  const insert = db.prepare("INSERT INTO t VALUES (?)");
  const put = (x: number) =>
    queue.run(() => {
      insert.run(x);
      return ok(x);
    });
  const rows = (): unknown[] =>
    db
      .prepare("SELECT x FROM t ORDER BY x")
      .all()
      .map(({ x }) => x);
  return { db, queue, told, put, rows };
}

describe("a group of operations", () => {
  test("of one turn is one transaction, answered after its commit", async () => {
    const { told, put, rows } = world();
    const answers = [1, 2, 3].map(put);
    expect(rows()).toEqual([]);
    expect(await Promise.all(answers)).toEqual([ok(1), ok(2), ok(3)]);
    expect(told).toEqual(["commit"]);
  });

  test("of which one fails is undone, and the others happen one by one", async () => {
    const { told, put, rows } = world();
    expect(await Promise.all([put(1), put(1), put(2)])).toEqual([
      ok(1),
      { ok: false, error: { type: "Refused", code: "internal" } },
      ok(2),
    ]);
    expect(rows()).toEqual([1, 2]);
    expect(told).toEqual(["rollback", "internal", "commit", "rollback", "internal", "commit"]);
  });

  test("for which the disk has no room is told so, and the next one happens once there is", async () => {
    const { db, put, rows } = world();
    db.exec("PRAGMA max_page_count=3");
    const answers = await Promise.all(Array.from({ length: 3_000 }, (_, x) => put(x)));
    expect(
      answers.filter((answer) => !answer.ok && answer.error.code === "storage-full").length,
    ).toBeGreaterThan(0);
    expect(rows()).toEqual(answers.flatMap((answer) => (answer.ok ? [answer.value] : [])));
    db.exec("PRAGMA max_page_count=1000");
    expect(await put(9_999)).toEqual(ok(9_999));
  });
});
