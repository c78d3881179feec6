/** Two changes of one text put together for the page, until the engine has put them together for everybody. */
import { type Splice, splicesBetween } from "./text-difference.ts";

export interface Merged {
  readonly text: string;
  /** Where a place of `mine` is in `text`: beside what it stood beside. */
  moved(offset: number): number;
}

/** `base` as it was changed to `mine` and to `theirs`. What both typed in one place stands as mine, then theirs. */
export function mergeTexts(base: string, mine: string, theirs: string): Merged {
  if (base === theirs) return { text: mine, moved: (offset) => offset };
  const own = new Change(splicesBetween(base, mine));
  const other = new Change(splicesBetween(base, theirs));
  const pieces: string[] = [];
  /** For each place of `mine`, where it is. */
  const places = new Int32Array(mine.length + 1);
  let [at, length] = [0, 0];
  const put = (piece: string): void => {
    pieces.push(piece);
    length += piece.length;
  };
  for (let place = 0; place <= base.length; place += 1) {
    const typed = own.insertedAt(place);
    for (let unit = 0; unit < typed.length; unit += 1) places[++at] = length + unit + 1;
    put(typed);
    const came = other.insertedAt(place);
    put(came);
    // A line that comes above the one the caret begins leaves the caret in its own.
    const isLineStart = place === 0 || base[place - 1] === "\n";
    if (typed === "" && came.endsWith("\n") && isLineStart && !other.isRemoved(place)) places[at] = length;
    if (place === base.length || own.isRemoved(place)) continue;
    if (!other.isRemoved(place)) put(base.charAt(place));
    places[++at] = length;
  }
  const text = pieces.join("");
  return { text, moved: (offset) => places[Math.min(Math.max(offset, 0), mine.length)] ?? length };
}

/** The splices of one change, asked for place by place from the start on. */
class Change {
  #splices: readonly Splice[];
  #next = 0;
  #removedTo = 0;

  constructor(splices: readonly Splice[]) {
    this.#splices = splices;
  }

  insertedAt(place: number): string {
    const splice = this.#splices[this.#next];
    if (splice?.at !== place) return "";
    this.#next += 1;
    this.#removedTo = place + splice.removed;
    return splice.inserted;
  }

  isRemoved(place: number): boolean {
    return place < this.#removedTo;
  }
}
