/** The view of a conversation: a function of the set alone. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { OP_CLOCK_AHEAD_MAX_MS } from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { HLC_TICKS_PER_MS } from "../../../core/messenger/hlc.ts";
import { type NamedOp, OP_KIND } from "../../../core/messenger/op.ts";
import { timelineOf } from "../../../core/messenger/timeline.ts";
import { deviceOf, filled, messageOp } from "../../support/messages.ts";

const NOW_MS = 1_800_000_000_000;
beforeAll(cryptoReady);

describe("[MS3] the view", () => {
  test("is the same for the same set, in any order, with any repetition", () => {
    const ops: NamedOp[] = [];
    for (let i = 0; i < 12; i++)
      ops.push(
        messageOp(
          {
            hlc: (NOW_MS + (i % 4)) * HLC_TICKS_PER_MS,
            device: deviceOf(i % 3),
            deviceSeq: i,
            kind: i % 5 === 4 ? 99 : OP_KIND.message,
          },
          `text ${i}`,
        ),
      );
    const expected = timelineOf(ops, NOW_MS + 10);
    expect(expected.length).toBe(10);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(ops, { minLength: ops.length }),
        fc.array(fc.constantFrom(...ops)),
        (order, repeated) => {
          expect(timelineOf([...order, ...repeated], NOW_MS + 10)).toEqual(expected);
        },
      ),
    );
  });

  test("is ordered by time, then device, then op", () => {
    const at = (ms: number, device: number, text: string) =>
      messageOp({ hlc: ms * HLC_TICKS_PER_MS, device: deviceOf(device) }, text);
    const same = [at(5, 1, "x"), at(5, 1, "y")].sort((a, b) => (a.id < b.id ? -1 : 1));
    const shown = timelineOf(
      [at(6, 0, "late"), at(5, 2, "second device"), ...same, at(4, 9, "early")],
      NOW_MS,
    );
    expect(shown.map((message) => message.text)).toEqual([
      "early",
      ...same.map((op) => timelineOf([op], NOW_MS)[0]?.text),
      "second device",
      "late",
    ]);
  });

  test("keeps what is more than 24 hours ahead until its time", () => {
    const op = messageOp({ hlc: (NOW_MS + OP_CLOCK_AHEAD_MAX_MS + 1) * HLC_TICKS_PER_MS });
    expect(timelineOf([op], NOW_MS)).toEqual([]);
    expect(timelineOf([op], NOW_MS + 1).length).toBe(1);
  });

  test("leaves out kinds it does not know and messages it cannot read", () => {
    expect(
      timelineOf(
        [
          messageOp({ kind: 400 }),
          messageOp({ payload: filled(0xff, 9) }),
          messageOp({ kind: OP_KIND.mark }),
        ],
        NOW_MS,
      ),
    ).toEqual([]);
  });
});
