/** What a device took over of a sibling before it knew that this one was revoked. Rule AR18. */
import { beforeAll, describe, expect, test } from "vitest";
import type { LogChannel } from "../../../core/client/connection/log-channel.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../core/document/automerge.ts";
import { setField } from "../../../core/document/schema/state-field.ts";
import { TAGS, tagIdFromBytes, tagsSchema } from "../../../core/document/schema/tags.ts";
import { createCut } from "../../../core/sigchain/epoch/cut.ts";
import {
  type AccountDevice,
  type AccountWorld,
  createAccountDevice,
  createAccountWorld,
  exchange,
  firstDevice,
  must,
  readAll,
  reboot,
  reconnect,
} from "../../support/account-device.ts";
import { firstKeys, revokeDevices } from "../../support/chain-world.ts";
import { filled } from "../../support/messages.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

async function write({ running: { context, log } }: AccountDevice, byte: number): Promise<void> {
  must(
    await context.serial.run(() =>
      log.edit({ type: "tags" }, (draft) =>
        setField(draft, TAGS.name, tagIdFromBytes(filled(byte, 16)), `tag ${byte}`),
      ),
    ),
  );
}

async function tags({ running: { documents, log } }: AccountDevice): Promise<readonly string[]> {
  return [...must(await documents.read(log.ref({ type: "tags" }), tagsSchema)).tagsById.values()]
    .map((tag) => tag.name)
    .sort();
}

/**
 * A laptop that revokes a tablet and has read to its first tag; a phone that also read the second one before it knew,
 * and wrote a third upon it. What the tablet writes then is a fourth.
 */
async function theft() {
  const world = createAccountWorld("hand-on");
  const laptop = await firstDevice(world);
  const [tablet, phone] = [await createAccountDevice(world), await createAccountDevice(world)];
  const all = [laptop, tablet, phone];
  for (const device of all) must(await device.running.context.refreshOwnChain());
  await write(tablet, 1);
  for (const device of [tablet, laptop, phone]) await exchange(device);
  const { accountLogId: logId } = laptop.running.context;
  const cut = createCut(world.chain.random, { logId, ...laptop.running.log.reader().point });
  await write(tablet, 2);
  for (const device of [tablet, phone]) await exchange(device);
  await write(phone, 3);
  await exchange(phone);
  revokeDevices(world.chain, [tablet.keys.id], firstKeys(world.chain), cut);
  for (const device of [laptop, phone]) must(await device.running.context.refreshOwnChain());
  await write(tablet, 4);
  await exchange(tablet);
  world.log.epoch = 2;
  return { world, laptop, tablet, phone };
}

async function newcomer(world: AccountWorld): Promise<AccountDevice> {
  const device = await createAccountDevice(world);
  must(await device.running.context.refreshOwnChain());
  await exchange(device);
  return device;
}

const handOn = ({ running: { log, channel } }: AccountDevice, by: Partial<LogChannel> = {}) =>
  log.handOn({ ...channel, ...by });

const refusals = ({ alarms }: AccountDevice) =>
  alarms.flatMap((alarm) => (alarm.type === "EntryRefused" ? [alarm.rule] : []));

