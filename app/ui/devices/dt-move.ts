/**
 * Making another server the home of the account: its address is looked at before anything changes, what will happen is said, and
 * only then asked for. Rules IN10, WB30
 */
import type { ClientError, PutBackReport, ServerView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { serverAddress } from "../parts/server-address.ts";
import type { Session } from "../session/session.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { PutBackForm } from "./put-back-form.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

type Step =
  | { readonly type: "address" }
  | { readonly type: "looking" }
  /** It answers; nothing has changed yet. */
  | { readonly type: "seen"; readonly server: ServerView }
  | { readonly type: "moving"; readonly server: ServerView }
  | { readonly type: "moved"; readonly report: PutBackReport };

export class DtMove extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    step: { state: true },
    address: { state: true },
    fault: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      ul {
        display: grid;
        gap: 8px;
        padding-inline-start: 20px;
        list-style: disc;
        font: 400 var(--t2);
      }
      .ready {
        padding: 12px;
        border-radius: var(--r2);
        background: var(--proven-wash);
        font: 500 var(--t2);
        overflow-wrap: anywhere;
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  declare step: Step;
  declare address: string;
  declare fault: ErrorWords | null;
  #form = new PutBackForm(this);

  constructor() {
    super();
    this.step = { type: "address" };
    this.address = "";
    this.fault = null;
  }

  #look = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    this.address = fieldsOf(event, ["address"]).address.trim();
    const origin = serverAddress(this.address);
    if (origin === null) {
      this.fault = { text: text("moveNoAddress") };
      return;
    }
    this.step = { type: "looking" };
    this.fault = null;
    const seen = await this.session.client.lookAtServer(origin);
    if (this.step.type !== "looking") return;
    const isStaying = seen.ok && seen.value.isHome;
    if (seen.ok && !isStaying) {
      this.step = { type: "seen", server: seen.value };
      return;
    }
    this.step = { type: "address" };
    this.fault = seen.ok
      ? { text: text("moveIsHome", { server: hostOf(origin) }) }
      : describeError(seen.error);
  };

  #move = async (): Promise<void> => {
    if (this.step.type !== "seen") return;
    const { server } = this.step;
    this.step = { type: "moving", server };
    this.fault = null;
    const moved = await this.#form.send(server.origin);
    this.session.refresh();
    this.session.client.start();
    if (moved.ok) {
      this.step = { type: "moved", report: moved.value };
      return;
    }
    this.step = { type: "seen", server };
    this.fault = this.#form.handleTaken(moved.error, hostOf(server.origin)) ?? wordsOf(moved.error);
  };

  #close = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    return html`<dt-sheet .label=${text("moveTitle")} @dt-close=${this.#close}>${this.#content(this.step)}</dt-sheet>`;
  }

  #content(step: Step) {
    const home = this.session.views.account?.origin ?? location.origin;
    // Elsewhere a page is let in only for accounts that name its own server among their homes. GW12
    if (step.type === "address" && home !== location.origin)
      return html`<p>${say("moveFromElsewhere", { server: hostOf(home), own: location.host })}</p>
        <div class="acts">
          <a class="btn ink" href=${home} rel="noreferrer">${say("serverOpen")}</a>${this.#cancel()}
        </div>`;
    switch (step.type) {
      case "address":
      case "looking":
        return this.#addressForm(home, step.type === "looking");
      case "seen":
      case "moving":
        return this.#question(step.server, home, step.type === "moving");
      case "moved":
        return this.#done(step.report);
    }
  }

  #cancel(isOff = false) {
    return html`<button class="btn line" type="button" ?disabled=${isOff} @click=${this.#close}>${say("cancel")}</button>`;
  }

  #addressForm(home: string, isLooking: boolean) {
    return html`<p>${say("moveText", { server: hostOf(home) })}</p>
      <form @submit=${this.#look}>
        <div class="field">
          <label for="address">${say("moveAddress")}</label>
          <input
            id="address"
            name="address"
            required
            inputmode="url"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            placeholder=${text("serverExample")}
            aria-describedby="address-note"
            aria-invalid=${this.fault !== null}
            ?disabled=${isLooking}
            .value=${this.address}
          />
          <p id="address-note" class="note">${say("moveAddressNote")}</p>
        </div>
        ${faultLine(this.fault)}
        ${isLooking ? html`<dt-progress .label=${text("moveLooking")}></dt-progress>` : nothing}
        <div class="acts">
          <button class="btn ink" ?disabled=${isLooking}>${say("moveLook")}</button>
          <button class="btn line" type="button" @click=${this.#close}>${say("cancel")}</button>
        </div>
      </form>`;
  }

  #question(server: ServerView, home: string, isBusy: boolean) {
    const names = { server: hostOf(server.origin), own: hostOf(home) };
    const others = this.session.views.devices.filter((one) => one.isActive).length - 1;
    const needsInvitation = !server.isRegistrationOpen && !server.knowsAccount;
    return html`<p class="ready">${say("moveReady", names)}</p>
      <ul>
        <li>${say("moveBrings", names)}</li>
        ${others > 0 ? html`<li>${say("moveDevices", { count: others })}</li>` : nothing}
        <li>${say("moveContacts", names)}</li>
        <li>${say("moveLeaves", names)}</li>
        <li>${say("movePage", names)}</li>
      </ul>
      ${this.#form.fields({ server: names.server, needsInvitation, isBusy })}
      ${faultLine(this.fault)}
      ${
        isBusy
          ? this.#form.progress((come) =>
              come === null ? text("moving", names) : text("movingPart", { ...names, ...come }),
            )
          : nothing
      }
      <dt-prove .engine=${this.engine} .label=${text("moveGo", names)} .disabled=${isBusy} @dt-proven=${this.#move}
        >${this.#cancel(isBusy)}</dt-prove
      >`;
  }

  #done({ origin, logs }: PutBackReport) {
    const names = { server: hostOf(origin), own: location.host };
    return html`<p role="status">${say("moveDone", { ...names, count: logs })}</p>
      <p class="note">${say("putBackDoneNote")}</p>
      ${origin === location.origin ? nothing : html`<p class="note">${say("serverFormerPage", names)}</p>`}
      <div><button class="btn ink" type="button" @click=${this.#close}>${say("done")}</button></div>`;
  }
}

const hostOf = (origin: string): string => new URL(origin).host;

/** What is so after a move that did not come through. */
function wordsOf(error: ClientError): ErrorWords {
  const { text: what, hint } = describeError(error);
  const again = text("moveAgain");
  return { text: what, hint: hint === undefined ? again : `${hint} ${again}` };
}

customElements.define("dt-move", DtMove);
