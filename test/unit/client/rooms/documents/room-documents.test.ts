/** Shared documents over stored rows: what is looked at again is what is there now, made anew only when it has to be. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../../core/base/assert.ts";
import type { OpId } from "../../../../../core/base/ids.ts";
import { SHARED_AFTER_MAX, SHARED_DOCUMENTS_PER_ACCOUNT_MAX } from "../../../../../core/base/limits.ts";
import { ok } from "../../../../../core/base/result.ts";
import { mendRows } from "../../../../../core/client/mend/mend-rows.ts";
import { createOpStore } from "../../../../../core/client/conversations/op-store.ts";
import { createRoomDocuments, type Turn } from "../../../../../core/client/rooms/documents/room-documents.ts";
import { createSerial } from "../../../../../core/client/serial.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../../../core/document/automerge.ts";
import { setText } from "../../../../../core/document/shared/shared-forms.ts";
import { encode } from "../../../../../core/codec/shape.ts";
import { HLC_TICKS_PER_MS } from "../../../../../core/messenger/hlc.ts";
import { type NamedOp, OP_KIND } from "../../../../../core/messenger/op.ts";
import { sharedRemovalPayloadShape } from "../../../../../core/messenger/shared/shared-change.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { sealTxStore } from "../../../../../core/store/sealing-tx-store.ts";
import { bad, good } from "../../../../support/client-world.ts";
import { accountOf, conversationOf, deviceOf, messageOp } from "../../../../support/messages.ts";
import { createSeededRandom } from "../../../../support/seeded-random.ts";
import { createSharedWorld } from "../../../../support/shared-world.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const roomId = conversationOf(1);
const START_MS = 2_000_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The store of a device, its clock, and its documents, which count the ops they read. */
function createDevice() {
  const random = createSeededRandom("room-documents");
  const inner = createMemoryTxStore();
  const store = sealTxStore(inner, { random, storeKey: random.bytes(32) });
  const tables = createTables(store);
  const clock = { nowMs: START_MS };
  const read: OpId[] = [];
  const waiting = new Set<OpId>();
  const written: NamedOp[] = [];
  const rights = {
    isForgotten: () => false,
    perishesAtMs: () => null,
    isOver: () => false,
    isDeviceOf: async () => ok(true),
  };
  let ops = createOpStore(tables, () => {}, rights);
  const open = () =>
    createRoomDocuments({
      context: {
        tables,
        random,
        identity: { accountId: accountOf(2) },
        times: { latestMs: () => clock.nowMs },
      },
      ops: {
        get: (place) => {
          read.push(place.id);
          return ops.get(place);
        },
      },
      prover: async () => ok(null),
      outbox: { failureOf: () => null, isWaiting: (id) => waiting.has(id) },
      conversations: {
        write: async (_place, kind, payload, { target = null } = {}) => {
          const hlc = (clock.nowMs + written.length) * HLC_TICKS_PER_MS;
          const op = messageOp({
            device: deviceOf(7),
            deviceSeq: written.length,
            hlc,
            kind,
            target,
            payload,
          });
          written.push(op);
          await add([op]);
          return ok(op);
        },
      },
    });
  const add = async (named: readonly NamedOp[]) => {
    const addition = good(await ops.add(named, clock.nowMs));
    good(await store.batch(addition.writes));
    addition.commit();
  };
  const restart = () => {
    ops = createOpStore(tables, () => {}, rights);
  };
  return { inner, store, tables, clock, read, waiting, written, open, add, restart };
}

const atOnce: Turn = (task) => task();

/** A note, and two changes of it. */
function createNote() {
  const world = createSharedWorld();
  const creation = world.create("note", "Trip");
  const first = world.edit([], 1, (draft) => setText(draft, "text", "Pack"));
  const second = world.edit(first, 2, (draft) => setText(draft, "text", "Pack the tent"));
  return { world, creation, first, second };
}

test("[SD10] what comes is there at the next look, and without anything new nothing is read again", async () => {
  const { add, open, read } = createDevice();
  const { creation, first, second } = createNote();
  await add([creation, ...first]);
  const documents = open();
  expect(good(await documents.all(roomId, atOnce))).toMatchObject([{ title: "Trip", text: "Pack" }]);
  const before = read.length;
  const shown = good(await documents.get(roomId, creation.id));
  expect(read).toHaveLength(before);
  expect(good(await documents.get(roomId, creation.id))).toBe(shown);
  await add(second);
  expect(good(await documents.get(roomId, creation.id))).toMatchObject({ text: "Pack the tent" });
  expect(read).toHaveLength(before + 1);
  documents.close();
});

test("[SD10] how much is not sent is what it is at each look, though nothing comes", async () => {
  const { add, open, read, waiting } = createDevice();
  const { creation, first, second } = createNote();
  const all = [creation, ...first, ...second];
  await add(all);
  for (const { id } of [...first, ...second]) waiting.add(id);
  const documents = open();
  const unsent = async () => good(await documents.get(roomId, creation.id)).unsentCount;
  expect(await unsent()).toBe(first.length + second.length);
  const before = read.length;
  for (const { id } of first) waiting.delete(id);
  expect(await unsent()).toBe(second.length);
  for (const { id } of second) waiting.delete(id);
  expect(await unsent()).toBe(0);
  expect(read).toHaveLength(before);
  documents.close();
});

