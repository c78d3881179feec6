/**
 * Coming back with a backup: the file is read through, the recovery key makes this browser a device of the account, and
 * what the account lacks of the backup is brought into it. Rules BK10-BK12.
 */
import { html, LitElement, nothing } from "lit";
import type { Engine, LostProfile } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { describeReport, sizesOf } from "../parts/dt-open-backup.ts";
import { oneLine } from "../parts/form.ts";
import { showToast } from "../parts/dt-toast.ts";
import { bringBack, describeBackupError, type OpenBackup, wipeBackupKey } from "../parts/read-backup.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import { innerStep } from "./inner-step.ts";
import { ProfileForm } from "./profile-form.ts";
import { countWords, devicesField, lostProfileOf, replacing, wordsField } from "./recovery-fields.ts";

type Step =
  | { readonly type: "file" }
  | { readonly type: "account" }
  | { readonly type: "bringing"; readonly readBytes: number }
  /** The account is here, and the backup is not in it. */
  | { readonly type: "half"; readonly fault: ErrorWords };

export class DtRestore extends LitElement {
  static override properties = {
    engine: { attribute: false },
    step: { state: true },
    wordCount: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  declare step: Step;
  declare wordCount: number;
  readonly #form = new ProfileForm(this);
  #backup: OpenBackup | null = null;
  #lost: LostProfile | null = null;

  constructor() {
    super();
    this.step = { type: "file" };
    this.wordCount = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#lost = lostProfileOf(this.engine);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.#backup !== null) wipeBackupKey(this.#backup.key);
  }

  #opened = ({ detail }: CustomEvent<OpenBackup>): void => {
    this.#backup = detail;
    this.step = { type: "account" };
  };

  #submit = async (event: SubmitEvent): Promise<void> => {
    const backup = this.#backup;
    const read = this.#form.read(event, ["words", "devices"]);
    if (read === null || backup === null) return;
    const { typed, ...fields } = read;
    const recovered = await this.#form.attempt(() =>
      this.engine.recover({
        ...fields,
        words: backup.key.type === "words" ? backup.key.words : oneLine(typed.words),
        account: backup.report.accountId,
        keepsDevices: typed.devices === "keep",
        ...replacing(this.#lost),
      }),
    );
    if (!recovered.ok) return;
    this.#form.emit("dt-joined");
    await this.#bring(backup);
  };

  async #bring(backup: OpenBackup): Promise<void> {
    this.step = { type: "bringing", readBytes: 0 };
    const brought = await bringBack(this.engine.client, backup, (readBytes) => {
      this.step = { type: "bringing", readBytes };
    });
    if (!brought.ok) {
      this.step = { type: "half", fault: describeBackupError(brought.error) };
      return;
    }
    showToast(this, { text: text("restoreDone", { count: brought.value.documents }) });
    this.#form.emit("dt-finished");
  }

  override render() {
    return html`<h1 class="step">${say("restoreTitle")}</h1>
      ${this.#content(this.step)}`;
  }

  #content(step: Step) {
    const backup = this.#backup;
    if (step.type === "file" || backup === null)
      return html`<p class="note">${say("restoreNote")}</p>
        <dt-open-backup .engine=${this.engine} @dt-open=${this.#opened}
          ><button class="btn lg" type="button" @click=${() => this.#form.emit("dt-back")}>${say("back")}</button></dt-open-backup
        >`;
    switch (step.type) {
      case "account":
        return html`${describeReport(backup.report)} ${this.#fields(backup)}`;
      case "bringing":
        return html`<dt-progress
          .label=${text("restoring", sizesOf(step.readBytes, backup.file))}
          .done=${step.readBytes}
          .total=${backup.file.size}
        ></dt-progress>`;
      case "half":
        return html`<div role="alert">
            <p>${say("restoreHalf")}</p>
            <p><span class="bad">${step.fault.text}</span> ${step.fault.hint ?? ""}</p>
          </div>
          <div class="acts">
            <button class="btn ink lg" type="button" @click=${() => this.#bring(backup)}>${say("tryAgain")}</button>
            <button class="btn lg" type="button" @click=${() => this.#form.emit("dt-finished")}>${say("restoreLater")}</button>
          </div>`;
    }
  }

  #fields({ key, report }: OpenBackup) {
    const count = (event: Event): void => {
      this.wordCount = countWords(event);
    };
    return html`${
      report.origin === location.origin
        ? nothing
        : html`<p class="warn">${say("restoreElsewhere", { server: new URL(report.origin).host, own: location.host })}</p>`
    }
      <form @submit=${this.#submit}>
        ${key.type === "words" ? nothing : wordsField(this.wordCount, count)} ${devicesField(this.#lost !== null)}
        ${this.#form.end("restoreGo", text("recovering"))}
      </form>`;
  }
}

customElements.define("dt-restore", DtRestore);
