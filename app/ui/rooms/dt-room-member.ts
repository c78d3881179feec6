/** One person of a room: role, mute, and what one may change of them. */
import type { RoomRole, RoomView, RoomMemberView, Result, ClientError } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import type { Session } from "../session/session.ts";
import type { RoomThread } from "../session/threads.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { comingTime } from "../words/times.ts";
import { ROLE_WORDS } from "./room-lines.ts";
import { mayRule, rolesToGive } from "./room-rights.ts";
import "../parts/dt-avatar.ts";
import { focusLater } from "../parts/focus-later.ts";

const MINUTE_MS = 60_000;
const MUTES: readonly { readonly key: MessageKey; readonly lengthMs: number }[] = [
  { key: "mute30m", lengthMs: 30 * MINUTE_MS },
  { key: "mute2h", lengthMs: 120 * MINUTE_MS },
  { key: "mute1d", lengthMs: 1_440 * MINUTE_MS },
  { key: "mute7d", lengthMs: 10_080 * MINUTE_MS },
];

export class DtRoomMember extends LitElement {
  static override properties = {
    session: { attribute: false },
    room: { attribute: false },
    member: { attribute: false },
    isOpen: { state: true },
    isRemoving: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: block;
        border-block-end: 1px solid var(--line);
      }
      .who {
        display: flex;
        align-items: center;
        gap: 12px;
        min-block-size: 52px;
        --avatar: 32px;
      }
      .grow {
        margin-inline-end: auto;
        min-inline-size: 0;
        overflow-wrap: anywhere;
      }
      .grow b {
        font: 500 var(--t3);
      }
      .what {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
        padding: 4px 0 16px;
      }
      .mute {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      .mute select {
        inline-size: auto;
        flex: 1;
        min-inline-size: 120px;
      }
    `,
  ];
  declare session: Session;
  declare room: RoomThread;
  declare member: RoomMemberView;
  declare isOpen: boolean;
  declare isRemoving: boolean;

  constructor() {
    super();
    this.isOpen = false;
    this.isRemoving = false;
  }

  async #act(acting: Promise<Result<RoomView, ClientError>>): Promise<void> {
    const done = await this.session.tried(acting);
    if (done === null) return;
    this.isOpen = false;
    this.isRemoving = false;
  }

  #setRole = (event: Event): void => {
    const chosen = event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : "";
    const { room, member, session } = this;
    const role = rolesToGive(room, member).find((one) => one === chosen);
    if (role !== undefined && role !== member.role)
      void this.#act(session.client.setRoomRole(room.id, member.accountId, role));
  };

  #mute = (): void => {
    const { room, member, session } = this;
    const chosen = this.renderRoot.querySelector<HTMLSelectElement>("#mute")?.value;
    const lengthMs = MUTES.find(({ key }) => key === chosen)?.lengthMs;
    if (lengthMs !== undefined)
      void this.#act(session.client.muteInRoom(room.id, member.accountId, Date.now() + lengthMs));
  };

  override render() {
    const { room, member, isOpen } = this;
    const { name, isSelf, role, mutedUntilMs } = member;
    const nowMs = Date.now();
    const isMuted = mutedUntilMs !== null && mutedUntilMs > nowMs;
    const roles = rolesToGive(room, member);
    const canRule = mayRule(room, member);
    return html`<div class="who">
        <dt-avatar .name=${name}></dt-avatar>
        <div class="grow">
          <b>${isSelf ? say("roomYou") : html`<bdi>${name}</bdi>`}</b>
          <p class="note">
            ${say(ROLE_WORDS[role])}${isMuted ? html`, ${say("roomMutedUntil", { time: comingTime(mutedUntilMs, nowMs) })}` : nothing}
          </p>
        </div>
        ${
          roles.length > 1 || canRule
            ? html`<button
                class="btn line"
                type="button"
                aria-expanded=${isOpen}
                aria-label=${text("roomChangeOf", { name: isSelf ? text("roomYou") : name })}
                @click=${() => {
                  this.isOpen = !isOpen;
                  this.isRemoving = false;
                }}
              >
                ${say(isOpen ? "close" : "roomChange")}
              </button>`
            : nothing
        }
      </div>
      ${isOpen ? html`<div class="what">${this.#role(roles)}${canRule ? this.#rule(isMuted) : nothing}</div>` : nothing}`;
  }

  #role(roles: readonly RoomRole[]) {
    const { name, isSelf, role } = this.member;
    if (roles.length < 2) return nothing;
    return html`<div class="field">
      <label for="role">${isSelf ? say("roomRoleOwn") : say("roomRoleOf", { name })}</label>
      <select id="role" aria-describedby="role-note" @change=${this.#setRole}>
        ${roles.map((one) => html`<option value=${one} ?selected=${one === role}>${text(ROLE_WORDS[one])}</option>`)}
      </select>
      <p id="role-note" class="note">${say("rolesNote")}</p>
    </div>`;
  }

  /** The button that had the focus goes: what takes it next destroys nothing. */
  #askToRemove(isRemoving: boolean): void {
    this.isRemoving = isRemoving;
    focusLater(this, isRemoving ? ".remove .line" : ".remove .stop");
  }

  #rule(isMuted: boolean) {
    const { room, member, session } = this;
    const { name, accountId } = member;
    return html`<div class="field">
        <label for="mute">${say("roomMuteFor", { name })}</label>
        <div class="mute">
          <select id="mute">
            ${MUTES.map(({ key }) => html`<option value=${key}>${text(key)}</option>`)}
          </select>
          <button class="btn line" type="button" @click=${this.#mute}>${say("roomMute")}</button>
          ${
            isMuted
              ? html`<button
                  class="btn line"
                  type="button"
                  @click=${() => this.#act(session.client.muteInRoom(room.id, accountId, null))}
                >
                  ${say("roomUnmute")}
                </button>`
              : nothing
          }
        </div>
      </div>
      ${
        this.isRemoving
          ? html`<p role="status">${say("roomRemoveAsk", { name })}</p>
              <div class="acts remove">
                <button
                  class="btn stop"
                  type="button"
                  @click=${() => this.#act(session.client.removeFromRoom(room.id, accountId))}
                >
                  ${say("roomRemoveGo", { name })}
                </button>
                <button class="btn line" type="button" @click=${() => this.#askToRemove(false)}>
                  ${say("cancel")}
                </button>
              </div>`
          : html`<div class="remove">
              <button class="btn stop" type="button" @click=${() => this.#askToRemove(true)}>
                ${say("roomRemove")}
              </button>
            </div>`
      }`;
  }
}

customElements.define("dt-room-member", DtRoomMember);
