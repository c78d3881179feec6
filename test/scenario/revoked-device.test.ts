/** A thief with a revoked device: all its keys, and every byte a hostile server could hand over. */
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import type { Bytes } from "../../core/base/bytes.ts";
import { fetchBoxes } from "../../core/client/account/fetch-boxes.ts";
import type { Route } from "../../core/client/conversations/seal-for-contact.ts";
import { createPeerLinks } from "../../core/client/connection/peer-links.ts";
import { openAccountEntry } from "../../core/log/account-entry.ts";
import { openInbound } from "../../core/messenger/inbound-entry.ts";
import { ok } from "../../core/base/result.ts";
import { type Entry, parseEntryHeader } from "../../core/protocol/entry.ts";
import type { LogId } from "../../core/base/ids.ts";
import type { ServerFrame, StoredBoxes } from "../../core/protocol/server-frame.ts";
import { openAddedBox, openEpoch, walkBack } from "../../core/sigchain/epoch/open-epoch.ts";
import { bad, good, linkedDevice, memoryPlatform, newAccount } from "../support/client-world.ts";
import { createLyingServer, type LyingServer } from "../support/lying-server.ts";
import { alarmsOf, type Device, engineOf, reopened, settle, stopAll, textsOf } from "../support/story.ts";
import { useStoryServer } from "../support/story-server.ts";

type Running = Awaited<ReturnType<typeof engineOf>>;

const server = useStoryServer();

/** Ada with a laptop and a tablet that is revoked, Ben; what both wrote from then on, as the server has it. */
interface Theft {
  readonly ada: Running;
  readonly ben: Running;
  readonly tablet: Running;
  readonly wires: { readonly ada: LyingServer; readonly ben: LyingServer };
  /** Entries written after the revocation, by Ada's laptop and Ben, who know of it. */
  readonly written: readonly Entry[];
  readonly conversationId: Parameters<Device["client"]["send"]>[0];
}

let theft: Theft;

/** Notes entries that go to the server: of an account log or not. */
function record(wire: LyingServer, entries: Entry[], isWanted: (entry: Entry) => boolean): void {
  wire.deaf = (frame) => {
    if (frame.type === "append") entries.push(...frame.entries.filter(isWanted));
    return null;
  };
}

const isOfAccount = ({ header }: Entry): boolean => good(parseEntryHeader(header)).epoch !== null;

beforeAll(async () => {
  const wires = { ada: createLyingServer(), ben: createLyingServer() };
  const laptop = await newAccount(
    server.origin,
    "theft.ada",
    memoryPlatform({ connector: wires.ada.connector }),
  );
  const friend = await newAccount(
    server.origin,
    "theft.ben",
    memoryPlatform({ connector: wires.ben.connector }),
  );
  await stopAll(friend);
  const ben = await engineOf(friend.platform);
  good(await ben.client.sync());
  const stolen = await linkedDevice(laptop.client, "tablet");
  const { conversationId } = good(await laptop.client.addContact(good(await ben.client.contactLink())));
  await settle(laptop, stolen, ben);
  good(await ben.client.acceptContact(present(good(await ben.client.contacts())[0], "a request").accountId));
  await settle(ben, laptop, stolen);
  good(await stolen.client.send(conversationId, "from the tablet"));
  await settle(stolen, ben, laptop, stolen);
  await stopAll(laptop, stolen);
  const ada = await engineOf(laptop.platform);
  const { deviceId } = good(await stolenAccount(stolen.platform));
  good(await ada.client.revokeDevice(deviceId));
  await settle(ada, ben, ada);
  const written: Entry[] = [];
  record(wires.ada, written, () => true);
  record(wires.ben, written, (entry) => !isOfAccount(entry));
  good(await ada.client.createTag("secret tag"));
  good(await ada.client.send(conversationId, "from Ada, afterwards"));
  good(await ben.client.send(conversationId, "from Ben, afterwards"));
  await settle(ada, ben, ada);
  good(await ada.client.rotateEpoch());
  good(await ada.client.createTag("in the epoch after"));
  await settle(ada, ben, ada);
  theft = { ada, ben, tablet: await engineOf(stolen.platform), wires, written, conversationId };
  return async () => {
    await stopAll(theft.ada, theft.ben, theft.tablet);
  };
});

