/** Settings: you, the look, the lock, storage, keys of the account, what one can take along. */
import type { StateFingerprint } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { fieldsOf } from "../parts/form.ts";
import {
  hasLetterKeys,
  setLetterKeys,
  setTheme,
  THEMES,
  type Theme,
  themeOf,
} from "../session/preferences.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-progress.ts";
import "./dt-backup.ts";
import "./dt-contact-files.ts";
import "./dt-delete-account.ts";
import "./dt-export.ts";
import "./dt-lock-settings.ts";
import "./dt-passkey-settings.ts";
import "./dt-recovery-settings.ts";

const THEME_WORDS: Readonly<Record<Theme, MessageKey>> = {
  system: "themeSystem",
  light: "themeLight",
  dark: "themeDark",
};

export class DtSettings extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    fingerprint: { state: true },
    busy: { state: true },
  };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      .choice {
        display: flex;
        align-items: center;
        gap: 12px;
        min-block-size: 36px;
      }
      .choice input {
        inline-size: 18px;
        block-size: 18px;
        accent-color: var(--ink);
        margin: 0;
      }
      legend {
        font: 500 var(--t2);
        padding: 0;
      }
      form {
        gap: 12px;
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  declare fingerprint: StateFingerprint | null;
  /** What is under way. */
  declare busy: "rotate" | "compute" | null;

  constructor() {
    super();
    this.fingerprint = null;
    this.busy = null;
    new Watch(this, () => this.session ?? null);
  }

  #rename = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { name } = fieldsOf(event, ["name"]);
    const saved = await this.session.tried(this.session.client.setDisplayName(name.trim()));
    if (saved !== null) showToast(this, { text: text("saved") });
  };

  #rotate = async (): Promise<void> => {
    this.busy = "rotate";
    const rotated = await this.session.tried(this.session.client.rotateEpoch());
    const account = await this.session.client.account();
    this.busy = null;
    if (rotated !== null && account.ok)
      showToast(this, { text: text("rotated", { epoch: account.value.epoch }) });
  };

  #compute = async (): Promise<void> => {
    this.busy = "compute";
    const computed = await this.session.tried(this.session.client.fingerprint());
    this.busy = null;
    this.fingerprint = computed?.value ?? null;
  };

  override render() {
    const { account } = this.session.views;
    const title = html`<h1 class="title">${say("settings")}</h1>`;
    // What is not read yet is not shown as if it were empty.
    if (account === null)
      return html`<div class="pane narrow">${title}<dt-progress .label=${text("starting")}></dt-progress></div>`;
    return html`<div class="pane narrow">
      ${title}
      <section aria-labelledby="you">
        <h2 id="you">${say("you")}</h2>
        <form @submit=${this.#rename}>
          <div class="field">
            <label for="name">${say("displayName")}</label>
            <input id="name" name="name" dir="auto" required autocomplete="off" .value=${account.displayName} aria-describedby="name-note" />
            <p id="name-note" class="note">${say("displayNameNote")}</p>
          </div>
          <div><button class="btn line">${say("save")}</button></div>
        </form>
      </section>
      ${this.#look()}
      <section aria-labelledby="tags">
        <h2 id="tags">${say("tagsTitle")}</h2>
        <div>
          <button class="btn line" type="button" @click=${() => goTo(window, { section: "tags" })}>${say("manageTags")}</button>
        </div>
      </section>
      <dt-lock-settings .engine=${this.engine}></dt-lock-settings>
      <dt-passkey-settings .session=${this.session} .engine=${this.engine}></dt-passkey-settings>
      <dt-recovery-settings .session=${this.session} .engine=${this.engine}></dt-recovery-settings>
      ${this.#keys()}
      <dt-backup .session=${this.session} .engine=${this.engine}></dt-backup>
      <dt-export .session=${this.session} .engine=${this.engine}></dt-export>
      <dt-contact-files .session=${this.session} .engine=${this.engine}></dt-contact-files>
      ${this.#holds()}
      <dt-delete-account .session=${this.session} .engine=${this.engine}></dt-delete-account>
    </div>`;
  }

  #look() {
    const theme = themeOf(window);
    return html`<section aria-labelledby="look">
      <h2 id="look">${say("appearance")}</h2>
      <fieldset>
        <legend>${say("theme")}</legend>
        ${THEMES.map(
          (one) =>
            html`<label class="choice"
              ><input
                type="radio"
                name="theme"
                .checked=${one === theme}
                @change=${() => {
                  setTheme(window, one);
                  this.requestUpdate();
                }}
              />${say(THEME_WORDS[one])}</label
            >`,
        )}
      </fieldset>
      <label class="choice"
        ><input
          type="checkbox"
          .checked=${hasLetterKeys(window)}
          @change=${(event: Event) => {
            if (event.target instanceof HTMLInputElement) setLetterKeys(window, event.target.checked);
          }}
        />${say("letterKeys")}</label
      >
      <p class="note">${say("letterKeysNote")}</p>
    </section>`;
  }

  #keys() {
    const { account } = this.session.views;
    return html`<section aria-labelledby="rotate">
      <h2 id="rotate">${say("rotate")}</h2>
      <p class="note">${say("rotateNote")}</p>
      ${account === null ? nothing : html`<p class="note">${say("epochLine", { epoch: account.epoch, seq: account.chainSeq })}</p>`}
      <div>
        <button class="btn line" type="button" ?disabled=${this.busy !== null} @click=${this.#rotate}>${say("rotateGo")}</button>
      </div>
      ${this.busy === "rotate" ? html`<dt-progress .label=${text("rotating")}></dt-progress>` : nothing}
    </section>`;
  }

  #holds() {
    const { fingerprint } = this;
    return html`<section aria-labelledby="holds">
      <h2 id="holds">${say("fingerprint")}</h2>
      <p class="note">${say("fingerprintNote")}</p>
      ${
        fingerprint === null
          ? html`<div>
              <button class="btn line" type="button" ?disabled=${this.busy !== null} @click=${this.#compute}>
                  ${say("fingerprintShow")}
                </button>
              </div>
              ${this.busy === "compute" ? html`<dt-progress .label=${text("fingerprintComputing")}></dt-progress>` : nothing}`
          : html`<p class="mono">${fingerprint.view}</p>
              <p class="note">${say("fingerprintOps", { count: fingerprint.opCount })}</p>`
      }
    </section>`;
  }
}

customElements.define("dt-settings", DtSettings);
