/** One person: what they are called, where they are, the safety number. */
import type { AccountId, ContactDetails, ContactView, LastSeen } from "@dovetail/core";
import { html, LitElement, nothing, type PropertyValues } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { fieldsOf } from "../parts/form.ts";
import { icon } from "../parts/icon.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-avatar.ts";
import "../parts/dt-progress.ts";
import "../conversation/dt-request-bar.ts";
import "./dt-safety-number.ts";

const HEARD_WORDS: Readonly<Record<LastSeen, MessageKey>> = {
  day: "heardDay",
  week: "heardWeek",
  month: "heardMonth",
  longer: "heardLonger",
  never: "heardNever",
};

export class DtPerson extends LitElement {
  static override properties = {
    session: { attribute: false },
    accountId: { attribute: false },
    details: { state: true },
    isAsking: { state: true },
  };
  static override styles = [baseStyles, paneStyles];
  declare session: Session;
  declare accountId: AccountId | null;
  declare details: ContactDetails | null;
  declare isAsking: boolean;

  constructor() {
    super();
    this.accountId = null;
    this.details = null;
    this.isAsking = false;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => {
        if (event === null) void this.#read();
      },
    );
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("accountId")) return;
    this.details = null;
    void this.#read();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("accountId") && this.accountId !== null) this.scrollTop = 0;
  }

  async #read(): Promise<void> {
    const { accountId } = this;
    if (accountId === null) return;
    const details = await this.session.client.contactDetails(accountId);
    if (details.ok && this.accountId === accountId) this.details = details.value;
  }

  #note = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.accountId === null) return;
    const notes = fieldsOf(event, ["notes"]).notes.trim();
    const saved = await this.session.tried(
      this.session.client.setContactNotes(this.accountId, notes === "" ? null : notes),
    );
    if (saved !== null) showToast(this, { text: text("saved") });
  };

  #rename = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (this.accountId === null) return;
    const petname = fieldsOf(event, ["petname"]).petname.trim();
    const saved = await this.session.tried(
      this.session.client.setPetname(this.accountId, petname === "" ? null : petname),
    );
    if (saved !== null) showToast(this, { text: text("saved") });
  };

  override render() {
    const contact = this.session.views.contacts.find((one) => one.accountId === this.accountId);
    if (contact === undefined) return html`<div class="pane"><p class="soft">${say("personNone")}</p></div>`;
    return keyed(
      contact.accountId,
      html`<div class="pane">
      <button class="ib back" type="button" aria-label=${text("back")} @click=${() => goTo(window, { section: "people" })}>
        ${icon("back")}
      </button>
      <div class="head">
        <dt-avatar .name=${contact.name}></dt-avatar>
        <div>
          <h2 class="title"><bdi>${contact.name}</bdi></h2>
          <p class="soft">${this.#given(contact)}</p>
          <p class="note">${say("atServer", { server: contact.handle ?? new URL(contact.origin).host })}</p>
          ${this.#heard()}
        </div>
      </div>
      ${contact.deletedSinceMs === null ? nothing : html`<p role="status">${say("deletedNote", { name: contact.name })}</p>`}
      ${
        contact.state === "incoming"
          ? html`<dt-request-bar .session=${this.session} .contact=${contact}></dt-request-bar>`
          : this.#write(contact)
      }
      <section>
        <form @submit=${this.#rename}>
          <div class="field">
            <label for="petname">${say("petname")}</label>
            <input id="petname" name="petname" dir="auto" autocomplete="off" .value=${contact.petname ?? ""} aria-describedby="petname-note" />
            <p id="petname-note" class="note">${say("petnameNote")}</p>
          </div>
          <div><button class="btn line">${say("save")}</button></div>
        </form>
      </section>
      ${this.#notes()}
      <dt-safety-number .session=${this.session} .contact=${contact}></dt-safety-number>
      ${contact.state === "incoming" ? nothing : this.#block(contact)}
    </div>`,
    );
  }

  #heard() {
    const { details } = this;
    if (details === null) return nothing;
    const { lastSeen, deviceCount } = details;
    return html`<p class="note">
      ${say(HEARD_WORDS[lastSeen])}${deviceCount === null ? nothing : html` ${say("personDevices", { count: deviceCount })}`}
    </p>`;
  }

  #notes() {
    const { details } = this;
    if (details === null) return nothing;
    return html`<section>
      <form @submit=${this.#note}>
        <div class="field">
          <label for="notes">${say("notes")}</label>
          <textarea id="notes" name="notes" dir="auto" rows="3" .value=${details.notes ?? ""} aria-describedby="notes-note"></textarea>
          <p id="notes-note" class="note">${say("notesNote")}</p>
        </div>
        <div><button class="btn line">${say("save")}</button></div>
      </form>
    </section>`;
  }

  #given(contact: ContactView) {
    return contact.displayName === null || contact.displayName === contact.name
      ? nothing
      : say("givenName", { name: contact.displayName });
  }

  #block({ accountId, state, name }: ContactView) {
    const isBlocked = state === "blocked";
    const { client } = this.session;
    const act = async () => {
      const done = await this.session.tried(
        isBlocked ? client.unblockContact(accountId) : client.blockContact(accountId),
      );
      if (done === null || isBlocked) return;
      const undo = () => void this.session.tried(client.unblockContact(accountId));
      showToast(this, { text: text("blockedNow", { name }), undo });
    };
    return html`<section aria-labelledby="block-title">
      <h3 id="block-title">${say(isBlocked ? "stateBlocked" : "block")}</h3>
      <p class="note">${say(isBlocked ? "blockedNote" : "blockNote", { name })}</p>
      <div>
        <button class="btn ${isBlocked ? "line" : "stop"}" type="button" @click=${act}>
          ${say(isBlocked ? "unblock" : "block")}
        </button>
      </div>
    </section>`;
  }

  #ask = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { accountId } = this;
    if (accountId === null || this.isAsking) return;
    const { greeting } = fieldsOf(event, ["greeting"]);
    this.isAsking = true;
    const asked = await this.session.tried(
      this.session.client.askContact(accountId, greeting.trim() === "" ? {} : { greeting }),
    );
    this.isAsking = false;
    if (asked !== null) goTo(window, { section: "inbox", conversationId: asked.value.conversationId });
  };

  /** Somebody out of a file, whom nobody has asked anything. */
  #unasked({ name }: ContactView) {
    return html`<section>
      <p>${say("knownNote", { name })}</p>
      <form @submit=${this.#ask}>
        <div class="field">
          <label for="greeting">${say("addGreeting")}</label>
          <textarea id="greeting" name="greeting" dir="auto" rows="2" aria-describedby="greeting-note"></textarea>
          <p id="greeting-note" class="note">${say("addGreetingNote")}</p>
        </div>
        ${this.isAsking ? html`<dt-progress .label=${text("adding")}></dt-progress>` : nothing}
        <div><button class="btn ink" ?disabled=${this.isAsking}>${say("addGo")}</button></div>
      </form>
    </section>`;
  }

  #beginOfTwo = async (): Promise<void> => {
    const { accountId } = this;
    if (accountId === null) return;
    const made = await this.session.tried(this.session.client.createConversationOfTwo(accountId));
    if (made === null) return;
    this.session.refresh();
    goTo(window, { section: "inbox", conversationId: made.value.id });
  };

  #write(contact: ContactView) {
    if (contact.state === "known") return this.#unasked(contact);
    if (contact.state !== "accepted" && contact.state !== "requested") return nothing;
    const isAccepted = contact.state === "accepted";
    return html`<section aria-label=${text("write")}>
      <div class="acts">
        <button
          class="btn ink"
          type="button"
          @click=${() => goTo(window, { section: "inbox", conversationId: contact.conversationId })}
        >
          ${say("write")}
        </button>
        ${
          isAccepted
            ? html`<button class="btn line" type="button" aria-describedby="of-two-note" @click=${this.#beginOfTwo}>
                ${say("ofTwo")}
              </button>`
            : nothing
        }
      </div>
      ${isAccepted ? html`<p id="of-two-note" class="note">${say("ofTwoNote", { name: contact.name })}</p>` : nothing}
    </section>`;
  }
}

customElements.define("dt-person", DtPerson);