test("[SD11] what is ahead of the clock is there at its time, though nothing comes", async () => {
  const { add, open, clock } = createDevice();
  const { world, creation, first } = createNote();
  const hlc = (START_MS + 2 * DAY_MS) * HLC_TICKS_PER_MS;
  const slot = { type: "key", key: "text" } as const;
  const ahead = world.change(
    {
      after: [creation.id],
      steps: [{ type: "make", object: null, slot, kind: "text", over: [] }],
    },
    { hlc },
  );
  await add([creation, ...first, ahead]);
  const documents = open();
  const { version } = good(await documents.get(roomId, creation.id));
  expect(version).toEqual(first.map(({ id }) => id));
  clock.nowMs += DAY_MS;
  const later = good(await documents.get(roomId, creation.id));
  expect([...later.version].sort()).toEqual([...first, ahead].map(({ id }) => id).sort());
  documents.close();
});

test("[SD10] an op that is missing behind its row is taken once it is there", async () => {
  const { add, open, store, tables } = createDevice();
  const { creation, first, second } = createNote();
  await add([creation, ...first]);
  const [late] = second;
  const { op, id } = present(late, "it was written");
  good(await store.batch([tables.shared.put([roomId, creation.id, id], { hlc: op.hlc, device: op.device })]));
  const documents = open();
  expect(good(await documents.get(roomId, creation.id))).toMatchObject({ text: "Pack" });
  await add(second);
  expect(good(await documents.get(roomId, creation.id))).toMatchObject({ text: "Pack the tent" });
  documents.close();
});

test.each([
  [SHARED_AFTER_MAX, 1],
  [SHARED_AFTER_MAX + 1, 2],
  [3 * SHARED_AFTER_MAX, 4],
])(
  "[SD12] an edit of what %i have written apart follows all of it, in %i changes",
  async (count, changes) => {
    const { add, open, written } = createDevice();
    const { world, creation, first } = createNote();
    const apart = Array.from({ length: count }, (_, at) =>
      world.edit(first, 1, (draft) => setText(draft, "text", `Pack ${at % 10}`)),
    ).flat();
    await add([creation, ...first, ...apart]);
    const documents = open();
    const { text, version } = good(await documents.get(roomId, creation.id));
    expect(version).toHaveLength(count);
    const edit = async (since: readonly OpId[] | null, typed: string) => {
      const before = written.length;
      const place = { roomId, documentId: creation.id, ...(since === null ? {} : { since }) };
      const { text: edited } = good(
        await documents.edit(place, (draft) => {
          setText(draft, "text", typed);
          return null;
        }),
      );
      return { edited, changes: written.length - before };
    };
    expect(await edit(null, `${text}!`)).toEqual({ edited: `${text}!`, changes });
    expect(await edit(version, `again: ${text}`)).toEqual({ edited: `again: ${text}!`, changes });
    documents.close();
  },
);

test("[SD14] [SD16] documents that were taken away are not read again, and make room", async () => {
  const { add, open, read } = createDevice();
  const made: NamedOp[] = [];
  const world = createSharedWorld();
  for (let count = 0; count < SHARED_DOCUMENTS_PER_ACCOUNT_MAX + 1; count++)
    made.push(world.create("list", `list ${count}`));
  const removal = world.op(encode(sharedRemovalPayloadShape, { version: 1 }), 1, {
    kind: OP_KIND.sharedRemoval,
  });
  await add(made);
  const documents = open();
  const titles = async () => good(await documents.all(roomId, atOnce)).map(({ title }) => title);
  expect(await titles()).toHaveLength(SHARED_DOCUMENTS_PER_ACCOUNT_MAX);
  expect(await titles()).not.toContain("list 0");
  await add([removal]);
  expect(await titles()).toHaveLength(SHARED_DOCUMENTS_PER_ACCOUNT_MAX);
  expect(await titles()).toContain("list 0");
  // What else there is to do waits for one of them, not for all.
  const serial = createSerial();
  const done: string[] = [];
  const listed = documents.all(roomId, serial.run).then(() => done.push("list"));
  await serial.run(async () => done.push("something else"));
  await listed;
  expect(done).toEqual(["something else", "list"]);
  // The makings themselves are read for their order; nothing else is.
  read.length = 0;
  await titles();
  expect(read).toHaveLength(made.length);
  documents.close();
});

test("[ST60] [ST61] a damaged row of a document is named, and comes back with the ops", async () => {
  const { add, open, inner, restart, store, tables } = createDevice();
  const { creation, first, second } = createNote();
  const all = [creation, ...first, ...second];
  await add(all);
  const before = open();
  const views = good(await before.all(roomId, atOnce));
  before.close();
  const rows = good(await inner.scan({ prefix: "shared/" }));
  expect(rows).toHaveLength(all.length);
  const { key, value } = present(rows[1], "there are three");
  const bytes = value.slice();
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  good(await inner.batch([{ type: "put", key, value: bytes }]));
  const damaged = open();
  expect(bad(await damaged.all(roomId, atOnce))).toMatchObject({ type: "StoreCorrupt" });
  damaged.close();
  expect(good(await mendRows({ inner, store }))).toBe(1);
  expect(good(await tables.mend.get())).toMatchObject({ conversations: [roomId], rows: 1 });
  expect(good(await inner.scan({ prefix: "shared/" }))).toEqual([]);
  // As buckets and what is on its way to them bring the ops of the conversation again, after a profile was opened.
  restart();
  await add(all);
  const mended = open();
  expect(good(await mended.all(roomId, atOnce))).toEqual(views);
  mended.close();
});
