/** Contacts out to a file and in from one, in the form the command line writes and takes. Rules EX1-EX5. */
import { CONTACTS_FILE_BYTES_MAX, type ContactImport } from "@dovetail/core";
import { css, html, LitElement, nothing } from "lit";
import type { Engine } from "../../engine/engine.ts";
import { baseStyles } from "../look/base-styles.ts";
import { paneStyles } from "../look/pane-styles.ts";
import { showToast } from "../parts/dt-toast.ts";
import { faultLine } from "../parts/fault-line.ts";
import { saveFile } from "../parts/save-file.ts";
import type { Session } from "../session/session.ts";
import type { MessageKey } from "../words/en.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { describeSize } from "../words/sizes.ts";
import "../parts/dt-progress.ts";
import "../parts/dt-prove.ts";
import "../parts/dt-sheet.ts";

/** How many of them the sheet names; the sums are of all. */
const NAMED_MAX = 100;
/** The first and the last line of a file say what it is. */
const FRAME_LINES = 2;

const OUTCOME_WORDS: Readonly<Record<ContactImport["outcome"], MessageKey>> = {
  new: "contactNew",
  changed: "contactChanged",
  unchanged: "contactUnchanged",
  self: "contactSelf",
};

/** What a file would do, before it has. */
interface Plan {
  readonly content: string;
  readonly contacts: readonly ContactImport[];
}

export class DtContactFiles extends LitElement {
  static override properties = {
    session: { attribute: false },
    engine: { attribute: false },
    isSaving: { state: true },
    plan: { state: true },
    isTaking: { state: true },
    fault: { state: true },
  };
  static override styles = [
    baseStyles,
    paneStyles,
    css`
      .plan {
        max-block-size: 320px;
        overflow: auto;
        overscroll-behavior: contain;
      }
    `,
  ];
  declare session: Session;
  declare engine: Engine;
  /** The person is asked to show who they are. */
  declare isSaving: boolean;
  declare plan: Plan | null;
  declare isTaking: boolean;
  declare fault: ErrorWords | null;

  constructor() {
    super();
    this.isSaving = false;
    this.plan = null;
    this.isTaking = false;
    this.fault = null;
  }

