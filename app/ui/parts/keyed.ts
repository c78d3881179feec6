/**
 * A list of which each item keeps its elements, found again by its key.
 *
 * In place of Lit's `repeat`: that of lit-html 3.3.1 to 3.3.3 leaves a comment in the page for each item that goes
 * (https://github.com/lit/lit/issues/5298), and taking an item out walks over all of them. With five thousand messages scrolled by,
 * a quarter of each frame went into that.
 */
import { type ChildPart, noChange } from "lit";
import { type DirectiveResult, Directive, directive, type PartInfo, PartType } from "lit/directive.js";
import {
  clearPart,
  getCommittedValue,
  insertPart,
  removePart,
  setChildPartValue,
  setCommittedValue,
} from "lit/directive-helpers.js";

/**
 * Which of the keys go to another place, so that all stand as in `after`; the rest stay where they are.
 *
 * An element that is moved loses the focus: when one goes up or down past others, it alone is moved.
 */
export function movedKeys(before: readonly string[], after: readonly string[]): ReadonlySet<string> {
  const known = new Set(before);
  const kept = new Set(after);
  const left = before.filter((key) => kept.has(key));
  const moved = new Set<string>();
  let at = 0;
  for (const key of after) {
    if (!known.has(key) || moved.has(key)) continue;
    while (moved.has(left[at] ?? "")) at++;
    const [next, second] = [left[at], left[at + 1]];
    if (next !== key && second === key && next !== undefined) moved.add(next);
    else if (next !== key) moved.add(key);
    if (!moved.has(key)) at += second === key ? 2 : 1;
  }
  return moved;
}

class KeyedDirective extends Directive {
  #partByKey: ReadonlyMap<string, ChildPart> = new Map();
  /** What Lit knows to stand there. */
  #committed: readonly ChildPart[] | null = null;

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.CHILD) throw new TypeError("keyed stands where elements do");
  }

  override update(container: ChildPart, [items]: [ReadonlyMap<string, unknown>]): typeof noChange {
    if (this.#committed === null || getCommittedValue(container) !== this.#committed) this.#begin(container);
    const before = this.#partByKey;
    const after = new Map<string, ChildPart>();
    try {
      this.#place(container, [...items].reverse(), after);
      this.#committed = [...after.values()].reverse();
    } catch (error) {
      // What stands in the page by now is known here alone: all of it goes before the next update.
      this.#committed = null;
      setCommittedValue(container, [...new Set([...before.values(), ...after.values()])]);
      throw error;
    }
    this.#partByKey = new Map([...after].reverse());
    setCommittedValue(container, this.#committed);
    return noChange;
  }

  #begin(container: ChildPart): void {
    clearPart(container);
    this.#partByKey = new Map();
  }

  /** From the last one, so that each finds its place before the one behind it. */
  #place(
    container: ChildPart,
    items: readonly (readonly [key: string, shown: unknown])[],
    placed: Map<string, ChildPart>,
  ): void {
    const keys = items.map(([key]) => key).reverse();
    const kept = new Set(keys);
    for (const [key, part] of this.#partByKey) if (!kept.has(key)) removeWhole(part);
    const moved = movedKeys([...this.#partByKey.keys()], keys);
    let next: ChildPart | undefined;
    for (const [key, shown] of items) {
      const known = this.#partByKey.get(key);
      const part = known === undefined || moved.has(key) ? insertPart(container, next, known) : known;
      placed.set(key, part);
      setChildPartValue(part, shown);
      next = part;
    }
  }

  render(_items: ReadonlyMap<string, unknown>): typeof noChange {
    return noChange;
  }
}

function removeWhole(part: ChildPart): void {
  const { endNode } = part;
  removePart(part);
  endNode?.parentNode?.removeChild(endNode);
}

const keyedDirective = directive(KeyedDirective);

/**
 * Shows `template` of each item: `keyed(people, ({ id }) => id, (person) => html`…`)`.
 *
 * Of items with one key the last one shows, where the first one stands. Where an item cannot be drawn, the update after
 * that draws all of them anew.
 */
export function keyed<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  template: (item: T) => unknown,
): DirectiveResult<typeof KeyedDirective> {
  return keyedDirective(new Map(items.map((item) => [keyOf(item), template(item)])));
}
