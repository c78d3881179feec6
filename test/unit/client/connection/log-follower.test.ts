/** Logs on one connection: which of them are followed. */
import { beforeAll, expect, test } from "vitest";
import { err, ok } from "../../../../core/base/result.ts";
import { createLogFollower, type FollowedLog } from "../../../../core/client/connection/log-follower.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../../core/document/automerge.ts";
import { setField } from "../../../../core/document/schema/state-field.ts";
import { TAGS, tagIdFromBytes } from "../../../../core/document/schema/tags.ts";
import { createLogReader, readEntries } from "../../../../core/log/log-reader.ts";
import { createAccountWorld, exchange, firstDevice, must } from "../../../support/account-device.ts";
import { filled } from "../../../support/messages.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

test("[LR5] a log that could not be read to its head is followed when it is opened once more, and not before", async () => {
  const device = await firstDevice(createAccountWorld("follower"));
  const { context, log, channel } = device.running;
  must(
    await context.serial.run(() =>
      log.edit({ type: "tags" }, (draft) => setField(draft, TAGS.name, tagIdFromBytes(filled(1, 16)), "one")),
    ),
  );
  await exchange(device);
  const { logId } = channel;
  let reader = createLogReader(logId);
  let isFull = true;
  const followed: FollowedLog = {
    reader: async () => ok(reader),
    async take(entries) {
      if (isFull) return err({ type: "StoreUnavailable", detail: "full" });
      reader = must(readEntries(reader, entries)).reader;
      return ok();
    },
    enterIncarnation: async () => ok(),
    passTrimmed: async () => ok(),
    ackableSeq: (readSeq) => readSeq,
  };
  let subscribedAfter = -1;
  const opened = {
    ...channel,
    subscribe: async (after: number) => {
      subscribedAfter = after;
      return ok();
    },
  };
  const gateway = { isOpen: () => true, close: () => {} };
  const follower = createLogFollower({ context, gateway, onProgress: () => {} });
  expect(await follower.follow(opened, followed)).toMatchObject({ ok: false });
  expect([follower.channelOf(logId), subscribedAfter]).toEqual([null, -1]);
  isFull = false;
  must(await follower.follow(opened, followed));
  expect([follower.channelOf(logId), subscribedAfter]).toEqual([opened, channel.head.seq + 1]);
});
