/** What members read of questions and answers, and what they hand on. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../../core/base/assert.ts";
import { type AccountId, type DeviceId, idFromBytes } from "../../../../../core/base/ids.ts";
import {
  ROOM_HISTORY_ASKS_MAX,
  ROOM_HISTORY_LETTERS_MAX,
  ROOM_HISTORY_OPS_MAX,
} from "../../../../../core/base/limits.ts";
import { ok } from "../../../../../core/base/result.ts";
import { createRoomDraft, emptyRoomDraft } from "../../../../../core/client/rooms/reading/room-draft.ts";
import { selectHistory } from "../../../../../core/client/rooms/history/room-history-select.ts";
import {
  askedBy,
  createHistoryWords,
  ownHistory,
} from "../../../../../core/client/rooms/history/room-history-words.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { encode } from "../../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { type NamedOp, OP_KIND } from "../../../../../core/messenger/op.ts";
import {
  sharedDocumentOf,
  sharedDocumentPayloadShape,
  sharedRemovalPayloadShape,
} from "../../../../../core/messenger/shared/shared-change.ts";
import type { OpRun, RoomAnswer, RoomQuestion } from "../../../../../core/messenger/room/room-entry.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { createLogReader } from "../../../../../core/log/log-reader.ts";
import { activeKeys, stateOf } from "../../../../support/chain-world.ts";
import {
  createHistoryWorld,
  DAY_MS,
  idOf,
  NOW_MS,
  ROOM,
  writtenBy,
} from "../../../../support/history-world.ts";
import { good } from "../../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const deviceOf = (world: ReturnType<typeof createHistoryWorld>["ada"]) =>
  present(activeKeys(world)[0], "a device").id;

/** A device of `self` that reads what is said in the room. */
function readerOf(self: AccountId, deviceId: DeviceId) {
  const { ada, eve, room } = createHistoryWorld();
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const clock = { nowMs: () => NOW_MS, schedule: () => () => {} };
  const words = createHistoryWords({ tables, clock, identity: { accountId: self, deviceId } as never });
  const leaves = [ada, eve].flatMap((world) =>
    activeKeys(world).map(({ id }) => ({ accountId: idOf(world), deviceId: id })),
  );
  const logId = idFromBytes("log", filled(2));
  const keys = { row: { generation: 0, accessSeed: filled(1), roomKey: filled(1) }, areNew: false };
  const draft = createRoomDraft({ reader: createLogReader(logId), group: null }, keys, []);
  let seq = 0;
  async function read(by: { accountId: AccountId; deviceId: DeviceId }, said: RoomQuestion | RoomAnswer) {
    const entry = { seq: ++seq, id: idFromBytes("entry", filled(seq)), header: filled(1), sealed: filled(1) };
    const from = { roomId: ROOM, room, sender: by, entry: entry as never, leaves };
    if (said.type === "question") good(await words.takeQuestion(from, said, draft));
    else good(await words.takeAnswer(from, said, draft));
    expect(draft.isUrgent).toBe(draft.writes.length > 0);
    good(await store.batch(draft.writes));
    emptyRoomDraft(draft);
  }
  return { store, tables, read };
}

const question = (token: number): RoomQuestion => ({
  type: "question",
  token: filled(token, 16),
  have: [],
  except: [],
});
const answer = (asker: AccountId, token: number, more: Partial<RoomAnswer> = {}): RoomAnswer => ({
  ...{ type: "answer", asker, token: filled(token, 16), ops: [filled(1)], left: 3, isLast: false },
  ...more,
});

test(`[RM43] a device answers ${ROOM_HISTORY_ASKS_MAX} questions of a membership, and the newest only`, async () => {
  const { ada, eve } = createHistoryWorld();
  const { tables, read } = readerOf(idOf(ada), deviceOf(ada));
  const by = { accountId: idOf(eve), deviceId: deviceOf(eve) };
  for (let count = 1; count <= ROOM_HISTORY_ASKS_MAX + 1; count++) {
    await read(by, question(count));
    const row = present(good(await tables.historyask.get(ROOM, by.accountId)), "what is asked");
    const last = Math.min(count, ROOM_HISTORY_ASKS_MAX);
    expect([row.count, row.ask?.token[0]]).toEqual([last, last]);
  }
});

