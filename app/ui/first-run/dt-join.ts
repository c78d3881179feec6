/** Linking this browser to an account: scan or paste, whose account, six digits to type on the other device. */
import type { LinkingGuest } from "@dovetail/core";
import { html, LitElement, nothing } from "lit";
import type { Engine, EngineError, ProfileJoin } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { judgeCode } from "../parts/code-kind.ts";
import { faultLine } from "../parts/fault-line.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import { innerStep } from "./inner-step.ts";
import { ProfileForm } from "./profile-form.ts";
import "../parts/dt-avatar.ts";
import "../parts/dt-joint.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-scan.ts";

type Step =
  | { readonly type: "code" }
  | { readonly type: "account"; readonly guest: LinkingGuest }
  | { readonly type: "accepting"; readonly guest: LinkingGuest }
  | { readonly type: "digits"; readonly guest: LinkingGuest; readonly digits: string }
  | { readonly type: "linked" }
  /** `elsewhere`: the page where it would go, when it is another server's. */
  | { readonly type: "ended"; readonly elsewhere: string | null };

export class DtJoin extends LitElement {
  static override properties = {
    engine: { attribute: false },
    step: { state: true },
    code: { state: true },
    isScanning: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  declare step: Step;
  declare code: string;
  declare isScanning: boolean;
  readonly #form = new ProfileForm(this);
  #isGone = false;

  constructor() {
    super();
    this.step = { type: "code" };
    this.code = "";
    this.isScanning = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#isGone = true;
    const { step } = this;
    if (step.type === "account" || step.type === "accepting" || step.type === "digits")
      void step.guest.cancel();
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    const read = this.#form.read(event, ["code"]);
    if (read === null) return;
    const { typed, ...fields } = read;
    const fault = judgeCode(typed.code, "link");
    // What is no code at all the engine names better.
    if (fault !== null && fault !== "scanForeign") this.#form.show({ text: text(fault) });
    else await this.#join({ ...fields, code: typed.code.trim() });
  };

  async #join(join: ProfileJoin): Promise<void> {
    const joined = await this.#form.attempt(() => this.engine.join(join));
    if (this.#isGone) {
      if (joined.ok) void joined.value.cancel();
      return;
    }
    if (joined.ok) this.step = { type: "account", guest: joined.value };
    else if (joined.error.type === "AccountElsewhere")
      this.step = { type: "ended", elsewhere: joined.error.origin };
  }

  async #accept(guest: LinkingGuest): Promise<void> {
    this.step = { type: "accepting", guest };
    const accepted = await guest.accept();
    if (this.#isGone) return;
    if (!accepted.ok) {
      this.#end(accepted.error);
      return;
    }
    this.step = { type: "digits", guest, digits: accepted.value.digits };
    const linked = await guest.whenLinked();
    if (this.#isGone) return;
    if (!linked.ok) {
      this.#end(linked.error);
      return;
    }
    this.step = { type: "linked" };
    this.#form.emit("dt-joined");
    this.#form.emit("dt-finished");
  }

  #end(error: EngineError): void {
    this.#form.show(describeEngineError(error));
    this.step = { type: "ended", elsewhere: null };
  }

  #scanned = (event: CustomEvent<string>): void => {
    this.isScanning = false;
    this.code = event.detail;
  };

  #again = (): void => {
    this.#form.show(null);
    this.code = "";
    this.step = { type: "code" };
  };

  #stop = (guest: LinkingGuest): void => {
    void guest.cancel();
    this.#form.emit("dt-back");
  };

  override render() {
    const { step } = this;
    switch (step.type) {
      case "code":
        return this.#fields();
      case "account":
      case "accepting":
        return this.#account(step.guest, step.type === "accepting");
      case "digits":
        return this.#digits(step.guest, step.digits);
      case "linked":
        return html`<h1 class="step">${say("linkDone")}</h1>`;
      case "ended":
        return this.#ended(step.elsewhere);
    }
  }

  /** The one thing to do: the page it belongs to, else another code. */
  #ended(elsewhere: string | null) {
    const act =
      elsewhere === null
        ? html`<button class="btn ink lg" type="button" @click=${this.#again}>${say("linkAnew")}</button>`
        : html`<a class="btn ink lg" href=${elsewhere} rel="noreferrer"
              >${say("linkElsewhereOpen", { server: new URL(elsewhere).host })}</a
            ><button class="btn lg" type="button" @click=${this.#again}>${say("back")}</button>`;
    return html`<h1 class="step">${say("linkTitle")}</h1>
      ${faultLine(this.#form.fault)}
      <div class="acts">${act}</div>`;
  }

  #fields() {
    return html`<h1 class="step">${say("linkTitle")}</h1>
      <p class="soft">${say("linkNote")}</p>
      ${this.engine.state().type === "evicted" ? html`<p class="soft">${say("linkEvictedNote")}</p>` : nothing}
      ${
        this.isScanning
          ? html`<dt-scan expects="link" @dt-found=${this.#scanned}></dt-scan>`
          : html`<div>
              <button class="btn line lg" type="button" @click=${() => (this.isScanning = true)}>${say("scanStart")}</button>
            </div>`
      }
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="code">${say("linkPaste")}</label>
          <textarea
            id="code"
            name="code"
            rows="3"
            required
            autocomplete="off"
            spellcheck="false"
            aria-describedby="code-note"
            .value=${this.code}
          ></textarea>
          <p id="code-note" class="note">${say("linkPasteNote")}</p>
        </div>
        ${this.#form.end("linkContinue", text("linkReading"))}
      </form>`;
  }

  #account(guest: LinkingGuest, isBusy: boolean) {
    const { accountName } = guest;
    return html`<h1 class="step">${say("linkIsItYou")}</h1>
      <div class="id">
        <dt-avatar .name=${accountName}></dt-avatar>
        <b><bdi>${accountName}</bdi></b>
      </div>
      <p class="note">${say("linkAccountNote", { name: accountName })}</p>
      ${isBusy ? html`<dt-progress .label=${text("linkWaiting")}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn ink lg" type="button" ?disabled=${isBusy} @click=${() => this.#accept(guest)}>${say("linkYes")}</button>
        <button class="btn line lg" type="button" @click=${() => this.#stop(guest)}>${say("stop")}</button>
      </div>`;
  }

  #digits(guest: LinkingGuest, digits: string) {
    const { accountName } = guest;
    return html`<h1 class="step">${say("linkCodeTitle")}</h1>
      <p class="code" role="img" aria-label=${text("linkCodeLabel", { digits: [...digits].join(" ") })}>
        <span>${digits.slice(0, 3)}</span><span>${digits.slice(3)}</span>
      </p>
      <p class="note">${say("linkCodeNote")}</p>
      <div class="id">
        <dt-avatar .name=${accountName}></dt-avatar>
        <b><bdi>${accountName}</bdi></b>
      </div>
      <p class="note">${say("linkAccountNote", { name: accountName })}</p>
      <p class="note wait" role="status"><dt-joint state="apart"></dt-joint>${say("linkWaiting")}</p>
      <div><button class="btn line lg" type="button" @click=${() => this.#stop(guest)}>${say("stop")}</button></div>`;
  }
}

customElements.define("dt-join", DtJoin);
