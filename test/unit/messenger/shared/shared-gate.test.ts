/** The gate of shared documents: what a changed program says reaches Automerge nowhere, and harms nobody. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  OP_BYTES_MAX,
  SHARED_AFTER_MAX,
  SHARED_BYTES_MAX,
  SHARED_CHANGES_MAX,
  SHARED_COUNTER_MAX,
  SHARED_DEPTH_MAX,
  SHARED_FROM_MAX,
  SHARED_KEY_BYTES_MAX,
  SHARED_OPERATIONS_MAX,
  SHARED_OPERATIONS_PER_CHANGE_MAX,
  SHARED_OVER_MAX,
  SHARED_STEPS_MAX,
  SHARED_TIME_MS_MAX,
  SHARED_TITLE_BYTES_MAX,
  SHARED_VALUE_BYTES_MAX,
} from "../../../../core/base/limits.ts";
import type { OpId } from "../../../../core/base/ids.ts";
import { decode, encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { automergeReady } from "../../../../core/document/automerge.ts";
import { setText } from "../../../../core/document/shared/shared-forms.ts";
import { HLC_TICKS_PER_MS, isAhead } from "../../../../core/messenger/hlc.ts";
import type { NamedOp } from "../../../../core/messenger/op.ts";
import {
  floatBytes,
  sharedChangePayloadShape,
  sharedDocumentPayloadShape,
  type SharedRef,
  type SharedSlot,
  type SharedStep,
  type SharedValue,
} from "../../../../core/messenger/shared/shared-change.ts";
import {
  changesUpTo,
  gateDocument,
  type SharedJudgements,
} from "../../../../core/messenger/shared/shared-gate.ts";
import { createSeededRandom, type SeededRandom } from "../../../support/seeded-random.ts";
import { createSharedWorld, type SharedWorld } from "../../../support/shared-world.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const key = (name: string): SharedSlot => ({ type: "key", key: name });
const own = (index: number): SharedRef => ({ source: 0, index });
const put = (name: string, more: Partial<Extract<SharedStep, { type: "put" }>> = {}): SharedStep => ({
  type: "put",
  object: null,
  slot: key(name),
  value: { type: "flag", value: true },
  over: [],
  ...more,
});
const make = (name: string, kind: "map" | "list" | "text", object: SharedRef | null = null): SharedStep => ({
  type: "make",
  object,
  slot: key(name),
  kind,
  over: [],
});

/** A world with an empty note; its text is operation 1 of the creation, its title operation 0. */
function noteWorld() {
  const world = createSharedWorld();
  const creation = world.create("note", "");
  const verdict = (change: NamedOp, others: readonly NamedOp[] = []) =>
    world.gate([...others, change]).verdicts.get(change.id);
  const judge = (steps: readonly SharedStep[], from: readonly OpId[] = [creation.id]) =>
    verdict(world.change({ after: [creation.id], from, steps }));
  return { world, creation, verdict, judge };
}

const creationRef = (index: number): SharedRef => ({ source: 1, index });

