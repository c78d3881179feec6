/** What goes out by itself, and what of it is tried again. */
import { expect, test } from "vitest";
import { present } from "../../../../core/base/assert.ts";
import type { AccountId } from "../../../../core/base/ids.ts";
import { silentLogger } from "../../../../core/base/logger.ts";
import { err, ok, type Result } from "../../../../core/base/result.ts";
import type { ClientError } from "../../../../core/client/client-error.ts";
import { createSending, type SendingDeps } from "../../../../core/client/connection/sending.ts";
import { createSerial } from "../../../../core/client/serial.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

test("own changes that were refused are sent a while later, on the same connection, and later each time", async () => {
  const clock = createManualClock();
  let [pushed, refusals] = [0, 2];
  const link = {
    async push(): Promise<Result<void, ClientError>> {
      pushed++;
      return refusals-- > 0 ? err({ type: "StoreUnavailable" } as ClientError) : ok();
    },
  };
  const deps = {
    ...{ clock, logger: silentLogger, serial: createSerial() },
    connection: { link: () => link, isStopped: () => false, publishStatus: () => {} },
  } as unknown as SendingDeps;
  const sending = createSending(deps);
  sending.kickPush();
  for (const [waitMs, count] of [
    [15_000, 2],
    [30_000, 3],
  ] as const) {
    await expect.poll(() => clock.scheduledCount()).toBe(1);
    await clock.advance(waitMs - 1);
    expect(pushed).toBe(count - 1);
    await clock.advance(1);
    await expect.poll(() => pushed).toBe(count);
  }
  expect(clock.scheduledCount()).toBe(0);
});

test("a contact's log that was refused is opened a while later, on the same connection", async () => {
  const clock = createManualClock();
  const answers: Result<void, ClientError>[] = [err({ type: "Refused", code: "overloaded" })];
  let opened = 0;
  const link = {
    async openContactLogs() {
      opened++;
      return answers.shift() ?? ok();
    },
  };
  const deps = {
    ...{ clock, logger: silentLogger, serial: createSerial() },
    connection: { link: () => link, isStopped: () => false, publishStatus: () => {} },
    contacts: { all: async () => ok([]) },
    introductions: { handOver: async () => ok(false) },
  } as unknown as SendingDeps;
  const sending = createSending(deps);
  sending.kickContacts();
  await expect.poll(() => clock.scheduledCount()).toBe(1);
  await clock.advance(15_000);
  await expect.poll(() => opened).toBe(2);
  expect(clock.scheduledCount()).toBe(0);
});

test("a contact whose server stays away keeps no other one waiting", async () => {
  const clock = createManualClock();
  const [away, back] = ["away", "back"] as AccountId[];
  const sent: string[] = [];
  let refusals = 1;
  const deps = {
    ...{ clock, logger: silentLogger, serial: createSerial() },
    connection: { link: () => ({}), isStopped: () => false, publishStatus: () => {} },
    peers: {
      async flush(contact: AccountId): Promise<Result<void, ClientError>> {
        const isRefused = contact === away || refusals-- > 0;
        if (!isRefused) sent.push(contact);
        return isRefused ? err({ type: "ServerUnreachable", origin: "", detail: "" }) : ok();
      },
    },
  } as unknown as SendingDeps;
  const sending = createSending(deps);
  sending.kickOutgoing(present(away, "a contact"));
  await expect.poll(() => clock.scheduledCount()).toBe(1);
  await clock.advance(3_600_000);
  sending.kickOutgoing(present(back, "another one"));
  await expect.poll(() => clock.scheduledCount()).toBe(2);
  await clock.advance(15_000);
  expect(sent).toEqual(["back"]);
  expect(clock.scheduledCount()).toBe(1);
  sending.stop();
  expect(clock.scheduledCount()).toBe(0);
});