  #save = async (): Promise<void> => {
    this.isSaving = false;
    const exported = await this.session.tried(this.session.client.exportContacts());
    if (exported === null) return;
    const lines = exported.value.split("\n").filter((line) => line !== "");
    saveFile(new Blob([exported.value], { type: "application/x-ndjson" }), "dovetail-contacts.ndjson");
    showToast(this, { text: text("contactsSaved", { count: lines.length - FRAME_LINES }) });
  };

  #choose = async (event: Event): Promise<void> => {
    const field = event.target instanceof HTMLInputElement ? event.target : null;
    const file = field?.files?.[0];
    if (field === null || file === undefined) return;
    this.fault = null;
    const content = await readText(file);
    // Choosing the same file once more is a choice too.
    field.value = "";
    if (typeof content !== "string") {
      this.fault = content;
      return;
    }
    const planned = await this.session.client.importContacts(content, { isDryRun: true });
    if (planned.ok) this.plan = { content, contacts: planned.value.contacts };
    else this.fault = describeError(planned.error);
  };

  async #take({ content }: Plan): Promise<void> {
    this.isTaking = true;
    const taken = await this.session.client.importContacts(content);
    this.isTaking = false;
    this.plan = null;
    this.session.refresh();
    if (!taken.ok) {
      this.fault = describeError(taken.error);
      return;
    }
    showToast(this, { text: text("contactsTaken", { count: changesIn(taken.value.contacts) }) });
  }

  override render() {
    return html`<section aria-labelledby="title">
      <h2 id="title">${say("contactsTitle")}</h2>
      <p class="note">${say("contactsNote")}</p>
      <div>
        <button class="btn line" type="button" @click=${() => (this.isSaving = true)}>${say("contactsGo")}</button>
      </div>
      <div class="field">
        <label for="file">${say("contactsFile")}</label>
        <input id="file" type="file" aria-describedby="file-note" @change=${this.#choose} />
        <p id="file-note" class="note">${say("contactsFileNote")}</p>
      </div>
      ${faultLine(this.fault)} ${this.isSaving ? this.#proof() : nothing}
      ${this.plan === null ? nothing : this.#planned(this.plan)}
    </section>`;
  }

  #proof() {
    const close = () => (this.isSaving = false);
    return html`<dt-sheet .label=${text("contactsTitle")} @dt-close=${close}>
      <p>${say("contactsNote")}</p>
      <dt-prove .engine=${this.engine} .label=${text("contactsGo")} @dt-proven=${this.#save}
        ><button class="btn line" type="button" @click=${close}>${say("cancel")}</button></dt-prove
      >
    </dt-sheet>`;
  }

  #planned(plan: Plan) {
    const { contacts } = plan;
    const close = () => (this.plan = null);
    const changes = changesIn(contacts);
    const unproven = contacts.filter((one) => one.isClaimedVerified).length;
    return html`<dt-sheet .label=${text("contactsTake")} @dt-close=${close}>
      <p>${changes === 0 ? say("contactsNothing") : say("contactsSum", sumsOf(contacts))}</p>
      <ul class="rows plan" tabindex="0" aria-label=${text("contactsTake")}>
        ${contacts
          .slice(0, NAMED_MAX)
          .map(
            (one) =>
              html`<li><bdi class="grow">${one.name}</bdi><span class="note">${say(outcomeOf(one))}</span></li>`,
          )}
      </ul>
      ${contacts.length > NAMED_MAX ? html`<p class="note">${say("contactMore", { count: contacts.length - NAMED_MAX })}</p>` : nothing}
      ${unproven === 0 ? nothing : html`<p class="note">${say("contactsUnproven", { count: unproven })}</p>`}
      ${changes === 0 ? nothing : html`<p class="note">${say("contactsAsksNobody")}</p>`}
      ${this.isTaking ? html`<dt-progress .label=${text("contactsTaking", { count: changes })}></dt-progress>` : nothing}
      <div class="acts">
        ${
          changes === 0
            ? nothing
            : html`<button class="btn ink" type="button" ?disabled=${this.isTaking} @click=${() => this.#take(plan)}>
                ${say("contactsTakeGo")}
              </button>`
        }
        <button class="btn line" type="button" ?disabled=${this.isTaking} @click=${close}>
          ${say(changes === 0 ? "close" : "cancel")}
        </button>
      </div>
    </dt-sheet>`;
  }
}

/** The text of the file, or why there is none. */
async function readText(file: File): Promise<string | ErrorWords> {
  if (file.size > CONTACTS_FILE_BYTES_MAX) {
    const max = describeSize(CONTACTS_FILE_BYTES_MAX);
    return { text: text("contactsTooLarge", { size: describeSize(file.size), max }) };
  }
  try {
    return await file.text();
  } catch {
    return { text: text("fileUnreadable"), hint: text("fileUnreadableHint") };
  }
}

function outcomeOf({ outcome, isBlocked }: ContactImport): MessageKey {
  return outcome === "new" && isBlocked ? "contactNewBlocked" : OUTCOME_WORDS[outcome];
}

function changesIn(contacts: readonly ContactImport[]): number {
  return contacts.filter(({ outcome }) => outcome === "new" || outcome === "changed").length;
}

function sumsOf(contacts: readonly ContactImport[]) {
  const numberOf = (wanted: ContactImport["outcome"]) =>
    contacts.filter(({ outcome }) => outcome === wanted).length;
  return { fresh: numberOf("new"), changed: numberOf("changed"), unchanged: numberOf("unchanged") };
}

customElements.define("dt-contact-files", DtContactFiles);