describe("what it follows", () => {
  test("[SD5] a change waits for what it follows, and so does what follows it", () => {
    const { world } = noteWorld();
    const first = world.edit([], 1, (draft) => setText(draft, "text", "a"));
    const second = world.edit(first, 2, (draft) => setText(draft, "text", "ab"));
    const third = world.edit([...first, ...second], 3, (draft) => setText(draft, "text", "abc"));
    const late = [...second, ...third];
    expect([...world.gate(late).verdicts.values()]).toEqual(["waits", "waits"]);
    expect(world.view(late)).toMatchObject({ text: "" });
    expect(world.view([...late, ...first])).toMatchObject({ text: "abc" });
  });

  test("[SD4] a change that is not later than what it follows has no effect, nor has what follows that", () => {
    const { world, creation, verdict } = noteWorld();
    const early = world.change({ after: [creation.id], steps: [put("a")] }, { hlc: creation.op.hlc });
    expect(verdict(early)).toBe("order");
    const next = world.change({ after: [early.id], steps: [put("b")] });
    expect(world.gate([early, next]).verdicts.get(next.id)).toBe("follows");
    const twice = world.change({ after: [creation.id, creation.id], steps: [put("a")] });
    expect(verdict(twice)).toBe("order");
  });

  test("[SD5] what is of another document, or of none, is not followed", () => {
    const { world, creation, verdict } = noteWorld();
    const other = world.create("note", "another");
    const stray = world.change({ after: [creation.id], steps: [put("a")] });
    expect(verdict(stray)).toBe("waits");
    expect(verdict(world.change({ after: [other.id], steps: [put("a")] }))).toBe("counts");
  });

  test("[SD11] what is ahead of the clock is not here yet", () => {
    const { world, creation, verdict } = noteWorld();
    const hlc = 10 ** 12 * HLC_TICKS_PER_MS;
    expect(isAhead(hlc, 2_000_000)).toBe(true);
    const ahead = world.change({ after: [creation.id], steps: [put("a")] }, { hlc });
    expect(verdict(ahead)).toBeUndefined();
    expect(world.gate([ahead]).changes).toHaveLength(1);
  });

  test("[SD3] two changes of one device that say the same place in its order are two changes", () => {
    const { world, creation } = noteWorld();
    const hlc = creation.op.hlc + 1;
    const [a, b] = ["a", "b"].map((name) =>
      world.change({ after: [creation.id], steps: [put(name)] }, { device: 5, hlc }),
    );
    if (a === undefined || b === undefined) throw new Error("two were made");
    expect(world.view([a, b])).toEqual(world.view([b, a]));
    expect(world.view([a, b])).toMatchObject({ a: true, b: true });
  });

  test("[SD12] the document as somebody had it", () => {
    const { world } = noteWorld();
    const first = world.edit([], 1, (draft) => setText(draft, "text", "a"));
    const second = world.edit(first, 2, (draft) => setText(draft, "text", "ab"));
    const document = world.gate([...first, ...second]);
    expect(document.heads).toEqual(second.map(({ id }) => id));
    expect(
      changesUpTo(
        document,
        first.map(({ id }) => id),
      ),
    ).toHaveLength(2);
    expect(changesUpTo(document, [createSharedWorld(2).create("note", "x").id])).toBeNull();
  });
});