describe("[AR18] what counted before the revocation was known", () => {
  test("is sent again by whoever took it over, once, and what came later is not", async () => {
    const { world, laptop, phone } = await theft();
    for (const device of [laptop, phone]) await exchange(device);
    expect(await tags(laptop)).toEqual(["tag 1"]);
    expect(await tags(phone)).toEqual(["tag 1", "tag 2", "tag 3"]);
    expect(refusals(laptop)).toEqual(["DeviceWasRevoked", "DeviceWasRevoked"]);
    expect(refusals(phone)).toEqual(["DeviceWasRevoked"]);
    const before = world.log.entries.length;
    must(await handOn(phone));
    expect(phone.running.log.pendingCount()).toBe(1);
    must(await handOn(phone));
    must(await handOn(laptop));
    for (const device of [phone, laptop]) await exchange(device);
    expect(world.log.entries.length).toBe(before + 1);
    for (const device of [laptop, phone, await newcomer(world)])
      expect(await tags(device)).toEqual(["tag 1", "tag 2", "tag 3"]);
  });

  test("is sent after a restart, and after an end in the middle of it", async () => {
    const { world, laptop, tablet, phone } = await theft();
    await readAll(phone.running);
    await reboot(world, phone);
    must(await phone.running.context.refreshOwnChain());
    const counted = () => phone.running.context.tables.counted;
    const rows = must(await counted().scan());
    expect(rows.length).toBe(1);
    must(await handOn(phone));
    // The rows are written, and that it was done is not.
    const undone = rows.map(({ value }) => counted().put([tablet.keys.id], value));
    must(await phone.running.store.batch(undone));
    await reboot(world, phone);
    must(await phone.running.context.refreshOwnChain());
    must(await handOn(phone));
    expect(must(await counted().scan())).toEqual([]);
    reconnect(world, phone);
    for (const device of [phone, laptop]) await exchange(device);
    for (const device of [laptop, phone, await newcomer(world)])
      expect(await tags(device)).toEqual(["tag 1", "tag 2", "tag 3"]);
  });

  test("is taken from no other entries than were read: a server that has put others there is found", async () => {
    const { phone } = await theft();
    await exchange(phone);
    const { channel } = phone.running;
    const [, second, , fourth] = must(await channel.read(0)).entries;
    if (second === undefined || fourth === undefined) throw new Error("four entries are there");
    const moved = { ...fourth, seq: second.seq };
    const lying = await handOn(phone, {
      read: async (after) => {
        const page = must(await channel.read(after));
        return {
          ok: true,
          value: { ...page, entries: page.entries.map((one) => (one.seq === moved.seq ? moved : one)) },
        };
      },
    });
    const forked = { type: "LogForked", seq: moved.seq };
    expect(lying).toMatchObject({ ok: false, error: { type: "LogDistrusted", fault: forked } });
    const other = await handOn(phone, {
      readIds: async (after) => {
        const page = must(await channel.readIds(after));
        return { ok: true, value: { ...page, ids: page.ids.toReversed() } };
      },
    });
    expect(other).toMatchObject({
      ok: false,
      error: { type: "LogDistrusted", fault: { type: "LogForked" } },
    });
    const short = await handOn(phone, {
      read: async () => ({ ok: true, value: { ...must(await channel.read(0)), entries: [] } }),
    });
    expect(short).toMatchObject({ ok: false, error: { type: "LogDistrusted", fault: { type: "LogGap" } } });
    expect(phone.running.log.pendingCount()).toBe(0);
    must(await handOn(phone));
    expect(phone.running.log.pendingCount()).toBe(1);
  });

  test("is taken from all of the entries: a server that leaves one out is found", async () => {
    const { tablet, phone } = await theft();
    await exchange(phone);
    const { channel, context, log } = phone.running;
    const { point } = log.reader();
    const more = { point, uncut: [tablet.keys.id], documents: [], writes: [] };
    must(await context.serial.run(() => log.takeUncut(more)));
    const without = await handOn(phone, {
      read: async (after) => {
        const page = must(await channel.read(after));
        return { ok: true, value: { ...page, entries: page.entries.filter(({ seq }) => seq !== 2) } };
      },
    });
    const gap = { type: "LogGap", expectedSeq: 2, seq: 3 };
    expect(without).toMatchObject({ ok: false, error: { type: "LogDistrusted", fault: gap } });
    expect(log.pendingCount()).toBe(0);
    must(await handOn(phone));
    expect(log.pendingCount()).toBe(1);
  });

  test("is looked through once more where more of it was taken over meanwhile", async () => {
    const { tablet, phone } = await theft();
    await exchange(phone);
    const { channel, context, log } = phone.running;
    const cut = context.cutOf(tablet.keys.id)?.seq ?? -1;
    const reads: number[] = [];
    const { point } = log.reader();
    must(
      await handOn(phone, {
        async read(after) {
          reads.push(after);
          const more = { point, uncut: [tablet.keys.id], documents: [], writes: [] };
          if (reads.length === 1) must(await context.serial.run(() => log.takeUncut(more)));
          return channel.read(after);
        },
      }),
    );
    expect(reads).toEqual([cut, cut]);
    expect(must(await context.tables.counted.scan())).toEqual([]);
  });

  test("is taken by whoever waits for it, where the device that built on it is lost; what came later is not", async () => {
    const { world, laptop } = await theft();
    await exchange(laptop);
    expect(await tags(laptop)).toEqual(["tag 1"]);
    must(await handOn(laptop));
    expect(await tags(laptop)).toEqual(["tag 1", "tag 2", "tag 3"]);
    const before = world.log.entries.length;
    must(await handOn(laptop));
    // DS14: nobody else has sent it when the log was read again.
    const { log, context } = laptop.running;
    for (let reads = 0; reads < 2; reads++)
      must(await context.serial.run(() => log.relayDirect(log.nextRelayMs() ?? 0)));
    await exchange(laptop);
    expect(world.log.entries.length).toBe(before + 1);
    for (const device of [laptop, await newcomer(world)])
      expect(await tags(device)).toEqual(["tag 1", "tag 2", "tag 3"]);
  });

  test("and what was built on nobody's word but that of the revoked device stays out", async () => {
    const { world, laptop, tablet } = await theft();
    await write(tablet, 5);
    world.log.epoch = 1;
    await exchange(tablet);
    world.log.epoch = 2;
    await exchange(laptop);
    must(await handOn(laptop));
    expect(await tags(laptop)).toEqual(["tag 1", "tag 2", "tag 3"]);
  });

  test("and was trimmed since goes with all else that is held", async () => {
    const { world, laptop, phone } = await theft();
    await exchange(phone);
    const trimmed = { ok: false, error: { type: "Refused", code: "log-trimmed" } } as const;
    must(await handOn(phone, { read: async () => trimmed }));
    for (const device of [phone, laptop]) await exchange(device);
    for (const device of [laptop, phone, await newcomer(world)])
      expect(await tags(device)).toEqual(["tag 1", "tag 2", "tag 3"]);
  });
});
