/** A field for what a server asks for on the way to it: an invitation, another handle. */
import { html, type TemplateResult } from "lit";

export interface AskedFor {
  readonly id: string;
  readonly label: unknown;
  readonly note: unknown;
  readonly isBusy: boolean;
  readonly onType: (typed: string) => void;
}

export function askedField({ id, label, note, isBusy, onType }: AskedFor): TemplateResult {
  const typed = (event: Event): void => {
    if (event.target instanceof HTMLInputElement) onType(event.target.value);
  };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input
      id=${id}
      required
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      aria-describedby=${`${id}-note`}
      ?disabled=${isBusy}
      @input=${typed}
    />
    <p id=${`${id}-note`} class="note">${note}</p>
  </div>`;
}