describe("what it names", () => {
  test("[SD6] operations of what it does not follow are not there", () => {
    const { world, creation, verdict } = noteWorld();
    const beside = world.change({ after: [creation.id], steps: [make("m", "map")] });
    const steps = [make("x", "text", creationRef(0))];
    const stranger = world.change({ after: [creation.id], from: [beside.id], steps });
    expect(verdict(stranger, [beside])).toBe("reference");
    const friend = world.change({ after: [beside.id], from: [beside.id], steps });
    expect(verdict(friend, [beside])).toBe("counts");
    const twice = world.change({ after: [beside.id], from: [beside.id, beside.id], steps });
    expect(verdict(twice, [beside])).toBe("order");
  });

  test.each<[string, readonly SharedStep[], string]>([
    ["an operation that is not made yet", [make("a", "map", own(0))], "reference"],
    ["one that the creation does not have", [put("a", { object: creationRef(7) })], "reference"],
    ["a source that is not named", [put("a", { object: { source: 2, index: 0 } })], "reference"],
    ["an object that is a value", [put("a"), put("b", { object: own(0) })], "place"],
    ["a key in a list", [make("l", "list"), put("a", { object: own(0) })], "place"],
    ["an element in a map", [put("a", { slot: { type: "insert", after: null } })], "place"],
    [
      "an element of another list",
      [
        make("a", "list"),
        make("b", "list"),
        put("", { object: own(0), slot: { type: "insert", after: null } }),
        put("", { object: own(1), slot: { type: "insert", after: own(2) } }),
      ],
      "place",
    ],
    [
      "a value in a text",
      [put("a", { object: creationRef(1), slot: { type: "insert", after: null } })],
      "place",
    ],
    ["characters in a map", [{ type: "type", object: null, after: null, text: "a" }], "place"],
    [
      "characters in a list",
      [make("l", "list"), { type: "type", object: own(0), after: null, text: "a" }],
      "place",
    ],
    [
      "characters of another text",
      [
        { type: "type", object: creationRef(0), after: null, text: "a" },
        { type: "type", object: creationRef(1), after: own(0), text: "b" },
      ],
      "place",
    ],
    [
      "a cut beyond the end",
      [
        { type: "type", object: creationRef(1), after: null, text: "ab" },
        { type: "cut", object: creationRef(1), first: own(1), count: 5 },
      ],
      "place",
    ],
    [
      "a cut of what is not there",
      [{ type: "cut", object: creationRef(1), first: own(0), count: 1 }],
      "reference",
    ],
    ["a value of another key", [put("a"), put("b", { over: [own(0)] })], "over"],
    ["a value twice", [put("a"), put("a", { over: [own(0), own(0)] })], "over"],
    [
      "an erasure as a value",
      [put("a"), { ...erase("a"), over: [own(0)] }, put("a", { over: [own(1)] })],
      "over",
    ],
    ["an erasure of nothing", [erase("a")], "over"],
    ["an addition to a flag", [put("a"), addTo("a", own(0))], "over"],
    ["no characters", [{ type: "type", object: creationRef(1), after: null, text: "" }], "operations"],
  ])("[SD6] %s: the whole change has no effect", (_name, steps, rule) => {
    const { judge } = noteWorld();
    expect(judge([put("before"), ...shifted(steps)])).toBe(rule);
    expect(judge([put("before")])).toBe("counts");
  });

  test("[SD7] a number is one", () => {
    const { judge } = noteWorld();
    const float = (value: number) => put("a", { value: { type: "float", value: floatBytes(value) } });
    expect([Number.NaN, Number.POSITIVE_INFINITY].map((value) => judge([float(value)]))).toEqual([
      "value",
      "value",
    ]);
    expect(judge([float(1.5)])).toBe("counts");
  });

  test("[SD7] all that a document can add to a counter is a number", () => {
    expect(SHARED_COUNTER_MAX * SHARED_OPERATIONS_MAX).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    const { world, creation } = noteWorld();
    const begun = world.change({
      after: [creation.id],
      steps: [put("c", { value: { type: "counter", value: SHARED_COUNTER_MAX } })],
    });
    const over = { source: 1, index: 0 };
    const added = Array.from({ length: 3 }, () =>
      world.change({
        after: [begun.id],
        from: [begun.id],
        steps: Array.from({ length: SHARED_STEPS_MAX }, () => addTo("c", over, SHARED_COUNTER_MAX)),
      }),
    );
    const view = { c: SHARED_COUNTER_MAX * (1 + 3 * SHARED_STEPS_MAX) };
    expect(world.view([begun, ...added])).toMatchObject(view);
    expect(world.view([...added, begun].reverse())).toMatchObject(view);
  });

  test.each([
    ["a counter", SHARED_COUNTER_MAX, (value: number) => [put("c", { value: { type: "counter", value } })]],
    [
      "what is added to one",
      SHARED_COUNTER_MAX,
      (by: number) => [
        put("c", { value: { type: "counter", value: 0 } }),
        addTo("c", { source: 0, index: 0 }, by),
      ],
    ],
    ["a time", SHARED_TIME_MS_MAX, (value: number) => [put("t", { value: { type: "time", value } })]],
  ] as const)("[SD7] %s is within what every reader can hold", (_name, max, steps) => {
    const { world, creation, judge } = noteWorld();
    for (const value of [-max, 1 - max, max - 1, max]) expect(judge(steps(value))).toBe("counts");
    for (const value of [-max - 1, max + 1, Number.MAX_SAFE_INTEGER])
      expect(() => world.change({ after: [creation.id], steps: steps(value) })).toThrow();
  });

  test("[SD7] the last time is a time", () => {
    const { world, creation } = noteWorld();
    const value = { type: "time", value: SHARED_TIME_MS_MAX } as const;
    const last = world.change({ after: [creation.id], steps: [put("t", { value })] });
    expect(world.view([last])).toMatchObject({ t: new Date(SHARED_TIME_MS_MAX).toISOString() });
    expect(new Date(SHARED_TIME_MS_MAX + 1).getTime()).toBeNaN();
  });

  test.each(["__proto__", "constructor", "prototype", ""])("[SD7] a key may not be %j", (name) => {
    const { judge } = noteWorld();
    expect(judge([put(name)])).toBe("name");
    expect(judge([make(name, "map")])).toBe("name");
    expect(judge([put(`${name}1`)])).toBe("counts");
  });
});

