/** Tags, and the rules that put them on conversations. */
import type { TagRuleView, TagView } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { fieldsOf } from "../parts/form.ts";
import { icon } from "../parts/icon.ts";
import { goTo } from "../session/route.ts";
import type { Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import { say, text } from "../words/say.ts";

export class DtTags extends LitElement {
  static override properties = { session: { attribute: false } };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      form {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        align-items: end;
      }
      form .field {
        flex: 1 1 160px;
      }
    `,
  ];
  declare session: Session;

  constructor() {
    super();
    new Watch(this, () => this.session ?? null);
  }

  #addTag = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    const { name } = fieldsOf(event, ["name"]);
    const created = await this.session.tried(this.session.client.createTag(name.trim()));
    if (created !== null && form instanceof HTMLFormElement) form.reset();
  };

  async #deleteTag(tag: TagView): Promise<void> {
    const deleted = await this.session.tried(this.session.client.deleteTag(tag.id));
    if (deleted !== null) showToast(this, { text: text("tagDeleted", { name: tag.name }) });
  }

  #addRule = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { sender, tag } = fieldsOf(event, ["sender", "tag"]);
    const contact = this.session.views.contacts.find((one) => one.accountId === sender);
    if (contact !== undefined)
      await this.session.tried(this.session.client.createTagRule(contact.accountId, tag));
  };

  async #deleteRule(rule: TagRuleView): Promise<void> {
    const deleted = await this.session.tried(this.session.client.deleteTagRule(rule.id));
    if (deleted === null) return;
    const undo = () => void this.session.tried(this.session.client.createTagRule(rule.sender, rule.tagId));
    showToast(this, { text: text("ruleDeleted"), undo });
  }

  override render() {
    const { tags } = this.session.views;
    return html`<div class="pane narrow">
      <button class="ib back" type="button" aria-label=${text("back")} @click=${() => goTo(window, { section: "settings" })}>
        ${icon("back")}
      </button>
      <div>
        <h1 class="title">${say("tagsTitle")}</h1>
        <p class="soft">${say("tagsNote")}</p>
      </div>
      <section aria-labelledby="tags">
        <h2 id="tags">${say("tags")}</h2>
        ${tags.length === 0 ? html`<p class="note">${say("tagsNone")}</p>` : html`<ul class="rows">${tags.map((tag) => this.#tag(tag))}</ul>`}
        <form @submit=${this.#addTag}>
          <div class="field">
            <label for="name">${say("tagNew")}</label>
            <input id="name" name="name" dir="auto" required autocomplete="off" />
          </div>
          <button class="btn line">${say("tagAdd")}</button>
        </form>
      </section>
      ${tags.length === 0 ? nothing : this.#rules(tags)}
    </div>`;
  }

  #tag(tag: TagView) {
    return html`<li>
      ${icon("hash")}
      <span class="grow"><bdi>${tag.name}</bdi></span>
      <span class="note">${say("tagCount", { count: tag.conversationCount })}</span>
      <button
        class="ib"
        type="button"
        aria-label=${text("tagDelete", { name: tag.name })}
        @click=${() => this.#deleteTag(tag)}
      >
        ${icon("close")}
      </button>
    </li>`;
  }

  #rules(tags: readonly TagView[]) {
    const { rules, contacts } = this.session.views;
    const nameOf = (rule: TagRuleView) =>
      contacts.find((one) => one.accountId === rule.sender)?.name ?? text("someone");
    const tagOf = (rule: TagRuleView) => tags.find((one) => one.id === rule.tagId)?.name ?? "";
    return html`<section aria-labelledby="rules">
      <h2 id="rules">${say("rules")}</h2>
      ${
        rules.length === 0
          ? html`<p class="note">${say("rulesNone")}</p>`
          : html`<ul class="rows">
              ${rules.map(
                (rule) =>
                  html`<li>
                    <span class="grow">${say("ruleText", { name: nameOf(rule), tag: tagOf(rule) })}</span>
                    <button
                      class="ib"
                      type="button"
                      aria-label=${text("ruleDelete", { name: nameOf(rule) })}
                      @click=${() => this.#deleteRule(rule)}
                    >
                      ${icon("close")}
                    </button>
                  </li>`,
              )}
            </ul>`
      }
      ${
        contacts.length === 0
          ? nothing
          : html`<form @submit=${this.#addRule}>
              <div class="field">
                <label for="sender">${say("ruleSender")}</label>
                <select id="sender" name="sender">
                  ${contacts.map((one) => html`<option value=${one.accountId}>${one.name}</option>`)}
                </select>
              </div>
              <div class="field">
                <label for="tag">${say("ruleTag")}</label>
                <select id="tag" name="tag">
                  ${tags.map((one) => html`<option value=${one.id}>${one.name}</option>`)}
                </select>
              </div>
              <button class="btn line">${say("ruleAdd")}</button>
            </form>`
      }
    </section>`;
  }
}

customElements.define("dt-tags", DtTags);
