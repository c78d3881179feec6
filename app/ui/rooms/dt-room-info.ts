/** All about a room: who is in it, what waits to happen, its name, its tags, and the way out. */
import type { AccountId, ConversationId, RoomPending, RoomRole } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import { isOpen, type RoomThread } from "../session/threads.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { historyChoices, historyOf, historyValue, historyWords } from "./room-history.ts";
import { LIFETIMES, lifetimeSpan } from "./room-lifetime.ts";
import { ROLE_WORDS } from "./room-lines.ts";
import { mayRename, maySetLifetime, rolesToInvite } from "./room-rights.ts";
import "../parts/dt-sheet.ts";
import "../shell/dt-delete-thread.ts";
import "../shell/dt-thread-tags.ts";
import "./dt-choose-people.ts";
import "./dt-room-links.ts";
import "./dt-room-member.ts";
import { focusLater } from "../parts/focus-later.ts";
import { keyed } from "../parts/keyed.ts";

const WAITS: Readonly<Record<RoomPending["type"], MessageKey>> = {
  invite: "roomWaitsInvite",
  remove: "roomWaitsRemove",
  role: "roomWaitsRole",
  mute: "roomWaitsMute",
  name: "roomWaitsName",
  about: "roomWaitsAbout",
  lifetime: "roomWaitsLifetime",
  history: "roomWaitsHistory",
};

