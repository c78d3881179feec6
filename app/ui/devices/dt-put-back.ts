/** Puts the account back on its server, which lost it or was set back, from what this device holds. Rules IN2, IN6; WB30 */
import type { PutBackReport } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import type { Session } from "../session/session.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { PutBackForm } from "./put-back-form.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

export class DtPutBack extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    needsInvitation: { state: true },
    isBusy: { state: true },
    fault: { state: true },
    report: { state: true },
  };
  static override styles = [baseStyles];
  declare session: Session;
  declare engine: Engine;
  declare needsInvitation: boolean;
  declare isBusy: boolean;
  declare fault: ErrorWords | null;
  declare report: PutBackReport | null;
  #form = new PutBackForm(this);

  constructor() {
    super();
    this.needsInvitation = false;
    this.isBusy = false;
    this.fault = null;
    this.report = null;
  }

  #putBack = async (): Promise<void> => {
    this.isBusy = true;
    this.fault = null;
    const done = await this.#form.send();
    this.isBusy = false;
    this.session.refresh();
    if (done.ok) {
      this.report = done.value;
      this.session.client.start();
      return;
    }
    this.needsInvitation ||= done.error.type === "Refused" && done.error.code === "registration-closed";
    this.fault = this.#form.handleTaken(done.error, this.#server) ?? describeError(done.error);
  };

  get #server(): string {
    return new URL(this.session.views.account?.origin ?? location.origin).host;
  }

  #close = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    return html`<dt-sheet .label=${text("putBackTitle")} @dt-close=${this.#close}>
      ${this.report === null ? this.#question() : this.#done(this.report)}
    </dt-sheet>`;
  }

  #question() {
    const { isBusy, needsInvitation } = this;
    const server = this.#server;
    return html`<p>${say("putBackText", { server })}</p>
      <p class="note">${say("putBackNote")}</p>
      ${this.#form.fields({ server, needsInvitation, isBusy })}
      ${faultLine(this.fault)}
      ${
        isBusy
          ? this.#form.progress((come) =>
              come === null ? text("puttingBack") : text("puttingBackPart", { ...come }),
            )
          : nothing
      }
      <dt-prove .engine=${this.engine} .label=${text("putBackGo")} .disabled=${isBusy} @dt-proven=${this.#putBack}
        ><button class="btn line" type="button" ?disabled=${isBusy} @click=${this.#close}>${say("cancel")}</button></dt-prove
      >`;
  }

  #done({ logs, origin }: PutBackReport) {
    const server = new URL(origin).host;
    return html`<p role="status">
        ${logs === 0 ? say("putBackNothing", { server }) : say("putBackDone", { server, count: logs })}
      </p>
      <p class="note">${say("putBackDoneNote")}</p>
      <div><button class="btn ink" type="button" @click=${this.#close}>${say("done")}</button></div>`;
  }
}

customElements.define("dt-put-back", DtPutBack);
