/** Choosing a backup's file, opening it, and reading it through before anything is begun. Goes up as `dt-open`. BK12 */
import {
  type BackupIntake,
  type BackupKey,
  type BackupLock,
  type BackupReport,
  ok,
  parsePassphrase,
  type Result,
} from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import type { Engine, EngineError } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { describeSize } from "../words/sizes.ts";
import { momentTime } from "../words/times.ts";
import { fieldsOf, oneLine } from "./form.ts";
import {
  describeBackupError,
  type OpenBackup,
  readBackup,
  readFileHead,
  wipeBackupKey,
} from "./read-backup.ts";
import { faultLine } from "./fault-line.ts";
import "./dt-progress.ts";

export class DtOpenBackup extends LitElement {
  static override properties = {
    engine: { attribute: false },
    lock: { state: true },
    fault: { attribute: false },
    readBytes: { state: true },
  };
  static override styles = [baseStyles];
  declare engine: Engine;
  /** What opens the chosen file; null before there is one. */
  declare lock: BackupLock | null;
  /** What is wrong with the file, found here or by whom it was opened for. */
  declare fault: ErrorWords | null;
  /** While it is read through. */
  declare readBytes: number | null;
  #file: File | null = null;
  #intake: BackupIntake | null = null;

  constructor() {
    super();
    this.lock = null;
    this.fault = null;
    this.readBytes = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    void this.#intake?.cancel();
  }

  #choose = async (event: Event): Promise<void> => {
    const file = event.target instanceof HTMLInputElement ? (event.target.files?.[0] ?? null) : null;
    this.#file = file;
    this.lock = null;
    this.fault = null;
    if (file === null) return;
    const head = await readFileHead(file);
    const lock = head.ok ? await this.engine.backupLock(head.value) : head;
    if (this.#file !== file) return;
    if (!lock.ok) {
      this.fault = describeBackupError(lock.error);
      return;
    }
    this.lock = lock.value;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>("#secret")?.focus();
  };

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const file = this.#file;
    if (file === null || this.lock === null || this.readBytes !== null) return;
    const key = keyOf(this.lock, fieldsOf(event, ["secret"]).secret);
    if (!key.ok) {
      this.fault = describeBackupError(key.error);
      return;
    }
    this.fault = null;
    this.readBytes = 0;
    const checked = await this.#check(file, key.value);
    this.readBytes = null;
    if (checked.ok && this.isConnected) {
      const detail: OpenBackup = { file, key: key.value, report: checked.value };
      this.dispatchEvent(new CustomEvent<OpenBackup>("dt-open", { detail }));
      return;
    }
    wipeBackupKey(key.value);
    if (checked.ok) return;
    this.fault = describeBackupError(checked.error);
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>("#secret")?.focus();
  };

  async #check(file: File, key: BackupKey): ReturnType<typeof readBackup> {
    const intake = await this.engine.checkBackup(key);
    if (!intake.ok) return intake;
    this.#intake = intake.value;
    const checked = await readBackup(file, intake.value, (readBytes) => {
      this.readBytes = readBytes;
    });
    this.#intake = null;
    return checked;
  }

  override render() {
    const { lock, fault, readBytes } = this;
    const isBusy = readBytes !== null;
    return html`<form @submit=${this.#submit}>
      <div class="field">
        <label for="file">${say("restoreFile")}</label>
        <input id="file" type="file" required ?disabled=${isBusy} aria-describedby="file-note" @change=${this.#choose} />
        <p id="file-note" class="note">${say("restoreFileNote")}</p>
      </div>
      ${lock === null ? nothing : this.#secret(lock, isBusy)}
      ${faultLine(fault)}
      ${
        isBusy
          ? html`<dt-progress
              .label=${text("restoreChecking", sizesOf(readBytes, this.#file))}
              .done=${readBytes}
              .total=${this.#file?.size ?? 0}
            ></dt-progress>`
          : nothing
      }
      <div class="acts">
        <button class="btn ink lg" ?disabled=${isBusy || lock === null}>${say("restoreCheck")}</button>
        <slot></slot>
      </div>
    </form>`;
  }

  #secret(lock: BackupLock, isBusy: boolean) {
    return lock === "recovery"
      ? html`<div class="field">
          <label for="secret">${say("backupWords")}</label>
          <textarea id="secret" name="secret" rows="4" required ?disabled=${isBusy} autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="secret-note"></textarea>
          <p id="secret-note" class="note">${say("backupWordsNote")}</p>
        </div>`
      : html`<div class="field">
          <label for="secret">${say("backupPassphrase")}</label>
          <input id="secret" name="secret" type="password" required ?disabled=${isBusy} autocomplete="off" />
        </div>`;
  }
}

/** Whose backup it is, from when, and how much there is in it. */
export function describeReport({ displayName, createdAtMs, documents, ops }: BackupReport) {
  return html`<p>
    ${say("restoreFound", { name: displayName, time: momentTime(createdAtMs, Date.now()), documents, ops })}
  </p>`;
}

/** How much of a file was read, for a sentence. */
export function sizesOf(
  readBytes: number,
  file: Blob | null,
): { readonly done: string; readonly total: string } {
  return { done: describeSize(readBytes), total: describeSize(file?.size ?? 0) };
}

function keyOf(lock: BackupLock, typed: string): Result<BackupKey, EngineError> {
  if (lock === "recovery") return ok({ type: "words", words: oneLine(typed) });
  const passphrase = parsePassphrase(typed);
  return passphrase.ok ? ok({ type: "passphrase", passphrase: passphrase.value }) : passphrase;
}

customElements.define("dt-open-backup", DtOpenBackup);
