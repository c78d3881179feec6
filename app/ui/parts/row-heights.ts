/**
 * How high a row will probably be: as the last one of its shape that was measured.
 *
 * A guess that is right costs nothing when the row is measured; one that is wrong moves every row below it, of which there may be
 * ten thousand, for each row that scrolls into view. A guess once given stays: changing it would move what is being read.
 */

/** Shapes kept; the oldest go. */
const SHAPES_MAX = 500;

export class RowHeights {
  #pxByShape = new Map<string, number>();
  #guessPxByKey = new Map<string, number>();
  #firstPx: number;

  /** `firstPx` is guessed before anything was measured. */
  constructor(firstPx: number) {
    this.#firstPx = firstPx;
  }

  /** The guess for a row; `shapeOf` is asked for the first one only. */
  guess(key: string, shapeOf: () => string): number {
    const given = this.#guessPxByKey.get(key);
    if (given !== undefined) return given;
    const px = this.#pxByShape.get(shapeOf()) ?? this.#firstPx;
    this.#guessPxByKey.set(key, px);
    return px;
  }

  /** A row of this shape is `px` high. */
  learn(shape: string, px: number): void {
    this.#pxByShape.delete(shape);
    const [oldest] = this.#pxByShape.keys();
    if (this.#pxByShape.size >= SHAPES_MAX && oldest !== undefined) this.#pxByShape.delete(oldest);
    this.#pxByShape.set(shape, px);
  }
}