export class DtRoomInfo extends LitElement {
  static override properties = {
    session: { attribute: false },
    conversationId: { attribute: false },
    chosen: { state: true },
    isBusy: { state: true },
    isLeaving: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      section {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
        padding-block-start: 8px;
      }
      h3 {
        font: 600 var(--t4);
      }
      .waits {
        display: grid;
        gap: 4px;
        color: var(--open);
        font: 400 var(--t2);
      }
      .about {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .rows {
        border-block-start: 1px solid var(--line);
      }
      form {
        gap: 12px;
      }
    `,
  ];
  declare session: Session;
  declare conversationId: ConversationId | null;
  declare chosen: ReadonlySet<AccountId>;
  declare isBusy: boolean;
  declare isLeaving: boolean;

  constructor() {
    super();
    this.conversationId = null;
    this.chosen = new Set();
    this.isBusy = false;
    this.isLeaving = false;
    new Watch(this, () => this.session ?? null);
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  #invite = async (event: SubmitEvent, { id }: RoomThread, roles: readonly RoomRole[]): Promise<void> => {
    event.preventDefault();
    const wanted = fieldsOf(event, ["as"]).as;
    const role = roles.find((one) => one === wanted) ?? "member";
    this.isBusy = true;
    let count = 0;
    for (const accountId of this.chosen) {
      const asked = await this.session.tried(this.session.client.inviteToRoom(id, accountId, role));
      if (asked !== null) count += 1;
    }
    this.isBusy = false;
    this.chosen = new Set();
    if (count > 0) showToast(this, { text: text("roomInvitedNow", { count }) });
  };

  #describe = async (event: SubmitEvent, { id, ...before }: RoomThread): Promise<void> => {
    event.preventDefault();
    const { client } = this.session;
    const typed = fieldsOf(event, ["name", "about"]);
    const [name, about] = [typed.name.trim(), typed.about.trim()];
    if (name === before.name && about === before.about) return;
    const named = name === before.name ? true : await this.session.tried(client.renameRoom(id, name));
    const isSame = about === before.about;
    const described = isSame ? true : await this.session.tried(client.describeRoom(id, about));
    if (named !== null && described !== null) showToast(this, { text: text("roomSaved") });
  };

  async #leave({ id, name }: RoomThread): Promise<void> {
    this.isBusy = true;
    const left = await this.session.tried(this.session.client.leaveRoom(id));
    this.isBusy = false;
    if (left === null) return;
    showToast(this, { text: text("roomLeftNow", { name }) });
    this.#closed();
  }

  override render() {
    const room = this.session.thread(this.conversationId);
    if (room === undefined || room.kind !== "room") return nothing;
    const { members, role, pending } = room;
    return html`<dt-sheet wide .label=${room.name} @dt-close=${this.#closed}>
      ${room.about === "" ? nothing : html`<p class="about" dir="auto">${room.about}</p>`}
      ${room.isOfTwo ? html`<p class="note">${say("ofTwoNote", { name: this.#otherIn(room) })}</p>` : nothing}
      ${role === null || room.isOfTwo ? nothing : html`<p class="note">${say("roomYourRole", { role: text(ROLE_WORDS[role]) })}</p>`}
      ${
        room.lifetimeMs === null
          ? nothing
          : html`<p class="note">${say("roomLifetimeNow", { span: lifetimeSpan(room.lifetimeMs) })}</p>`
      }
      ${
        room.history === null
          ? nothing
          : html`<p class="note">${say("roomHistoryNow", { what: historyWords(room.history) })}</p>`
      }
      ${
        room.earlier === null || room.earlier.state === "done"
          ? nothing
          : html`<p class="note" role="status">${
              room.earlier.state === "asked" || room.earlier.received === 0
                ? say("earlierAsked")
                : say("earlierComing", { count: room.earlier.received })
            }</p>`
      }
      ${pending.length === 0 ? nothing : this.#waits(room)}
      ${
        members.length === 0
          ? nothing
          : html`<section aria-labelledby="members">
              <h3 id="members">${say("roomMembers")}</h3>
              <div class="rows" role="list">
                ${keyed(
                  members,
                  ({ accountId }) => accountId,
                  (member) =>
                    html`<dt-room-member
                      role="listitem"
                      .session=${this.session}
                      .room=${room}
                      .member=${member}
                    ></dt-room-member>`,
                )}
              </div>
            </section>`
      }
      ${this.#letIn(room)}
      ${
        rolesToInvite(room).length === 0
          ? nothing
          : html`<section aria-label=${text("roomLinks")}>
              <dt-room-links .session=${this.session} .roomId=${room.id}></dt-room-links>
            </section>`
      }
      ${mayRename(room) ? this.#name(room) : nothing} ${maySetLifetime(room) ? this.#lifetime(room) : nothing}
      ${mayRename(room) ? this.#history(room) : nothing}
      <section aria-label=${text("conversationTags")}>
        <dt-thread-tags .session=${this.session} .thread=${room}></dt-thread-tags>
      </section>
      <dt-delete-thread .session=${this.session} .thread=${room}></dt-delete-thread>
      ${isOpen(room) ? this.#wayOut(room) : nothing}
    </dt-sheet>`;
  }

  #otherIn({ members, invitedBy }: RoomThread): string {
    const other = members.find(({ isSelf }) => !isSelf);
    return (
      other?.name ??
      this.session.views.contacts.find((one) => one.accountId === invitedBy)?.name ??
      text("someone")
    );
  }

  #waits({ pending, members }: RoomThread) {
    const nameOf = (accountId: AccountId | null) =>
      this.session.views.contacts.find((one) => one.accountId === accountId)?.name ??
      members.find((one) => one.accountId === accountId)?.name ??
      text("someone");
    return html`<section aria-labelledby="waits">
      <h3 id="waits">${say("roomWaits")}</h3>
      <ul class="waits">
        ${pending.map(({ type, accountId }) => html`<li>${say(WAITS[type], { name: nameOf(accountId) })}</li>`)}
      </ul>
      <p class="note">${say("roomWaitsNote")}</p>
    </section>`;
  }

  #letIn(room: RoomThread) {
    const roles = rolesToInvite(room);
    if (roles.length === 0) return nothing;
    const asked = new Set(
      room.pending.filter(({ type }) => type === "invite").map(({ accountId }) => accountId),
    );
    const people = this.session.views.contacts.filter(
      ({ accountId, state }) =>
        state === "accepted" &&
        !asked.has(accountId) &&
        room.members.every((member) => member.accountId !== accountId),
    );
    if (people.length === 0)
      return html`<section aria-labelledby="let-in">
        <h3 id="let-in">${say("roomWho")}</h3>
        <p class="note">${say(this.session.views.contacts.some(({ state }) => state === "accepted") ? "roomWhoAll" : "roomWhoNone")}</p>
      </section>`;
    return html`<section aria-labelledby="let-in">
      <h3 id="let-in">${say("roomWho")}</h3>
      <form @submit=${(event: SubmitEvent) => this.#invite(event, room, roles)}>
        <dt-choose-people
          .people=${people}
          .chosen=${this.chosen}
          .label=${text("roomWhoNote")}
          @dt-chosen=${(event: CustomEvent<ReadonlySet<AccountId>>) => {
            this.chosen = event.detail;
          }}
        ></dt-choose-people>
        ${
          roles.length < 2
            ? nothing
            : html`<div class="field">
                <label for="as">${say("roomAs")}</label>
                <select id="as" name="as">
                  ${roles.map((one) => html`<option value=${one}>${text(ROLE_WORDS[one])}</option>`)}
                </select>
              </div>`
        }
        <div>
          <button class="btn line" ?disabled=${this.isBusy || this.chosen.size === 0}>${say("roomInviteGo")}</button>
        </div>
      </form>
    </section>`;
  }

  #name(room: RoomThread) {
    return html`<section>
      <form @submit=${(event: SubmitEvent) => this.#describe(event, room)}>
        <div class="field">
          <label for="name">${say("roomName")}</label>
          <input id="name" name="name" required dir="auto" autocomplete="off" .value=${room.name} aria-describedby="name-note" />
          <p id="name-note" class="note">${say("roomNameNote")}</p>
        </div>
        <div class="field">
          <label for="about">${say("roomAbout")}</label>
          <textarea id="about" name="about" dir="auto" rows="2" .value=${room.about} aria-describedby="about-note"></textarea>
          <p id="about-note" class="note">${say("roomAboutNote")}</p>
        </div>
        <div><button class="btn line">${say("save")}</button></div>
      </form>
    </section>`;
  }

  #lifetime(room: RoomThread) {
    const { lifetimeMs } = room;
    const isOffered = LIFETIMES.some(([ms]) => ms === lifetimeMs);
    const kept = isOffered || lifetimeMs === null ? [] : [[lifetimeMs, lifetimeSpan(lifetimeMs)] as const];
    const choices = [...LIFETIMES.map(([ms, label]) => [ms, text(label)] as const), ...kept];
    return html`<section>
      <form @submit=${(event: SubmitEvent) => this.#setLifetime(event, room)}>
        <div class="field">
          <label for="lifetime">${say("roomLifetime")}</label>
          <select id="lifetime" name="lifetime" aria-describedby="lifetime-note">
            ${choices.map(
              ([ms, label]) =>
                html`<option value=${ms ?? ""} ?selected=${ms === lifetimeMs}>${label}</option>`,
            )}
          </select>
          <p id="lifetime-note" class="note">${say("roomLifetimeNote")}</p>
        </div>
        <div><button class="btn line">${say("roomLifetimeGo")}</button></div>
      </form>
    </section>`;
  }

  #setLifetime = async (event: SubmitEvent, { id, lifetimeMs: before }: RoomThread): Promise<void> => {
    event.preventDefault();
    const { lifetime } = fieldsOf(event, ["lifetime"]);
    const lifetimeMs = lifetime === "" ? null : Number(lifetime);
    if (lifetimeMs === before) return;
    const set = await this.session.tried(this.session.client.setRoomLifetime(id, lifetimeMs));
    if (set !== null) showToast(this, { text: text("roomLifetimeSet") });
  };

  #history({ id, history }: RoomThread) {
    const now = historyValue(history);
    return html`<section>
      <form @submit=${(event: SubmitEvent) => this.#setHistory(event, id, now)}>
        <div class="field">
          <label for="history">${say("roomHistory")}</label>
          <select id="history" name="history" aria-describedby="history-note">
            ${historyChoices(history).map(
              ([value, label]) => html`<option value=${value} ?selected=${value === now}>${label}</option>`,
            )}
          </select>
          <p id="history-note" class="note">${say("roomHistoryNote")}</p>
        </div>
        <div><button class="btn line">${say("roomHistoryGo")}</button></div>
      </form>
    </section>`;
  }

  async #setHistory(event: SubmitEvent, id: ConversationId, before: string): Promise<void> {
    event.preventDefault();
    const { history } = fieldsOf(event, ["history"]);
    if (history === before) return;
    const set = await this.session.tried(this.session.client.setRoomHistory(id, historyOf(history)));
    if (set !== null) showToast(this, { text: text("roomHistorySet") });
  }

  /** The button that had the focus goes: what takes it next destroys nothing. */
  #askToLeave(isLeaving: boolean): void {
    this.isLeaving = isLeaving;
    focusLater(this, isLeaving ? ".leave .line" : ".leave .stop");
  }

  #wayOut(room: RoomThread) {
    const { name, role, members } = room;
    const isLastOwner =
      role === "owner" &&
      !room.isOfTwo &&
      members.length > 1 &&
      members.filter((one) => one.role === "owner").length === 1;
    if (!this.isLeaving)
      return html`<div class="leave">
        <button class="btn stop" type="button" @click=${() => this.#askToLeave(true)}>${say(room.isOfTwo ? "ofTwoLeave" : "roomLeave")}</button>
      </div>`;
    return html`<section class="leave" aria-labelledby="leave">
      <h3 id="leave">${say(room.isOfTwo ? "ofTwoLeave" : "roomLeave")}</h3>
      <p role="status">${say(room.isOfTwo ? "ofTwoLeaveAsk" : "roomLeaveAsk")} ${isLastOwner ? say("roomLeaveOwner") : nothing}</p>
      <div class="acts">
        <button class="btn stop" type="button" ?disabled=${this.isBusy} @click=${() => this.#leave(room)}>
          ${say("roomLeaveGo", { name })}
        </button>
        <button class="btn line" type="button" @click=${() => this.#askToLeave(false)}>${say("cancel")}</button>
      </div>
    </section>`;
  }
}

customElements.define("dt-room-info", DtRoomInfo);
