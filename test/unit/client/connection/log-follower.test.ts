/** Logs on one connection: which of them are followed. */
import { beforeAll, expect, test } from "vitest";
import { err, ok } from "../../../../core/base/result.ts";
import { createLogFollower, type FollowedLog } from "../../../../core/client/connection/log-follower.ts";
import type { LogChannel } from "../../../../core/client/connection/log-channel.ts";
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

/** A log with an entry in it, and where it is read here. `take` says whether an entry can be taken over. */
async function oneEntry(take: () => boolean = () => true) {
  const device = await firstDevice(createAccountWorld("follower"));
  const { context, log, channel } = device.running;
  must(
    await context.serial.run(() =>
      log.edit({ type: "tags" }, (draft) => setField(draft, TAGS.name, tagIdFromBytes(filled(1, 16)), "one")),
    ),
  );
  await exchange(device);
  let reader = createLogReader(channel.logId);
  const followed: FollowedLog = {
    reader: async () => ok(reader),
    async take(entries) {
      if (!take()) return err({ type: "StoreUnavailable", detail: "full" });
      reader = must(readEntries(reader, entries)).reader;
      return ok();
    },
    enterIncarnation: async () => ok(),
    passTrimmed: async () => ok(),
    ackableSeq: (readSeq) => readSeq,
  };
  let closings = 0;
  const gateway = { isOpen: () => closings === 0, close: () => void closings++ };
  const follower = createLogFollower({ context, gateway, onProgress: () => {} });
  return { follower, followed, channel, closings: () => closings };
}

test("[LR5] a log that could not be read to its head is followed when it is opened once more, and not before", async () => {
  let isFull = true;
  const { follower, followed, channel } = await oneEntry(() => !isFull);
  let subscribedAfter = -1;
  const opened = {
    ...channel,
    subscribe: async (after: number) => {
      subscribedAfter = after;
      return ok();
    },
  };
  expect(await follower.follow(opened, followed)).toMatchObject({ ok: false });
  expect([follower.channelOf(channel.logId), subscribedAfter]).toEqual([null, -1]);
  isFull = false;
  must(await follower.follow(opened, followed));
  expect([follower.channelOf(channel.logId), subscribedAfter]).toEqual([opened, 1]);
});

test("[LR1] a server that gives the same entries again keeps nobody waiting", async () => {
  const { follower, followed, channel } = await oneEntry();
  let reads = 0;
  const again: LogChannel = {
    ...channel,
    async read() {
      const page = must(await channel.read(0));
      // A client that asks without end is told in the end that there is no more.
      return ok(reads++ < 9 ? { ...page, head: { ...page.head, seq: 2 } } : page);
    },
  };
  const fault = { type: "LogGap", expectedSeq: 2, seq: 2 };
  expect(await follower.follow(again, followed)).toMatchObject({
    error: { type: "LogDistrusted", fault },
  });
  expect(reads).toBe(2);
});

test("[LR5] a connection ends when what was not read is trimmed while its log is open, and not when a read fails otherwise", async () => {
  const { follower, followed, channel, closings } = await oneEntry();
  let code: "log-trimmed" | "internal" | null = null;
  const open: LogChannel = {
    ...channel,
    read: async (after) => (code === null ? channel.read(after) : err({ type: "Refused", code })),
  };
  must(await follower.follow(open, followed));
  must(await follower.catchUpAll());
  code = "internal";
  expect(await follower.catchUpAll()).toMatchObject({ error: { code } });
  expect(await follower.catchUp(channel.logId)).toMatchObject({ error: { code } });
  expect(closings()).toBe(0);
  code = "log-trimmed";
  expect(await follower.catchUpAll()).toMatchObject({ error: { code } });
  expect(closings()).toBe(1);
  expect(await follower.catchUp(channel.logId)).toMatchObject({ error: { code } });
  expect(closings()).toBe(2);
});
