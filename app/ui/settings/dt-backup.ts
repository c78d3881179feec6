/** Makes a backup of the account, as a file that a passphrase or the recovery words open, and leads to bringing one back. Rules BK1-BK9; WB30 */
import { type BackupKey, type BackupSource, err, ok, parsePassphrase, type Result } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import type { Engine, EngineError } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { saveFile } from "../parts/save-file.ts";
import type { Session } from "../session/session.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import { say, text } from "../words/say.ts";
import { describeSize } from "../words/sizes.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";
import "./dt-restore-backup.ts";

const FILE_NAME = "dovetail.backup";

export class DtBackup extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    isAsking: { state: true },
    isRestoring: { state: true },
    isByWords: { state: true },
    fault: { state: true },
    progress: { state: true },
    sizeBytes: { state: true },
  };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      .fields,
      fieldset {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      legend {
        font: 500 var(--t2);
        padding: 0 0 6px;
      }
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
        flex: none;
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  declare isAsking: boolean;
  declare isRestoring: boolean;
  declare isByWords: boolean;
  declare fault: ErrorWords | null;
  /** While one is being written. */
  declare progress: { readonly done: number; readonly total: number } | null;
  /** Of the one that was made. */
  declare sizeBytes: number | null;
  #source: BackupSource | null = null;

  constructor() {
    super();
    this.isAsking = false;
    this.isRestoring = false;
    this.isByWords = false;
    this.fault = null;
    this.progress = null;
    this.sizeBytes = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    void this.#source?.cancel();
  }

  #open = (): void => {
    this.isAsking = true;
    this.fault = null;
    this.sizeBytes = null;
  };

  #close = (): void => {
    this.isAsking = false;
    void this.#source?.cancel();
    this.#source = null;
    this.progress = null;
  };

  /** What is to open it, as it was typed. */
  #key(): Result<BackupKey, EngineError | "differ"> {
    const typed = (id: string): string =>
      this.renderRoot.querySelector<HTMLInputElement | HTMLTextAreaElement>(`#${id}`)?.value ?? "";
    if (this.isByWords) return ok({ type: "words", words: typed("words").trim() });
    if (typed("first") !== typed("again")) return err("differ");
    const passphrase = parsePassphrase(typed("first"));
    return passphrase.ok ? ok({ type: "passphrase", passphrase: passphrase.value }) : passphrase;
  }

  #make = async (): Promise<void> => {
    const key = this.#key();
    if (!key.ok) {
      this.fault =
        key.error === "differ" ? { text: text("passphrasesDiffer") } : describeEngineError(key.error);
      return;
    }
    this.fault = null;
    this.progress = { done: 0, total: 0 };
    const written = await this.#write(key.value);
    if (key.value.type === "passphrase") key.value.passphrase.fill(0);
    this.#source = null;
    this.progress = null;
    if (!this.isAsking) return;
    if (!written.ok) {
      this.fault = describeEngineError(written.error);
      return;
    }
    saveFile(written.value, FILE_NAME);
    this.sizeBytes = written.value.size;
  };

  /** The whole file: it is handed out when it is whole, and not before. BK9 */
  async #write(key: BackupKey): Promise<Result<Blob, EngineError>> {
    const source = await this.session.client.createBackup(key);
    if (!source.ok) return source;
    this.#source = source.value;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      const piece = await source.value.next();
      if (!piece.ok) return piece;
      if (piece.value === null) return ok(new Blob(parts, { type: "application/octet-stream" }));
      const { bytes, done, total } = piece.value;
      parts.push(new Uint8Array(bytes));
      this.progress = { done, total };
    }
  }

  override render() {
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("backupTitle")}</h2>
      <p class="note">${say("backupNote")}</p>
      <div class="acts">
        <button class="btn line" type="button" @click=${this.#open}>${say("backupGo")}</button>
        <button class="btn line" type="button" @click=${() => (this.isRestoring = true)}>${say("restoreOpen")}</button>
      </div>
      ${this.isAsking ? this.#sheet() : nothing}
      ${
        this.isRestoring
          ? html`<dt-restore-backup
              .session=${this.session}
              .engine=${this.engine}
              @dt-close=${() => (this.isRestoring = false)}
            ></dt-restore-backup>`
          : nothing
      }
    </section>`;
  }

  #sheet() {
    const { sizeBytes, progress, fault } = this;
    return html`<dt-sheet .label=${text(sizeBytes === null ? "backupGo" : "backupTitle")} @dt-close=${this.#close}>
      ${sizeBytes === null ? this.#fields() : this.#done(sizeBytes)}
      ${faultLine(fault)}
      ${
        progress === null
          ? nothing
          : html`<dt-progress .label=${text("backingUp", progress)} .done=${progress.done} .total=${progress.total}></dt-progress>`
      }
      ${
        sizeBytes === null
          ? html`<dt-prove
              .engine=${this.engine}
              .label=${text("backupGo")}
              .disabled=${progress !== null}
              @dt-proven=${this.#make}
              ><button class="btn line" type="button" @click=${this.#close}>${say("cancel")}</button></dt-prove
            >`
          : html`<div><button class="btn ink" type="button" @click=${this.#close}>${say("done")}</button></div>`
      }
    </dt-sheet>`;
  }

  #fields() {
    const { isByWords } = this;
    const choice = (isThis: boolean, key: "backupByPassphrase" | "backupByWords") =>
      html`<label class="choice"
        ><input
          type="radio"
          name="under"
          .checked=${isByWords === isThis}
          @change=${() => (this.isByWords = isThis)}
        />${say(key)}</label
      >`;
    return html`<div class="fields">
      <fieldset>
        <legend>${say("backupUnder")}</legend>
        ${choice(false, "backupByPassphrase")} ${choice(true, "backupByWords")}
      </fieldset>
      ${
        isByWords
          ? html`<div class="field">
              <label for="words">${say("backupWords")}</label>
              <textarea id="words" rows="3" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="words-note"></textarea>
              <p id="words-note" class="note">${say("backupWordsNote")}</p>
            </div>`
          : html`<div class="field">
                <label for="first">${say("backupPassphrase")}</label>
                <input id="first" type="password" autocomplete="new-password" aria-describedby="first-note" />
                <p id="first-note" class="note">${say("backupPassphraseNote")}</p>
              </div>
              <div class="field">
                <label for="again">${say("passphraseAgain")}</label>
                <input id="again" type="password" autocomplete="new-password" />
              </div>`
      }
    </div>`;
  }

  #done(sizeBytes: number) {
    return html`<p role="status">${say("backupDone", { size: describeSize(sizeBytes) })}</p>
      <p>${say("backupDoneNote")}</p>
      <p class="note">${say("backupWhere")}</p>`;
  }
}

customElements.define("dt-backup", DtBackup);
