/** What was found and has to be known: over everything, until a person has read it. It offers no way to ignore it. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { describeAlarm } from "../words/alarm-words.ts";
import { say, text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";

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
      }
      p {
        max-inline-size: 60ch;
        text-wrap: pretty;
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

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  protected override updated(): void {
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog !== null && !dialog.open) dialog.showModal();
  }

  #nameOf = (accountId: string): string =>
    this.session.views.contacts.find((one) => one.accountId === accountId)?.name ?? text("someone");

  override render() {
    const [raised] = this.session.alarms;
    if (raised === undefined) return nothing;
    const words = describeAlarm(raised.alarm, this.#nameOf);
    return html`<dialog
      role="alertdialog"
      aria-labelledby="title"
      aria-describedby="what"
      @cancel=${(event: Event) => event.preventDefault()}
    >
      <p class="tag">${icon("warning")}<span>${say("alarmTag", { time: momentTime(raised.atMs, Date.now()) })}</span></p>
      <h2 id="title">${words.title}</h2>
      <p id="what">${words.text}</p>
      <p class="soft">${say("alarmSafe")}</p>
      <div class="acts">
        <button class="btn ink" type="button" @click=${() => this.session.dismissAlarm(raised)}>
          ${say("alarmUnderstood")}
        </button>
      </div>
    </dialog>`;
  }
}

customElements.define("dt-alarm", DtAlarm);
