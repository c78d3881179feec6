/** Where the focus goes when what has it is about to go. */
import type { LitElement } from "lit";

/** Puts the focus on the first `selector` of what `host` draws next. */
export function focusLater(host: LitElement, selector: string): void {
  void host.updateComplete.then(() => host.renderRoot.querySelector<HTMLElement>(selector)?.focus());
}
