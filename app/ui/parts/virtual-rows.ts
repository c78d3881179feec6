/**
 * Rows of unknown height, of which only those in view are in the page. Held at the lower end: what is read does not move
 * when older rows come above or a new one below.
 */
import {
  elementScroll,
  measureElement,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import type { ReactiveController, ReactiveControllerHost } from "lit";

export interface RowsOptions {
  readonly scroller: () => HTMLElement | null;
  readonly count: () => number;
  readonly keyOf: (index: number) => string;
  readonly estimatePx: (index: number) => number;
  readonly onMeasured: (index: number, px: number) => void;
  readonly onScroll: () => void;
}

const OVERSCAN_ROWS = 8;
/** How near to the lower end still counts as being there. */
const END_THRESHOLD_PX = 24;

export class VirtualRows implements ReactiveController {
  #host: ReactiveControllerHost;
  #options: RowsOptions;
  #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  #unmount: (() => void) | null = null;

  constructor(host: ReactiveControllerHost, options: RowsOptions) {
    this.#host = host;
    this.#options = options;
    this.#virtualizer = new Virtualizer(this.#resolved());
    host.addController(this);
  }

  hostConnected(): void {
    this.#unmount = this.#virtualizer._didMount();
    this.#host.requestUpdate();
  }

  hostDisconnected(): void {
    this.#unmount?.();
    this.#unmount = null;
  }

  hostUpdate(): void {
    this.#virtualizer.setOptions(this.#resolved());
  }

  hostUpdated(): void {
    if (this.#hasGone) this.#virtualizer.measureElement(null);
    this.#hasGone = false;
    this.#virtualizer._willUpdate();
  }

  get items(): readonly VirtualItem[] {
    return this.#virtualizer.getVirtualItems();
  }

  get totalPx(): number {
    return this.#virtualizer.getTotalSize();
  }

  /** For `ref()` of each row, which carries `data-index`. */
  readonly measure = (row: Element | undefined): void => {
    // Whoever went is looked for among all rows, so once for all of an update.
    if (row instanceof HTMLElement) this.#virtualizer.measureElement(row);
    else this.#hasGone = true;
  };
  #hasGone = false;

  /** False from a scroll by the program until the page has told of it: `items` are those of before. */
  get isSettled(): boolean {
    const scroller = this.#options.scroller();
    return scroller !== null && Math.abs(scroller.scrollTop - (this.#virtualizer.scrollOffset ?? 0)) <= 1;
  }

  get isAtEnd(): boolean {
    return this.#virtualizer.isAtEnd(END_THRESHOLD_PX);
  }

  scrollToEnd(): void {
    this.#virtualizer.scrollToEnd();
  }

  scrollTo(index: number, align: "start" | "center" | "end" | "auto" = "auto"): void {
    this.#virtualizer.scrollToIndex(index, { align });
  }

  #resolved(): VirtualizerOptions<HTMLElement, HTMLElement> {
    const { count, scroller, estimatePx, keyOf, onScroll, onMeasured } = this.#options;
    return {
      count: count(),
      getScrollElement: scroller,
      estimateSize: estimatePx,
      getItemKey: keyOf,
      overscan: OVERSCAN_ROWS,
      anchorTo: "end",
      followOnAppend: true,
      scrollEndThreshold: END_THRESHOLD_PX,
      scrollToFn: elementScroll,
      measureElement: (row, entry, virtualizer) => {
        const px = measureElement(row, entry, virtualizer);
        onMeasured(virtualizer.indexFromElement(row), px);
        return px;
      },
      observeElementRect,
      observeElementOffset,
      onChange: () => {
        this.#host.requestUpdate();
        onScroll();
      },
    };
  }
}
