/** Shared documents: what people write apart comes together, and is the same in every order. */
import { SHARED_COUNTER_MAX, SHARED_OVER_MAX, SHARED_TIME_MS_MAX } from "../../../../core/base/limits.ts";
import { beforeAll, describe, expect, test } from "vitest";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import { automergeReady, Automerge } from "../../../../core/document/automerge.ts";
import {
  editList,
  itemsOf,
  type SharedItem,
  setText,
} from "../../../../core/document/shared/shared-forms.ts";
import type { DocumentRoot } from "../../../../core/document/document-loader.ts";
import type { NamedOp } from "../../../../core/messenger/op.ts";
import { createSharedWorld } from "../../../support/shared-world.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const note = (text: string) => (draft: DocumentRoot) => setText(draft, "text", text);
const add = (text: string) => (draft: DocumentRoot) => void editList(draft, { type: "add", text });

describe("a note", () => {
  test("[SD2] begins with its title and an empty text, the same on every device", () => {
    const [a, b] = [createSharedWorld(), createSharedWorld()];
    expect(a.create("note", "Shopping").id).toBe(b.create("note", "Shopping").id);
    expect(a.view([])).toEqual({ title: "Shopping", text: "" });
    expect(a.gate([]).changes).toEqual(b.gate([]).changes);
  });

  test("[SD10] what four devices write apart is one text, in every order it comes", () => {
    const world = createSharedWorld();
    world.create("note", "Trip");
    const first = world.edit([], 1, note("Pack the tent"));
    const apart = [
      ...world.edit(first, 1, note("Pack the big tent")),
      ...world.edit(first, 2, note("Pack the tent 😀 and food")),
      ...world.edit(first, 3, note("Please pack the tent")),
      ...world.edit(first, 4, (draft) => setText(draft, "title", "Trip to the sea")),
    ];
    const all = [...first, ...apart];
    const expected = { title: "Trip to the sea", text: "Please pack the big tent 😀 and food" };
    for (let turn = 0; turn < all.length; turn++)
      expect(world.view([...all.slice(turn), ...all.slice(0, turn), ...all].reverse())).toEqual(expected);
  });

  test("[SD12] what does not fit one change is written in several, one after the other", () => {
    const world = createSharedWorld();
    world.create("note", "Long");
    const text = Array.from({ length: 1_000 }, (_, at) => `line ${at}\n`).join("");
    const written = world.edit([], 1, note(text));
    expect(written.length).toBeGreaterThan(1);
    expect(world.view(written)).toEqual({ title: "Long", text });
    // A part without the one before it waits.
    expect(world.gate(written.slice(1)).changes).toHaveLength(1);
    const shorter = text.slice(2_000, 5_000);
    const cut = world.edit(written, 2, note(shorter));
    expect(world.view([...cut, ...written])).toEqual({ title: "Long", text: shorter });
  });
});

describe("a list", () => {
  test("[SD13] what is added, checked, changed and removed apart comes together", () => {
    const world = createSharedWorld();
    world.create("list", "Shopping");
    const begun = [...world.edit([], 1, add("Milk"))];
    begun.push(...world.edit(begun, 1, add("Bread")));
    const [milk, bread] = itemsOfView(world, begun);
    const apart = [
      ...world.edit(begun, 2, (draft) => void editList(draft, { type: "done", id: milk, isDone: true })),
      ...world.edit(begun, 3, (draft) => void editList(draft, { type: "text", id: milk, text: "Oat milk" })),
      ...world.edit(begun, 4, (draft) => void editList(draft, { type: "remove", id: bread })),
      ...world.edit(begun, 1, add("Eggs")),
    ];
    const view = {
      title: "Shopping",
      items: [
        { text: "Oat milk", isDone: true },
        { text: "Eggs", isDone: false },
      ],
    };
    expect(world.view([...begun, ...apart])).toEqual(view);
    expect(world.view([...apart, ...begun].reverse())).toEqual(view);
  });

  test("[SD13] what is in a list and is no map is no item", () => {
    const world = createSharedWorld();
    world.create("list", "Mixed");
    const mixed = world.edit([], 1, (draft) => {
      const others = [null, 3, true, [], {}, new Date(5), new Automerge.Counter(2)];
      draft.items = [...others, "a text", new Automerge.ImmutableString("a value"), { text: "Milk" }];
    });
    const read: (readonly SharedItem[])[] = [];
    world.edit(mixed, 2, (draft) => void read.push(itemsOf(draft)));
    const isDone = false;
    expect(read).toMatchObject([[{ text: "" }, { text: "Milk", isDone }]]);
    for (const { id } of read.flat()) expect(id).toMatch(/^[0-9]+@[0-9a-f]{64}$/);
    // An item in front of the others is still found.
    const id = read[0]?.[1]?.id ?? "";
    const done = world.edit(mixed, 2, (draft) => void editList(draft, { type: "done", id, isDone: true }));
    expect(world.view([...mixed, ...done])).toMatchObject({
      items: { 9: { text: "Milk", isDone: true } },
    });
  });

  test("[SD7] [SD12] a number that not every reader can hold is not written", () => {
    const world = createSharedWorld();
    world.create("poll", "Numbers");
    const writes = (value: unknown) => () =>
      world.edit([], 1, (draft) => {
        draft.n = value;
      });
    for (const max of [SHARED_COUNTER_MAX, -SHARED_COUNTER_MAX])
      expect(writes(new Automerge.Counter(max))).not.toThrow();
    expect(writes(new Automerge.Counter(SHARED_COUNTER_MAX + 1))).toThrow("EditRefused");
    expect(writes(new Date(SHARED_TIME_MS_MAX))).not.toThrow();
    const begun = world.edit([], 1, (draft) => {
      draft.votes = { sea: new Automerge.Counter(0) };
    });
    const adds = (by: number) => () => world.edit(begun, 1, (draft) => void count(draft, "sea", by));
    expect(adds(SHARED_COUNTER_MAX)).not.toThrow();
    expect(adds(SHARED_COUNTER_MAX + 1)).toThrow("EditRefused");
  });

  function itemsOfView(
    world: ReturnType<typeof createSharedWorld>,
    changes: Parameters<typeof world.edit>[0],
  ) {
    let ids: readonly string[] = [];
    world.edit(changes, 9, (draft) => {
      ids = itemsOf(draft).map(({ id }) => id);
    });
    return [ids[0] ?? "", ids[1] ?? ""] as const;
  }
});

