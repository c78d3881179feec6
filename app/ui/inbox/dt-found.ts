/** Messages that what is typed finds, with filters; the first search of a page waits for the index to be made. */
import type { ClientError, SearchHit } from "@dovetail/core";
import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { keyed } from "../parts/keyed.ts";
import { goTo, type Route } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { isListed } from "../session/threads.ts";
import { Watch } from "../session/watch.ts";
import { describeError } from "../words/error-words.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { inboxStyles } from "./inbox-styles.ts";
import { hitRow } from "./message-hit.ts";
import { type Filters, isFiltered, NO_FILTERS, type Span, SPANS, typedQuery } from "./typed-query.ts";
import "../parts/dt-avatar.ts";
import "../parts/dt-progress.ts";

const PAGE_HITS = 20;
/** How long nothing is typed before the engine is asked. */
const PAUSE_MS = 150;
/** What takes longer is said. */
const PATIENCE_MS = 300;
const SPAN_WORDS: Readonly<Record<Span, MessageKey>> = {
  "7d": "spanWeek",
  "1m": "spanMonth",
  "1y": "spanYear",
};

export class DtFound extends LitElement {
  static override properties = {
    session: { attribute: false },
    route: { attribute: false },
    typed: {},
    filters: { state: true },
    hits: { state: true },
    older: { state: true },
    fault: { state: true },
    isLate: { state: true },
  };
  static override styles = [
    baseStyles,
    inboxStyles,
    css`
      :host {
        display: block;
        flex: none;
        overflow: visible;
      }
      .filters {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        padding: 0 12px 8px;
      }
      select.chip {
        max-inline-size: 150px;
        text-overflow: ellipsis;
        background: var(--pane);
      }
      select.chip.set {
        background: var(--ink);
        border-color: var(--ink);
        color: var(--pane);
      }
      h2 {
        padding: 12px 20px 4px;
        font: 500 var(--t1);
        color: var(--faint);
      }
      mark {
        background: var(--chalk-wash);
        color: var(--ink);
        font-weight: 600;
        border-radius: 2px;
      }
      dt-progress {
        padding: 12px 20px;
      }
      @media (max-width: 639px) {
        .filters {
          padding-inline: 16px;
        }
      }
    `,
  ];
  declare session: Session;
  declare route: Route;
  declare typed: string;
  declare filters: Filters;
  /** Null until the first answer. */
  declare hits: readonly SearchHit[] | null;
  declare older: string | null;
  declare fault: ClientError | null;
  declare isLate: boolean;
  /** Counts questions, so that only the last one's answer is shown. */
  #round = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.typed = "";
    this.filters = NO_FILTERS;
    this.hits = null;
    this.older = null;
    this.fault = null;
    this.isLate = false;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => {
        // Something was written, or has come.
        if (event === null && this.hits !== null) void this.#search(Math.max(PAGE_HITS, this.hits.length));
      },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#pause);
    this.#round += 1;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("typed") && !changed.has("filters")) return;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => void this.#search(PAGE_HITS), PAUSE_MS);
  }

  /** The rows, for moving the focus along them. */
  get rows(): readonly HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>("a.row")];
  }

  /** Opens the first message that was found. */
  openFirst(): void {
    const [first] = this.hits ?? [];
    if (first !== undefined) this.#open(first);
  }

  get #query(): string {
    return typedQuery(this.typed, this.filters);
  }

  async #search(limit: number): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    const patience = setTimeout(() => {
      if (round === this.#round) this.isLate = true;
    }, PATIENCE_MS);
    const found = await this.session.client.search(this.#query, { limit });
    clearTimeout(patience);
    if (round !== this.#round) return;
    this.isLate = false;
    this.fault = found.ok ? null : found.error;
    this.hits = found.ok ? found.value.hits : [];
    this.older = found.ok ? found.value.older : null;
  }

  #more = async (): Promise<void> => {
    const round = this.#round;
    if (this.older === null) return;
    const found = await this.session.tried(
      this.session.client.search(this.#query, { limit: PAGE_HITS, older: this.older }),
    );
    if (found === null || round !== this.#round) return;
    this.hits = [...(this.hits ?? []), ...found.value.hits];
    this.older = found.value.older;
  };

  #open({ message }: SearchHit): void {
    const { section, tagId } = this.route;
    goTo(window, { section, tagId, conversationId: message.conversationId, messageId: message.id });
  }

  override render() {
    return html`${this.#filters()}${this.#answer()}`;
  }

  #answer() {
    const { hits, fault, session } = this;
    const { indexing } = session;
    if (this.isLate)
      return indexing === null
        ? html`<dt-progress .label=${text("searching")}></dt-progress>`
        : html`<dt-progress
            .label=${text("indexing", { done: indexing.done, total: indexing.total })}
            .done=${indexing.done}
            .total=${indexing.total}
          ></dt-progress>`;
    if (hits === null) return nothing;
    if (fault !== null) {
      const words = describeError(fault);
      return html`<p class="empty soft" role="status">${words.text} ${words.hint ?? nothing}</p>`;
    }
    if (hits.length === 0) return this.#none();
    return html`<h2 id="found">${say("foundMessages")}</h2>
      <ul aria-labelledby="found">
        ${keyed(
          hits,
          ({ message }) => message.id,
          (hit) =>
            html`<li>
              ${hitRow({
                message: hit.message,
                place: hit,
                words: marked(hit),
                isSelected: hit.message.id === this.route.messageId,
                open: () => this.#open(hit),
              })}
            </li>`,
        )}
      </ul>
      ${
        this.older === null
          ? nothing
          : html`<div class="more"><button class="btn line" type="button" @click=${this.#more}>${say("showMore")}</button></div>`
      }`;
  }

  #none() {
    const count = this.session.views.threads.reduce((sum, { messageCount }) => sum + messageCount, 0);
    const query = this.typed.trim();
    return html`<div class="empty soft">
      <p role="status">
        ${isFiltered(this.filters) ? say("searchNoneFiltered", { query }) : say("searchNone", { query, count })}
      </p>
      ${
        isFiltered(this.filters)
          ? html`<div class="acts">
              <button class="btn line" type="button" @click=${() => (this.filters = NO_FILTERS)}>${say("filtersOff")}</button>
            </div>`
          : nothing
      }
    </div>`;
  }

  #filters() {
    const { filters, session } = this;
    const { placeId, span, isMine, hasLink } = filters;
    const set = (change: Partial<Filters>): void => {
      this.filters = { ...filters, ...change };
    };
    const chosen = (event: Event): string =>
      event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : "";
    const places = session.views.threads
      .filter(isListed)
      .map((one) => ({ id: one.kind === "person" ? one.contact.accountId : one.id, name: one.name }))
      .sort((a, b) => a.name.localeCompare(b.name));
    return html`<div class="filters" role="group" aria-label=${text("filters")}>
      <select
        class="chip ${placeId === null ? "" : "set"}"
        aria-label=${text("filterPerson")}
        @change=${(event: Event) =>
          set({ placeId: places.find((one) => one.id === chosen(event))?.id ?? null })}
      >
        <option value="" ?selected=${placeId === null}>${text("filterAnyone")}</option>
        ${places.map((one) => html`<option value=${one.id} ?selected=${one.id === placeId}>${one.name}</option>`)}
      </select>
      <select
        class="chip ${span === null ? "" : "set"}"
        aria-label=${text("filterSpan")}
        @change=${(event: Event) => set({ span: SPANS.find((one) => one === chosen(event)) ?? null })}
      >
        <option value="" ?selected=${span === null}>${text("filterAnyTime")}</option>
        ${SPANS.map((one) => html`<option value=${one} ?selected=${one === span}>${text(SPAN_WORDS[one])}</option>`)}
      </select>
      <button class="chip" type="button" aria-pressed=${isMine} @click=${() => set({ isMine: !isMine })}>
        ${say("filterMine")}
      </button>
      <button class="chip" type="button" aria-pressed=${hasLink} @click=${() => set({ hasLink: !hasLink })}>
        ${say("filterLink")}
      </button>
    </div>`;
  }
}

/** The piece of the message around what was found, with that marked. */
function marked({ snippet }: SearchHit): TemplateResult {
  const { text: words, ranges, isCutBefore, isCutAfter } = snippet;
  const pieces: (string | TemplateResult)[] = [];
  let at = 0;
  for (const { start, end } of ranges) {
    pieces.push(words.slice(at, start), html`<mark>${words.slice(start, end)}</mark>`);
    at = end;
  }
  pieces.push(words.slice(at));
  return html`<bdi>${isCutBefore ? "… " : nothing}${pieces}${isCutAfter ? " …" : nothing}</bdi>`;
}

customElements.define("dt-found", DtFound);