async function stolenAccount(platform: Device["platform"]) {
  const { client } = await reopened(platform);
  const account = await client.account();
  good(await client.stop());
  return account;
}

/** Logs between the two accounts and the account's own, as `device` knows them, with their outer keys. */
async function keysOf({ engine }: Running) {
  const logs: { readonly logId: LogId; readonly outerKey: Bytes }[] = [];
  for (const contact of good(await engine.contacts.all())) {
    const earlier = good(await engine.contactLogs.earlier(contact));
    for (const log of [contact.own, contact.theirs, ...earlier]) if (log !== null) logs.push(log);
  }
  const { epochs } = engine.own.chain();
  const secrets = epochs.flatMap((_, index) => engine.own.epochSecret(index + 1) ?? []);
  return { logs, secrets };
}

/** Entries of `written` that open with these keys in any of the places the laptop knows, tried in every way. */
async function opened(
  keys: Awaited<ReturnType<typeof keysOf>>,
): Promise<{ account: number; contact: number }> {
  const { accountId } = theft.ada.engine.context.identity;
  const log = { accountId, logId: theft.ada.engine.context.accountLogId };
  const places = (await keysOf(theft.ada)).logs.map(({ logId }) => logId);
  const signKey = () => null;
  const count = { account: 0, contact: 0 };
  for (const entry of theft.written) {
    // What opens and then names a device nobody knows was opened.
    const outcomes = keys.secrets.map((secret) =>
      openAccountEntry(log, entry, { epochSecret: () => secret, signKey }),
    );
    if (outcomes.some((one) => one.ok || one.error.type === "UnknownWriter")) count.account++;
    const isOpen = keys.logs.some(({ outerKey }) =>
      places.some((logId) => openInbound(outerKey, { logId, header: entry.header }, entry.sealed).ok),
    );
    if (isOpen) count.contact++;
  }
  return count;
}

