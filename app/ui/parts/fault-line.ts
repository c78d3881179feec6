/** What went wrong and what one can do about it: above the buttons, where the one stood that was pressed. */
import { html, nothing } from "lit";
import type { ErrorWords } from "../words/en-errors.ts";

/** The line, or nothing where nothing went wrong. */
export const faultLine = (fault: ErrorWords | null) =>
  fault === null
    ? nothing
    : html`<p role="alert"><span class="bad">${fault.text}</span> ${fault.hint ?? ""}</p>`;
