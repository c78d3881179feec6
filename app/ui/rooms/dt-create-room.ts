/** Making a room: its name, and who is let in. Works without a server; who is let in is told when it answers. */
import type { AccountId } from "@dovetail/core";
import { html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-sheet.ts";
import "./dt-choose-people.ts";

export class DtCreateRoom extends LitElement {
  static override properties = {
    session: { attribute: false },
    chosen: { state: true },
    fault: { state: true },
    isBusy: { state: true },
  };
  static override styles = baseStyles;
  declare session: Session;
  declare chosen: ReadonlySet<AccountId>;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.chosen = new Set();
    this.fault = null;
    this.isBusy = false;
    new Watch(this, () => this.session ?? null);
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { client } = this.session;
    this.isBusy = true;
    this.fault = null;
    const made = await client.createRoom(fieldsOf(event, ["name"]).name.trim());
    if (!made.ok) {
      this.isBusy = false;
      this.fault = describeError(made.error);
      return;
    }
    const { id } = made.value;
    for (const accountId of this.chosen) await this.session.tried(client.inviteToRoom(id, accountId));
    this.session.refresh();
    goTo(window, { section: "inbox", conversationId: id });
  };

  override render() {
    const people = this.session.views.contacts.filter(({ state }) => state === "accepted");
    const { fault, isBusy } = this;
    return html`<dt-sheet .label=${text("roomNew")} @dt-close=${this.#closed}>
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="name">${say("roomName")}</label>
          <input id="name" name="name" required dir="auto" autocomplete="off" aria-describedby="name-note" />
          <p id="name-note" class="note">${say("roomNameNote")}</p>
        </div>
        ${
          people.length === 0
            ? html`<p class="note">${say("roomWhoNone")}</p>`
            : html`<div class="field">
                <dt-choose-people
                  .people=${people}
                  .chosen=${this.chosen}
                  .label=${text("roomWho")}
                  @dt-chosen=${(event: CustomEvent<ReadonlySet<AccountId>>) => {
                    this.chosen = event.detail;
                  }}
                ></dt-choose-people>
                <p class="note">${say("roomWhoNote")}</p>
              </div>`
        }
        ${faultLine(fault)}
        <div class="acts">
          <button class="btn ink" ?disabled=${isBusy}>${say("roomMake")}</button>
          <button class="btn line" type="button" @click=${this.#closed}>${say("cancel")}</button>
        </div>
      </form>
    </dt-sheet>`;
  }
}

customElements.define("dt-create-room", DtCreateRoom);