describe("limits", () => {
  test("[SD8] operations of one change", () => {
    const { judge } = noteWorld();
    const typed = (count: number): SharedStep => ({
      type: "type",
      object: creationRef(1),
      after: null,
      text: "x".repeat(count),
    });
    const max = SHARED_OPERATIONS_PER_CHANGE_MAX;
    expect(judge([typed(max - 1)])).toBe("counts");
    expect(judge([typed(max)])).toBe("counts");
    expect(judge([typed(max), put("one more")])).toBe("operations");
    expect(judge([typed(max - 1), typed(2)])).toBe("operations");
    const cut = (count: number): SharedStep => ({
      type: "cut",
      object: creationRef(1),
      first: own(0),
      count,
    });
    expect(judge([typed(max / 2), cut(max / 2)])).toBe("counts");
    expect(judge([typed(max / 2), cut(max / 2 + 1)])).toBe("operations");
    // Two halves are one character, and one operation.
    expect(judge([typed(max - 1), { type: "type", object: creationRef(1), after: null, text: "😀" }])).toBe(
      "counts",
    );
  });

  test("[SD11] what no change may say costs a document nothing", () => {
    const { world, creation } = noteWorld();
    const cut = {
      type: "cut",
      object: creationRef(1),
      first: own(0),
      count: SHARED_OPERATIONS_PER_CHANGE_MAX,
    } as const;
    const steps = Array.from({ length: SHARED_STEPS_MAX }, () => cut);
    const much = world.change({ after: [creation.id], from: [creation.id], steps });
    const document = world.gate([much]);
    expect(document.verdicts.get(much.id)).toBe("operations");
    expect(document.size).toEqual({ changes: 1, operations: 2, bytes: much.op.payload.length });
  });

  test("[SD11] what has no effect takes its room too, so that nobody is made to look at it for ever", () => {
    const { world, creation } = noteWorld();
    const cut = (): NamedOp =>
      world.change({
        after: [creation.id],
        from: [creation.id],
        steps: [
          {
            type: "cut",
            object: creationRef(0),
            first: creationRef(1),
            count: SHARED_OPERATIONS_PER_CHANGE_MAX,
          },
        ],
      });
    const whole = SHARED_OPERATIONS_MAX / SHARED_OPERATIONS_PER_CHANGE_MAX;
    const cuts = Array.from({ length: whole + 1 }, cut);
    const document = world.gate(cuts);
    const verdicts = [...document.verdicts.values()];
    expect(verdicts.slice(0, whole - 1).every((verdict) => verdict === "place")).toBe(true);
    expect(verdicts.slice(whole - 1)).toEqual(["full", "full"]);
    expect(document.isFull).toBe(true);
    expect(document.size.operations).toBe((whole - 1) * SHARED_OPERATIONS_PER_CHANGE_MAX + 2);
  });

  test("[SD11] a document is full with so many bytes", () => {
    const { world, creation } = noteWorld();
    const valued = (lengths: readonly number[]) =>
      world.change({
        after: [creation.id],
        steps: lengths.map((length) => put("a", { value: { type: "text", value: "v".repeat(length) } })),
      });
    const large = Array.from({ length: 6 }, () => SHARED_VALUE_BYTES_MAX);
    const { length: bytes } = valued(large).op.payload;
    expect(bytes).toBeLessThan(OP_BYTES_MAX);
    const most = Array.from({ length: Math.floor(SHARED_BYTES_MAX / bytes) }, () => valued(large));
    const left = SHARED_BYTES_MAX - most.length * bytes;
    const frame = valued([1_000]).op.payload.length - 1_000;
    const parts = (bytesLeft: number) => {
      const last: number[] = [];
      // Each value behind the first has about this frame of its own; the last is made to fit.
      for (let rest = bytesLeft - frame; rest > 0; rest -= SHARED_VALUE_BYTES_MAX)
        last.push(Math.min(rest, SHARED_VALUE_BYTES_MAX));
      return last;
    };
    const fitting = parts(left);
    const excess = valued(fitting).op.payload.length - left;
    const rest = (more: number) =>
      valued([(fitting[0] ?? 0) - excess + more, ...fitting.slice(1)].filter((length) => length > 0));
    expect(rest(0).op.payload.length).toBe(left);
    const whole = world.gate([...most, rest(0)]);
    expect(whole.size.bytes).toBe(SHARED_BYTES_MAX);
    expect(whole.isFull).toBe(false);
    const [under, over] = [rest(-1), rest(1)];
    expect(world.gate([...most, under]).verdicts.get(under.id)).toBe("counts");
    expect(world.gate([...most, over]).verdicts.get(over.id)).toBe("full");
  });

  test("[SD9] depth", () => {
    const { judge } = noteWorld();
    const nested = (depth: number) =>
      Array.from({ length: depth }, (_, at) => make("a", "map", at === 0 ? null : own(at - 1)));
    expect(judge(nested(SHARED_DEPTH_MAX - 1))).toBe("counts");
    expect(judge(nested(SHARED_DEPTH_MAX))).toBe("counts");
    expect(judge(nested(SHARED_DEPTH_MAX + 1))).toBe("depth");
  });

  test("[SD8] what one change says", () => {
    const { world, creation } = noteWorld();
    const id = creation.id;
    const fits = (said: Parameters<SharedWorld["change"]>[0]) => {
      try {
        return decode(sharedChangePayloadShape, world.change(said).op.payload).ok;
      } catch {
        return false;
      }
    };
    const ids = (count: number) => Array.from({ length: count }, () => id);
    const steps = (count: number) => Array.from({ length: count }, () => put("a"));
    expect(
      [SHARED_AFTER_MAX - 1, SHARED_AFTER_MAX].map((n) => fits({ after: ids(n), steps: steps(1) })),
    ).toEqual([true, true]);
    expect(fits({ after: ids(SHARED_AFTER_MAX + 1), steps: steps(1) })).toBe(false);
    expect(fits({ after: ids(1), from: ids(SHARED_FROM_MAX), steps: steps(1) })).toBe(true);
    expect(fits({ after: ids(1), from: ids(SHARED_FROM_MAX + 1), steps: steps(1) })).toBe(false);
    expect(fits({ after: ids(1), steps: steps(SHARED_STEPS_MAX) })).toBe(true);
    expect(fits({ after: ids(1), steps: steps(SHARED_STEPS_MAX + 1) })).toBe(false);
    const over = (count: number) => [put("a", { over: Array.from({ length: count }, () => own(0)) })];
    expect(fits({ after: ids(1), steps: over(SHARED_OVER_MAX) })).toBe(true);
    expect(fits({ after: ids(1), steps: over(SHARED_OVER_MAX + 1) })).toBe(false);
    const keyed = (length: number) => [put("k".repeat(length))];
    expect(fits({ after: ids(1), steps: keyed(SHARED_KEY_BYTES_MAX) })).toBe(true);
    expect(fits({ after: ids(1), steps: keyed(SHARED_KEY_BYTES_MAX + 1) })).toBe(false);
    const valued = (length: number) => [put("a", { value: { type: "text", value: "v".repeat(length) } })];
    expect(fits({ after: ids(1), steps: valued(SHARED_VALUE_BYTES_MAX) })).toBe(true);
    expect(fits({ after: ids(1), steps: valued(SHARED_VALUE_BYTES_MAX + 1) })).toBe(false);
    const titled = (length: number) => () =>
      encode(sharedDocumentPayloadShape, { version: 1, form: "note", title: "t".repeat(length) });
    expect(titled(SHARED_TITLE_BYTES_MAX)).not.toThrow();
    expect(titled(SHARED_TITLE_BYTES_MAX + 1)).toThrow();
  });

  test("[SD11] a document is full with so many changes; the later ones do not count, and no follower of theirs", () => {
    const { world, creation } = noteWorld();
    const changes = Array.from({ length: SHARED_CHANGES_MAX + 1 }, () =>
      world.change({ after: [creation.id], steps: [put("a")] }),
    );
    const last = changes.at(-1);
    if (last === undefined) throw new Error("some were made");
    const follower = world.change({ after: [last.id], steps: [put("b")] });
    const document = world.gate([follower, ...changes].reverse());
    expect(document.changes).toHaveLength(SHARED_CHANGES_MAX + 1);
    expect(document.verdicts.get(changes.at(-2)?.id ?? last.id)).toBe("counts");
    expect(document.verdicts.get(last.id)).toBe("full");
    expect(document.verdicts.get(follower.id)).toBe("full");
    expect(world.gate(changes.slice(1)).verdicts.get(last.id)).toBe("counts");
  });

  test("[SD11] and with so many operations", () => {
    const { world, creation } = noteWorld();
    const typed = (count: number) =>
      world.change({
        after: [creation.id],
        from: [creation.id],
        steps: [{ type: "type", object: creationRef(1), after: null, text: "x".repeat(count) }],
      });
    const whole = SHARED_OPERATIONS_MAX / SHARED_OPERATIONS_PER_CHANGE_MAX;
    const most = Array.from({ length: whole - 1 }, () => typed(SHARED_OPERATIONS_PER_CHANGE_MAX));
    // The creation has two of its own.
    const rest = typed(SHARED_OPERATIONS_PER_CHANGE_MAX - 2);
    const document = world.gate([...most, rest]);
    expect(document.size.operations).toBe(SHARED_OPERATIONS_MAX);
    expect(document.isFull).toBe(false);
    const over = world.change({ after: [creation.id], steps: [put("a")] });
    expect(world.gate([...most, rest, over]).verdicts.get(over.id)).toBe("full");
    expect(world.gate([...most, over]).verdicts.get(over.id)).toBe("counts");
    // With the first that does not fit the document is full: what would fit behind it does not count either.
    const large = typed(SHARED_OPERATIONS_PER_CHANGE_MAX);
    const small = typed(1);
    expect(world.gate([...most, small]).verdicts.get(small.id)).toBe("counts");
    expect(world.gate([...most, large, small]).verdicts.get(small.id)).toBe("full");
  });
});

