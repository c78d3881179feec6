/** What ends the wait for entries that did not open: an answer to the last request, and nothing less. */
import { describe, expect, test } from "vitest";
import type { DeviceId, OpId } from "../../../../core/base/ids.ts";
import { ok } from "../../../../core/base/result.ts";
import type { ContactRecord } from "../../../../core/client/contacts/contact-book.ts";
import {
  createDeliveryMarks,
  type DeliveryMarksDeps,
} from "../../../../core/client/conversations/delivery-marks.ts";
import { createSetAside } from "../../../../core/client/conversations/set-aside.ts";
import type { EngineContext } from "../../../../core/client/engine-context.ts";
import { createSerial } from "../../../../core/client/serial.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { encode } from "../../../../core/codec/shape.ts";
import {
  directConversationId,
  markPayloadShape,
  type NamedOp,
  OP_KIND,
} from "../../../../core/messenger/op.ts";
import type { ChainDevice, ChainState } from "../../../../core/sigchain/chain-state.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { accountOf, deviceOf, entryOf, logOf } from "../../../support/messages.ts";

const [self, contact] = [accountOf(1), accountOf(2)];
const [ownDevice, theirDevice, theirOther] = [deviceOf(1), deviceOf(2), deviceOf(3)];
const conversationId = directConversationId(self, contact);

/** Somebody of whose contact one entry of each of two devices did not open, and who has asked for them. */
async function asking() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const clock = createManualClock();
  const setAside = createSetAside(store, tables);
  const frontiers = new Map<DeviceId, number>([[theirDevice, 0]]);
  const written: NamedOp[] = [];
  const freed: string[] = [];
  const theirs = new Map(
    [theirDevice, theirOther].map((id): [DeviceId, ChainDevice] => [
      id,
      { id, revokedSeq: null } as ChainDevice,
    ]),
  );
  const revoke = (id: DeviceId) => void theirs.set(id, { id, revokedSeq: 3 } as ChainDevice);
  const record = { accountId: contact, conversationId, state: "accepted", theirs: {} } as ContactRecord;
  const context = {
    ...{ store, tables, clock, serial: createSerial() },
    identity: { accountId: self, deviceId: ownDevice },
    times: { steadyMs: () => clock.nowMs() },
    chain: () => ({ devicesById: new Map([[ownDevice, {}]]) }) as unknown as ChainState,
    storedChain: async () => ok({ devicesById: theirs }),
  } as unknown as EngineContext;
  const deps = {
    ...{ context, setAside },
    contacts: { get: async () => ok(record) },
    ops: { all: async () => ok([]), frontiers: async () => ok(frontiers) },
    outbox: { delivered: async () => ok(), sentOps: () => [] },
    events: { onDelivered() {}, onOutgoing() {}, onAckable: (logId: string) => void freed.push(logId) },
    write: async (_to: unknown, kind: number, payload: Uint8Array, { target = null } = {}) => {
      written.push(markBy(ownDevice, written.length, { kind, payload, target, author: self }));
      return ok(written.at(-1));
    },
  } as unknown as DeliveryMarksDeps;
  const marks = createDeliveryMarks(deps);
  const setAsideOne = async (seq: number, device: DeviceId) => {
    const entry = {
      logId: logOf(1),
      seq,
      entryId: entryOf(seq),
      contact,
      device,
      reason: "NoEnvelope",
      waiting: null,
    };
    const change = setAside.change({ added: [entry] }, clock.nowMs());
    good(await store.batch(change.writes));
    change.commit();
    marks.due(contact, true);
  };
  await setAsideOne(1, theirDevice);
  await setAsideOne(2, theirOther);
  const ask = async (): Promise<OpId> => {
    good(await marks.flush());
    const last = written.at(-1);
    if (last === undefined) throw new Error("nobody was asked");
    return last.id;
  };
  const left = async () => good(await tables.aside.scan()).map(({ value }) => value.device);
  return { ask, marks, frontiers, left, setAsideOne, freed, written, revoke };
}

/** A mark as it was written. */
function markBy(device: DeviceId, deviceSeq: number, changes: Partial<NamedOp["op"]> = {}): NamedOp {
  const payload = encode(markPayloadShape, { delivered: [], readUpTo: null, wantsMissing: false });
  const op = { conversationId, author: contact, device, deviceSeq, kind: OP_KIND.mark, payload, ...changes };
  const id = `${device.slice(0, 32)}${String(deviceSeq).padStart(32, "0")}` as OpId;
  return { id, op: { target: null, ...op } as NamedOp["op"], bytes: new Uint8Array() };
}

describe("[DM20] an entry that did not open", () => {
  test("is done with when its device answers the request and all it wrote is here", async () => {
    const { ask, marks, frontiers, left, freed } = await asking();
    const target = await ask();
    frontiers.set(theirDevice, 8);
    good(await marks.answer([markBy(theirDevice, 7, { target })]));
    expect([await left(), freed]).toEqual([[theirOther], [logOf(1)]]);
    frontiers.set(theirOther, 1);
    good(await marks.answer([markBy(theirOther, 0, { target })]));
    expect(await left()).toEqual([]);
  });

  test("waits on while something that was written before the answer is not here", async () => {
    const { ask, marks, frontiers, left } = await asking();
    const target = await ask();
    frontiers.set(theirDevice, 7);
    good(await marks.answer([markBy(theirDevice, 7, { target })]));
    expect(await left()).toEqual([theirDevice, theirOther]);
  });

  test("waits on where an earlier request is answered, or none, and more did not open since", async () => {
    const { ask, marks, frontiers, left, setAsideOne } = await asking();
    const target = await ask();
    frontiers.set(theirDevice, 9);
    good(await marks.answer([markBy(theirDevice, 6)]));
    await setAsideOne(3, theirDevice);
    good(await marks.answer([markBy(theirDevice, 7, { target })]));
    expect(await left()).toEqual([theirDevice, theirOther, theirDevice]);
    good(await marks.answer([markBy(theirDevice, 8, { target: await ask() })]));
    expect(await left()).toEqual([theirOther]);
  });

  test("is not asked for of a device that was revoked: it is done with, and others are asked for theirs", async () => {
    const { ask, marks, left, freed, written, revoke } = await asking();
    revoke(theirDevice);
    await ask();
    expect([await left(), freed]).toEqual([[theirOther], [logOf(1)]]);
    revoke(theirOther);
    marks.due(contact, true);
    good(await marks.flush());
    expect([await left(), written.length]).toEqual([[], 1]);
  });

  test("is not asked for in vain: who has nothing to send again says so", async () => {
    const { marks, written } = await asking();
    const payload = encode(markPayloadShape, { delivered: [], readUpTo: null, wantsMissing: true });
    const question = markBy(theirDevice, 4, { payload });
    good(await marks.answer([question]));
    expect(written.map(({ op }) => op.target)).toEqual([question.id]);
  });
});
