/** Stands where one would write in a room one is not in: an invitation to answer, or why one cannot write. */
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import type { RoomThread } from "../session/threads.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { historyWords } from "./room-history.ts";

const NOTES: Readonly<Partial<Record<RoomThread["state"], MessageKey>>> = {
  left: "roomLeftNote",
  removed: "roomRemovedNote",
  declined: "roomDeclinedNote",
};

export class DtRoomBar extends LitElement {
  static override properties = {
    session: { attribute: false },
    room: { attribute: false },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        padding: 16px 24px 20px;
        border-block-start: 1px solid var(--line);
      }
      .in {
        max-inline-size: 728px;
        margin: 0 auto;
        display: grid;
        gap: 12px;
      }
      @media (max-width: 639px) {
        :host {
          padding: 16px 16px calc(16px + env(safe-area-inset-bottom));
        }
      }
    `,
  ];
  declare session: Session;
  declare room: RoomThread;
  declare isBusy: boolean;

  constructor() {
    super();
    this.isBusy = false;
  }

  #join = async (): Promise<void> => {
    this.isBusy = true;
    const { id } = this.room;
    const joined = await this.session.tried(this.session.client.acceptRoom(id));
    this.isBusy = false;
    if (joined !== null) goTo(window, { section: "inbox", conversationId: id }, true);
  };

  #decline = async (): Promise<void> => {
    this.isBusy = true;
    const { id, name } = this.room;
    const declined = await this.session.tried(this.session.client.leaveRoom(id));
    this.isBusy = false;
    if (declined === null) return;
    showToast(this, { text: text("roomDeclined", { name }) });
    this.dispatchEvent(new CustomEvent("dt-back", { bubbles: true, composed: true }));
  };

  #askedByOne(name = text("someone")) {
    return html`<p>${say("ofTwoAsked", { name })}</p>
      <p class="note">${say("ofTwoNote", { name })}</p>`;
  }

  #askedIn(name: string | undefined, history: RoomThread["history"]) {
    return html`<p>${name === undefined ? say("roomInvited") : say("roomInvitedBy", { name })}</p>
      <p class="note">${say("roomInvitedNote")}</p>
      <p class="note">
        ${say("roomHistoryInvited", { what: historyWords(history) })} ${history === null ? nothing : say("roomHistoryInvitedProof")}
      </p>`;
  }

  override render() {
    const { state, invitedBy, history, isOfTwo } = this.room;
    if (state !== "invited") {
      const note = NOTES[state];
      return note === undefined ? nothing : html`<div class="in"><p class="note">${say(note)}</p></div>`;
    }
    const by = this.session.views.contacts.find(({ accountId }) => accountId === invitedBy);
    return html`<div class="in">
      ${isOfTwo ? this.#askedByOne(by?.name) : this.#askedIn(by?.name, history)}
      <div class="acts">
        <button class="btn ink" type="button" ?disabled=${this.isBusy} @click=${this.#join}>${say("roomJoin")}</button>
        <button class="btn line" type="button" ?disabled=${this.isBusy} @click=${this.#decline}>
          ${say("roomDecline")}
        </button>
      </div>
    </div>`;
  }
}

customElements.define("dt-room-bar", DtRoomBar);
