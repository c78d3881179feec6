/** What a sibling brought directly, in the books of the account log. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Bytes } from "../../../core/base/bytes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { RELAY_DELAY_MS } from "../../../core/client/direct/direct-rows.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../core/document/automerge.ts";
import { setField } from "../../../core/document/schema/state-field.ts";
import { TAGS, tagIdFromBytes } from "../../../core/document/schema/tags.ts";
import type { DocumentName } from "../../../core/log/document-name.ts";
import { CHANGE_BYTES_MAX } from "../../../core/log/account-entry.ts";
import {
  type AccountDevice,
  type AccountWorld,
  createAccountDevice,
  createAccountWorld,
  exchange,
  firstDevice,
  headsOf,
  must,
  readAll,
  reboot,
} from "../../support/account-device.ts";
import { conversationOf, deviceOf, filled } from "../../support/messages.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const TAGS_DOCUMENT: DocumentName = { type: "tags" };
const BUCKET: DocumentName = {
  type: "bucket",
  conversationId: conversationOf(1),
  device: deviceOf(2),
  index: 0,
};
const NOW_MS = 1_000_000;
const opId = (byte: number) => idFromBytes("op", filled(byte));

async function pair(): Promise<{ world: AccountWorld; one: AccountDevice; two: AccountDevice }> {
  const world = createAccountWorld("direct-rows");
  const one = await firstDevice(world);
  const two = await createAccountDevice(world);
  for (const device of [one, two]) must(await device.running.context.refreshOwnChain());
  return { world, one, two };
}

function editTag({ running: { context, log } }: AccountDevice, byte: number) {
  return context.serial.run(() =>
    log.edit(TAGS_DOCUMENT, (draft) =>
      setField(draft, TAGS.name, tagIdFromBytes(filled(byte, 16)), `tag ${byte}`),
    ),
  );
}

async function archiveOp({ running: { context, log, store } }: AccountDevice, byte: number) {
  const key = `archive/${opId(byte)}`;
  must(await store.batch([{ type: "put", key, value: filled(1, 1) }]));
  must(
    await context.serial.run(() =>
      log.archive(BUCKET, [{ stored: [opId(byte), filled(byte, 30)], settles: key }]),
    ),
  );
}

/** Hands everything of a document over, as a direct session does. */
async function bring(from: AccountDevice, to: AccountDevice, document: DocumentName) {
  const changes: readonly Bytes[] = must(
    await from.running.documents.changesSince(from.running.log.ref(document), []),
  );
  const { context, log } = to.running;
  return must(await context.serial.run(() => log.receiveDirect([{ document, changes }])));
}

async function rows({ running: { context } }: AccountDevice) {
  const { tables } = context;
  const all = await Promise.all([tables.direct.scan(), tables.out.scan(), tables.journal.scan()]);
  return all.map((found) => must<readonly unknown[], unknown>(found).length);
}

const relay = ({ running: { context, log } }: AccountDevice, nowMs: number) =>
  context.serial.run(() => log.relayDirect(nowMs)).then(must);

describe("what came directly", () => {
  test("[DS13] is kept until the log has it, also over a loss of power, and is not sent by who did not make it", async () => {
    const { world, one, two } = await pair();
    must(await editTag(one, 1));
    expect(await bring(one, two, TAGS_DOCUMENT)).toEqual([TAGS_DOCUMENT]);
    expect(await bring(one, two, TAGS_DOCUMENT), "known already").toEqual([]);
    await reboot(world, two);
    expect(await headsOf(two, TAGS_DOCUMENT)).toEqual(await headsOf(one, TAGS_DOCUMENT));
    await exchange(two);
    expect(world.log.entries.length).toBe(0);
    expect(await rows(two)).toEqual([1, 0, 0]);
    await exchange(one);
    await exchange(two);
    expect(world.log.entries.length).toBe(1);
    expect(await rows(two)).toEqual([0, 0, 0]);
  });

  test("[DS14] is sent from here when the log lacks it a while after it was read to its end, and not before", async () => {
    const { world, one, two } = await pair();
    must(await editTag(one, 1));
    await bring(one, two, TAGS_DOCUMENT);
    expect(two.running.log.nextRelayMs()).toBe(null);
    await relay(two, NOW_MS);
    expect(two.running.log.nextRelayMs()).toBe(NOW_MS + RELAY_DELAY_MS);
    await relay(two, NOW_MS + RELAY_DELAY_MS - 1);
    expect(await rows(two)).toEqual([1, 0, 1]);
    await reboot(world, two);
    await relay(two, NOW_MS + RELAY_DELAY_MS);
    expect((await rows(two)).slice(0, 2)).toEqual([0, 1]);
    await exchange(two);
    expect(world.log.entries.length).toBe(1);
    const three = await createAccountDevice(world);
    must(await three.running.context.refreshOwnChain());
    await readAll(three.running);
    expect(await headsOf(three, TAGS_DOCUMENT)).toEqual(await headsOf(one, TAGS_DOCUMENT));
  });

  test("[DS14] a part that is in the log is no reason to forget the rest", async () => {
    const { one, two } = await pair();
    must(await editTag(one, 1));
    must(await one.running.log.push(one.running.channel));
    must(await editTag(one, 2));
    await bring(one, two, TAGS_DOCUMENT);
    await readAll(two.running);
    expect((await rows(two))[0]).toBe(1);
    await exchange(one);
    await readAll(two.running);
    expect((await rows(two))[0]).toBe(0);
  });

  test("[DS15] an op that is here directly only goes out before its inbound entry may be acknowledged", async () => {
    const { world, one, two } = await pair();
    await archiveOp(one, 4);
    await bring(one, two, BUCKET);
    await archiveOp(two, 4);
    expect(two.settled, "not yet in the log").toEqual([]);
    expect(two.running.log.settling()).toEqual([`archive/${opId(4)}`]);
    expect((await rows(two)).slice(0, 2)).toEqual([0, 1]);
    await exchange(two);
    expect(two.settled).toEqual([`archive/${opId(4)}`]);
    expect(world.log.entries.length).toBe(1);
  });

  test("[DS12] a change no account entry could carry, or bytes that are none, are left out and named", async () => {
    const { two } = await pair();
    const { context, log } = two.running;
    const changes = [filled(1, 20), filled(1, CHANGE_BYTES_MAX + 1)];
    expect(
      must(await context.serial.run(() => log.receiveDirect([{ document: TAGS_DOCUMENT, changes }]))),
    ).toEqual([]);
    expect(two.alarms).toContainEqual({ type: "DocumentDamaged", documentKind: "tags" });
    expect(await rows(two)).toEqual([0, 0, 0]);
  });
});