test("[SD12] a document of any form: maps, lists, texts and every scalar come out as they went in", () => {
  const world = createSharedWorld();
  world.create("poll", "Where to");
  const first = world.edit([], 1, (draft) => {
    draft.votes = { sea: new Automerge.Counter(0), hills: new Automerge.Counter(2) };
    draft.facts = [1, -2, 1.5, true, null, new Automerge.ImmutableString("fixed"), 2, [[]]];
    draft.at = new Date(5);
    draft.note = "a text";
  });
  const apart = [
    ...world.edit(first, 2, (draft) => void Automerge.getObjectId(draft, "votes") !== undefined),
    ...world.edit(first, 2, (draft) => void count(draft, "sea", 2)),
    ...world.edit(first, 3, (draft) => void count(draft, "sea", 3)),
    ...world.edit(first, 4, (draft) => {
      draft.at = new Date(6);
      delete draft.note;
    }),
  ];
  const again = world.edit([...first, ...apart], 1, (draft) => {
    count(draft, "sea", 1);
    draft.votes = { none: true };
    draft.facts = [];
  });
  expect(world.view([...first, ...apart])).toEqual({
    title: "Where to",
    votes: { sea: 5, hills: 2 },
    facts: [1, -2, 1.5, true, null, "fixed", 2, [[]]],
    at: new Date(6).toISOString(),
  });
  expect(world.view([...again, ...apart, ...first])).toMatchObject({ votes: { none: true }, facts: [] });
});

test("[SD12] a change without steps joins what it follows, and changes nothing", () => {
  const world = createSharedWorld();
  world.create("note", "Apart");
  const apart = ["a", "b"].flatMap((text) => world.edit([], 1, note(text)));
  const join = world.change({ after: world.gate(apart).heads, steps: [] });
  const document = world.gate([...apart, join]);
  expect(document.verdicts.get(join.id)).toBe("counts");
  expect(document.heads).toEqual([join.id]);
  expect(world.view([join, ...apart])).toEqual(world.view(apart));
  const next = world.edit([...apart, join], 2, (draft) => setText(draft, "title", "Together"));
  expect(world.saved([...next, join, ...apart])).toMatchObject({ title: "Together" });
});

test("[SD12] what many have written at one place is replaced all the same", () => {
  const world = createSharedWorld();
  world.create("poll", "Where to");
  const many: NamedOp[] = [];
  for (let value = 0; value < SHARED_OVER_MAX + 3; value++)
    many.push(
      world.change({
        after: world.gate(many).heads,
        steps: [
          {
            type: "put",
            object: null,
            slot: { type: "key", key: "p" },
            value: { type: "integer", value },
            over: [],
          },
        ],
      }),
    );
  const mended = world.edit(many, 1, (draft) => {
    draft.p = true;
  });
  expect([...world.gate([...many, ...mended]).verdicts.values()].every((one) => one === "counts")).toBe(true);
  expect(world.view([...many, ...mended])).toMatchObject({ p: true });
});

function count(draft: DocumentRoot, key: string, by: number): void {
  const { votes } = draft;
  if (typeof votes !== "object" || votes === null) return;
  const counter: unknown = Reflect.get(votes, key);
  if (counter instanceof Automerge.Counter) counter.increment(by);
}
