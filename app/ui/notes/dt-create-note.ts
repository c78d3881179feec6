/** Making a note or a list for everybody in a room. Works without a connection. */
import { css, html, LitElement } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { fieldsOf } from "../parts/form.ts";
import type { Session } from "../session/session.ts";
import type { RoomThread } from "../session/threads.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import type { MessageKey } from "../words/en.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import { faultLine } from "../parts/fault-line.ts";
import "../parts/dt-sheet.ts";

const FORMS: readonly (readonly [form: "note" | "list", label: MessageKey, what: MessageKey])[] = [
  ["note", "noteFormNote", "noteFormNoteWhat"],
  ["list", "noteFormList", "noteFormListWhat"],
];

export class DtCreateNote extends LitElement {
  static override properties = {
    session: { attribute: false },
    room: { attribute: false },
    fault: { state: true },
    isBusy: { state: true },
  };
  static override styles = [
    baseStyles,
    css`
      fieldset {
        display: grid;
      }
      legend {
        font: 500 var(--t2);
        padding: 0;
      }
      label.one {
        display: flex;
        align-items: center;
        gap: 12px;
        min-block-size: 44px;
      }
      .one input {
        inline-size: 18px;
        block-size: 18px;
        margin: 0;
        accent-color: var(--ink);
        flex: none;
      }
    `,
  ];
  declare session: Session;
  declare room: RoomThread;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.fault = null;
    this.isBusy = false;
  }

  #closed = (): void => {
    this.dispatchEvent(new CustomEvent("dt-close"));
  };

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const typed = fieldsOf(event, ["title", "form"]);
    const form = typed.form === "list" ? "list" : "note";
    this.isBusy = true;
    this.fault = null;
    const made = await this.session.client.createRoomDocument(this.room.id, form, typed.title.trim());
    this.isBusy = false;
    if (made.ok) this.dispatchEvent(new CustomEvent("dt-made", { detail: made.value }));
    else this.fault = describeError(made.error);
  };

  override render() {
    const { fault, isBusy } = this;
    return html`<dt-sheet .label=${text("noteMake")} @dt-close=${this.#closed}>
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="title">${say("noteName")}</label>
          <input id="title" name="title" required dir="auto" autocomplete="off" aria-describedby="note" />
          <p id="note" class="note">${say("noteMakeNote", { name: this.room.name })}</p>
        </div>
        <fieldset>
          <legend>${say("noteForm")}</legend>
          ${FORMS.map(
            ([form, label, what]) =>
              html`<label class="one"
                ><input type="radio" name="form" value=${form} ?checked=${form === "note"} /><span
                  >${say(label)}<span class="soft">: ${say(what)}</span></span
                ></label
              >`,
          )}
        </fieldset>
        ${faultLine(fault)}
        <div class="acts">
          <button class="btn ink" ?disabled=${isBusy}>${say("noteMakeGo")}</button>
          <button class="btn line" type="button" @click=${this.#closed}>${say("cancel")}</button>
        </div>
      </form>
    </dt-sheet>`;
  }
}

customElements.define("dt-create-note", DtCreateNote);
