/** What every way back with the recovery key asks for: the words, and which devices stay. */
import { html, type TemplateResult } from "lit";
import type { Engine, LostProfile, ProfileRecovery } from "../../engine/engine.ts";
import { say } from "../words/say.ts";

/** The 24 words; `count` is how many stand there. */
export function wordsField(count: number, onInput: (event: Event) => void): TemplateResult {
  return html`<div class="field">
    <label for="words">${say("recoverWords")}</label>
    <textarea id="words" name="words" rows="4" required autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="words-note" @input=${onInput}></textarea>
    <p id="words-note" class="note">${say("recoverWordsNote")} ${say("recoverCount", { count })}</p>
  </div>`;
}

/** How many words stand in the field that `event` is of. */
export function countWords(event: Event): number {
  return event.target instanceof HTMLTextAreaElement
    ? event.target.value.split(/\s+/).filter((word) => word !== "").length
    : 0;
}

/** Who lost only this browser's storage keeps the others, less what this browser was. */
export function devicesField(isEvicted: boolean): TemplateResult {
  return html`<fieldset>
    <legend>${say("recoverDevices")}</legend>
    <label class="choice"><input type="radio" name="devices" value="drop" ?checked=${!isEvicted} />${say("recoverDrop")}</label>
    <label class="choice"><input type="radio" name="devices" value="keep" ?checked=${isEvicted} />${say("recoverKeep")}</label>
    <p class="note">${say(isEvicted ? "recoverEvictedNote" : "recoverDropNote")}</p>
  </fieldset>`;
}

/** What this browser was before it threw its storage away; null when it never was anything. */
export function lostProfileOf(engine: Engine): LostProfile | null {
  const state = engine.state();
  return state.type === "evicted" ? state.lost : null;
}

/** The entry that goes as the new one comes. */
export function replacing(lost: LostProfile | null): Pick<ProfileRecovery, "replaces"> {
  return lost === null ? {} : { replaces: lost.deviceId };
}
