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

interface KeyedItem {
  readonly key: string;
  readonly shown: unknown;
}

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

  override update(container: ChildPart, [items]: [readonly KeyedItem[]]): typeof noChange {
    if (this.#committed === null || getCommittedValue(container) !== this.#committed) clearPart(container);
    const keys = items.map(({ key }) => key);
    const kept = new Set(keys);
    for (const [key, part] of this.#partByKey) if (!kept.has(key)) removeWhole(part);
    const moved = movedKeys([...this.#partByKey.keys()], keys);
    const placed: [string, ChildPart][] = [];
    // From the last one, so that each finds its place before the one behind it.
    for (const { key, shown } of items.toReversed()) {
      const known = this.#partByKey.get(key);
      const next = placed.at(-1)?.[1];
      const part = known === undefined || moved.has(key) ? insertPart(container, next, known) : known;
      placed.push([key, setChildPartValue(part, shown)]);
    }
    this.#partByKey = new Map(placed.reverse());
    this.#committed = [...this.#partByKey.values()];
    setCommittedValue(container, this.#committed);
    return noChange;
  }

  render(_items: readonly KeyedItem[]): typeof noChange {
    return noChange;
  }
}

function removeWhole(part: ChildPart): void {
  const { endNode } = part;
  removePart(part);
  endNode?.parentNode?.removeChild(endNode);
}

const keyedDirective = directive(KeyedDirective);

/** Shows `template` of each item: `keyed(people, ({ id }) => id, (person) => html`…`)`. No two items have one key. */
export function keyed<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  template: (item: T) => unknown,
): DirectiveResult<typeof KeyedDirective> {
  return keyedDirective(items.map((item) => ({ key: keyOf(item), shown: template(item) })));
}
