/** When an epoch and a key are due, by a clock that may say anything. */
import { beforeAll, describe, expect, test } from "vitest";
import {
  CALENDAR_GAP_MS_MAX,
  CALENDAR_STAGGER_MS,
  EPOCH_ROTATE_MS,
  KEM_ROTATE_MS,
} from "../../../../core/base/limits.ts";
import {
  type CalendarState,
  lookAt,
  planCalendar,
} from "../../../../core/client/calendar/calendar-policy.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { activeDevices } from "../../../../core/sigchain/chain-state.ts";
import { addDevice, createWorld, stateOf } from "../../../support/chain-world.ts";

beforeAll(cryptoReady);

const SEEN = { epoch: 1, kemSeq: 1 };
const NOW_MS = 1_800_000_000_000;
const TEN_YEARS_MS = 315_576_000_000;

/** What a device knows that looks at these times. */
function lookedAt(timesMs: readonly number[], seen = SEEN): CalendarState {
  let state: CalendarState | null = null;
  for (const timeMs of timesMs) state = lookAt(state, seen, timeMs);
  if (state === null) throw new Error("it looked");
  return state;
}

describe("[CA2] the age of an epoch", () => {
  test("is the time between looks", () => {
    expect(lookedAt([NOW_MS]).epochAgeMs).toBe(0);
    expect(lookedAt([NOW_MS, NOW_MS + 5, NOW_MS + 12])).toMatchObject({ epochAgeMs: 12, kemAgeMs: 12 });
  });

  test("begins again with each epoch, that of the key with each key", () => {
    const old = lookedAt([NOW_MS, NOW_MS + 100]);
    expect(lookAt(old, { epoch: 2, kemSeq: 1 }, NOW_MS + 150)).toMatchObject({
      epochAgeMs: 0,
      kemAgeMs: 150,
    });
    expect(lookAt(old, { epoch: 1, kemSeq: 4 }, NOW_MS + 150)).toMatchObject({
      epochAgeMs: 150,
      kemAgeMs: 0,
    });
  });

  test.each([
    [CALENDAR_GAP_MS_MAX - 1, CALENDAR_GAP_MS_MAX - 1],
    [CALENDAR_GAP_MS_MAX, CALENDAR_GAP_MS_MAX],
    [CALENDAR_GAP_MS_MAX + 1, 0],
  ])("after a gap of %i ms grows by %i", (gapMs, ageMs) => {
    expect(lookedAt([NOW_MS, NOW_MS + gapMs]).epochAgeMs).toBe(ageMs);
  });

  test("does not grow by a clock that is ten years off, however often it jumps", () => {
    const jumps = Array.from({ length: 100 }, (_, n) => NOW_MS + (n % 2) * TEN_YEARS_MS + n);
    expect(lookedAt(jumps)).toMatchObject({ epochAgeMs: 0, kemAgeMs: 0 });
    const back = Array.from({ length: 100 }, (_, n) => NOW_MS - (n % 2) * TEN_YEARS_MS + n);
    expect(lookedAt(back).epochAgeMs).toBe(0);
  });

  test("goes on by a clock that stays ten years off", () => {
    expect(lookedAt([NOW_MS, NOW_MS + TEN_YEARS_MS, NOW_MS + TEN_YEARS_MS + 7]).epochAgeMs).toBe(7);
    expect(lookedAt([NOW_MS, NOW_MS - TEN_YEARS_MS, NOW_MS - TEN_YEARS_MS + 7]).epochAgeMs).toBe(7);
  });
});

describe("[CA3] of several devices", () => {
  test("each has its turn, an hour after the one before, and another begins in the next epoch", () => {
    const world = createWorld("calendar");
    addDevice(world);
    addDevice(world);
    const chain = stateOf(world);
    const ids = activeDevices(chain).map(({ id }) => id);
    const dueAt = (epochAgeMs: number) =>
      ids.map((id) => planCalendar({ ...lookedAt([NOW_MS]), epochAgeMs }, chain, id).rotate);
    expect(dueAt(EPOCH_ROTATE_MS - 1)).toEqual([false, false, false]);
    expect(dueAt(EPOCH_ROTATE_MS).filter((isDue) => isDue)).toHaveLength(1);
    expect(dueAt(EPOCH_ROTATE_MS + CALENDAR_STAGGER_MS - 1).filter((isDue) => isDue)).toHaveLength(1);
    expect(dueAt(EPOCH_ROTATE_MS + CALENDAR_STAGGER_MS).filter((isDue) => isDue)).toHaveLength(2);
    expect(dueAt(EPOCH_ROTATE_MS + 2 * CALENDAR_STAGGER_MS)).toEqual([true, true, true]);
    const next = { ...chain, epochs: [...chain.epochs, ...chain.epochs.slice(-1)] };
    const firstOf = (state: typeof chain) =>
      ids.find(
        (id) => planCalendar({ ...lookedAt([NOW_MS]), epochAgeMs: EPOCH_ROTATE_MS }, state, id).rotate,
      );
    expect(firstOf(next)).not.toBe(firstOf(chain));
  });

  test("[CA5] a key is due after its month, not before", () => {
    const chain = stateOf(createWorld("month"));
    const self = activeDevices(chain)[0]?.id;
    if (self === undefined) throw new Error("there is a device");
    const plan = (kemAgeMs: number) =>
      planCalendar({ ...lookedAt([NOW_MS]), kemAgeMs }, chain, self).updateKem;
    expect([plan(KEM_ROTATE_MS - 1), plan(KEM_ROTATE_MS), plan(KEM_ROTATE_MS + 1)]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
