/** The devices of the account: which there are, what they are called, linking one more, revoking one. */
import type { DeviceId, DeviceView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { fieldsOf } from "../parts/form.ts";
import { icon } from "../parts/icon.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { describeFrontier } from "../words/frontier-words.ts";
import { say, text } from "../words/say.ts";
import { momentTime } from "../words/times.ts";
import { arrivalWords, deviceIcon, kindWords, revokedWords } from "./device-words.ts";
import { ruleAxis, ruleStyles, ruleTrack } from "./rule-track.ts";
import "../parts/dt-joint.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";
import "./dt-alarm-list.ts";
import "./dt-host-linking.ts";
import "./dt-server-line.ts";

export class DtDevices extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    openId: { state: true },
    revokingId: { state: true },
    isRevoking: { state: true },
    isLinking: { state: true },
    replacedId: { state: true },
  };
  static override styles = [
    baseStyles,
    paneStyles,
    ruleStyles,
    css`
      .row {
        display: grid;
        grid-template-columns: var(--rule-columns);
        gap: 0 16px;
        align-items: center;
        inline-size: 100%;
        min-block-size: 68px;
        padding: 0;
        border: 0;
        background: none;
        text-align: start;
        color: var(--soft);
      }
      .row b {
        display: block;
        font: 500 var(--t3);
        color: var(--ink);
        overflow-wrap: anywhere;
      }
      .row span {
        font: 400 var(--t1);
      }
      .rows > li {
        display: block;
        padding: 0;
      }
      .rule {
        --rule-columns: 20px minmax(0, 220px) minmax(0, 1fr) 200px 20px;
      }
      .axis {
        margin-inline: 272px 252px;
      }
      .state.proven b {
        color: var(--proven);
      }
      .state.open b {
        color: var(--open);
      }
      .row .state b {
        display: flex;
        align-items: center;
        gap: 8px;
        font: 500 var(--t2);
      }
      .off b {
        color: var(--soft);
        text-decoration: line-through;
      }
      .row .ic:last-child {
        justify-self: end;
        transition: transform var(--enter) var(--ease);
      }
      .row[aria-expanded="true"] .ic:last-child {
        transform: rotate(180deg);
      }
      .more {
        display: grid;
        grid-template-columns: minmax(0, 340px) minmax(0, 1fr);
        gap: 12px 32px;
        align-items: end;
        background: var(--ground);
        margin: 0 -20px 12px;
        padding: 16px 20px 20px;
        border-radius: var(--r2);
      }
      .more .arrival {
        grid-column: 1 / -1;
      }
      .more form {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 8px;
        align-items: end;
      }
      .leave {
        display: grid;
        gap: 12px;
      }
      .head > div {
        margin-inline-end: auto;
      }
      .sub {
        color: var(--soft);
        margin-block-start: 6px;
        max-inline-size: 60ch;
      }
      @media (max-width: 639px) {
        .row {
          grid-template-columns: 20px minmax(0, 1fr) 20px;
          padding: 12px 0;
        }
        .row .tk {
          grid-column: 2 / -1;
          grid-row: 2;
        }
        .off .tk {
          display: none;
        }
        .row .state {
          grid-column: 2;
          grid-row: 3;
        }
        .row .ic:last-child {
          grid-column: 3;
          grid-row: 1;
        }
        .head > .btn {
          inline-size: 100%;
        }
        .more {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  declare openId: DeviceId | null;
  declare revokingId: DeviceId | null;
  declare isRevoking: boolean;
  declare isLinking: boolean;
  /** The device a new one is linked in place of. */
  declare replacedId: DeviceId | null;

  constructor() {
    super();
    this.openId = null;
    this.revokingId = null;
    this.isRevoking = false;
    this.isLinking = false;
    this.replacedId = null;
    new Watch(this, () => this.session ?? null);
  }

  protected override firstUpdated(): void {
    this.session.ownDevices.refresh();
  }

  #rename = async (event: SubmitEvent, device: DeviceView): Promise<void> => {
    event.preventDefault();
    const { name } = fieldsOf(event, ["name"]);
    const saved = await this.session.tried(this.session.client.setDeviceName(device.id, name.trim()));
    if (saved !== null) showToast(this, { text: text("saved") });
  };

  async #revoke(device: DeviceView): Promise<void> {
    this.isRevoking = true;
    const revoked = await this.session.tried(this.session.client.revokeDevice(device.id));
    this.isRevoking = false;
    this.revokingId = null;
    if (revoked !== null) showToast(this, { text: text("revoked", { name: device.name }) });
  }

  #linked = (): void => {
    this.isLinking = false;
    this.replacedId = null;
  };

  override render() {
    const { devices } = this.session.views;
    const active = devices.filter((one) => one.isActive);
    const revoked = devices.filter((one) => !one.isActive);
    return html`<div class="pane">
      <div class="head">
        <div>
          <h1 class="title">${this.#title(active.length)}</h1>
          <p class="sub">${this.#sub()}</p>
        </div>
        <button class="btn ink" type="button" @click=${() => (this.isLinking = true)}>${say("linkDevice")}</button>
      </div>
      <div class="rule">
      ${ruleAxis(Date.now())}
      <ul class="rows">
        ${[...active, ...revoked].map((device) => this.#row(device))}
      </ul>
      </div>
      <dt-server-line .session=${this.session} .engine=${this.engine}></dt-server-line>
      <dt-alarm-list .session=${this.session}></dt-alarm-list>
      ${this.#sheets(devices)}
    </div>`;
  }

  #title(activeCount: number) {
    const { report } = this.session.ownDevices;
    if (report === null || report.devices.length < 2) return say("devicesTitle", { count: activeCount });
    const total = report.devices.length;
    const count = report.devices.filter(({ state }) => state === "equal").length;
    return count === total ? say("devicesAll", { total }) : say("devicesSome", { count, total });
  }

  #sub() {
    const { report } = this.session.ownDevices;
    if (report === null) return say("devicesSub");
    if (report.checkedAtMs === null) return say("devicesUnchecked");
    const time = momentTime(report.checkedAtMs, Date.now());
    return say("devicesEntries", { count: report.seq, time });
  }

  #row(device: DeviceView) {
    const isOpen = this.openId === device.id;
    const nowMs = Date.now();
    const frontier = this.session.ownDevices.report?.devices.find((one) => one.device === device.id);
    const words = frontier === undefined ? null : describeFrontier(frontier, nowMs);
    return html`<li>
      <button
        class="row ${device.isActive ? "" : "off"}"
        type="button"
        aria-expanded=${isOpen}
        @click=${() => {
          this.openId = isOpen ? null : device.id;
        }}
      >
        ${icon(deviceIcon(device.kind))}
        <span><b><bdi>${device.name}</bdi></b><span class="faint">${device.isThis ? say("thisBrowser") : kindWords(device.kind)}</span></span>
        ${device.isActive ? ruleTrack(words, nowMs) : html`<span class="tk"></span>`}
        <span class="state ${words?.tone ?? ""}">
          ${
            words === null || !device.isActive
              ? device.isActive
                ? say("deviceActive")
                : revokedWords(device)
              : html`<b><dt-joint state=${words.joint}></dt-joint>${words.title}</b>
                  <span class="faint">${words.note}</span>`
          }
        </span>
        ${icon("down")}
      </button>
      ${isOpen ? this.#more(device) : nothing}
    </li>`;
  }

  #more(device: DeviceView) {
    const arrival = html`<p class="note arrival">${arrivalWords(device, this.session.views.devices)}</p>`;
    if (!device.isActive) return html`<div class="more">${arrival}</div>`;
    return html`<div class="more">
      ${arrival}
      <form @submit=${(event: SubmitEvent) => this.#rename(event, device)}>
        <div class="field">
          <label for="name">${say("deviceName")}</label>
          <input id="name" name="name" dir="auto" required autocomplete="off" .value=${device.name} />
        </div>
        <button class="btn line">${say("rename")}</button>
      </form>
      <div class="leave">
        <p class="note">${device.isThis ? say("revokeSelfNote") : say("revokeNote", { name: device.name })}</p>
        ${
          device.isThis
            ? nothing
            : html`<div class="acts">
              <button
                class="btn line"
                type="button"
                @click=${() => {
                  this.replacedId = device.id;
                  this.isLinking = true;
                }}
              >
                ${say("replaceDevice")}
              </button>
              <button class="btn stop" type="button" @click=${() => (this.revokingId = device.id)}>
                ${say("revokeName", { name: device.name })}
              </button>
            </div>`
        }
      </div>
    </div>`;
  }

  #sheets(devices: readonly DeviceView[]) {
    if (this.isLinking)
      return html`<dt-host-linking
        .session=${this.session}
        .engine=${this.engine}
        .replaced=${devices.find((one) => one.id === this.replacedId) ?? null}
        @dt-close=${this.#linked}
      ></dt-host-linking>`;
    const device = devices.find((one) => one.id === this.revokingId);
    if (device === undefined) return nothing;
    const { name } = device;
    return html`<dt-sheet .label=${text("revokeTitle", { name })} @dt-close=${() => (this.revokingId = null)}>
      <p>${say("revokeNote", { name })}</p>
      ${this.isRevoking ? html`<dt-progress .label=${text("revoking")}></dt-progress>` : nothing}
      <dt-prove
        .engine=${this.engine}
        .label=${text("revokeName", { name })}
        .isStop=${true}
        .disabled=${this.isRevoking}
        @dt-proven=${() => this.#revoke(device)}
        ><button class="btn line" type="button" ?disabled=${this.isRevoking} @click=${() => (this.revokingId = null)}>
          ${say("cancel")}
        </button></dt-prove
      >
    </dt-sheet>`;
  }
}

customElements.define("dt-devices", DtDevices);