test("[RM43] who was there when the history began is answered nothing, nor who is no member", async () => {
  const { ada, ben } = createHistoryWorld();
  const { tables, read } = readerOf(idOf(createHistoryWorld().eve), filledDevice());
  await read({ accountId: idOf(ada), deviceId: deviceOf(ada) }, question(1));
  await read({ accountId: idOf(ben), deviceId: deviceOf(ben) }, question(1));
  expect(good(await tables.historyask.scan())).toEqual([]);
});

const filledDevice = (): DeviceId => idFromBytes("device", filled(9, 16));

test("[RM44] who sees another answer does not, but for what that one may not answer", async () => {
  const { ada, eve } = createHistoryWorld();
  const { store, tables, read } = readerOf(idOf(ada), deviceOf(ada));
  const by = { accountId: idOf(eve), deviceId: deviceOf(eve) };
  const asked = async () => good(await tables.historyask.get(ROOM, by.accountId))?.ask?.token[0] ?? null;
  await read(by, question(1));
  await read(by, answer(by.accountId, 1));
  expect(await asked()).toBe(1);
  const sibling = { accountId: idOf(ada), deviceId: filledDevice() };
  await read(sibling, answer(by.accountId, 2));
  expect(await asked()).toBe(1);
  const without = { ...question(3), except: [idOf(ada)] };
  await read(by, without);
  expect(await asked()).toBe(null);
  const row = present(good(await tables.historyask.get(ROOM, by.accountId)), "what is asked");
  const ask = {
    ...{ token: filled(3, 16), except: without.except, dueAtMs: 0, have: [] },
    letters: 0,
    looked: 0,
    cursor: null,
  };
  good(await store.batch([tables.historyask.put([ROOM, by.accountId], { ...row, ask })]));
  await read(sibling, answer(by.accountId, 3));
  expect(await asked()).toBe(3);
  await read(by, question(1));
  await read(sibling, answer(by.accountId, 1));
  expect(await asked()).toBe(null);
});

test(`[RM46] of an answer ${ROOM_HISTORY_LETTERS_MAX} letters of one device are taken, and nothing that was not asked for`, async () => {
  const { ada, eve } = createHistoryWorld();
  const me = idOf(eve);
  const { store, tables, read } = readerOf(me, deviceOf(eve));
  const by = { accountId: idOf(ada), deviceId: deviceOf(ada) };
  const kept = async () => good(await tables.historyin.scan()).length;
  await read(by, answer(me, 1));
  expect(await kept()).toBe(0);
  const own = good(await ownHistory(tables, ROOM, 10, NOW_MS));
  const asked = askedBy(own, { token: filled(1, 16), except: [], device: deviceOf(eve), nowMs: NOW_MS });
  good(await store.batch([tables.history.put([ROOM], asked)]));
  await read(by, answer(me, 2));
  await read({ accountId: me, deviceId: filledDevice() }, answer(me, 1));
  expect(await kept()).toBe(0);
  for (let letters = 1; letters <= ROOM_HISTORY_LETTERS_MAX + 1; letters++) {
    await read(by, answer(me, 1));
    await read({ ...by, deviceId: filledDevice() }, answer(me, 1));
    expect(await kept()).toBe(Math.min(letters, ROOM_HISTORY_LETTERS_MAX));
  }
  const after = good(await ownHistory(tables, ROOM, 10, NOW_MS));
  expect(after).toMatchObject({ ask: null, told: [by.accountId], ended: [], left: 3 });
  // Who is not to answer does not count, however fast.
  const again = askedBy(after, {
    token: filled(3, 16),
    except: after.told,
    device: deviceOf(eve),
    nowMs: NOW_MS,
  });
  good(await store.batch([tables.history.put([ROOM], again)]));
  await read(by, answer(me, 3, { left: 0, isLast: true, ops: [] }));
  expect(good(await ownHistory(tables, ROOM, 10, NOW_MS)).ended).toEqual([]);
});

