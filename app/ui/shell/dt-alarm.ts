/** What was found and has to be known: over everything, until a person has read it. It offers no way to ignore it. */
import type { AlarmView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { DrawLater } from "../parts/draw-later.ts";
import { icon } from "../parts/icon.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { describeFound } from "../words/alarm-words.ts";
import { say, text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";

/** Found once more only a moment later is no news. */
const AGAIN_MS = 60_000;
/** How long no key is pressed before it opens: what is typed while it does would be nowhere. */
const PAUSE_MS = 1_000;

export class DtAlarm extends LitElement {
  static override properties = { session: { attribute: false } };
  static override styles = [
    baseStyles,
    css`
      dialog {
        inline-size: min(760px, calc(100vw - 32px));
        max-block-size: calc(100dvh - 32px);
        padding: 40px;
        border: 1px solid var(--line);
        border-block-start: 4px solid var(--stop);
        border-radius: 0 0 var(--r3) var(--r3);
        background: var(--pane);
        color: var(--ink);
        overflow: auto;
      }
      dialog::backdrop {
        background: light-dark(oklch(0.24 0.012 250 / 0.32), oklch(0 0 0 / 0.6));
      }
      .tag {
        display: flex;
        gap: 8px;
        align-items: center;
        font: 600 var(--t2);
        color: var(--stop);
      }
      h2 {
        font: 600 var(--t6);
        letter-spacing: -0.02em;
        margin: 16px 0 12px;
        outline: none;
      }
      p {
        max-inline-size: 60ch;
        text-wrap: pretty;
      }
      ul {
        margin-block-start: 16px;
        padding-inline-start: 18px;
        list-style: disc;
        display: grid;
        gap: 4px;
      }
      .soft {
        margin-block-start: 16px;
      }
      .acts {
        margin-block-start: 32px;
      }
    `,
  ];
  declare session: Session;
  #typedAtMs = Number.NEGATIVE_INFINITY;
  readonly #later = new DrawLater(this);

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("keydown", this.#typed, true);
    window.addEventListener("input", this.#typed, true);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("keydown", this.#typed, true);
    window.removeEventListener("input", this.#typed, true);
  }

  #typed = (): void => {
    this.#typedAtMs = performance.now();
  };

  /** Whether somebody is in the midst of a word; it opens later then. */
  get #isTyping(): boolean {
    const restMs = this.#typedAtMs + PAUSE_MS - performance.now();
    if (restMs <= 0) return false;
    this.#later.set(restMs);
    return true;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.renderRoot?.querySelector("dialog") ?? null;
  }

  /** A dialog that is only taken out of the page gives the focus to nobody. */
  protected override willUpdate(): void {
    if (this.session.unreadAlarms.length === 0) this.#dialog?.close();
  }

  /** The title of each has the focus first: a key that is pressed as it opens reads it for nobody. */
  protected override updated(): void {
    const dialog = this.#dialog;
    const shownId = dialog?.dataset.alarm ?? null;
    if (dialog !== null && !dialog.open) dialog.showModal();
    if (shownId !== this.#shownId) this.renderRoot.querySelector<HTMLElement>("#title")?.focus();
    this.#shownId = shownId;
  }
  #shownId: string | null = null;

  /** It stays in the list of what was found, and what it stops stays stopped. */
  async #read({ id }: AlarmView): Promise<void> {
    await this.session.tried(this.session.client.acknowledgeAlarm(id));
  }

  #nameOf = (accountId: string): string =>
    this.session.views.contacts.find((one) => one.accountId === accountId)?.name ?? text("someone");

  override render() {
    const [raised] = this.session.unreadAlarms;
    if (raised === undefined || (this.#dialog === null && this.#isTyping)) return nothing;
    const nowMs = Date.now();
    const { contact } = raised;
    const words = describeFound(raised, this.#nameOf);
    return html`<dialog
      role="alertdialog"
      data-alarm=${raised.id}
      aria-labelledby="title"
      aria-describedby="what"
      @cancel=${(event: Event) => event.preventDefault()}
    >
      <p class="tag">${icon("warning")}<span>${say("alarmTag", { time: momentTime(raised.raisedAtMs, nowMs) })}</span></p>
      <h2 id="title" tabindex="-1">${words.title}</h2>
      <p id="what">${words.text}</p>
      ${
        contact === null || raised.disagreements.length === 0
          ? nothing
          : html`<ul>
              ${raised.disagreements.map(
                ({ chain, seq }) =>
                  html`<li>${say(chain === "own" ? "alarmSawOwn" : "alarmSawTheirs", { name: contact.name, seq })}</li>`,
              )}
            </ul>`
      }
      ${
        raised.seenAtMs - raised.raisedAtMs < AGAIN_MS
          ? nothing
          : html`<p class="soft">${say("alarmSeenAgain", { time: momentTime(raised.seenAtMs, nowMs) })}</p>`
      }
      <p class="soft">${say("alarmSafe")}</p>
      <div class="acts">
        <button class="btn ink" type="button" @click=${() => this.#read(raised)}>
          ${say("alarmUnderstood")}
        </button>
        ${
          raised.alarm.type === "LogDistrusted" && raised.alarm.fault.type === "LogRolledBack"
            ? html`<button
                class="btn line"
                type="button"
                @click=${() => {
                  void this.#read(raised);
                  goTo(window, { section: "devices" });
                }}
              >
                ${say("alarmPutBack")}
              </button>`
            : nothing
        }
        ${
          contact === null
            ? nothing
            : html`<button
                class="btn line"
                type="button"
                @click=${() => {
                  void this.#read(raised);
                  goTo(window, { section: "people", accountId: contact.accountId });
                }}
              >
                ${say("alarmCompare")}
              </button>`
        }
      </div>
    </dialog>`;
  }
}

customElements.define("dt-alarm", DtAlarm);
