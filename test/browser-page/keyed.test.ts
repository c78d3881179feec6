/** Lists whose items keep their elements, in a real page. */
import { html, nothing, render } from "lit";
import { guard } from "lit/directives/guard.js";
import { ref } from "lit/directives/ref.js";
import { afterEach, expect, test } from "vitest";
import { keyed, movedKeys } from "../../app/ui/parts/keyed.ts";

const host = document.createElement("div");
document.body.append(host);
afterEach(() => render(nothing, host));

const list = (keys: readonly string[], mark = "") =>
  html`<p>above</p>
    ${keyed(
      keys,
      (key) => key,
      (key) => html`<button>${key}${mark}</button>`,
    )}
    <p>below</p>`;
const show = (keys: readonly string[], mark = ""): void => {
  render(list(keys, mark), host);
};
const shown = (): string => [...host.querySelectorAll("button")].map((one) => one.textContent).join("");
const comments = (): number =>
  [...host.childNodes].filter((node) => node.nodeType === Node.COMMENT_NODE).length;

test("what goes leaves nothing in the page, however many items come and go", () => {
  show(["a", "b"]);
  const before = comments();
  for (let from = 0; from < 100; from++) show(Array.from({ length: 20 }, (_, at) => `${from * 7 + at};`));
  show(["a", "b"]);
  expect(comments()).toBe(before);
  expect(shown()).toBe("ab");
});

test("items stand in the order given and keep their elements, whatever came, went and moved", () => {
  let seed = 7;
  const below = (end: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % end;
  };
  for (let round = 0; round < 200; round++) {
    const before = new Map([...host.querySelectorAll("button")].map((one) => [one.textContent, one]));
    const keys = [..."abcdefgh"].filter(() => below(3) > 0);
    for (let swap = below(4); swap > 0 && keys.length > 0; swap--)
      keys.splice(below(keys.length), 0, ...keys.splice(below(keys.length), 1));
    show(keys);
    expect(shown()).toBe(keys.join(""));
    for (const one of host.querySelectorAll("button")) expect(one).toBe(before.get(one.textContent) ?? one);
  }
});

test("what an item shows is brought up to date; another template takes all of it away", () => {
  show(["a", "b"]);
  show(["b", "a"], "!");
  expect(shown()).toBe("b!a!");
  render(html`<p>nothing</p>`, host);
  expect(shown()).toBe("");
  show(["c"]);
  expect(shown()).toBe("c");
});

test("the one that goes up or down past others is the one that is moved, so that the others keep the focus", () => {
  const moved = (before: string, after: string): string => [...movedKeys([...before], [...after])].join("");
  expect(moved("abcd", "dabc")).toBe("d");
  expect(moved("abcd", "bcda")).toBe("a");
  expect(moved("abcd", "acbd")).toBe("b");
  expect(moved("abcd", "xabyd")).toBe("");
  expect(moved("ab", "ba")).toBe("a");
  show([..."abcd"]);
  host.querySelectorAll("button")[1]?.focus();
  show([..."dabc"]);
  expect(document.activeElement?.textContent).toBe("b");
});

test("of items with one key one is shown, and nothing of them stays once they are gone", () => {
  show(["a", "b"]);
  const before = comments();
  show(["a", "b", "a", "c", "c"]);
  expect(shown()).toBe("abc");
  show(["c", "a", "a"]);
  expect(shown()).toBe("ca");
  show(["b"]);
  expect(shown()).toBe("b");
  show(["a", "b"]);
  expect(comments()).toBe(before);
});

test("an item that cannot be drawn breaks the list only as long as it does; nothing stays twice or is let go of twice", () => {
  const held = new Set<Element>();
  const callbacks = new Map<string, (element: Element | undefined) => void>();
  const holder = (key: string) => {
    let mine: Element | null = null;
    const callback = (element: Element | undefined): void => {
      if (mine !== null) held.delete(mine);
      mine = element ?? null;
      if (mine !== null) held.add(mine);
    };
    if (!callbacks.has(key)) callbacks.set(key, callback);
    return callbacks.get(key);
  };
  const draw = (keys: string, broken: string): void =>
    void render(
      keyed(
        [...keys],
        (key) => key,
        (key) =>
          guard([key, broken], () => {
            if (broken.includes(key)) throw new Error(`no ${key}`);
            return html`<button ${ref(holder(key))}>${key}</button>`;
          }),
      ),
      host,
    );
  draw("abcd", "");
  for (const [keys, broken] of [
    ["xbyd", "b"],
    ["cayd", "c"],
    ["zab", "z"],
  ] as const) {
    expect(() => draw(keys, broken)).toThrow(`no ${broken}`);
    draw("abcd", "");
    expect(shown()).toBe("abcd");
    expect([...held].map((one) => one.textContent).toSorted()).toEqual(["a", "b", "c", "d"]);
    expect([...held].every((one) => one.isConnected)).toBe(true);
  }
});

test("what an item holds is let go of when the list leaves the page and taken again when it comes back", () => {
  const held: string[] = [];
  const part = render(
    keyed(
      ["a", "b"],
      (key) => key,
      (key) =>
        html`<button ${ref((element) => held.push(element === undefined ? `-${key}` : key))}></button>`,
    ),
    host,
  );
  expect(held.splice(0).toSorted()).toEqual(["a", "b"]);
  part.setConnected(false);
  expect(held.splice(0).toSorted()).toEqual(["-a", "-b"]);
  part.setConnected(true);
  expect(held.splice(0).toSorted()).toEqual(["a", "b"]);
});
