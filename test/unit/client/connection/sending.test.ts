/** What goes out by itself, and what of it is tried again. */
import { expect, test } from "vitest";
import { silentLogger } from "../../../../core/base/logger.ts";
import { err, ok, type Result } from "../../../../core/base/result.ts";
import type { ClientError } from "../../../../core/client/client-error.ts";
import { createSending, type SendingDeps } from "../../../../core/client/connection/sending.ts";
import { createSerial } from "../../../../core/client/serial.ts";
import { createManualClock } from "../../../support/manual-clock.ts";

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
