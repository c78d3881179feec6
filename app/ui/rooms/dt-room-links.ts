/** Links into a room: the ones this account has made, making another, showing it, ending it. Rules RM31, RM32 */
import type { ConversationId, RoomLinkView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { linkStyles } from "../look/link-styles.ts";
import { copyText } from "../parts/copy.ts";
import { fieldsOf } from "../parts/form.ts";
import { icon } from "../parts/icon.ts";
import { showToast } from "../parts/dt-toast.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { say, text } from "../words/say.ts";
import { comingTime } from "../words/times.ts";
import "../parts/dt-qr.ts";

const HOUR_MS = 3_600_000;
const LIFETIMES: readonly (readonly [lifetimeMs: number, label: MessageKey])[] = [
  [2 * HOUR_MS, "linkFor2h"],
  [24 * HOUR_MS, "linkFor1d"],
  [168 * HOUR_MS, "linkFor7d"],
  [2_160 * HOUR_MS, "linkFor90d"],
];
const LIFETIME_MS = 168 * HOUR_MS;
const USES_MAX = 100;

export class DtRoomLinks extends LitElement {
  static override properties = {
    session: { attribute: false },
    roomId: { attribute: false },
    links: { state: true },
    shownId: { state: true },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    linkStyles,
    css`
      :host,
      .shown {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      h3 {
        font: 600 var(--t4);
      }
      .rows {
        border-block-start: 1px solid var(--line);
      }
      .rows > li {
        display: grid;
        gap: 12px;
        padding: 8px 0;
        border-block-end: 1px solid var(--line);
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
      .line span {
        margin-inline-end: auto;
      }
      .two {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(160px, 1fr));
        gap: 12px;
      }
    `,
  ];
  declare session: Session;
  declare roomId: ConversationId;
  declare links: readonly RoomLinkView[];
  declare shownId: string | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.links = [];
    this.shownId = null;
    this.isBusy = false;
    new Watch(
      this,
      () => this.session ?? null,
      (event) => {
        if (event === null) void this.#read();
      },
    );
  }

  protected override firstUpdated(): void {
    void this.#read();
  }

  async #read(): Promise<void> {
    const links = await this.session.client.roomLinks(this.roomId);
    if (links.ok) this.links = links.value;
  }

  #make = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const typed = fieldsOf(event, ["lifetime", "uses"]);
    this.isBusy = true;
    const made = await this.session.tried(
      this.session.client.createRoomLink(this.roomId, {
        lifetimeMs: Number(typed.lifetime),
        usesMax: Number(typed.uses),
      }),
    );
    await this.#read();
    this.isBusy = false;
    if (made === null) return;
    this.shownId = made.value.id;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(".shown .btn")?.focus();
  };

  async #end({ id }: RoomLinkView): Promise<void> {
    const ended = await this.session.tried(this.session.client.revokeRoomLink(this.roomId, id));
    await this.#read();
    if (ended !== null) showToast(this, { text: text("linkEnded") });
  }

  override render() {
    const live = this.links.filter(({ isLive }) => isLive);
    return html`<h3 id="title">${say("roomLinks")}</h3>
      <p class="note">${say("roomLinksNote")}</p>
      ${live.length === 0 ? nothing : html`<ul class="rows" aria-labelledby="title">${live.map((link) => this.#row(link))}</ul>`}
      <form @submit=${this.#make}>
        <div class="two">
          <div class="field">
            <label for="lifetime">${say("linkFor")}</label>
            <select id="lifetime" name="lifetime">
              ${LIFETIMES.map(
                ([lifetimeMs, label]) =>
                  html`<option value=${lifetimeMs} ?selected=${lifetimeMs === LIFETIME_MS}>${text(label)}</option>`,
              )}
            </select>
          </div>
          <div class="field">
            <label for="uses">${say("linkUses")}</label>
            <input id="uses" name="uses" type="number" inputmode="numeric" required min="1" max=${USES_MAX} value="1" />
          </div>
        </div>
        <div><button class="btn line" ?disabled=${this.isBusy}>${say("linkMake")}</button></div>
      </form>`;
  }

  #row(link: RoomLinkView) {
    const { id, untilMs, useCount, usesMax } = link;
    const isShown = this.shownId === id;
    const until = comingTime(untilMs, Date.now());
    return html`<li>
      <div class="line">
        <span>${say("linkState", { until, used: useCount, count: usesMax })}</span>
        <button
          class="btn line"
          type="button"
          aria-expanded=${isShown}
          @click=${() => {
            this.shownId = isShown ? null : id;
          }}
        >
          ${say(isShown ? "linkHide" : "linkShow")}
        </button>
        <button class="btn stop" type="button" @click=${() => this.#end(link)}>${say("linkEnd")}</button>
      </div>
      ${isShown ? this.#shown(link) : nothing}
    </li>`;
  }

  #shown({ code }: RoomLinkView) {
    return html`<div class="shown">
      <dt-qr .text=${code} .label=${text("linkQr")}></dt-qr>
      <p class="link" tabindex="0" aria-label=${text("roomLinkText")}>${code}</p>
      <div>
        <button class="btn line" type="button" @click=${() => copyText(this, code)}>
          ${icon("link")}${say("copyLink")}
        </button>
      </div>
    </div>`;
  }
}

customElements.define("dt-room-links", DtRoomLinks);
