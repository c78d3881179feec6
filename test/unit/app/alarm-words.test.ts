/** What an alarm says about a device of one's own. */
import { expect, test } from "vitest";
import { describeAlarm } from "../../../app/ui/words/alarm-words.ts";
import { idFromBytes } from "../../../core/base/ids.ts";

test("[FR4] says what a device's word that is not believed means, and names a rule only where there are no words for it", () => {
  const device = idFromBytes("device", new Uint8Array(16).fill(0xab));
  const textOf = (rule: string) => describeAlarm({ type: "FrontierDistrusted", device, rule }, () => "").text;
  expect(textOf("Stale")).toMatch(/older word/);
  expect(textOf("Stale")).not.toContain("Stale");
  expect(textOf("Twofold")).toMatch(/in use twice/);
  expect(textOf("Twofold")).not.toContain("Twofold");
  expect(textOf("BadSignature")).toContain("BadSignature");
});
