/** The server as one more holder: what it is for, and how this device stands to it, since when. */
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { icon } from "../parts/icon.ts";
import { serverLossOf, truthOf } from "../session/connection-words.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { describeError } from "../words/error-words.ts";
import { say } from "../words/say.ts";
import "./dt-move.ts";
import "./dt-put-back.ts";

export class DtServerLine extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    isPuttingBack: { state: true },
    isMoving: { state: true },
    isFormer: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: 20px minmax(0, 220px) minmax(0, 1fr);
        gap: 4px 16px;
        align-items: start;
        border-block-start: 2px solid var(--ink);
        padding-block-start: 16px;
      }
      b {
        display: block;
        font: 500 var(--t3);
        overflow-wrap: anywhere;
      }
      span {
        font: 400 var(--t1);
      }
      .ic {
        color: var(--soft);
        margin-block-start: 2px;
      }
      p b {
        font: 500 var(--t2);
        color: var(--ink);
      }
      .former {
        display: block;
        margin-block-start: 8px;
      }
      .acts {
        grid-column: 3;
        margin-block-start: 4px;
      }
      @media (max-width: 639px) {
        :host {
          grid-template-columns: 20px minmax(0, 1fr);
        }
        p,
        .acts {
          grid-column: 2;
        }
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  declare isPuttingBack: boolean;
  declare isMoving: boolean;
  /** The account has moved away from the server this page comes from. */
  declare isFormer: boolean;
  #lookedFrom: string | null = null;

  constructor() {
    super();
    this.isPuttingBack = false;
    this.isMoving = false;
    this.isFormer = false;
    new Watch(this, () => this.session ?? null);
  }

  protected override updated(): void {
    void this.#lookAtPage();
  }

  /** Two addresses may be one server: they are compared by what their servers say. */
  async #lookAtPage(): Promise<void> {
    const home = this.session.views.account?.origin ?? null;
    if (home === null || home === this.#lookedFrom) return;
    this.#lookedFrom = home;
    if (home === location.origin) {
      this.isFormer = false;
      return;
    }
    const seen = await this.session.client.lookAtServer(location.origin);
    this.isFormer = seen.ok && !seen.value.isHome;
  }

  override render() {
    const { account } = this.session.views;
    if (account === null) return nothing;
    const { lastError, state } = this.session.status;
    const truth = truthOf(this.session, Date.now());
    return html`${icon("server")}
      <div><b>${new URL(account.origin).host}</b><span class="faint">${say("serverHolds")}</span></div>
      <p class="note">
        <b>${truth.title}</b>${truth.note}.
        ${state !== "online" && lastError !== null ? describeError(lastError).text : nothing}
        ${
          this.isFormer
            ? html`<span class="former"
                >${say("serverFormerPage", { server: new URL(account.origin).host, own: location.host })}</span
              >`
            : nothing
        }
      </p>
      <div class="acts">${this.#acts(account.origin)}</div>
      ${
        this.isMoving
          ? html`<dt-move
              .session=${this.session}
              .engine=${this.engine}
              @dt-close=${() => (this.isMoving = false)}
            ></dt-move>`
          : nothing
      }
      ${
        this.isPuttingBack
          ? html`<dt-put-back
              .session=${this.session}
              .engine=${this.engine}
              @dt-close=${() => (this.isPuttingBack = false)}
            ></dt-put-back>`
          : nothing
      }`;
  }

  #acts(home: string) {
    return html`${serverLossOf(this.session.status) === null ? nothing : this.#loss()}
    ${
      this.isFormer
        ? html`<a class="btn line" href=${home} rel="noreferrer">${say("serverOpen")}</a>`
        : html`<button class="btn line" type="button" @click=${() => (this.isMoving = true)}>${say("moveOpen")}</button>`
    }`;
  }

  #loss() {
    return html`<button class="btn line" type="button" @click=${() => (this.isPuttingBack = true)}>
      ${say("putBackTitle")}
    </button>`;
  }
}

customElements.define("dt-server-line", DtServerLine);
