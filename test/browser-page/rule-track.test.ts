/** The rule of the devices, in a real page. */
import { html, LitElement } from "lit";
import { expect, test } from "vitest";
import { ruleAxis, ruleStyles, ruleTrack } from "../../app/ui/devices/rule-track.ts";
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

test("each day named above has its line behind the bars, and none lies on the board", async () => {
  customElements.define(
    "test-days",
    class extends LitElement {
      static override styles = [ruleStyles];
      override render() {
        const nowMs = new Date(2026, 2, 31, 18).getTime();
        return html`${ruleAxis(nowMs)}${ruleTrack({ ...SILENT, endMs: nowMs - HOUR_MS }, nowMs)}`;
      }
    },
  );
  const rule = document.createElement("test-days");
  rule.style.cssText = "display: block; inline-size: 450px; font-size: 15px";
  document.body.append(rule);
  await new Promise(requestAnimationFrame);
  const leftOf = (selector: string): number[] =>
    [...(rule.shadowRoot?.querySelectorAll(selector) ?? [])].map((one) =>
      Math.round(one.getBoundingClientRect().left),
    );
  const lines = leftOf(".tk .dy");
  expect(lines).toHaveLength(7);
  expect(leftOf(".axis span:not(.now)").filter((left) => !lines.includes(left))).toEqual([]);
  expect(leftOf(".axis span:not(.now)").length).toBeGreaterThanOrEqual(6);
  expect(Math.max(...lines)).toBeLessThan(leftOf(".bd")[0] ?? 0);
  rule.remove();
});
