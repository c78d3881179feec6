/** Brings a backup of this account back into it: what is there stays, what is missing comes. Rules BK11, BK12 */
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { describeReport, sizesOf } from "../parts/dt-open-backup.ts";
import { bringBack, describeBackupError, type OpenBackup, wipeBackupKey } from "../parts/read-backup.ts";
import type { Session } from "../session/session.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-sheet.ts";

export class DtRestoreBackup extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    backup: { state: true },
    readBytes: { state: true },
    fault: { state: true },
    isDone: { state: true },
  };
  static override styles = [baseStyles];
  declare session: Session;
  declare engine: Engine;
  declare backup: OpenBackup | null;
  /** While it is brought back. */
  declare readBytes: number | null;
  declare fault: ErrorWords | null;
  declare isDone: boolean;

  constructor() {
    super();
    this.backup = null;
    this.readBytes = null;
    this.fault = null;
    this.isDone = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    if (this.backup !== null) wipeBackupKey(this.backup.key);
  }

  #opened = ({ detail }: CustomEvent<OpenBackup>): void => {
    const own = this.session.views.account?.accountId;
    if (detail.report.accountId === own) {
      this.fault = null;
      this.backup = detail;
      return;
    }
    wipeBackupKey(detail.key);
    this.fault = describeBackupError({ type: "BackupOfAnotherAccount" });
  };

  async #bring(backup: OpenBackup): Promise<void> {
    this.fault = null;
    this.readBytes = 0;
    const brought = await bringBack(this.session.client, backup, (readBytes) => {
      this.readBytes = readBytes;
    });
    this.readBytes = null;
    this.session.refresh();
    this.isDone = brought.ok;
    if (!brought.ok) this.fault = describeBackupError(brought.error);
  }

  #close = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    return html`<dt-sheet .label=${text("restoreTitle")} @dt-close=${this.#close}>${this.#content()}</dt-sheet>`;
  }

  #content() {
    const { backup, readBytes } = this;
    if (backup === null)
      return html`<dt-open-backup .engine=${this.engine} .fault=${this.fault} @dt-open=${this.#opened}
        ><button class="btn line" type="button" @click=${this.#close}>${say("cancel")}</button></dt-open-backup
      >`;
    if (this.isDone)
      return html`<p role="status">${say("restoreDone", { count: backup.report.documents })}</p>
        <div><button class="btn ink" type="button" @click=${this.#close}>${say("done")}</button></div>`;
    return html`${describeReport(backup.report)}
      <p class="note">${say("restoreAdds")}</p>
      ${faultLine(this.fault)}
      ${
        readBytes === null
          ? nothing
          : html`<dt-progress .label=${text("restoring", sizesOf(readBytes, backup.file))} .done=${readBytes} .total=${backup.file.size}></dt-progress>`
      }
      <div class="acts">
        <button class="btn ink" type="button" ?disabled=${readBytes !== null} @click=${() => this.#bring(backup)}>${say("restoreGo")}</button>
        <button class="btn line" type="button" ?disabled=${readBytes !== null} @click=${this.#close}>${say("cancel")}</button>
      </div>`;
  }
}

customElements.define("dt-restore-backup", DtRestoreBackup);
