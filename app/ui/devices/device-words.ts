/** What a device is, and how it came to the account, as the account's chain and the device itself say. */
import type { DeviceKind, DeviceView } from "@dovetail/core";
import type { TemplateResult } from "lit";
import type { IconName } from "../parts/icon.ts";
import type { MessageKey } from "../words/en.ts";
import { say } from "../words/say.ts";
import { dayInSentence } from "../words/times.ts";

const KINDS: Readonly<Record<DeviceKind, { readonly icon: IconName; readonly words: MessageKey }>> = {
  browser: { icon: "browser", words: "kindBrowser" },
  phone: { icon: "phone", words: "kindPhone" },
  tablet: { icon: "tablet", words: "kindTablet" },
  "command-line": { icon: "terminal", words: "kindCommandLine" },
};

export function deviceIcon(kind: DeviceKind | null): IconName {
  return kind === null ? "devices" : KINDS[kind].icon;
}

/** Of one that has not said what it is there is nothing to say. */
export function kindWords(kind: DeviceKind | null): TemplateResult | string {
  return kind === null ? "" : say(KINDS[kind].words);
}

/** Who linked it and when, by the clock of who did. */
export function arrivalWords(
  { arrival, addedAtMs, addedBy, addedSeq }: DeviceView,
  devices: readonly DeviceView[],
): TemplateResult {
  if (addedAtMs === null) return say("deviceAdded", { seq: addedSeq });
  const day = dayInSentence(addedAtMs, Date.now());
  const by = devices.find(({ id }) => id === addedBy);
  if (by !== undefined) return say("deviceLinkedBy", { day, name: by.name });
  return say(arrival === "recovered" ? "deviceCameBack" : "deviceFirst", { day });
}

export function revokedWords({ revokedAtMs }: DeviceView): TemplateResult {
  return revokedAtMs === null
    ? say("deviceRevoked")
    : say("deviceRevokedAt", { day: dayInSentence(revokedAtMs, Date.now()) });
}
