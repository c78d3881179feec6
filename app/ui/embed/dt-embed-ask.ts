/** Asks the person whether they want to write to who the page around the frame names: nothing goes out before. WB43 */
import { html, LitElement, nothing } from "lit";
import { baseStyles } from "../look/base-styles.ts";
import { faultLine } from "../parts/fault-line.ts";
import { fieldsOf } from "../parts/form.ts";
import type { Session } from "../session/session.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { describeError } from "../words/error-words.ts";
import { say, text } from "../words/say.ts";
import type { AskedContact } from "./asked-contact.ts";
import { embedStyles } from "./embed-styles.ts";
import "../parts/dt-progress.ts";

export class DtEmbedAsk extends LitElement {
  static override properties = {
    session: { attribute: false },
    address: {},
    asked: { attribute: false },
    fault: { state: true },
    isBusy: { state: true },
  };
  static override styles = [baseStyles, embedStyles];
  declare session: Session;
  /** As the page gave it. */
  declare address: string;
  declare asked: Extract<AskedContact, { readonly type: "new" }>;
  declare fault: ErrorWords | null;
  declare isBusy: boolean;

  constructor() {
    super();
    this.address = "";
    this.fault = null;
    this.isBusy = false;
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const { greeting } = fieldsOf(event, ["greeting"]);
    this.isBusy = true;
    this.fault = null;
    const options = greeting.trim() === "" ? {} : { greeting };
    const added = await this.session.client.addContact(this.address, options);
    this.isBusy = false;
    this.session.refresh();
    if (added.ok) this.#tell(added.value.accountId);
    else if (added.error.type === "ContactExists") this.#tell(added.error.accountId);
    else this.fault = describeError(added.error);
  };

  #tell(accountId: string): void {
    this.dispatchEvent(new CustomEvent<string>("dt-asked", { detail: accountId }));
  }

  override render() {
    const { name, server } = this.asked;
    const site = siteAround(window);
    return html`<form class="text" @submit=${this.#submit}>
      <h1>${say("embedAsk", { name })}</h1>
      <p>${site === null ? say("embedAskNamed", { server }) : say("embedAskBy", { site, server })}</p>
      <p class="note">${say("embedAskNote")}</p>
      <div class="field">
        <label for="greeting">${say("embedGreeting")}</label>
        <textarea id="greeting" name="greeting" dir="auto" rows="2" aria-describedby="greeting-note"></textarea>
        <p id="greeting-note" class="note">${say("embedGreetingNote")}</p>
      </div>
      ${faultLine(this.fault)}
      ${this.isBusy ? html`<dt-progress .label=${text("adding")}></dt-progress>` : nothing}
      <div><button class="btn ink lg" ?disabled=${this.isBusy}>${say("embedAskGo")}</button></div>
    </form>`;
  }
}

/** The site whose page this frame stands in, as the browser says; null where it does not. */
function siteAround({ location }: Window): string | null {
  // Not every browser has it.
  const origins: DOMStringList | undefined = location.ancestorOrigins;
  const origin = origins?.item(0) ?? null;
  return origin === null || !URL.canParse(origin) ? null : new URL(origin).host;
}

customElements.define("dt-embed-ask", DtEmbedAsk);
