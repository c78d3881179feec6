/** Tasks run one after the other, whatever becomes of each. */
import { expect, test } from "vitest";
import { createSerial } from "../../../core/client/serial.ts";

test("tasks run alone and in their order", async () => {
  const serial = createSerial();
  const log: string[] = [];
  const task = (name: string, turns: number) => async () => {
    log.push(`${name} begins`);
    for (let i = 0; i < turns; i++) await Promise.resolve();
    log.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([
    serial.run(task("a", 5)),
    serial.run(task("b", 1)),
    serial.run(task("c", 0)),
  ]);
  expect(results).toEqual(["a", "b", "c"]);
  expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("one that throws tells its caller, and the next one runs", async () => {
  const serial = createSerial();
  const failing = serial.run(() => Promise.reject(new Error("broken")));
  const next = serial.run(() => Promise.resolve("next"));
  await expect(failing).rejects.toThrow("broken");
  expect(await next).toBe("next");
});

test("it is idle when all that was given so far has ended, also after a failure", async () => {
  const serial = createSerial();
  let isDone = false;
  serial.run(() => Promise.reject(new Error("broken"))).catch(() => {});
  void serial.run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    isDone = true;
  });
  await serial.idle();
  expect(isDone).toBe(true);
});

test("what somebody waits for goes before the others, and each third turn is theirs", async () => {
  const serial = createSerial();
  const log: string[] = [];
  const note = (name: string) => async () => void log.push(name);
  void serial.run(note("first 1"));
  void serial.run(note("first 2"));
  void serial.run(note("first 3"));
  void serial.runBehind(note("behind"));
  for (let i = 1; i <= 6; i++) void serial.runNext(note(`next ${i}`));
  await serial.idle();
  expect(log.join(", ")).toBe(
    "next 1, next 2, first 1, next 3, next 4, first 2, next 5, next 6, first 3, behind",
  );
});

test("what waits behind runs when nothing else waits, in its own order", async () => {
  const serial = createSerial();
  const log: string[] = [];
  const note = (name: string) => async () => void log.push(name);
  void serial.runBehind(note("behind 1"));
  void serial.runBehind(note("behind 2"));
  void serial.run(async () => {
    log.push("first 1");
    void serial.run(note("first 3"));
  });
  void serial.run(note("first 2"));
  await serial.idle();
  expect(log).toEqual(["first 1", "first 2", "first 3", "behind 1", "behind 2"]);
});

test.each(["run", "runNext"] as const)(
  "what waits behind has its turn while others never end (%s)",
  async (way) => {
    const serial = createSerial();
    let hasRun = false;
    let turns = 0;
    const again = async (): Promise<void> => {
      turns += 1;
      if (!hasRun && turns < 1_000) void serial[way](again);
    };
    void serial[way](again);
    await serial.runBehind(async () => {
      hasRun = true;
    });
    expect(turns).toBeLessThanOrEqual(17);
  },
);

test.each(["runNext", "runBehind"] as const)(
  "it is idle only when what was given to %s has ended too",
  async (way) => {
    const serial = createSerial();
    let isDone = false;
    void serial[way](async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      isDone = true;
    });
    await serial.idle();
    expect(isDone).toBe(true);
  },
);
