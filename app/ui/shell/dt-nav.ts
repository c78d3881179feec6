/** Where one can go: a column with words, a rail of icons, or the bar at the lower edge of a phone. */
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { type IconName, icon } from "../parts/icon.ts";
import { conversationsOf } from "../inbox/conversations-of.ts";
import { truthOf } from "../session/connection-words.ts";
import { goTo, type Route, type Section } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { isAsking, isHeard } from "../session/threads.ts";
import { Watch } from "../session/watch.ts";
import type { MessageKey } from "../words/en.ts";
import { inDigits, say, text } from "../words/say.ts";
import { navStyles } from "./nav-styles.ts";
import "../parts/dt-avatar.ts";
import "../parts/dt-joint.ts";

interface Entry {
  readonly section: Section;
  readonly icon: IconName;
  readonly label: MessageKey;
}

const MAILBOXES: readonly Entry[] = [
  { section: "inbox", icon: "inbox", label: "inbox" },
  { section: "requests", icon: "request", label: "requests" },
  { section: "drafts", icon: "draft", label: "drafts" },
  { section: "starred", icon: "star", label: "starred" },
  { section: "archive", icon: "archive", label: "archive" },
];
const ACCOUNT: readonly Entry[] = [
  { section: "people", icon: "people", label: "people" },
  { section: "devices", icon: "devices", label: "devices" },
  { section: "settings", icon: "settings", label: "settings" },
];
const SPOKEN: Readonly<Partial<Record<Section, MessageKey>>> = { inbox: "navUnread", drafts: "navDrafts" };
/** The bar of a phone has room for four. */
const IN_BAR: ReadonlySet<Section> = new Set(["inbox", "people", "devices", "settings"]);

export class DtNav extends LitElement {
  static override properties = { session: { attribute: false }, route: { attribute: false } };
  static override styles = [baseStyles, navStyles];
  declare session: Session;
  declare route: Route;

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  #entry({ section, icon: name, label }: Entry) {
    const isCurrent = this.route.section === section && this.route.tagId === null;
    const count = this.#countOf(section);
    const spoken = count === 0 ? nothing : text(SPOKEN[section] ?? "navRequests", { count });
    return html`<a
      class=${IN_BAR.has(section) ? "in-bar" : ""}
      href="#/${section}"
      aria-current=${isCurrent ? "page" : nothing}
      title=${text(label)}
      @click=${(event: MouseEvent) => this.#go(event, { section })}
    >
      ${icon(name)}<span class="label">${say(label)}</span>
      ${
        count === 0
          ? nothing
          : html`<span class="n ${section === "inbox" ? "new" : ""}" aria-hidden="true">${inDigits(count)}</span
              ><span class="vh">, ${spoken}</span>${section === "inbox" ? html`<span class="dot"></span>` : nothing}`
      }
    </a>`;
  }

  #countOf(section: Section): number {
    const { threads } = this.session.views;
    if (section === "requests") return threads.filter(isAsking).length;
    if (section === "drafts") return conversationsOf(this.session, { section, tagId: null }).length;
    if (section !== "inbox") return 0;
    return threads.filter((one) => one.unreadCount > 0 && !one.isArchived && !one.isMuted && isHeard(one))
      .length;
  }

  #go(event: MouseEvent, route: Partial<Route>): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    goTo(window, route);
  }

  #tags() {
    const { tags } = this.session.views;
    return html`<div class="tags">
      <h2>${say("tags")}</h2>
      ${tags.map(
        (tag) =>
          html`<a
            href="#/inbox"
            aria-current=${this.route.tagId === tag.id ? "page" : nothing}
            @click=${(event: MouseEvent) => this.#go(event, { section: "inbox", tagId: tag.id })}
            >${icon("hash")}<span class="label"><bdi>${tag.name}</bdi></span></a
          >`,
      )}
      ${this.#entry({ section: "tags", icon: "tag", label: tags.length === 0 ? "tagNew" : "tagsTitle" })}
    </div>`;
  }

  override render() {
    const { account } = this.session.views;
    const truth = truthOf(this.session, Date.now());
    return html`<nav aria-label=${text("navMain")}>
      <div class="acct">
        <dt-avatar .name=${account?.displayName ?? ""}></dt-avatar>
        <div class="label">
          <b><bdi>${account?.displayName ?? ""}</bdi></b>
          <span class="faint">${account === null ? nothing : addressOf(account)}</span>
        </div>
      </div>
      ${MAILBOXES.map((entry) => this.#entry(entry))} ${this.#tags()}
      <h2 class="account">${say("account")}</h2>
      ${ACCOUNT.map((entry) => this.#entry(entry))}
      <a
        class="truth ${truth.isAlarm ? "alarm" : ""}"
        href="#/devices"
        aria-label="${truth.title}. ${truth.note}"
        @click=${(event: MouseEvent) => this.#go(event, { section: "devices" })}
      >
        <dt-joint state=${truth.joint}></dt-joint>
        <span class="label"><b>${truth.title}</b><span class="faint">${truth.note}</span></span>
      </a>
    </nav>`;
  }
}

/** `nora@dovetail.example`, or the server alone for an account without a handle. */
export function addressOf(account: { readonly handle: string | null; readonly origin: string }): string {
  const host = URL.canParse(account.origin) ? new URL(account.origin).host : account.origin;
  return account.handle === null ? host : `${account.handle}@${host}`;
}

customElements.define("dt-nav", DtNav);
