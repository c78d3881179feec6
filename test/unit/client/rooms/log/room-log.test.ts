/** What a device takes from a server that refuses the key it has of a room's log. Rule RM30. */
import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../../../core/base/ids.ts";
import { err, ok } from "../../../../../core/base/result.ts";
import type { GuestLog } from "../../../../../core/client/connection/guest-gateways.ts";
import { createRoomLogs, type RoomLogDeps } from "../../../../../core/client/rooms/log/room-log.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import type { RoomRecord } from "../../../../../core/document/schema/groups.ts";
import { createLogReader } from "../../../../../core/log/log-reader.ts";
import type { PlacedEntry } from "../../../../../core/protocol/entry.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const roomId = idFromBytes("conversation", filled(1));
const logId = idFromBytes("log", filled(2));
const refused = err({ type: "Refused", code: "forbidden" } as const);
const entry: PlacedEntry = { seq: 1, header: filled(3), sealed: filled(4) };

/** What a room's log asks of others, which here do nothing, but for `changes`. */
function depsOf(changes: object): RoomLogDeps {
  const serial = { run: <T>(task: () => T) => task() };
  const tables = { keypackage: { get: async () => ok(null) }, roomgap: { get: async () => ok(null) } };
  return {
    ...{
      context: { spans: null, store: {}, identity: {}, serial, tables },
      groups: {},
      commits: {},
      deps: {},
    },
    ...{ home: () => null, onLost: () => {}, onBack: () => {}, onChanged: () => {}, kick: () => {} },
    ...changes,
  } as unknown as RoomLogDeps;
}

/** A log whose key was replaced, by an entry of which this device has read nothing yet, or by nobody knows what. */
function createCase(entries: readonly PlacedEntry[], standing: "joined" | "left" = "joined") {
  const deps = depsOf({ intake: { reader: async () => ok(createLogReader(logId)) } });
  const room = { standing: { standing } } as RoomRecord;
  const channel = { logId, append: async () => refused, read: async () => ok({ entries }) };
  const logs = createRoomLogs(deps);
  const departing = { entry, rekey: null, outKeys: [] } as unknown as Parameters<typeof logs.send>[3];
  const send = () => logs.send(roomId, room, { channel } as unknown as GuestLog, departing);
  const followWith = (answer: typeof refused | ReturnType<typeof ok>) => {
    const head = createLogReader(logId).point;
    const open = { ...channel, head, trimmedUpto: 0, subscribe: async () => answer };
    return logs.readOn(roomId, room, { channel: open } as unknown as GuestLog);
  };
  return { logs, send, followWith };
}

test("[RM30] a key that is refused where something is sent has been replaced by what is there to be read, if anything is", async () => {
  const { logs, send } = createCase([entry]);
  expect(good(await send())).toBe(true);
  expect(logs.isCutOff(roomId)).toBe(false);
  const last = createCase([]);
  expect(good(await last.send())).toBe(true);
  expect(last.logs.isCutOff(roomId)).toBe(true);
  // And the second time it is the server's answer.
  expect(await last.send()).toEqual(refused);
});

test("[RM30] who is leaving reads on as far as the key they have takes them", async () => {
  const { logs, send } = createCase([entry], "left");
  expect(good(await send())).toBe(true);
  expect(logs.isCutOff(roomId)).toBe(true);
});

test("[RM30] who is cut off asks again over another connection, and follows where the founder has set the key again", async () => {
  const { logs, followWith } = createCase([]);
  expect(good(await followWith(refused))).toBe(false);
  expect(logs.isCutOff(roomId)).toBe(true);
  logs.openOnceMore(logId);
  expect(logs.isCutOff(roomId)).toBe(true);
  expect(good(await followWith(ok()))).toBe(false);
  expect(logs.isCutOff(roomId)).toBe(false);
});

test("[RM74] what was gone before a device in the group had read it is told once its key is known to be the log's, also after a restart, and only then", async () => {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const raised: unknown[] = [];
  const serial = { run: <T>(task: () => T) => task() };
  const context = {
    spans: null,
    store,
    tables,
    identity: {},
    serial,
    raise: (one: object) => raised.push(one),
  };
  const intake = { reader: async () => ok(createLogReader(logId)) };
  const open = {
    logId,
    head: createLogReader(logId).point,
    trimmedUpto: 0,
    read: async () => ok({ entries: [] }),
  };
  const follow = async (subscribed: { readonly ok: boolean }) => {
    const channel = { ...open, subscribe: async () => subscribed };
    const logs = createRoomLogs(depsOf({ context, intake }));
    return logs.readOn(roomId, { standing: {} } as RoomRecord, { channel } as unknown as GuestLog);
  };
  const note = async () =>
    good(await store.batch([tables.roomgap.put([roomId], { expectedSeq: 3, seq: 9 })]));
  await note();
  good(await follow(refused));
  good(await follow(ok()));
  expect(raised).toEqual([]);
  await note();
  expect(await follow(err({ type: "Disconnected" }))).toMatchObject({ ok: false });
  good(await follow(ok()));
  good(await follow(ok()));
  const fault = { type: "LogGap", expectedSeq: 3, seq: 9 };
  expect(raised).toEqual([{ type: "LogDistrusted", logId, fault }]);
});

test("[RM74] a Welcome is taken in a log that began anew, of which the server let go of what stood before it meanwhile", async () => {
  const reads: number[] = [];
  const passed: object[] = [];
  const head = { ...createLogReader(logId).point, incarnation: 1 };
  const reader = createLogReader(logId, head);
  const first = (result: ReturnType<typeof err>) => {
    const deps = depsOf({
      intake: {
        reader: async () => ok(reader),
        take: async () => ok({ type: "join", invitation: {} }),
        pass: async (...given: unknown[]) => {
          passed.push(given[2] as object);
          return ok();
        },
      },
    });
    const read = async (after: number) => {
      reads.push(after);
      return reads.length === 1 ? ok({ entries: [entry] }) : result;
    };
    const channel = { logId, head, trimmedUpto: 0, read };
    return createRoomLogs(deps).readOn(roomId, {} as RoomRecord, { channel } as unknown as GuestLog);
  };
  expect(good(await first(err({ type: "Refused", code: "log-trimmed" })))).toBe(true);
  expect(reads).toEqual([0, 0]);
  expect(passed).toEqual([{ first: [] }]);
  reads.length = 0;
  const lost = err({ type: "Disconnected" });
  expect(await first(lost)).toEqual(lost);
  expect(passed).toHaveLength(1);
});
