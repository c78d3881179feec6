/** The first screen of an empty frame: an account of its own, or a link to one. The recovery key is not asked for here. WB44 */
import { css, html, LitElement } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { firstRunStyles } from "../first-run/first-run-styles.ts";
import { baseStyles } from "../look/base-styles.ts";
import { focusLater } from "../parts/focus-later.ts";
import { icon } from "../parts/icon.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import "../first-run/dt-create.ts";
import "../first-run/dt-join.ts";
import "../parts/dt-joint.ts";

type Way = "create" | "link";

const WAYS: readonly (readonly [Way, label: MessageKey, note: MessageKey])[] = [
  ["create", "embedCreate", "firstRunCreateNote"],
  ["link", "embedLink", "firstRunLinkNote"],
];

export class DtEmbedStart extends LitElement {
  static override properties = {
    engine: { attribute: false },
    wasEvicted: { type: Boolean },
    way: { state: true },
  };
  static override styles = [
    baseStyles,
    firstRunStyles,
    css`
      :host {
        grid-template-columns: minmax(0, 1fr);
      }
      main {
        padding: 20px;
      }
      h1 {
        font: 600 var(--t5);
        letter-spacing: -0.01em;
        margin: 16px 0 0;
      }
    `,
  ];
  declare engine: Engine;
  declare wasEvicted: boolean;
  declare way: Way | null;

  constructor() {
    super();
    this.wasEvicted = false;
    this.way = null;
  }

  #back = (): void => {
    this.way = null;
    focusLater(this, ".opt");
  };

  override render() {
    return html`<main aria-label=${text("appName")} @dt-back=${this.#back}>
      <div class="brand"><dt-joint state="joined"></dt-joint>${say("appName")}</div>
      <div class="in">${this.#step()}</div>
    </main>`;
  }

  #step() {
    switch (this.way) {
      case "create":
        return html`<dt-create framed .engine=${this.engine}></dt-create>`;
      case "link":
        return html`<dt-join .engine=${this.engine}></dt-join>`;
      case null:
        return this.#ways();
    }
  }

  #ways() {
    const ways = this.wasEvicted ? WAYS.toReversed() : WAYS;
    return html`<h1>${say("embedTitle")}</h1>
      <p class=${this.wasEvicted ? "warn" : "note"} role=${this.wasEvicted ? "status" : "none"}>
        ${say(this.wasEvicted ? "embedEvicted" : "embedNote")}
      </p>
      <ul class="opts">
        ${ways.map(
          ([way, label, note]) =>
            html`<li>
              <button class="opt" type="button" @click=${() => (this.way = way)}>
                <b>${say(label)}</b><span>${say(note)}</span>${icon("forward")}
              </button>
            </li>`,
        )}
      </ul>
      <p class="note">
        ${say("embedRecover")}: ${say("embedRecoverNote")}
        <a href="/" target="_blank" rel="noopener">${say("embedOpen")}</a>
      </p>
      <p class="note">${say("serverLine", { server: location.host })}</p>`;
  }
}

customElements.define("dt-embed-start", DtEmbedStart);
