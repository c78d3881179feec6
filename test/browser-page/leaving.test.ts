/** Components that leave the page while they are about to be drawn: they are drawn once more, and begin nothing anew. */
import { html, LitElement } from "lit";
import { afterEach, expect, test } from "vitest";
import "../../app/ui/notes/dt-note-text.ts";
import type { DtNoteText } from "../../app/ui/notes/dt-note-text.ts";
import { NoteTexts } from "../../app/ui/notes/note-texts.ts";
import { DrawLater } from "../../app/ui/parts/draw-later.ts";
import type { Session } from "../../app/ui/session/session.ts";
import { Watch } from "../../app/ui/session/watch.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import type { RoomDocumentView } from "../../core/client/views/room-view.ts";

afterEach(() => document.body.replaceChildren());

/** Puts `element` into the page, and takes it out again when it is to be drawn. */
async function leave(element: LitElement): Promise<void> {
  document.body.append(element);
  await element.updateComplete;
  element.requestUpdate();
  element.remove();
  await element.updateComplete;
}

test("[WB33] it listens to its session no more", async () => {
  const listeners = new Set<unknown>();
  const session = {
    onChange(listener: unknown) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  class Watching extends LitElement {
    readonly watch = new Watch(this, () => session as unknown as Session);
  }
  customElements.define("test-watching", Watching);
  const element = new Watching();
  document.body.append(element);
  await element.updateComplete;
  expect(listeners.size).toBe(1);
  await leave(element);
  expect(listeners.size).toBe(0);
});

test("[WB33] it sets no timer, and one that was set ends", async () => {
  let drawn = 0;
  class Ticking extends LitElement {
    readonly later = new DrawLater(this);
    override render() {
      drawn += 1;
      this.later.set(0);
      return html``;
    }
  }
  customElements.define("test-ticking", Ticking);
  const element = new Ticking();
  document.body.append(element);
  await expect.poll(() => drawn).toBeGreaterThan(2);
  await leave(element);
  const drawnThen = drawn;
  // Of timers that wait alike, the one that was set first ends first.
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(drawn).toBe(drawnThen);
});

test("[WB33] a text of a note is let go", async () => {
  const texts = new NoteTexts({} as never, () => {});
  const note = { id: idFromBytes("op", new Uint8Array(32)), text: "Oak", version: [], title: "Wood" };
  const element = document.createElement("dt-note-text") as DtNoteText;
  Object.assign(element, { texts, note, canWrite: true });
  await leave(element);
  await texts.flush();
  expect(texts.of({ ...note, text: "Ash" } as unknown as RoomDocumentView).isWatched).toBe(false);
});