test("[SD1] bytes that are no change have no effect", () => {
  const { world, creation, verdict } = noteWorld();
  const good = world.change({ after: [creation.id], steps: [put("a")] });
  for (const bytes of [new Uint8Array(0), good.op.payload.slice(1), Uint8Array.of(...good.op.payload, 0)])
    expect(verdict(world.op(bytes, 9))).toBe("payload");
});

describe("what passes does no harm", () => {
  test("[SD10] whatever steps pass are taken by Automerge, saved, loaded, and the same in every order", () => {
    let counted = 0;
    let refused = 0;
    for (let seed = 0; seed < 40; seed++) {
      const world = createSharedWorld(seed);
      const random = createSeededRandom(`steps/${seed}`);
      const creation = world.create("list", "hostile");
      const changes: NamedOp[] = [];
      for (let turn = 0; turn < 16; turn++) changes.push(randomChange(world, random, creation, changes));
      const { verdicts } = world.gate(changes);
      for (const verdict of verdicts.values()) {
        if (verdict === "counts") counted++;
        else refused++;
      }
      const view = world.view(changes);
      expect(world.view([...changes].reverse())).toEqual(view);
      expect(world.saved(changes)).toEqual(view);
    }
    expect(counted).toBeGreaterThan(80);
    expect(refused).toBeGreaterThan(100);
  });

  test("[SD10] in whatever order changes come, all at once or one after the other, verdicts and document are the same", () => {
    for (let seed = 0; seed < 4; seed++) {
      const world = createSharedWorld(seed);
      const random = createSeededRandom(`orders/${seed}`);
      const creation = world.create("list", "orders");
      const changes: NamedOp[] = [];
      for (let turn = 0; turn < 16; turn++) changes.push(randomChange(world, random, creation, changes));
      const { verdicts, heads, size } = world.gate(changes);
      const view = world.view(changes);
      const order = fc.shuffledSubarray(changes, { minLength: changes.length });
      const check = (come: readonly NamedOp[]) => {
        expect(world.view(come)).toEqual(view);
        const judgements: SharedJudgements = new Map();
        for (let count = 1; count < come.length; count++)
          gateDocument(creation, come.slice(0, count), 2_000_000, judgements);
        const last = gateDocument(creation, come, 2_000_000, judgements);
        expect([...(last?.verdicts ?? [])]).toEqual([...verdicts]);
        expect({ heads: last?.heads, size: last?.size }).toEqual({ heads, size });
      };
      fc.assert(fc.property(order, check), { numRuns: 8, seed });
    }
  });

  test("[SD11] what was judged is not judged again", () => {
    const { world, creation } = noteWorld();
    const first = world.edit([], 1, (draft) => setText(draft, "text", "one"));
    const judgements: SharedJudgements = new Map();
    const gate = (changes: readonly NamedOp[]) => gateDocument(creation, changes, 2_000_000, judgements);
    const before = gate(first);
    const second = world.edit(first, 2, (draft) => setText(draft, "text", "one two"));
    const now = gate([...first, ...second]);
    expect(now?.changes[1]?.placed).toBe(before?.changes[1]?.placed);
    expect(now?.changes).toEqual(world.gate([...first, ...second]).changes);
  });
});

