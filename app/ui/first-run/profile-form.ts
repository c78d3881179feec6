/**
 * What the forms that fill this browser's profile share: device name and lock, one attempt at a time, what went wrong,
 * and the two buttons under it.
 */
import {
  html,
  nothing,
  type ReactiveController,
  type ReactiveControllerHost,
  type TemplateResult,
} from "lit";
import type { Result } from "@dovetail/core";
import type { Engine, EngineError } from "../../engine/engine.ts";
import { faultLine } from "../parts/fault-line.ts";
import { fieldsOf } from "../parts/form.ts";
import { describeEngineError } from "../words/engine-error-words.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { suggestedDeviceName } from "./device-name.ts";
import type { DtPassphraseChoice } from "./dt-passphrase-choice.ts";
import "../parts/dt-progress.ts";
import "./dt-passphrase-choice.ts";

type Host = ReactiveControllerHost &
  HTMLElement & { readonly renderRoot: ParentNode; readonly engine: Engine };

/** What every such form asks for, trimmed; `passphrase` is null when none is wanted. */
export interface ProfileFields {
  readonly deviceName: string;
  readonly passphrase: string | null;
  readonly usesPasskey: boolean;
}

export class ProfileForm implements ReactiveController {
  fault: ErrorWords | null = null;
  isBusy = false;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {}

  /** Reads a submitted form. Null, with the fault shown, when the two passphrases differ. */
  read<Name extends string>(
    event: SubmitEvent,
    names: readonly Name[],
  ): (ProfileFields & { readonly typed: Readonly<Record<Name, string>> }) | null {
    event.preventDefault();
    const { device } = fieldsOf(event, ["device"]);
    const typed = fieldsOf(event, names);
    const choice = this.#host.renderRoot.querySelector<DtPassphraseChoice>("dt-passphrase-choice")?.choice;
    if (choice === undefined || choice.type === "differ") {
      this.show({ text: text("passphrasesDiffer") });
      return null;
    }
    const passphrase = choice.type === "passphrase" ? choice.passphrase : null;
    return { typed, deviceName: device.trim(), passphrase, usesPasskey: choice.type === "passkey" };
  }

  /** Runs the one attempt that may go on; a failure is shown and returned. */
  async attempt<T>(act: () => Promise<Result<T, EngineError>>): Promise<Result<T, EngineError>> {
    this.isBusy = true;
    this.show(null);
    const done = await act();
    this.isBusy = false;
    this.show(done.ok ? null : describeEngineError(done.error));
    return done;
  }

  show(fault: ErrorWords | null): void {
    this.fault = fault;
    this.#host.requestUpdate();
  }

  /** Tells the first run: `dt-joined` once the account is here, `dt-finished` when it may go, `dt-back` to choose again. */
  emit(type: "dt-joined" | "dt-finished" | "dt-back"): void {
    this.#host.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
  }

  /** The lower part of the form; `other` is a second way to do what the form is for. */
  end(act: MessageKey, progress: string, other: TemplateResult | typeof nothing = nothing): TemplateResult {
    const { fault, isBusy } = this;
    return html`<div class="field">
        <label for="device">${say("deviceName")}</label>
        <input id="device" name="device" dir="auto" required autocomplete="off" .value=${suggestedDeviceName(navigator.userAgent)} />
      </div>
      <dt-passphrase-choice .engine=${this.#host.engine}></dt-passphrase-choice>
      ${faultLine(fault)}
      ${isBusy ? html`<dt-progress .label=${progress}></dt-progress>` : nothing}
      <div class="acts">
        <button class="btn ink lg" ?disabled=${isBusy}>${say(act)}</button>
        ${other}
        <button class="btn lg" type="button" ?disabled=${isBusy} @click=${() => this.emit("dt-back")}>${say("back")}</button>
      </div>`;
  }
}
