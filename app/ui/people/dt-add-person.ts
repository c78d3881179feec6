/** First contact, both ways: one's own link to hand out, and theirs to ask by. */
import { css, html, LitElement, nothing } from "lit";
import type { ErrorWords } from "../words/en-errors.ts";
import { baseStyles } from "../look/base-styles.ts";
import { linkStyles } from "../look/link-styles.ts";
import { copyText } from "../parts/copy.ts";
import { showToast } from "../parts/dt-toast.ts";
import { icon } from "../parts/icon.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { fieldsOf } from "../parts/form.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-qr.ts";
import { isRoomLink, judgeCode } from "../parts/code-kind.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-scan.ts";
import "../parts/dt-sheet.ts";

export class DtAddPerson extends LitElement {
  static override properties = {
    session: { attribute: false },
    isOwn: { attribute: false },
    link: { state: true },
    fault: { state: true },
    isBusy: { state: true },
    isScanning: { state: true },
    address: { state: true },
  };
  static override styles = [
    baseStyles,
    linkStyles,
    css`
      section {
        display: grid;
        gap: 12px;
      }
      h3 {
        font: 600 var(--t4);
      }
      hr {
        inline-size: 100%;
        border: 0;
        border-block-start: 1px solid var(--line);
        margin: 8px 0;
      }
    `,
  ];
  declare session: Session;
  /** Only one's own link is asked for. */
  declare isOwn: boolean;
  declare link: string | null;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;
  declare isScanning: boolean;
  declare address: string;

  constructor() {
    super();
    this.isOwn = false;
    this.link = null;
    this.fault = null;
    this.isBusy = false;
    this.isScanning = false;
    this.address = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#readLink();
  }

  async #readLink(): Promise<void> {
    const link = await this.session.client.contactLink();
    if (link.ok) this.link = link.value;
    else this.fault = describeError(link.error);
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { address, petname, greeting } = fieldsOf(event, ["address", "petname", "greeting"]);
    if (judgeCode(address, "address") === "scanLinkElsewhere") {
      this.fault = { text: text("scanLinkElsewhere") };
      return;
    }
    this.isBusy = true;
    this.fault = null;
    if (isRoomLink(address)) return this.#join(address);
    const added = await this.session.client.addContact(address, {
      ...(petname === "" ? {} : { petname }),
      ...(greeting.trim() === "" ? {} : { greeting }),
    });
    this.isBusy = false;
    this.session.refresh();
    if (added.ok) goTo(window, { section: "inbox", conversationId: added.value.conversationId });
    else this.fault = describeError(added.error);
  };

  /** The room shows by itself, when somebody's device has let this account in. RM32 */
  async #join(code: string): Promise<void> {
    const asked = await this.session.client.joinRoom(code);
    this.isBusy = false;
    this.session.refresh();
    if (!asked.ok) {
      this.fault = describeError(asked.error);
      return;
    }
    showToast(this, { text: text("roomLinkAsked") });
    this.#closed();
  }

  #scanned = (event: CustomEvent<string>): void => {
    this.isScanning = false;
    this.address = event.detail;
  };

  #typed = (event: Event): void => {
    if (event.target instanceof HTMLInputElement) this.address = event.target.value;
  };

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  override render() {
    if (this.isOwn)
      return html`<dt-sheet .label=${text("myLink")} @dt-close=${this.#closed}>
        ${faultLine(this.fault)}${this.#own()}
      </dt-sheet>`;
    return html`<dt-sheet .label=${text("addTitle")} @dt-close=${this.#closed}>
      <div class="acts">
        <button class="btn line" type="button" @click=${() => this.dispatchEvent(new CustomEvent("dt-room"))}>
          ${icon("room")}${say("roomNew")}
        </button>
        <span class="note">${say("roomNewNote")}</span>
      </div>
      ${this.#theirs()}
      <hr />
      <h3>${say("myLink")}</h3>
      ${this.#own()}</dt-sheet
    >`;
  }

  #theirs() {
    const { fault } = this;
    return html`<form @submit=${this.#submit}>
      ${
        this.isScanning
          ? html`<dt-scan expects="address" @dt-found=${this.#scanned}></dt-scan>`
          : html`<div>
              <button class="btn line" type="button" @click=${() => (this.isScanning = true)}>
                ${say("scanStart")}
              </button>
            </div>`
      }
      <div class="field">
        <label for="address">${say("addAddress")}</label>
        <input
          id="address"
          name="address"
          required
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          aria-describedby="address-note"
          .value=${this.address}
          @input=${this.#typed}
        />
        <p id="address-note" class="note">${say("addAddressNote")}</p>
      </div>
      ${isRoomLink(this.address) ? html`<p role="status">${say("roomLinkJoinNote")}</p>` : this.#about()}
      ${faultLine(fault)}
      ${this.isBusy ? html`<dt-progress .label=${text("adding")}></dt-progress>` : nothing}
      <div class="acts"><button class="btn ink" ?disabled=${this.isBusy}>${say(isRoomLink(this.address) ? "roomLinkGo" : "addGo")}</button></div>
    </form>`;
  }

  /** What goes with the question to a person. */
  #about() {
    return html`<div class="field">
        <label for="petname">${say("addPetname")}</label>
        <input id="petname" name="petname" dir="auto" autocomplete="off" aria-describedby="petname-note" />
        <p id="petname-note" class="note">${say("addPetnameNote")}</p>
      </div>
      <div class="field">
        <label for="greeting">${say("addGreeting")}</label>
        <textarea id="greeting" name="greeting" dir="auto" rows="2" aria-describedby="greeting-note"></textarea>
        <p id="greeting-note" class="note">${say("addGreetingNote")}</p>
      </div>`;
  }

  #own() {
    const { link } = this;
    if (link === null) return nothing;
    return html`<section aria-label=${text("myLink")}>
      <p class="note">${say("myLinkNote")}</p>
      <dt-qr .text=${link} .label=${text("myLinkQr")}></dt-qr>
      <p class="link" tabindex="0">${link}</p>
      <div>
        <button class="btn line" type="button" @click=${() => copyText(this, link)}>
          ${icon("link")}${say("copyLink")}
        </button>
      </div>
    </section>`;
  }
}

customElements.define("dt-add-person", DtAddPerson);
