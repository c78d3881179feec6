/**
 * What a page remembers of the profile outside IndexedDB, so that it can tell an account that the browser has thrown away
 * from one that never was. Browsers that evict a site's data mostly leave this; where they do not, the app starts empty. WB9
 *
 * It holds three public facts in clear: the account's id, the device's id, the server.
 */
import { err, ok, parseId, type Result } from "@dovetail/core";
import type { LostProfile } from "./engine.ts";

function keyOf(profile: string): string {
  return `dovetail/${profile}`;
}

/** What is remembered; null when nothing is, or it cannot be read. */
export function readRemembered(profile: string): LostProfile | null {
  try {
    const remembered = parse(JSON.parse(localStorage.getItem(keyOf(profile)) ?? "null"));
    return remembered.ok ? remembered.value : null;
  } catch {
    return null;
  }
}

/** Remembers a profile, or forgets it. A browser that refuses only takes the explanation away. */
export function remember(profile: string, facts: LostProfile | null): void {
  try {
    if (facts === null) localStorage.removeItem(keyOf(profile));
    else localStorage.setItem(keyOf(profile), JSON.stringify(facts));
  } catch {
    // Nothing depends on it.
  }
}

function parse(value: unknown): Result<LostProfile, null> {
  if (typeof value !== "object" || value === null) return err(null);
  const { accountId, deviceId, origin } = value as Readonly<Record<string, unknown>>;
  if (typeof accountId !== "string" || typeof deviceId !== "string" || typeof origin !== "string")
    return err(null);
  const account = parseId("account", accountId);
  const device = parseId("device", deviceId);
  return account.ok && device.ok
    ? ok({ accountId: account.value, deviceId: device.value, origin })
    : err(null);
}
