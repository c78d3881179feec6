/** Puts the account back on its server, which lost it or was set back, from what this device holds. Rules IN2, IN6; WB30 */
import type { PutBackReport } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import type { HistoryProgress, Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { askedField } from "./asked-field.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

export class DtPutBack extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    needsInvitation: { state: true },
    needsHandle: { state: true },
    isBusy: { state: true },
    fault: { state: true },
    report: { state: true },
  };
  static override styles = [baseStyles];
  declare session: Session;
  declare engine: Engine;
  declare needsInvitation: boolean;
  /** Somebody else has taken the account's handle since. */
  declare needsHandle: boolean;
  declare isBusy: boolean;
  declare fault: ErrorWords | null;
  declare report: PutBackReport | null;
  #invitation = "";
  #handle = "";
  #progress: HistoryProgress | null = null;

  constructor() {
    super();
    this.needsInvitation = false;
    this.needsHandle = false;
    this.isBusy = false;
    this.fault = null;
    this.report = null;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => {
        if (event?.type === "progress" && event.phase === "restoring")
          this.#progress = { done: event.done, total: event.total };
      },
    );
  }

  #putBack = async (): Promise<void> => {
    const invitation = this.#invitation.trim();
    const handle = this.#handle.trim();
    this.isBusy = true;
    this.fault = null;
    this.#progress = null;
    const done = await this.session.client.putBack({
      ...(invitation === "" ? {} : { invitation }),
      ...(handle === "" ? {} : { handle }),
    });
    this.isBusy = false;
    this.session.refresh();
    if (done.ok) {
      this.report = done.value;
      this.session.client.start();
      return;
    }
    const code = done.error.type === "Refused" ? done.error.code : null;
    this.needsInvitation ||= code === "registration-closed";
    this.needsHandle ||= code === "handle-taken";
    const taken = handle === "" ? (this.session.views.account?.handle ?? "") : handle;
    this.fault =
      code === "handle-taken"
        ? { text: text("moveHandleTaken", { server: this.#server, handle: taken }) }
        : describeError(done.error);
    if (code !== "handle-taken") return;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLInputElement>("#handle")?.select();
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
    const { isBusy, needsInvitation, needsHandle } = this;
    const progress = this.#progress;
    const server = this.#server;
    return html`<p>${say("putBackText", { server })}</p>
      <p class="note">${say("putBackNote")}</p>
      ${
        needsInvitation
          ? askedField({
              ...{ id: "invitation", label: say("invitation"), note: say("invitationNote"), isBusy },
              onType: (typed) => {
                this.#invitation = typed;
              },
            })
          : nothing
      }
      ${
        needsHandle
          ? askedField({
              ...{ id: "handle", label: say("moveHandle", { server }), note: say("moveHandleNote"), isBusy },
              onType: (typed) => {
                this.#handle = typed;
              },
            })
          : nothing
      }
      ${faultLine(this.fault)}
      ${
        isBusy
          ? html`<dt-progress
              .label=${progress === null ? text("puttingBack") : text("puttingBackPart", { ...progress })}
              .done=${progress?.done ?? null}
              .total=${progress?.total ?? null}
            ></dt-progress>`
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