test("[RM47] who has nothing left is noted, and a later membership begins anew", async () => {
  const { ada, eve } = createHistoryWorld();
  const { store, tables, read } = readerOf(idOf(eve), deviceOf(eve));
  const asked = askedBy(good(await ownHistory(tables, ROOM, 10, NOW_MS)), {
    ...{ token: filled(1, 16), except: [], device: deviceOf(eve), nowMs: NOW_MS },
  });
  good(await store.batch([tables.history.put([ROOM], asked)]));
  await read(
    { accountId: idOf(ada), deviceId: deviceOf(ada) },
    answer(idOf(eve), 1, { left: 0, isLast: true }),
  );
  expect(good(await ownHistory(tables, ROOM, 10, NOW_MS))).toMatchObject({ ended: [idOf(ada)], asks: 1 });
  expect(good(await ownHistory(tables, ROOM, 11, NOW_MS))).toMatchObject({ ended: [], asks: 0 });
});

/** What Ada's first device hands to Eve of these ops, newest first. */
async function handed(
  ops: readonly NamedOp[],
  more: {
    readonly have?: readonly OpRun[];
    readonly placed?: readonly NamedOp[];
    readonly hidden?: readonly NamedOp[];
    readonly limited?: readonly NamedOp[];
    readonly cursor?: string | null;
    readonly looked?: number;
  } = {},
) {
  const { ada, ben, eve, room } = createHistoryWorld();
  const store = createMemoryTxStore();
  const tables = createTables(store);
  good(await store.batch((more.placed ?? []).map(({ id }) => tables.roomplaced.put([ROOM, id], {}))));
  for (const { id, ...named } of ops) {
    const { hlc, device } = named.op;
    const document = sharedDocumentOf({ id, ...named });
    if (document !== null)
      good(await store.batch([tables.shared.put([ROOM, document, id], { hlc, device })]));
  }
  const keyed = ops.map((op, at) => ({ key: String(at).padStart(6, "0"), op }));
  const context = {
    tables,
    identity: { accountId: idOf(ada) },
    chain: () => stateOf(ada),
    storedChain: async (accountId: AccountId) => ok(accountId === idOf(ben) ? stateOf(ben) : null),
    times: { likelyMs: () => NOW_MS },
  };
  const deps = {
    context: context as never,
    ops: {
      page: async (_: unknown, limit: number, before?: string) => {
        const from = before === undefined ? 0 : Number(before) + 1;
        return ok(keyed.slice(from, from + limit));
      },
      get: async ({ id }: { readonly id: string }) => ok(ops.find((op) => op.id === id) ?? null),
    },
    lifetimes: {
      isHidden: (op: NamedOp) => more.hidden?.includes(op) === true,
      perishesAtMs: (op: NamedOp) => (more.limited?.includes(op) === true ? 5 : op.op.expire),
    },
  };
  const { have = [], cursor = null, looked = 0 } = more;
  const wanted = { roomId: ROOM, room, asker: idOf(eve), have, cursor, looked };
  return good(await selectHistory(deps, wanted));
}

test("[RM45] hands on what holds and is lacking, and nothing hidden, limited, unproven, or own that the log never had", async () => {
  const { ada, ben, eve } = createHistoryWorld();
  const of = (deviceSeq: number) => writtenBy(ben, `${deviceSeq}`, { deviceSeq });
  const [known, hidden, limited, fine] = [of(1), of(2), of(3), of(4)];
  const own = writtenBy(ada, "read back");
  const unsent = writtenBy(ada, "never went", { deviceSeq: 1 });
  const bent = { ...of(5), op: { ...of(5).op, deviceSeq: 6 } };
  const old = writtenBy(ben, "too old", { atMs: NOW_MS - 8 * DAY_MS });
  const ops = [known, hidden, limited, fine, own, unsent, bent, writtenBy(eve, "theirs"), old, of(7)];
  const { device } = known.op;
  const picked = await handed(ops, {
    ...{ hidden: [hidden], limited: [limited], placed: [own] },
    have: [{ device, start: 0, end: 2 }],
  });
  // Behind the one that is too old nothing is looked at.
  expect(picked).toMatchObject({ ops: [fine, own], left: 0 });
});

