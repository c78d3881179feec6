/** The one connection to the home server: when it is made, kept, made again and let go. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../../core/base/logger.ts";
import { err, ok, type Result } from "../../../../core/base/result.ts";
import type { ClientError } from "../../../../core/client/client-error.ts";
import {
  createConnection,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from "../../../../core/client/connection/connection.ts";
import type { Gateway } from "../../../../core/client/connection/gateway.ts";
import type { HomeLink } from "../../../../core/client/connection/home-link.ts";
import type { FailureCode } from "../../../../core/protocol/failure.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

const AWAY: ClientError = { type: "ServerUnreachable", origin: "https://old.example", detail: "away" };

/** A connection whose attempts a test answers; half of what pauses are long by chance is none. */
function world() {
  const clock = createManualClock();
  const dials: { readonly origin: string; readonly answer: (made: boolean, error?: ClientError) => Link }[] =
    [];
  const at = { origin: "https://old.example" };
  const connection = createConnection({
    clock,
    random: { bytes: () => Uint8Array.of(128) },
    logger: silentLogger,
    origin: () => at.origin,
    dial(onGateway) {
      const { promise, resolve } = Promise.withResolvers<Result<HomeLink, ClientError>>();
      const link = createLink();
      onGateway(link.gateway);
      dials.push({
        origin: at.origin,
        answer(made, error = AWAY) {
          resolve(made && link.gateway.isOpen() ? ok(link as unknown as HomeLink) : err(error));
          return link;
        },
      });
      return promise;
    },
    barred: () => null,
    pendingCount: () => 0,
    onOpen: async () => {},
    onClosed: () => {},
    onReplaced: () => {},
    emit: () => {},
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const answer = async (made: boolean, error?: ClientError) => {
    const link = dials.at(-1)?.answer(made, error);
    await settled();
    return link;
  };
  return { clock, connection, dials, at, answer, settled };
}

type Link = ReturnType<typeof createLink>;

function createLink() {
  const closed = Promise.withResolvers<void>();
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
    closed.resolve();
  };
  const gateway = {
    ...{ isOpen: () => isOpen, close, whenClosed: closed.promise },
    goodbye: (): FailureCode | null => null,
  };
  return { gateway: gateway as unknown as Gateway };
}

test("pauses grow while there is no server, and are short again once there was one", async () => {
  const { clock, connection, dials, answer, settled } = world();
  connection.start();
  for (let pauseMs = RECONNECT_MIN_MS; pauseMs < RECONNECT_MAX_MS; pauseMs *= 2) {
    await answer(false);
    const before = dials.length;
    await clock.advance(pauseMs - 1);
    expect(dials.length).toBe(before);
    await clock.advance(1);
    expect(dials.length).toBe(before + 1);
  }
  await answer(false);
  await clock.advance(RECONNECT_MAX_MS);
  const link = await answer(true);
  expect(connection.status().state).toBe("online");
  const before = dials.length;
  link?.gateway.close();
  await settled();
  expect(connection.status().state).toBe("offline");
  await clock.advance(RECONNECT_MIN_MS);
  expect(dials.length).toBe(before + 1);
});

test("what no attempt brings back is not tried again, and a server of another version seldom", async () => {
  const { clock, connection, dials, answer } = world();
  connection.start();
  await answer(false, { type: "IncompatibleServer", versionMin: 9, versionMax: 9 });
  await clock.advance(RECONNECT_MAX_MS - 1);
  expect(dials.length).toBe(1);
  await clock.advance(1);
  expect(dials.length).toBe(2);
  await answer(false, { type: "DeviceRevoked" });
  await clock.advance(10 * RECONNECT_MAX_MS);
  expect(dials.length).toBe(2);
});

test("none is kept while a task wants none, and one is made after it", async () => {
  const { clock, connection, dials, answer } = world();
  connection.start();
  const link = await answer(true);
  const task = Promise.withResolvers<void>();
  const done = connection.unconnected(() => task.promise);
  link?.gateway.close();
  await clock.advance(10 * RECONNECT_MAX_MS);
  expect(dials.length).toBe(1);
  task.resolve();
  await done;
  await clock.advance(RECONNECT_MAX_MS);
  expect(dials.length).toBe(2);
});

test("[IN10] an attempt that was under way when the account moved is given up for one at its new home", async () => {
  const { connection, dials, at, answer, settled } = world();
  connection.start();
  await settled();
  at.origin = "https://new.example";
  const late = await answer(true);
  expect([late?.gateway.isOpen(), connection.link()]).toEqual([false, null]);
  expect(dials.map(({ origin }) => origin)).toEqual(["https://old.example", "https://new.example"]);
  const link = await answer(true);
  expect(connection.link()?.gateway).toBe(link?.gateway);
  connection.stop();
});

test("[IN10] and for none while the account is still being moved there", async () => {
  const { clock, connection, dials, at, answer } = world();
  connection.start();
  const task = Promise.withResolvers<void>();
  const done = connection.unconnected(() => task.promise);
  at.origin = "https://new.example";
  await answer(true);
  await clock.advance(10 * RECONNECT_MAX_MS);
  expect([dials.length, connection.link()]).toEqual([1, null]);
  task.resolve();
  await done;
  await clock.advance(RECONNECT_MAX_MS);
  expect(dials.map(({ origin }) => origin)).toEqual(["https://old.example", "https://new.example"]);
});

test("[IN10] what is dialled or signed in when it is dropped is closed", async () => {
  const { connection, answer, settled } = world();
  connection.start();
  await settled();
  connection.drop();
  expect((await answer(true))?.gateway.isOpen()).toBe(false);
  connection.stop();
});

test("one that is dialled while the client stops is closed, and none is made again", async () => {
  const { clock, connection, dials, answer } = world();
  connection.start();
  connection.stop();
  const link = await answer(true);
  expect([link?.gateway.isOpen(), connection.link()]).toEqual([false, null]);
  expect(await connection.connected()).toEqual({ ok: false, error: { type: "ClientStopped" } });
  await clock.advance(RECONNECT_MAX_MS);
  expect(dials.length).toBe(1);
});
