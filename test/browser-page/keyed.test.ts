/** Lists whose items keep their elements, in a real page. */
import { html, nothing, render } from "lit";
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
