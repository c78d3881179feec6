/** What people are told of a change of a room, and how much of it is kept. */
import { beforeAll, expect, test } from "vitest";
import { type AccountId, idFromBytes } from "../../../../core/base/ids.ts";
import { ROOM_HAPPENINGS_MAX } from "../../../../core/base/limits.ts";
import type { HappeningRow } from "../../../../core/client/rooms/room-happening-shape.ts";
import { happeningsIn, happeningsOf, keepHappenings } from "../../../../core/client/rooms/room-happenings.ts";
import { createTables } from "../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { RoomContext, RoomMember } from "../../../../core/messenger/room/room-context.ts";
import { createMemoryTxStore } from "../../../../core/store/memory-tx-store.ts";
import { good } from "../../../support/client-world.ts";
import { conversationOf } from "../../../support/messages.ts";

beforeAll(cryptoReady);

const account = (byte: number): AccountId => idFromBytes("account", new Uint8Array(32).fill(byte));
const member = (byte: number, more: Partial<RoomMember> = {}): RoomMember => ({
  accountId: account(byte),
  name: `member ${byte}`,
  origin: "https://one.example",
  role: "member",
  sinceEpoch: 1,
  seq: 1,
  head: idFromBytes("link", new Uint8Array(32).fill(byte)),
  mutedUntilMs: null,
  ...more,
});
const room = (name: string, ...members: readonly RoomMember[]): RoomContext => ({
  name,
  about: "",
  keysSince: 0,
  lifetimeMs: null,
  history: null,
  members,
});
const who = (byte: number) => ({ accountId: account(byte), name: `member ${byte}` });

test("[RM28] a change says who went and how, who came, who may do something else, who is muted, and the name", () => {
  const before = room("Garden", member(1), member(2), member(3), member(4), member(5));
  const after = room(
    "Orchard",
    member(1, { role: "owner" }),
    member(4, { mutedUntilMs: 9_000 }),
    member(5, { sinceEpoch: 7, role: "admin" }),
    member(6),
  );
  expect(happeningsOf(before, after, new Set([account(3)]))).toEqual([
    { type: "removed", ...who(2) },
    { type: "left", ...who(3) },
    { type: "role", ...who(1), role: "owner" },
    { type: "muted", ...who(4), untilMs: 9_000 },
    { type: "added", ...who(5), role: "admin" },
    { type: "added", ...who(6), role: "member" },
    { type: "renamed", name: "Orchard" },
  ]);
  expect(happeningsOf(before, before, new Set())).toEqual([]);
  expect(happeningsOf(before, { ...before, about: "Tools" }, new Set())).toEqual([{ type: "described" }]);
});

test(`[RM28] of each room the newest ${ROOM_HAPPENINGS_MAX} things are kept, of another room all of its own`, async () => {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const row: HappeningRow = { by: account(1), atMs: 1, happening: { type: "founded" } };
  const keep = async (at: number, epoch: number, rows: readonly HappeningRow[]): Promise<void> => {
    const place = { roomId: conversationOf(at), epoch };
    good(await store.batch(good(await keepHappenings(tables, place, rows))));
  };
  const count = async (at: number) => good(await happeningsIn(tables, conversationOf(at))).length;
  await keep(2, 1, [row]);
  await keep(
    1,
    1,
    Array.from({ length: ROOM_HAPPENINGS_MAX - 1 }, () => row),
  );
  expect(await count(1)).toBe(ROOM_HAPPENINGS_MAX - 1);
  await keep(1, 2, [row]);
  expect(await count(1)).toBe(ROOM_HAPPENINGS_MAX);
  await keep(1, 3, [row, row]);
  expect(await count(1)).toBe(ROOM_HAPPENINGS_MAX);
  await keep(
    1,
    4,
    Array.from({ length: ROOM_HAPPENINGS_MAX + 1 }, () => row),
  );
  expect(await count(1)).toBe(ROOM_HAPPENINGS_MAX);
  const kept = good(await happeningsIn(tables, conversationOf(1)));
  expect(kept.every(({ id }) => Number(id.split("/")[0]) === 4)).toBe(true);
  expect(await count(2)).toBe(1);
});
