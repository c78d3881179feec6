import { expect, test } from "vitest";
import { SERVED_CALLS_MAX, SERVED_HANDLES_MAX } from "../../../../core/base/limits.ts";
import { err, ok, type Result } from "../../../../core/base/result.ts";
import { type ConnectOptions, connectObject } from "../../../../core/client/served-client/connect-object.ts";
import {
  createPortPair,
  type MessageChannelPort,
} from "../../../../core/client/served-client/message-port.ts";
import {
  booleanArgument,
  listArgument,
  optionalArgument,
  recordArgument,
  textArgument,
} from "../../../../core/client/served-client/parse-argument.ts";
import { serveObject } from "../../../../core/client/served-client/serve-object.ts";
import { handleRule, type Service } from "../../../../core/client/served-client/service.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { bad, good } from "../../../support/client-world.ts";

interface Ring {
  readonly name: string;
  readonly whenHeard: Promise<Result<string, { readonly type: "Deaf" }>>;
  stop(): Promise<void>;
}

interface Bell {
  echo(text: string, twice?: boolean): Promise<Result<string, { readonly type: "TooLoud" }>>;
  put(options: { readonly a: string; readonly b?: string }): Promise<Result<object, never>>;
  list(words: readonly string[]): Promise<Result<number, never>>;
  slow(): Promise<Result<void, never>>;
  broken(): Promise<Result<void, never>>;
  ring(name: string): Promise<Result<Ring, { readonly type: "NoBell" }>>;
}

const SERVICE: Service<Bell> = {
  name: "bell",
  version: 1,
  methods: {
    echo: [textArgument, optionalArgument(booleanArgument)],
    put: [
      recordArgument<{ readonly a: string; readonly b?: string }>({
        required: { a: textArgument },
        optional: { b: textArgument },
      }),
    ],
    list: [listArgument(textArgument, 2)],
    slow: [],
    broken: [],
    ring: [textArgument],
  },
  handles: {
    ring: handleRule<Ring>({
      methods: { stop: [] },
      promises: ["whenHeard"],
      ends: ["stop"],
      cancel: "stop",
    }),
  },
};

function createBell() {
  const heard = Promise.withResolvers<Result<string, { readonly type: "Deaf" }>>();
  const slow = Promise.withResolvers<Result<void, never>>();
  const stopped: string[] = [];
  const faults: unknown[] = [];
  let listener: (event: string) => void = () => {};
  let running = 0;
  let runningMax = 0;
  const target: Bell = {
    echo: async (text, twice = false) =>
      text === "!" ? err({ type: "TooLoud" }) : ok(twice ? text + text : text),
    put: async (options) => ok(options),
    list: async (words) => ok(words.length),
    slow: () => {
      running += 1;
      runningMax = Math.max(running, runningMax);
      return slow.promise.finally(() => {
        running -= 1;
      });
    },
    broken: () => Promise.reject(new Error("secret detail")),
    ring: async (name) =>
      name === "none"
        ? err({ type: "NoBell" })
        : ok({
            name,
            whenHeard: heard.promise,
            stop: async () => {
              stopped.push(name);
            },
          }),
  };
  return {
    heard,
    slow,
    stopped,
    faults,
    runningMax: () => runningMax,
    emit: (event: string) => listener(event),
    serve: (port: MessageChannelPort) =>
      serveObject<Bell, string>(port, SERVICE, {
        target,
        state: () => "quiet",
        onEvent: (taken) => {
          listener = taken;
          return () => {
            listener = () => {};
          };
        },
        mergeEvent: (_waiting, event) => [event],
        onFault: (thrown) => faults.push(thrown),
      }),
  };
}

function options(changes: Partial<ConnectOptions<string>> = {}): ConnectOptions<string> {
  return { clock: createManualClock(), onEvent: () => {}, onGone: () => {}, ...changes };
}

async function connected(changes: Partial<ConnectOptions<string>> = {}) {
  const bell = createBell();
  const [near, far] = createPortPair();
  const endServing = bell.serve(far);
  const connection = good(await connectObject<Bell, string>(near, SERVICE, options(changes)));
  return { bell, endServing, near, ...connection };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a call answers as a direct one does: value, error, optional arguments, what the owner tells first", async () => {
  const { calls, state } = await connected();
  expect(state).toBe("quiet");
  expect(await calls.echo("a")).toEqual(ok("a"));
  expect(await calls.echo("a", true)).toEqual(ok("aa"));
  expect(await calls.echo("!")).toEqual(err({ type: "TooLoud" }));
  expect(await calls.put({ a: "1" })).toEqual(ok({ a: "1" }));
  expect(await calls.put({ a: "1", b: "2" })).toEqual(ok({ a: "1", b: "2" }));
});

test("events come in order", async () => {
  const seen: string[] = [];
  const { bell } = await connected({ onEvent: (event) => seen.push(event) });
  for (const event of ["a", "b", "c"]) bell.emit(event);
  await settle();
  expect(seen).toEqual(["a", "b", "c"]);
});

test("a mistake of the owner is told without its text", async () => {
  const { bell, calls } = await connected();
  await expect(calls.broken()).rejects.toThrow(/could not run a call \(fault\)/);
  expect(bell.faults).toEqual([new Error("secret detail")]);
});