test("[RM45] goes on where a letter ended, tells how much is left, and looks at ROOM_HISTORY_OPS_MAX ops", async () => {
  const { ben } = createHistoryWorld();
  const ops = Array.from({ length: 70 }, (_, deviceSeq) => writtenBy(ben, `${deviceSeq}`, { deviceSeq }));
  const first = await handed(ops);
  expect([first.ops.length, first.left, first.looked]).toEqual([64, 6, 64]);
  const { cursor, looked } = first;
  const second = await handed(ops, { cursor, looked });
  expect([second.ops.map(({ op }) => op.deviceSeq), second.left]).toEqual([[64, 65, 66, 67, 68, 69], 0]);
  for (const [before, count] of [
    [1, 1],
    [0, 0],
    [-1, 0],
  ] as const) {
    const last = await handed(ops, { cursor, looked: ROOM_HISTORY_OPS_MAX - before });
    expect(last.ops).toHaveLength(count);
  }
});

/** Ops of one document, each by who is said, a second after the one before, eight days ago. */
function documentBy(by: readonly (readonly [ReturnType<typeof createHistoryWorld>["ada"], number])[]) {
  const made: NamedOp[] = [];
  for (const [at, [world, kind]] of by.entries()) {
    const payload =
      kind === OP_KIND.sharedDocument
        ? encode(sharedDocumentPayloadShape, { version: 1, form: "note", title: "Trip" })
        : encode(sharedRemovalPayloadShape, { version: 1 });
    const op = { kind, payload, target: made[0]?.id ?? null };
    made.push(writtenBy(world, "", { deviceSeq: 20 + at, atMs: NOW_MS - 8 * DAY_MS + at * 1_000, op }));
  }
  return made;
}

test("[SD17] a document is handed on whole, whatever the days; one without its making, or taken away, is not, but that it was", async () => {
  const { ada, ben, eve } = createHistoryWorld();
  const { sharedDocument, sharedChange, sharedRemoval } = OP_KIND;
  const handedOf = async (ops: readonly NamedOp[], more: Parameters<typeof handed>[1] = {}) => {
    const recent = writtenBy(ben, "of yesterday");
    const older = writtenBy(ben, "older than all", { deviceSeq: 9, atMs: NOW_MS - 9 * DAY_MS });
    const picked = await handed([recent, ...ops.toReversed(), older], { placed: ops, ...more });
    return picked.ops
      .slice(1)
      .map(({ id }) => ops.findIndex((op) => op.id === id))
      .toReversed();
  };
  const whole = documentBy([
    [ben, sharedDocument],
    [ada, sharedChange],
    [ben, sharedChange],
  ]);
  expect(await handedOf(whole)).toEqual([0, 1, 2]);
  // RM45: what the room's log never had of the own changes.
  expect(await handedOf(whole, { placed: [] })).toEqual([0, 2]);
  // Written without a proof before the history began: what follows shows nothing to who has not got it.
  const [making, ...changes] = whole;
  const bare = present(making, "its making");
  const unproven = { ...bare, op: { ...bare.op, ext: null } };
  expect(await handedOf([unproven, ...changes])).toEqual([]);
  const { device, deviceSeq } = bare.op;
  const have = [{ device, start: deviceSeq, end: deviceSeq + 1 }];
  expect(await handedOf([unproven, ...changes], { have })).toEqual([1, 2]);
  const own = documentBy([
    [eve, sharedDocument],
    [ada, sharedChange],
  ]);
  expect(await handedOf(own)).toEqual([1]);
  expect(await handedOf(whole.slice(1))).toEqual([]);
  // SD14: only who made it takes it away.
  const gone = documentBy([
    [ben, sharedDocument],
    [ada, sharedChange],
    [ben, sharedRemoval],
  ]);
  expect(await handedOf(gone)).toEqual([2]);
  const kept = documentBy([
    [ben, sharedDocument],
    [ada, sharedRemoval],
  ]);
  expect(await handedOf(kept)).toEqual([0, 1]);
});
