/** When a device gives its leaf fresh keys: counted from when it first saw the key it has, at an age that key draws. */
import { beforeAll, expect, test } from "vitest";
import type { Clock } from "../../../../../core/base/clock.ts";
import type { Bytes } from "../../../../../core/base/bytes.ts";
import { type ConversationId, idFromBytes } from "../../../../../core/base/ids.ts";
import { ROOM_LEAF_RENEW_MS_MAX, ROOM_LEAF_RENEW_MS_MIN } from "../../../../../core/base/limits.ts";
import { err, ok, type Result } from "../../../../../core/base/result.ts";
import type { ClientError } from "../../../../../core/client/client-error.ts";
import type { RoomPlan } from "../../../../../core/client/rooms/membership/room-plan.ts";
import { createRoomRenewal, renewalAgeMs } from "../../../../../core/client/rooms/membership/room-renewal.ts";
import { createTables } from "../../../../../core/client/tables.ts";
import { cryptoReady } from "../../../../../core/crypto/sodium.ts";
import { type Group, ownLeafKey } from "../../../../../core/group/group.ts";
import { createMemoryTxStore } from "../../../../../core/store/memory-tx-store.ts";
import { good } from "../../../../support/client-world.ts";
import { createGroupWorld } from "../../../../support/group-world.ts";
import { createManualClock } from "../../../../support/manual-clock.ts";

beforeAll(cryptoReady);

const HOUR_MS = 3_600_000;
const roomId: ConversationId = idFromBytes("conversation", new Uint8Array(32).fill(7));
const room = {} as never;
const world = createGroupWorld("renewal");
const keyOf = (group: Group): Bytes => ownLeafKey(group) ?? new Uint8Array(32);
const keyOfShare = (...first: readonly number[]): Bytes => Uint8Array.of(...first, ...new Uint8Array(28));

/** A device in a group, and its counted time. */
async function createRenewer() {
  const store = createMemoryTxStore();
  const tables = createTables(store);
  const [first] = await world.groupOf(world.device("ada", "phone"), world.device("ben", "phone"));
  const state = {
    group: first ?? null,
    nowMs: 1_800_000_000_000,
    plan: {} as RoomPlan | null,
    answer: ok(true) as Result<boolean, ClientError>,
    made: 0,
    waits: [] as number[],
    kicked: 0,
  };
  const manual = createManualClock();
  const clock: Clock = {
    nowMs: manual.nowMs,
    schedule(delayMs, task) {
      state.waits.push(delayMs);
      return manual.schedule(delayMs, task);
    },
  };
  const open = () =>
    createRoomRenewal({
      context: { store, tables, clock, times: { steadyMs: () => state.nowMs } as never },
      groups: { load: async () => ok(state.group) },
      planner: { renewal: async () => ok(state.plan) },
      commits: {
        make: async () => {
          state.made++;
          return state.answer;
        },
      },
      kick: () => void state.kicked++,
    });
  let renewal = open();
  const renew = async () => good(await renewal.renew(roomId, room));
  /** What a commit with this plan makes of the group. */
  const commit = async (plan = {}) => {
    if (state.group !== null) state.group = (await world.commit(state.group, plan)).next;
  };
  const ageMs = () => (state.group === null ? 0 : renewalAgeMs(keyOf(state.group)));
  const restart = () => {
    renewal = open();
  };
  const close = () => renewal.close();
  return { state, tables, manual, renew, commit, ageMs, restart, close };
}

test("[RM71] a key draws an age from six days on, before seven are over", () => {
  expect(renewalAgeMs(keyOfShare(0, 0, 0, 0))).toBe(ROOM_LEAF_RENEW_MS_MIN);
  expect(renewalAgeMs(keyOfShare(255, 255, 255, 255))).toBe(ROOM_LEAF_RENEW_MS_MAX - 1);
  const middle = (ROOM_LEAF_RENEW_MS_MIN + ROOM_LEAF_RENEW_MS_MAX) / 2;
  expect(renewalAgeMs(keyOfShare(128, 0, 0, 0))).toBe(middle);
  // A part of other bytes is read where it is.
  expect(renewalAgeMs(Uint8Array.of(9, ...keyOfShare(128, 0, 0, 0)).subarray(1))).toBe(middle);
  expect([ROOM_LEAF_RENEW_MS_MIN, ROOM_LEAF_RENEW_MS_MAX]).toEqual([6 * 24 * HOUR_MS, 7 * 24 * HOUR_MS]);
});

