/** The first screen of an empty browser: which of the ways in, and the way itself. */
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { icon } from "../parts/icon.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import "../parts/dt-joint.ts";
import "../parts/dt-sheet.ts";
import "./dt-create.ts";
import "./dt-join.ts";
import "./dt-recover.ts";
import "./dt-restore.ts";
import { focusLater } from "../parts/focus-later.ts";

type Way = "create" | "link" | "recover" | "restore";

const WAYS: readonly (readonly [Way, label: MessageKey, note: MessageKey])[] = [
  ["create", "firstRunCreate", "firstRunCreateNote"],
  ["link", "firstRunLink", "firstRunLinkNote"],
  ["recover", "firstRunRecover", "firstRunRecoverNote"],
  ["restore", "firstRunRestore", "firstRunRestoreNote"],
];
/** Who had an account here wants it back, and no other. */
const WAYS_BACK = [...WAYS.filter(([way]) => way !== "create"), ...WAYS.filter(([way]) => way === "create")];
const PROTECTS: readonly MessageKey[] = ["protects1", "protects2", "protects3", "protects4", "protects5"];

export class DtFirstRun extends LitElement {
  static override properties = {
    engine: { attribute: false },
    wasEvicted: { type: Boolean },
    way: { state: true },
    sheet: { state: true },
    originFault: { state: true },
    isClosed: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles];
  declare engine: Engine;
  declare wasEvicted: boolean;
  declare way: Way | null;
  declare sheet: "server" | "protects" | null;
  declare originFault: boolean;
  /** The joint closes once the account is here. */
  declare isClosed: boolean;

  constructor() {
    super();
    this.wasEvicted = false;
    this.way = null;
    this.sheet = null;
    this.originFault = false;
    this.isClosed = false;
  }

  #openServer = (event: SubmitEvent): void => {
    event.preventDefault();
    const typed = fieldsOf(event, ["origin"]).origin.trim();
    const address = /^https?:\/\//.test(typed) ? typed : `https://${typed}`;
    this.originFault = !URL.canParse(address);
    if (this.originFault) return;
    location.assign(new URL(address).origin);
  };

  #back = (): void => {
    this.way = null;
    focusLater(this, ".opt");
  };

  #joined = (): void => {
    this.isClosed = true;
  };

  override render() {
    return html`
      <main @dt-back=${this.#back} @dt-joined=${this.#joined}>
        <div class="brand"><dt-joint state="joined"></dt-joint>${say("appName")}</div>
        <div class="in">${this.#step()}</div>
        ${this.way === null ? this.#foot() : nothing}
      </main>
      <div class="side ${this.isClosed ? "closed" : ""}" aria-hidden="true">
        <svg viewBox="0 0 620 900" preserveAspectRatio="xMinYMid slice">
          <path class="tail" d="M0 -2000H150V330L330 270V630L150 570V2900H0Z"></path>
          <path class="socket" d="M2000 -2000H262V226L464 156V744L262 674V2900H2000"></path>
        </svg>
      </div>
      ${this.#sheet()}
    `;
  }

  #step() {
    switch (this.way) {
      case "create":
        return html`<dt-create .engine=${this.engine}></dt-create>`;
      case "link":
        return html`<dt-join .engine=${this.engine}></dt-join>`;
      case "recover":
        return html`<dt-recover .engine=${this.engine}></dt-recover>`;
      case "restore":
        return html`<dt-restore .engine=${this.engine}></dt-restore>`;
      case null:
        return html`<h1>${say("firstRunTitle")}</h1>
          ${this.wasEvicted ? html`<p class="warn" role="status">${say("evicted")}</p>` : nothing}
          <ul class="opts">
            ${(this.wasEvicted ? WAYS_BACK : WAYS).map(
              ([way, label, note]) =>
                html`<li>
                  <button class="opt" type="button" @click=${() => (this.way = way)}>
                    <b>${say(label)}</b><span>${say(note)}</span>${icon("forward")}
                  </button>
                </li>`,
            )}
          </ul>`;
    }
  }

  #foot() {
    return html`<div class="ff">
      <span>${say("serverLine", { server: location.host })}</span>
      <button type="button" @click=${() => (this.sheet = "server")}>${say("serverOther")}</button>
      <button type="button" @click=${() => (this.sheet = "protects")}>${say("protects")}</button>
    </div>`;
  }

  #sheet() {
    const close = () => {
      this.sheet = null;
    };
    switch (this.sheet) {
      case "server":
        return html`<dt-sheet .label=${text("serverTitle")} @dt-close=${close}>
          <form @submit=${this.#openServer}>
            <div class="field">
              <label for="origin">${say("server")}</label>
              <input
                id="origin"
                name="origin"
                inputmode="url"
                required
                autocomplete="off"
                spellcheck="false"
                placeholder=${text("serverBegins")}
                aria-invalid=${this.originFault}
                aria-describedby="origin-note"
              />
              <p id="origin-note" class="note">${say("serverNote", { server: location.host })}</p>
            </div>
            ${this.originFault ? html`<p class="bad" role="alert">${say("serverBad")}</p>` : nothing}
            <div><button class="btn ink">${say("serverOpen")}</button></div>
          </form>
        </dt-sheet>`;
      case "protects":
        return html`<dt-sheet wide .label=${text("protectsTitle")} @dt-close=${close}>
          <ul class="protects">
            ${PROTECTS.map((key) => html`<li>${say(key)}</li>`)}
          </ul>
        </dt-sheet>`;
      case null:
        return nothing;
    }
  }
}

customElements.define("dt-first-run", DtFirstRun);