/** The messages a raw caller gets for `sent`, after greeting. */
async function raw(sent: readonly unknown[]) {
  const bell = createBell();
  const [near, far] = createPortPair();
  const answers: unknown[] = [];
  let isClosed = false;
  bell.serve(far);
  near.listen({
    onMessage: (message) => answers.push(message),
    onClose: () => {
      isClosed = true;
    },
  });
  for (const message of sent) near.send(message);
  await settle();
  return { answers, isClosed };
}

async function greeting(): Promise<unknown> {
  const [near, far] = createPortPair();
  const first = new Promise((resolve) => far.listen({ onMessage: resolve, onClose: () => {} }));
  void connectObject<Bell, string>(near, SERVICE, options());
  return first;
}

const call = (method: string, args: readonly unknown[], handle: number | null = null) => ({
  type: "call",
  id: 1,
  handle,
  method,
  args,
});

test.each([
  ["a method that is not in the table", call("constructor", [])],
  ["an inherited name", call("toString", [])],
  ["a wrong kind", call("echo", [1])],
  ["a missing argument", call("echo", [])],
  ["one argument too many", call("echo", ["a", true, 1])],
  ["an unknown field", call("put", [{ a: "1", c: "2" }])],
  ["a missing field", call("put", [{ b: "1" }])],
  ["a longer list", call("list", [["1", "2", "3"]])],
  ["an item of a wrong kind", call("list", [["1", 2]])],
])("%s does not reach the object", async (_name, message) => {
  const { answers } = await raw([await greeting(), message]);
  expect(answers[1]).toEqual({ type: "failed", id: 1, why: "arguments" });
});

test.each([
  ["a call before the greeting", [call("echo", ["a"])]],
  ["no message at all", [17]],
  ["a second greeting", ["hello", "hello"]],
])("%s closes the port", async (_name, messages) => {
  const hello = await greeting();
  const { isClosed } = await raw(messages.map((message) => (message === "hello" ? hello : message)));
  expect(isClosed).toBe(true);
});

test("a handle nobody has is answered, and no method of the service is called in its place", async () => {
  const { answers } = await raw([await greeting(), call("echo", ["a"], 5)]);
  expect(answers[1]).toEqual({ type: "failed", id: 1, why: "handle" });
});

test("another version is refused and gets no call through", async () => {
  const [near, far] = createPortPair();
  createBell().serve(far);
  const other = { ...SERVICE, version: 2 };
  expect(bad(await connectObject(near, other, options()))).toEqual({ type: "OwnerOtherVersion" });
});

test("an owner that does not answer is given up", async () => {
  const [near] = createPortPair();
  const clock = createManualClock();
  const connecting = connectObject(near, SERVICE, options({ clock }));
  await clock.advance(10_000);
  expect(bad(await connecting)).toEqual({ type: "OwnerSilent" });
});

test("when the owner goes, calls on their way and later ones say so, and so do promises of handles", async () => {
  let gone = 0;
  const { bell, calls, endServing } = await connected({
    onGone: () => {
      gone += 1;
    },
  });
  const ring = good(await calls.ring("door"));
  const pending = calls.slow();
  await settle();
  endServing();
  expect(await pending).toEqual(err({ type: "OwnerGone" }));
  expect(await ring.whenHeard).toEqual(err({ type: "OwnerGone" }));
  expect(await calls.echo("a")).toEqual(err({ type: "OwnerGone" }));
  expect(gone).toBe(1);
  expect(bell.stopped).toEqual(["door"]);
});

test("a handle has its data, promises and methods over there, and late calls on an ended one do no harm", async () => {
  const { bell, calls } = await connected();
  expect(bad(await calls.ring("none"))).toEqual({ type: "NoBell" });
  const ring = good(await calls.ring("door"));
  expect(ring.name).toBe("door");
  bell.heard.resolve(ok("yes"));
  expect(await ring.whenHeard).toEqual(ok("yes"));
  await ring.stop();
  await ring.stop();
  expect(bell.stopped).toEqual(["door", "door"]);
});

test("a caller that goes cancels its handles, but not those it has ended", async () => {
  const { bell, calls, close } = await connected();
  good(await calls.ring("left"));
  await good(await calls.ring("ended")).stop();
  close();
  await settle();
  expect(bell.stopped).toEqual(["ended", "left"]);
});

test("over SERVED_HANDLES_MAX handles the oldest is cancelled", async () => {
  const { bell, calls } = await connected();
  for (let index = 0; index < SERVED_HANDLES_MAX; index++) good(await calls.ring(`${index}`));
  expect(bell.stopped).toEqual([]);
  good(await calls.ring("one more"));
  expect(bell.stopped).toEqual(["0"]);
});

test("SERVED_CALLS_MAX calls run at once; more wait at the caller", async () => {
  const { bell, calls } = await connected();
  const all = Array.from({ length: SERVED_CALLS_MAX + 1 }, () => calls.slow());
  await settle();
  expect(bell.runningMax()).toBe(SERVED_CALLS_MAX);
  bell.slow.resolve(ok());
  expect(await Promise.all(all)).toHaveLength(SERVED_CALLS_MAX + 1);
});

test("a caller that sends more than SERVED_CALLS_MAX at once is closed", async () => {
  const many = (count: number) => Array.from({ length: count }, (_, id) => ({ ...call("slow", []), id }));
  expect((await raw([await greeting(), ...many(SERVED_CALLS_MAX)])).isClosed).toBe(false);
  expect((await raw([await greeting(), ...many(SERVED_CALLS_MAX + 1)])).isClosed).toBe(true);
});
