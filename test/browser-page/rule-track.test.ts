/** The rule of the devices, in a real page. */
import { html, LitElement } from "lit";
import { expect, test } from "vitest";
import { ruleStyles, ruleTrack } from "../../app/ui/devices/rule-track.ts";
import type { FrontierWords } from "../../app/ui/words/frontier-words.ts";

const HOUR_MS = 3_600_000;
const BOARD_PX = 26;
const SILENT: FrontierWords = {
  title: "",
  note: "",
  joint: "apart",
  tone: "open",
  endMs: 0,
  isFitted: false,
};

customElements.define(
  "test-rule",
  class extends LitElement {
    static override styles = [ruleStyles];
    override render() {
      const nowMs = Date.now();
      return [30, 120].map(
        (hours) => html`<p>${ruleTrack({ ...SILENT, endMs: nowMs - hours * HOUR_MS }, nowMs)}</p>`,
      );
    }
  },
);

test("what is said of a silent device stands between its bar and the board, and not at all where it does not fit", async () => {
  const rule = document.createElement("test-rule");
  rule.style.cssText = "display: block; inline-size: 450px; font-size: 15px";
  document.body.append(rule);
  await new Promise(requestAnimationFrame);
  const labels = [...(rule.shadowRoot?.querySelectorAll<HTMLElement>(".lb") ?? [])];
  const isShown = labels.map((label) => {
    const range = document.createRange();
    range.selectNodeContents(label);
    const [words, frame] = [range.getBoundingClientRect(), label.getBoundingClientRect()];
    expect(frame.right).toBeLessThanOrEqual(rule.getBoundingClientRect().right - BOARD_PX);
    const isShown = words.top < frame.bottom;
    if (isShown) expect(words.right, "cut off").toBeLessThanOrEqual(frame.right);
    return isShown;
  });
  expect(isShown).toEqual([false, true]);
  rule.remove();
});