describe("[EP5] [DM17] a revoked device with all its keys and all the server has", () => {
  test("opens no entry of the account log or of the replaced contact logs; its sibling opens them all", async () => {
    const wasAccount = theft.written.filter(
      ({ header }) => good(parseEntryHeader(header)).epoch !== null,
    ).length;
    expect(wasAccount).toBeGreaterThan(1);
    expect(theft.written.length - wasAccount).toBeGreaterThan(1);
    const sibling = await opened(await keysOf(theft.ada));
    expect(sibling).toEqual({ account: wasAccount, contact: theft.written.length - wasAccount });
    const thief = await keysOf(theft.tablet);
    expect(thief.secrets.length).toBe(1);
    expect(thief.logs.length).toBeGreaterThanOrEqual(2);
    expect(await opened(thief)).toEqual({ account: 0, contact: 0 });
  });

  test("[EP1] opens no epoch after it, by no box and not by the way back", async () => {
    const { engine } = theft.ada;
    const link = good(await engine.connected());
    const chain = engine.own.chain();
    const stored: readonly StoredBoxes[] = good(await fetchBoxes(link.gateway, chain));
    const { identity } = theft.tablet.engine.context;
    const known = present(theft.tablet.engine.own.epochSecret(1), "its own epoch");
    expect(stored.map(({ epoch }) => epoch)).toContain(3);
    for (const { epoch, boxes, added } of stored.filter((one) => one.epoch > 1)) {
      for (const signerId of [identity.keys.signerId, engine.context.identity.keys.signerId]) {
        const holder = { signerId, kem: identity.keys.kem };
        expect(openEpoch(chain, epoch, boxes, holder).ok).toBe(false);
        for (const box of added) expect(openAddedBox(chain, box, holder).ok).toBe(false);
      }
      expect(walkBack(chain, { number: epoch, secret: known }, boxes).ok).toBe(false);
      const own = { signerId: engine.context.identity.keys.signerId, kem: engine.context.identity.keys.kem };
      expect(openEpoch(chain, epoch, boxes, own).ok).toBe(true);
    }
  });

  test("[AR4] [AR11] writes nothing into the account log that a sibling takes, though the server serves it", async () => {
    const { ada, tablet, wires } = theft;
    good(await tablet.client.createTag("forged"));
    const forged: Entry[] = [];
    const { accountLogId } = tablet.engine.context;
    const hostile = {
      logId: accountLogId,
      head: tablet.engine.log.reader().point,
      writerSeq: good(await tablet.engine.tables.writer.get(accountLogId))?.writerSeq ?? 0,
      isClosed: false,
      trimmedUpto: 0,
      append: async (entries: readonly Entry[]) => {
        forged.push(...entries);
        return {
          ok: true as const,
          value: [{ type: "refused" as const, code: "internal" as const, writerSeq: null }],
        };
      },
      read: () => expect.unreachable("nothing is read"),
      readIds: () => expect.unreachable("nothing is read"),
      subscribe: () => expect.unreachable("nothing is followed"),
      ack: () => expect.unreachable("nothing is acknowledged"),
    };
    await tablet.engine.log.push(hostile as unknown as Parameters<typeof tablet.engine.log.push>[0]);
    const [entry] = forged;
    if (entry === undefined) throw new Error("the tablet has sealed what it wrote");
    good(await ada.engine.connected());
    const alarms = alarmsOf(ada);
    const seq = ada.engine.log.reader().point.seq + 1;
    let isServed = false;
    wires.ada.lie = (frame) => {
      if (isServed) return [frame];
      isServed = true;
      return [frame, { type: "deliver", logId: accountLogId, entries: [{ seq, ...entry }] }];
    };
    good(await ada.engine.exchangeFrontiers());
    wires.ada.lie = null;
    await ada.engine.context.serial.idle();
    expect(ada.engine.log.reader().point.seq).toBe(seq);
    expect(alarms).toContainEqual({
      type: "EntryRefused",
      logId: accountLogId,
      seq,
      rule: "DeviceWasRevoked",
    });
    expect(good(await ada.client.tags()).map(({ name }) => name)).not.toContain("forged");
  });

  test("[DM9] [CO2] writes nothing to a contact who knows: its log is closed, and what is served all the same is refused", async () => {
    const { ben, tablet, conversationId, wires } = theft;
    const { engine } = tablet;
    const alarms = alarmsOf(ben);
    good(await tablet.client.send(conversationId, "still me"));
    const contact = present(good(await engine.contacts.all())[0], "Ben");
    const { accountId, origin } = contact;
    const keys = present(contact.theirs, "Ben's log as the tablet knows it");
    const chain = good(await engine.context.contactChain(accountId, origin, true));
    const route: Route = { type: "inbound", keys };
    const bundles = good(await engine.outbox.claim(accountId, origin, chain, route));
    good(await engine.context.serial.run(() => engine.outbox.seal(accountId, bundles, chain, route)));
    const parcels = good(await engine.tables.parcel.scan({ under: [keys.logId] }));
    const forged = present(parcels.at(-1), "a sealed entry").value.entry;
    const links = createPeerLinks(engine.context, engine.contacts, engine.outbox, {
      onSent: () => {},
      listen: async () => ok(),
      isStopped: () => false,
    });
    await links.flush(accountId);
    links.close();
    expect(engine.outbox.hasClosed(accountId)).toBe(true);
    good(await ben.engine.connected());
    const places = (await keysOf(ben)).logs.map(({ logId }) => logId);
    const served: ServerFrame[] = [];
    for (const logId of places) {
      const seq = (good(await ben.engine.tables.reader.get(logId))?.point.seq ?? 0) + 1;
      served.push({ type: "deliver", logId, entries: [{ seq, ...forged }] });
    }
    wires.ben.lie = (frame) => [frame, ...served.splice(0)];
    good(await ben.engine.exchangeFrontiers());
    await ben.engine.context.serial.idle();
    expect(served).toEqual([]);
    expect(alarms.filter(({ type }) => type === "EntryRefused").length).toBeGreaterThan(0);
    expect(await textsOf(ben, conversationId)).not.toContain("still me");
    expect(bad(await tablet.client.sync())).toEqual({ type: "DeviceRevoked" });
  });
});
