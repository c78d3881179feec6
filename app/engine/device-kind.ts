/** What kind of device this browser runs on, for the lists of its siblings. */
import type { DeviceKind } from "@dovetail/core";

/** As the browser says; one that calls itself a computer's, as on large tablets, is taken for that. */
export function deviceKindOf(userAgent: string): DeviceKind {
  if (/iPad|Tablet/.test(userAgent)) return "tablet";
  if (/iPhone|Mobi/.test(userAgent)) return "phone";
  // Browsers on Android say that they are mobile on phones only.
  return /Android/.test(userAgent) ? "tablet" : "browser";
}