function erase(name: string): Extract<SharedStep, { type: "erase" }> {
  return { type: "erase", object: null, slot: key(name), over: [] };
}

function addTo(name: string, over: SharedRef, by = 1): SharedStep {
  return { type: "add", object: null, slot: key(name), by, over: [over] };
}

/** The same steps behind one more: what they name of themselves moves. */
function shifted(steps: readonly SharedStep[]): readonly SharedStep[] {
  const move = (ref: SharedRef): SharedRef => (ref.source === 0 ? own(ref.index + 1) : ref);
  const maybe = (ref: SharedRef | null) => (ref === null ? null : move(ref));
  const slotOf = (slot: SharedSlot): SharedSlot =>
    slot.type === "element"
      ? { ...slot, element: move(slot.element) }
      : slot.type === "insert"
        ? { ...slot, after: maybe(slot.after) }
        : slot;
  return steps.map((step): SharedStep => {
    const object = maybe(step.object);
    if (step.type === "type") return { ...step, object, after: maybe(step.after) };
    if (step.type === "cut") return { ...step, object, first: move(step.first) };
    return { ...step, object, slot: slotOf(step.slot), over: step.over.map(move) };
  });
}

/** A change as a program that follows no rule might make it: all of it fits its shape, little of it what is there. */
function randomChange(
  world: SharedWorld,
  random: SeededRandom,
  creation: NamedOp,
  changes: readonly NamedOp[],
): NamedOp {
  const counting = world.gate(changes).changes.map(({ named }) => named.id);
  const ids = random.chance(95) ? counting : [creation.id, ...changes.map(({ id }) => id)];
  const pick = <T>(list: readonly T[]): T => {
    const one = list[random.below(list.length)];
    if (one === undefined) throw new Error("nothing to pick");
    return one;
  };
  const after = [...new Set([pick(ids), ids.at(-1) ?? creation.id])];
  const from = [...new Set([...after, creation.id])];
  const ref = (): SharedRef => ({ source: random.below(from.length) + 1, index: random.below(3) });
  const maybe = () => (random.chance(40) ? null : ref());
  const slot = (): SharedSlot =>
    pick<() => SharedSlot>([
      () => key(pick(["a", "b", "items", "title"])),
      () => ({ type: "element", element: ref() }),
      () => ({ type: "insert", after: maybe() }),
    ])();
  const over = () => Array.from({ length: random.below(2) }, ref);
  const value = (): SharedValue =>
    pick<SharedValue>([
      { type: "nothing" },
      { type: "integer", value: random.below(9) - 4 },
      { type: "float", value: random.bytes(8) },
      { type: "counter", value: random.below(9) },
      { type: "time", value: -5 },
      { type: "text", value: "é" },
    ]);
  const step = (): SharedStep =>
    pick<() => SharedStep>([
      () => ({
        type: "make",
        object: maybe(),
        slot: slot(),
        kind: pick(["map", "list", "text"]),
        over: over(),
      }),
      () => ({
        type: "make",
        object: null,
        slot: key(pick(["a", "b"])),
        kind: pick(["map", "list", "text"]),
        over: [],
      }),
      () => ({ type: "put", object: maybe(), slot: slot(), value: value(), over: over() }),
      () => ({
        type: "put",
        object: ref(),
        slot: { type: "insert", after: maybe() },
        value: value(),
        over: [],
      }),
      () => ({ type: "put", object: null, slot: key("a"), value: value(), over: [] }),
      () => ({ type: "erase", object: maybe(), slot: slot(), over: [ref()] }),
      () => ({ type: "add", object: maybe(), slot: slot(), by: 3, over: [ref()] }),
      () => ({ type: "type", object: ref(), after: maybe(), text: pick(["a", "😀b", "xyz"]) }),
      () => ({ type: "cut", object: ref(), first: ref(), count: 1 + random.below(2) }),
    ])();
  return world.change({ after, from, steps: Array.from({ length: 1 + random.below(2) }, step) });
}
