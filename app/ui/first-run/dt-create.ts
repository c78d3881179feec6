/** Making an account: name and server, the lock, then the recovery words. */
import { html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { say, text } from "../words/say.ts";
import { firstRunStyles } from "./first-run-styles.ts";
import { innerStep } from "./inner-step.ts";
import { keptInvitation } from "./invitation-link.ts";
import { ProfileForm } from "./profile-form.ts";
import "./dt-words.ts";

export class DtCreate extends LitElement {
  static override properties = {
    engine: { attribute: false },
    framed: { type: Boolean },
    words: { state: true },
    needsInvitation: { state: true },
  };
  static override styles = [baseStyles, firstRunStyles, innerStep];
  declare engine: Engine;
  /** In a page of another site, where there are no settings. */
  declare framed: boolean;
  declare words: string | null;
  declare needsInvitation: boolean;
  /** Of the link that the page was opened with. */
  readonly #invitation = keptInvitation(window);
  readonly #form = new ProfileForm(this);

  constructor() {
    super();
    this.framed = false;
    this.words = null;
    this.needsInvitation = this.#invitation !== null;
  }

  protected override firstUpdated(): void {
    this.renderRoot.querySelector("input")?.focus();
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    const read = this.#form.read(event, ["name", "handle", "invitation"]);
    if (read === null) return;
    const { typed, ...fields } = read;
    const created = await this.#form.attempt(() =>
      this.engine.createAccount({
        ...fields,
        displayName: typed.name.trim(),
        handle: typed.handle.trim() || null,
        invitation: typed.invitation.trim() || null,
      }),
    );
    if (created.ok) {
      this.words = created.value.recoveryWords;
      this.#form.emit("dt-joined");
      return;
    }
    const { error } = created;
    this.needsInvitation ||= error.type === "Refused" && error.code === "registration-closed";
  };

  #confirmed = async (): Promise<void> => {
    // What cannot be noted now is asked again under Settings.
    await this.engine.client.confirmRecoveryWords();
    this.#form.emit("dt-finished");
  };

  override render() {
    const { words } = this;
    if (words !== null)
      return html`<h1 class="step">${say("wordsTitle")}</h1>
        ${this.framed ? html`<p class="warn">${say("embedWordsNote")}</p>` : nothing}
        <dt-words .words=${words} @dt-confirmed=${this.#confirmed}>
          <button class="btn lg" slot="later" type="button" @click=${() => this.#form.emit("dt-finished")}>
            ${say(this.framed ? "embedLater" : "wordsLater")}
          </button>
        </dt-words>`;
    return html`<h1 class="step">${say("createTitle")}</h1>
      ${this.#fields()}`;
  }

  #fields() {
    return html`<form @submit=${this.#submit}>
      <div class="field">
        <label for="name">${say("displayName")}</label>
        <input id="name" name="name" dir="auto" required autocomplete="name" aria-describedby="name-note" />
        <p id="name-note" class="note">${say("displayNameNote")}</p>
      </div>
      <div class="field">
        <label for="handle">${say("handle")}</label>
        <input
          id="handle"
          name="handle"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          pattern="[a-z0-9][a-z0-9._\\-]{1,31}"
          aria-describedby="handle-note"
        />
        <p id="handle-note" class="note">${say("handleNote")}</p>
      </div>
      ${
        this.needsInvitation
          ? html`<div class="field">
              <label for="invitation">${say("invitation")}</label>
              <input id="invitation" name="invitation" required autocomplete="off" spellcheck="false" aria-describedby="invitation-note" value=${this.#invitation ?? ""} />
              <p id="invitation-note" class="note">${say(this.#invitation === null ? "invitationNote" : "invitationCame")}</p>
            </div>`
          : nothing
      }
      ${this.#form.end("createTitle", text("creating", { server: location.host }))}
    </form>`;
  }
}

customElements.define("dt-create", DtCreate);