test("[RM71] a key is replaced at its age and not before, and the next one at its own, counted anew", async () => {
  const { state, renew, commit, ageMs } = await createRenewer();
  expect(await renew()).toBe(false);
  state.nowMs += ageMs() - 1;
  expect(await renew()).toBe(false);
  expect([state.made, ...state.waits]).toEqual([0, ageMs()]);
  state.nowMs += 1;
  expect(await renew()).toBe(true);
  expect(state.made).toBe(1);
  await commit();
  state.nowMs += 5;
  expect(await renew()).toBe(false);
  expect(state.waits.at(-1)).toBe(ageMs());
  state.nowMs += ageMs() + HOUR_MS;
  expect([await renew(), state.made]).toEqual([true, 2]);
});

test("[RM71] the room is looked at when they come due, once, and not after the connection has ended", async () => {
  const { state, manual, renew, ageMs, close } = await createRenewer();
  await renew();
  await renew();
  await manual.advance(ageMs() - 1);
  expect([state.kicked, manual.scheduledCount()]).toEqual([0, 1]);
  await manual.advance(1);
  expect([state.kicked, manual.scheduledCount()]).toEqual([1, 0]);
  await renew();
  expect(manual.scheduledCount()).toBe(1);
  close();
  expect(manual.scheduledCount()).toBe(0);
});

test("[RM71] a commit for another reason counts where it gave the leaf fresh keys, and not where it only added", async () => {
  const { state, renew, commit, ageMs } = await createRenewer();
  await renew();
  const before = ageMs();
  state.nowMs += before - 1;
  const added = await world.verified(await world.keyPackage(world.device("eve", "phone")));
  await commit({ add: [added] });
  expect([await renew(), ageMs()]).toEqual([false, before]);
  await commit({ removeLeaves: [1] });
  state.nowMs += 1;
  expect([await renew(), state.made]).toEqual([false, 0]);
  expect(state.waits.at(-1)).toBe(ageMs());
});

test("[RM71] the age outlasts a restart; where nothing says it, or says a later time, it is counted from the first look", async () => {
  const { state, tables, renew, ageMs, restart } = await createRenewer();
  await renew();
  state.nowMs += ageMs();
  restart();
  expect([await renew(), state.made]).toEqual([true, 1]);
  // Counted time that was lost begins with this device's clock, which may show less than it did.
  state.nowMs -= 30 * 24 * HOUR_MS;
  restart();
  expect([await renew(), state.waits.at(-1)]).toEqual([false, ageMs()]);
  expect(good(await tables.roomleaf.get(roomId))?.sinceMs).toBe(state.nowMs);
});

test("[RM71] a device that may make no commit, or is in no group, makes none", async () => {
  const { state, renew, ageMs } = await createRenewer();
  await renew();
  state.nowMs += ageMs();
  state.plan = null;
  expect([await renew(), state.made]).toEqual([false, 0]);
  state.group = null;
  expect([await renew(), state.made]).toEqual([false, 0]);
});

test("[RM71] a commit that cannot be made is tried again after an hour, and one that has to wait at the next look", async () => {
  const { state, renew, ageMs } = await createRenewer();
  await renew();
  state.nowMs += ageMs();
  state.answer = ok(false);
  expect([await renew(), await renew(), state.made]).toEqual([false, false, 2]);
  state.answer = err({ type: "RoomTooLarge" });
  expect([await renew(), state.made, state.waits.at(-1)]).toEqual([false, 3, HOUR_MS]);
  state.answer = ok(true);
  state.nowMs += HOUR_MS - 1;
  expect([await renew(), state.made, state.waits.at(-1)]).toEqual([false, 3, HOUR_MS]);
  state.nowMs += 1;
  expect([await renew(), state.made]).toEqual([true, 4]);
});
