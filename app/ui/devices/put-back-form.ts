/**
 * What the sheets share that have a server take the account from what this device holds: what it may ask for on the way, one attempt
 * at a time, and how far that has come.
 */
import { html, nothing, type ReactiveControllerHost, type TemplateResult } from "lit";
import type { ClientError, PutBackReport, Result } from "@dovetail/core";
import type { HistoryProgress, Session } from "../session/session.ts";
import { Watch } from "../session/watch.ts";
import type { ErrorWords } from "../words/en-errors.ts";
import { say, text } from "../words/say.ts";
import "../parts/dt-progress.ts";

type Host = ReactiveControllerHost &
  HTMLElement & { readonly renderRoot: ParentNode; readonly session: Session };

export class PutBackForm {
  readonly #host: Host;
  #invitation = "";
  #handle = "";
  /** Somebody else has the account's handle there. */
  #needsHandle = false;
  #progress: HistoryProgress | null = null;

  constructor(host: Host) {
    this.#host = host;
    new Watch(
      host,
      () => host.session ?? null,
      (event) => {
        if (event?.type === "progress" && event.phase === "restoring")
          this.#progress = { done: event.done, total: event.total };
      },
    );
  }

  /** Puts the account on the server of `origin`, its home unless named, with what was typed. */
  send(origin?: string): Promise<Result<PutBackReport, ClientError>> {
    this.#progress = null;
    const invitation = this.#invitation.trim();
    const handle = this.#handle.trim();
    return this.#host.session.client.putBack({
      ...(origin === undefined ? {} : { origin }),
      ...(invitation === "" ? {} : { invitation }),
      ...(handle === "" ? {} : { handle }),
    });
  }

  /** What is said of a handle that somebody else has on `server`; another one is asked for then. Null for every other error. */
  handleTaken(error: ClientError, server: string): ErrorWords | null {
    if (error.type !== "Refused" || error.code !== "handle-taken") return null;
    this.#needsHandle = true;
    this.#host.requestUpdate();
    void this.#host.updateComplete.then(() =>
      this.#host.renderRoot.querySelector<HTMLInputElement>("#handle")?.select(),
    );
    const handle = this.#handle.trim() || (this.#host.session.views.account?.handle ?? "");
    return { text: text("moveHandleTaken", { server, handle }) };
  }

  fields(asked: { readonly server: string; readonly needsInvitation: boolean; readonly isBusy: boolean }) {
    const { server, needsInvitation, isBusy } = asked;
    return html`${
      needsInvitation
        ? askedField({
            ...{ id: "invitation", label: say("invitation"), note: say("invitationNote"), isBusy },
            onType: (typed) => {
              this.#invitation = typed;
            },
          })
        : nothing
    }${
      this.#needsHandle
        ? askedField({
            ...{ id: "handle", label: say("moveHandle", { server }), note: say("moveHandleNote"), isBusy },
            onType: (typed) => {
              this.#handle = typed;
            },
          })
        : nothing
    }`;
  }

  /** How far it has come, in words for when that is known, and for before. */
  progress(label: (progress: HistoryProgress | null) => string): TemplateResult {
    const progress = this.#progress;
    return html`<dt-progress
      .label=${label(progress)}
      .done=${progress?.done ?? null}
      .total=${progress?.total ?? null}
    ></dt-progress>`;
  }
}

/** A field for what a server asks for on the way to it. */
function askedField(asked: {
  readonly id: string;
  readonly label: unknown;
  readonly note: unknown;
  readonly isBusy: boolean;
  readonly onType: (typed: string) => void;
}): TemplateResult {
  const { id, label, note, isBusy, onType } = asked;
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
