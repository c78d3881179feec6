/** What was found and had to be known: what goes on, and for a while what is over or read. */
import type { AlarmView } from "@dovetail/core";
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { describeFound } from "../words/alarm-words.ts";
import { say, text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";

export class DtAlarmList extends LitElement {
  static override properties = { session: { attribute: false } };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      li > div {
        min-inline-size: 0;
      }
      b {
        display: block;
        font: 500 var(--t3);
      }
      .open .ic {
        color: var(--stop);
      }
      .rows > li {
        padding-block: 12px;
      }
    `,
  ];
  declare session: Session;

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  override render() {
    const { alarms } = this.session.views;
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("alarmsTitle")}</h2>
      ${
        alarms.length === 0
          ? html`<p class="note">${say("alarmsNone")}</p>`
          : html`<ul class="rows">${alarms.map((one) => this.#row(one))}</ul>`
      }
    </section>`;
  }

  #row(view: AlarmView) {
    const { contact, raisedAtMs, resolvedAtMs } = view;
    const nowMs = Date.now();
    const words = describeFound(view, () => contact?.name ?? text("someone"));
    const state =
      resolvedAtMs === null
        ? text("alarmOpen")
        : text("alarmOver", { time: momentTime(resolvedAtMs, nowMs) });
    return html`<li class=${resolvedAtMs === null ? "open" : ""}>
      ${icon(resolvedAtMs === null ? "warning" : "check")}
      <div>
        <b>${words.title}</b>
        <p class="note">${words.text}</p>
        <p class="note faint">${say("alarmRaised", { time: momentTime(raisedAtMs, nowMs), state })}</p>
      </div>
    </li>`;
  }
}

customElements.define("dt-alarm-list", DtAlarmList);
