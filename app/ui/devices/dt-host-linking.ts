/** Linking one more device from this one: QR and link with their time, then the six digits the new device shows. */
import type { DeviceView, LinkingError, LinkingHost } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { copyText } from "../parts/copy.ts";
import { faultLine } from "../parts/fault-line.ts";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { describeError } from "../words/error-words.ts";
import { EN, type MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { minutesAndSeconds } from "../words/times.ts";
import "../parts/dt-code.ts";
import "../parts/dt-joint.ts";
import "../parts/dt-progress.ts";
import { type Proof, protectionOf } from "../parts/dt-prove.ts";
import "../parts/dt-qr.ts";
import "../parts/dt-sheet.ts";

type Step =
  | { readonly type: "starting" }
  | { readonly type: "code"; readonly host: LinkingHost }
  /** A device has answered; who types its code is asked for first. */
  | { readonly type: "proof"; readonly host: LinkingHost; readonly deviceName: string }
  | {
      readonly type: "digits";
      readonly proof: Proof;
      readonly host: LinkingHost;
      readonly deviceName: string;
      readonly isChecking: boolean;
    }
  | { readonly type: "linked"; readonly deviceName: string }
  | { readonly type: "ended"; readonly error: LinkingError };

const TITLES: Readonly<Partial<Record<Step["type"], MessageKey>>> = {
  proof: "hostProofTitle",
  digits: "hostCodeTitle",
};
const TICK_MS = 250;
/** At how many seconds the time left is spoken. */
const SPOKEN_SECONDS = { 60: "minuteLeft", 10: "tenSecondsLeft" } as const;

export class DtHostLinking extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    replaced: { attribute: false },
    step: { state: true },
    secondsLeft: { state: true },
    digits: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      .b {
        font: 600 var(--t2);
      }
      .typed {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 12px;
        font: 500 var(--t3);
        font-family: var(--mono);
        letter-spacing: 0.04em;
        user-select: all;
      }
      .device {
        display: flex;
        gap: 12px;
        padding-block-start: 16px;
        border-block-start: 1px solid var(--line);
        color: var(--soft);
      }
      .device b {
        font: 500 var(--t3);
        color: var(--ink);
      }
      .acts .end {
        margin-inline-start: auto;
      }
      .linked,
      .proven {
        display: flex;
        gap: 12px;
        align-items: center;
        padding: 12px;
        border-radius: var(--r2);
        background: var(--proven-wash);
        font: 500 var(--t2);
      }
      .proven .ic,
      .linked dt-joint {
        color: var(--proven);
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  /** The device that goes as the new one comes; null when none does. */
  declare replaced: DeviceView | null;
  declare step: Step;
  declare secondsLeft: number;
  declare digits: string;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Counts the codes shown, so that what an earlier one answers is dropped. */
  #round = 0;

  constructor() {
    super();
    this.replaced = null;
    this.step = { type: "starting" };
    this.secondsLeft = 0;
    this.digits = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#round += 1;
    if (this.step.type === "code" || this.step.type === "proof" || this.step.type === "digits")
      void this.step.host.cancel();
  }

  #begin = async (): Promise<void> => {
    this.#round += 1;
    const round = this.#round;
    this.step = { type: "starting" };
    this.digits = "";
    const started = await this.session.client.linkDevice(
      this.replaced === null ? {} : { replaces: this.replaced.id },
    );
    if (round !== this.#round) {
      if (started.ok) void started.value.cancel();
      return;
    }
    if (!started.ok) {
      this.step = { type: "ended", error: started.error };
      return;
    }
    const host = started.value;
    this.step = { type: "code", host };
    this.#tick(host);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(host), TICK_MS);
    const answered = await host.whenAnswered;
    if (round !== this.#round) return;
    if (!answered.ok) {
      this.step = { type: "ended", error: answered.error };
      return;
    }
    const { deviceName } = answered.value;
    const { hasPassphrase, hasPasskey } = protectionOf(this.engine);
    // Where nothing locks the profile the digits are the confirmation.
    this.step =
      hasPassphrase || hasPasskey
        ? { type: "proof", host, deviceName }
        : { type: "digits", proof: "none", host, deviceName, isChecking: false };
  };

  #proven = (event: CustomEvent<Proof>): void => {
    const { step } = this;
    if (step.type === "proof")
      this.step = { ...step, type: "digits", proof: event.detail, isChecking: false };
  };

  #tick(host: LinkingHost): void {
    this.secondsLeft = Math.max(0, Math.ceil((host.expiresAtMs - Date.now()) / 1000));
    if (this.secondsLeft === 0) clearInterval(this.#timer);
  }

  #confirm = async (): Promise<void> => {
    const { step, digits } = this;
    if (step.type !== "digits" || step.isChecking || digits.length !== 6) return;
    const round = this.#round;
    this.step = { ...step, isChecking: true };
    const confirmed = await step.host.confirm(digits);
    if (round !== this.#round) return;
    this.session.refresh();
    this.step = confirmed.ok
      ? { type: "linked", deviceName: step.deviceName }
      : { type: "ended", error: confirmed.error };
  };

  #close = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    return html`<dt-sheet .label=${text(TITLES[this.step.type] ?? "hostTitle")} @dt-close=${this.#close}
      >${this.#body()}</dt-sheet
    >`;
  }

  #body() {
    const { step } = this;
    switch (step.type) {
      case "starting":
        return html`<dt-progress .label=${text("hostStarting")}></dt-progress>`;
      case "code":
        return this.#code(step.host);
      case "proof":
        return html`<p class="note">${say("hostProofNote")}</p>
          ${this.#device(step.deviceName)}
          <dt-prove .engine=${this.engine} .label=${text("hostProofGo")} @dt-proven=${this.#proven}
            ><button class="btn line" type="button" @click=${this.#close}>${say("stop")}</button></dt-prove
          >`;
      case "digits":
        return this.#typing(step);
      case "linked":
        return html`<p class="linked" role="status">
            <dt-joint state="joined"></dt-joint><span>${say("hostLinked", { name: step.deviceName })}</span>
          </p>
          <p class="note">${say("hostLinkedNote")}</p>
          <div class="acts"><button class="btn ink" type="button" @click=${this.#close}>${say("done")}</button></div>`;
      case "ended":
        return this.#ended(step.error);
    }
  }

  #code(host: LinkingHost) {
    if (this.secondsLeft === 0)
      return html`<p role="alert">${say("hostExpired")}</p>
        <div class="acts">
          <button class="btn ink" type="button" @click=${this.#begin}>${say("hostNew")}</button>
        </div>`;
    const spoken = Object.entries(SPOKEN_SECONDS).find(
      ([seconds]) => Number(seconds) === this.secondsLeft,
    )?.[1];
    return html`<p class="note">${say("hostNote", { choice: EN.firstRunLink })}</p>
      ${this.replaced === null ? nothing : html`<p>${say("hostReplaces", { name: this.replaced.name })}</p>`}
      <dt-qr .text=${host.code} .label=${text("hostQr")}></dt-qr>
      <div>
        <p class="note">${say("hostTyped", { server: new URL(this.session.views.account?.origin ?? location.origin).host })}</p>
        <p class="typed mono" role="img" aria-label=${text("hostTypedLabel", { code: [...host.typedCode].join(" ") })}>
          ${host.typedCode.split("-").map((group) => html`<span>${group}</span>`)}
        </p>
      </div>
      <div>
        <p class="b">${say("hostOnce", { time: minutesAndSeconds(this.secondsLeft) })}</p>
        <p class="note">${say("hostNoKey")}</p>
        <p class="vh" role="status">${spoken === undefined ? nothing : say(spoken)}</p>
      </div>
      <div class="acts">
        <button class="btn line" type="button" @click=${() => copyText(this, host.code)}>
          ${icon("link")}${say("copyLink")}
        </button>
        <button class="btn end" type="button" @click=${this.#close}>${say("stop")}</button>
      </div>`;
  }

  #device(deviceName: string) {
    return html`<div class="device">
      ${icon("devices")}
      <div><b><bdi>${deviceName}</bdi></b><p class="note">${say("hostDeviceNote")}</p></div>
    </div>`;
  }

  #typing({ deviceName, isChecking, proof }: Extract<Step, { readonly type: "digits" }>) {
    return html`<p class="note">${say("hostCodeNote")}</p>
      ${
        proof === "none"
          ? nothing
          : html`<p class="proven" role="status">
              ${icon("check")}<span>${say(proof === "passkey" ? "provenPasskey" : "provenPassphrase")}</span>
            </p>`
      }
      <dt-code
        .label=${text("hostCodeLabel")}
        .disabled=${isChecking}
        @dt-digits=${(event: CustomEvent<string>) => {
          this.digits = event.detail;
        }}
        @dt-enter=${this.#confirm}
      ></dt-code>
      <p class="note">${say("hostOneAttempt")}</p>
      ${proof === "none" ? html`<p class="note">${say("proveNothingNote")}</p>` : nothing}
      ${this.#device(deviceName)}
      ${isChecking ? html`<dt-progress .label=${text("hostChecking")}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn line" type="button" ?disabled=${isChecking} @click=${this.#close}>${say("stop")}</button>
        <button
          class="btn ink end"
          type="button"
          ?disabled=${isChecking || this.digits.length !== 6}
          @click=${this.#confirm}
        >
          ${say("hostConfirm")}
        </button>
      </div>`;
  }

  #ended(error: LinkingError) {
    return html`${faultLine(describeError(error))}
      <div class="acts">
        <button class="btn ink" type="button" @click=${this.#begin}>${say("hostNew")}</button>
      </div>`;
  }
}

customElements.define("dt-host-linking", DtHostLinking);
