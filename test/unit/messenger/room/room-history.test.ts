/** What newcomers get of a room, whose proof holds, and whose turn it is to answer. */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../../../core/base/assert.ts";
import { type AccountId, idFromBytes } from "../../../../core/base/ids.ts";
import {
  ROOM_FORMER_MAX,
  ROOM_HISTORY_DAYS_MAX,
  ROOM_HISTORY_EXCEPT_MAX,
  ROOM_HISTORY_LEFT_MAX,
  ROOM_HISTORY_RUNS_MAX,
} from "../../../../core/base/limits.ts";
import { encodeCbor } from "../../../../core/codec/cbor.ts";
import { decode, encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { createOp, OP_KIND, redactionPayloadShape } from "../../../../core/messenger/op.ts";
import { encodeRoomContext, parseRoomContext } from "../../../../core/messenger/room/room-context.ts";
import { roomLetterShape } from "../../../../core/messenger/room/room-entry.ts";
import { historyAfter, roomHistoryShape } from "../../../../core/messenger/room/room-history.ts";
import {
  historyAuthor,
  judgeProof,
  opProofShape,
  proofOf,
  proveOp,
} from "../../../../core/messenger/room/room-proof.ts";
import { answerTurns, answeringAccounts } from "../../../../core/messenger/room/room-turns.ts";
import { activeKeys, createWorld, stateOf } from "../../../support/chain-world.ts";
import {
  createHistoryWorld,
  DAY_MS,
  idOf,
  memberIn,
  NOW_MS,
  ROOM,
  writtenBy,
} from "../../../support/history-world.ts";
import { good } from "../../../support/client-world.ts";

beforeAll(cryptoReady);

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const account = (byte: number): AccountId => idFromBytes("account", filled(byte));

function leaving(byte: number, sinceEpoch = 1) {
  const place = { seq: 1, head: idFromBytes("link", filled(byte)) };
  return {
    accountId: account(byte),
    name: `member ${byte}`,
    origin: "https://one.example",
    sinceEpoch,
    ...place,
  };
}

test("[RM39] history begins with the commit that sets it or makes it wider, and goes on where it is made narrower", () => {
  const after = (before: Parameters<typeof historyAfter>[0], days: number | null) =>
    historyAfter(before, { days }, { epoch: 20, gone: [] });
  const week = { days: 7, since: 5, former: [] };
  expect(after(null, 7)).toEqual({ ...week, since: 21 });
  expect(after(week, 7)).toEqual(week);
  expect(after(week, 6)).toEqual({ ...week, days: 6 });
  expect(after(week, 8)).toEqual({ ...week, days: 8, since: 21 });
  expect(after(week, null)).toEqual({ ...week, days: null, since: 21 });
  expect(after({ ...week, days: null }, 7)).toEqual(week);
  expect(historyAfter(week, null, { epoch: 20, gone: [leaving(1)] })).toBe(null);
  expect(historyAfter(null, null, { epoch: 20, gone: [leaving(1)] })).toBe(null);
});

test("[RM40] who goes while there is history stands in it, in one order; who went before it begins does not", () => {
  const week = { days: 7, since: 5, former: [] };
  const first = present(historyAfter(week, week, { epoch: 20, gone: [leaving(2), leaving(1)] }), "history");
  expect(first.former.map(({ accountId, since, until }) => [accountId, since, until])).toEqual([
    [account(1), 1, 21],
    [account(2), 1, 21],
  ]);
  const second = present(historyAfter(first, first, { epoch: 30, gone: [leaving(1, 25)] }), "history");
  expect(second.former.map(({ until }) => until)).toEqual([21, 21, 31]);
  expect(historyAfter(second, { days: 8 }, { epoch: 40, gone: [leaving(3)] })?.former).toEqual([]);
});

test("[RM40] the newest ROOM_FORMER_MAX stay", () => {
  const week = { days: 7, since: 5, former: [] };
  for (const [count, kept] of [
    [ROOM_FORMER_MAX - 1, ROOM_FORMER_MAX - 1],
    [ROOM_FORMER_MAX, ROOM_FORMER_MAX],
    [ROOM_FORMER_MAX + 1, ROOM_FORMER_MAX],
  ] as const) {
    let history = historyAfter(week, week, { epoch: 20, gone: [] });
    for (let at = 0; at < count; at++)
      history = historyAfter(history, history, { epoch: 20 + at, gone: [leaving(1)] });
    expect(history?.former).toHaveLength(kept);
    expect(history?.former.at(-1)?.until).toBe(20 + count);
  }
});

test("[RM39] days are from 1 to ROOM_HISTORY_DAYS_MAX", () => {
  const holds = (days: number) => decode(roomHistoryShape, encodeCbor([days, 1, []])).ok;
  for (const days of [1, ROOM_HISTORY_DAYS_MAX - 1, ROOM_HISTORY_DAYS_MAX]) expect(holds(days)).toBe(true);
  for (const days of [0, ROOM_HISTORY_DAYS_MAX + 1]) expect(holds(days)).toBe(false);
});

test("[RM1] a context with history is another form, and reads back as it was", () => {
  const { room } = createHistoryWorld();
  expect(good(parseRoomContext(encodeRoomContext(room)))).toEqual({
    ...room,
    members: [...room.members].sort((a, b) => (a.accountId < b.accountId ? -1 : 1)),
  });
  const none = { ...room, history: null };
  expect(good(parseRoomContext(encodeRoomContext(none))).history).toBe(null);
});

test("[RM43] a question tells of ROOM_HISTORY_RUNS_MAX runs at most", () => {
  const holds = (count: number) => {
    const run = { device: idFromBytes("device", filled(1, 16)), start: 0, end: 1 };
    const have = Array.from({ length: count }, () => run);
    const question = { type: "question" as const, token: filled(1, 16), have, except: [] };
    return decode(roomLetterShape, encode(roomLetterShape, question)).ok;
  };
  expect([-1, 0, 1].map((more) => holds(ROOM_HISTORY_RUNS_MAX + more))).toEqual([true, true, false]);
});

test("[RM43][RM46] a question leaves out ROOM_HISTORY_EXCEPT_MAX accounts at most, an answer counts to ROOM_HISTORY_LEFT_MAX", () => {
  const except = (count: number) =>
    encodeCbor([2, filled(1, 16), [], Array.from({ length: count }, () => filled(1))]);
  const left = (count: number) => encodeCbor([3, filled(1), filled(1, 16), [], count, true]);
  for (const [form, max] of [
    [except, ROOM_HISTORY_EXCEPT_MAX],
    [left, ROOM_HISTORY_LEFT_MAX],
  ] as const)
    expect([-1, 0, 1].map((more) => decode(roomLetterShape, form(max + more)).ok)).toEqual([
      true,
      true,
      false,
    ]);
});

/** What becomes of an op that is handed to Eve. */
function judged(op: Parameters<typeof historyAuthor>[0], world = createHistoryWorld()) {
  const { room, eve, ada, ben } = world;
  const author = historyAuthor(op, { roomId: ROOM, room, reader: idOf(eve), nowMs: NOW_MS });
  if (author === null) return "outside";
  const chain = [ada, ben, eve].map(stateOf).find(({ accountId }) => accountId === op.op.author);
  return judgeProof(op, author, present(chain, "their chain"));
}

test("[RM41][RM42] words of members and of who was one then hold by their own proof", () => {
  const { ada, ben } = createHistoryWorld();
  expect(judged(writtenBy(ada, "of a member"))).toBe(null);
  expect(judged(writtenBy(ben, "of who was one"))).toBe(null);
  const revoked = present(
    [...stateOf(ada).devicesById.values()].find(({ revokedSeq }) => revokedSeq !== null),
    "a revoked device",
  );
  const before = (revoked.revokedSeq ?? 0) - 1;
  expect(judged(writtenBy(ada, "before it was revoked", { device: revoked.id, seq: before }))).toBe(null);
});

test("[RM42] what the author has not signed so is nobody's", () => {
  const { ada, ben, eve } = createHistoryWorld();
  const real = writtenBy(ada, "as it was");
  const payload = writtenBy(ada, "otherwise").op.payload;
  // A changed text, time or place under the same proof.
  for (const bent of [{ payload }, { hlc: real.op.hlc + 1 }, { deviceSeq: 7 }])
    expect(judged(createOp({ ...real.op, ...bent })), JSON.stringify(bent)).toBe("signature");
  const proof = present(proofOf(real), "its proof");
  for (const place of [{ epoch: 6 }, { seq: proof.seq - 1 }])
    expect(judged(createOp({ ...real.op, ext: encode(opProofShape, { ...proof, ...place }) }))).toBe(
      "signature",
    );
  // Of another room, and by another member's key.
  const elsewhere = writtenBy(ada, "there", { roomId: idFromBytes("conversation", filled(9)) });
  expect(judged(elsewhere)).toBe("signature");
  const benKey = present(activeKeys(ben)[0], "a device").sign;
  const bare = { ...real.op, ext: null };
  const seq = stateOf(ada).seq;
  expect(judged(createOp({ ...bare, ext: proveOp(benKey, { roomId: ROOM, epoch: 5, seq }, bare) }))).toBe(
    "signature",
  );
  // A device that is not on the author's chain, or was not active there.
  expect(judged(writtenBy(ben, "in Ada's name", { op: { author: idOf(ada) } }))).toBe("device");
  const revoked = present(
    [...stateOf(ada).devicesById.values()].find(({ revokedSeq }) => revokedSeq !== null),
    "a revoked device",
  );
  for (const at of [revoked.revokedSeq ?? 0, revoked.addedSeq - 1])
    expect(judged(writtenBy(ada, "not then", { device: revoked.id, seq: at })), `${at}`).toBe("device");
  expect(judged(writtenBy(ada, "of a link to come", { seq: seq + 1 }))).toBe("outside");
  const world = createHistoryWorld();
  const bent = world.room.members.map((one) => ({ ...one, head: idFromBytes("link", filled(9)) }));
  expect(judged(real, { ...world, room: { ...world.room, members: bent } })).toBe("chain");
  expect(judged(writtenBy(eve, "own"))).toBe("outside");
});

test("[RM42] nothing from before the history, after the newcomer came, or of who was no member then", () => {
  const { ada, ben } = createHistoryWorld();
  const epochs = (world: typeof ada) =>
    [1, 2, 3, 7, 8, 9, 10].map((epoch) => judged(writtenBy(world, "x", { epoch })));
  expect(epochs(ada)).toEqual(["outside", null, null, null, null, null, "outside"]);
  expect(epochs(ben)).toEqual(["outside", "outside", null, null, "outside", "outside", "outside"]);
  expect(judged(writtenBy(createWorld("never a member"), "x"))).toBe("outside");
  const ages = [0, 6, 7, 8].map((days) => judged(writtenBy(ada, "x", { atMs: NOW_MS - days * DAY_MS })));
  expect(ages).toEqual([null, null, null, "outside"]);
  expect(judged(writtenBy(ada, "of tomorrow", { atMs: NOW_MS + 2 * DAY_MS }))).toBe("outside");
});

test("[RM42][SD17] only messages, that they were taken back within the time, and all of a document however old", () => {
  const { ada } = createHistoryWorld();
  const place = (days: number) => ({
    device: writtenBy(ada, "x").op.device,
    deviceSeq: 0,
    hlc: (NOW_MS - days * DAY_MS) * 1_024,
  });
  const redaction = (days: number) =>
    writtenBy(ada, "x", {
      op: {
        kind: OP_KIND.redaction,
        target: writtenBy(ada, "x").id,
        payload: encode(redactionPayloadShape, place(days)),
      },
    });
  expect(judged(redaction(2))).toBe(null);
  expect(judged(redaction(8))).toBe("outside");
  expect(judged(writtenBy(ada, "x", { op: { payload: new Uint8Array(0) } }))).toBe("outside");
  const ofDocuments: readonly number[] = [
    OP_KIND.sharedDocument,
    OP_KIND.sharedChange,
    OP_KIND.sharedRemoval,
  ];
  for (const kind of ofDocuments) {
    expect(judged(writtenBy(ada, "x", { atMs: NOW_MS - 8 * DAY_MS, op: { kind } })), `${kind}`).toBe(null);
    const ahead = writtenBy(ada, "x", { atMs: NOW_MS + 2 * DAY_MS, op: { kind } });
    expect(judged(ahead), `${kind}`).toBe("outside");
    expect(judged(writtenBy(ada, "x", { epoch: 1, op: { kind } })), `${kind}`).toBe("outside");
  }
  for (const kind of Object.values(OP_KIND).filter(
    (one) => one !== OP_KIND.message && one !== OP_KIND.redaction && !ofDocuments.includes(one),
  ))
    expect(judged(writtenBy(ada, "x", { op: { kind } })), `${kind}`).toBe("outside");
  expect(judged(createOp({ ...writtenBy(ada, "x").op, ext: null }))).toBe("outside");
});

test("[RM44] all find the same turns: who was there first, one device of each in turn, nobody twice", () => {
  const worlds = ["a", "b", "c", "d"].map(createWorld);
  const { room: base, eve } = createHistoryWorld();
  const members = worlds.map((world, at) => memberIn(world, "member", at < 2 ? 1 : 4));
  const room = { ...base, members: [...members, memberIn(eve, "member", 10)] };
  const leaves = room.members.flatMap(({ accountId }, at) =>
    [1, 2].map((n) => ({ accountId, deviceId: idFromBytes("device", filled(at * 2 + n, 16)) })),
  );
  const turns = (token: number, except: readonly AccountId[] = []) =>
    answerTurns(room, leaves, { token: filled(token, 16), asker: idOf(eve), except });
  const all = turns(1);
  expect(all).toHaveLength(8);
  expect(new Set(all.map(({ deviceId }) => deviceId)).size).toBe(8);
  expect(all.some(({ accountId }) => accountId === idOf(eve))).toBe(false);
  const elders = new Set(worlds.slice(0, 2).map(idOf));
  expect(all.slice(0, 2).every(({ accountId }) => elders.has(accountId))).toBe(true);
  expect(new Set(all.slice(0, 4).map(({ accountId }) => accountId)).size).toBe(4);
  expect(turns(1)).toEqual(
    answerTurns(room, [...leaves].reverse(), { token: filled(1, 16), asker: idOf(eve), except: [] }),
  );
  expect(new Set([1, 2, 3, 4, 5, 6, 7, 8].map((token) => turns(token)[0]?.accountId)).size).toBe(2);
  const first = present(all[0], "a turn").accountId;
  expect(turns(1, [first]).some(({ accountId }) => accountId === first)).toBe(false);
  expect(answeringAccounts(room, present(worlds[3] && idOf(worlds[3]), "the last"))).toEqual(
    members.slice(0, 2).map((one) => one.accountId),
  );
  expect(answeringAccounts(room, account(99))).toEqual([]);
});
