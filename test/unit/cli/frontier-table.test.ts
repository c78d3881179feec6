/** What a person reads about which device holds what. */
import { expect, test } from "vitest";
import type { DeviceFrontier, FrontierReport } from "@dovetail/core";
import { idFromBytes } from "../../../core/base/ids.ts";
import { describeFrontiers, layOutFrontiers } from "../../../cli/commands/devices/frontier-table.ts";

const device = (name: string, changes: Partial<DeviceFrontier> = {}): DeviceFrontier => ({
  device: idFromBytes("device", new Uint8Array(16).fill(name.length)),
  name,
  isThis: false,
  state: "equal",
  seq: 12,
  reachedAtMs: 0,
  toldAtMs: 0,
  missingEntries: 0,
  aheadEntries: 0,
  unopenedEntries: 0,
  unloadedDocuments: 0,
  unsentChanges: 0,
  ...changes,
});

const report = (devices: readonly DeviceFrontier[], changes: Partial<FrontierReport> = {}) => ({
  incarnation: 0,
  seq: 12,
  checkedAtMs: 1,
  isSynced: devices.every(({ state }) => state === "equal"),
  devices,
  ...changes,
});

const page = { width: 100, paint: (text: string) => text };
const lines = (one: DeviceFrontier) => layOutFrontiers(report([one]), page).join("\n");

test("says synced only when every device has said so", () => {
  expect(describeFrontiers(report([device("laptop"), device("phone")]))).toBe(
    "Synced: all 2 devices hold the same.",
  );
  const behind = report([device("laptop"), device("phone", { state: "behind", missingEntries: 3 })]);
  expect(describeFrontiers(behind)).toContain("phone");
  expect(describeFrontiers(behind)).not.toMatch(/synced/i);
  const unasked = report([device("laptop")], { checkedAtMs: null, isSynced: false });
  expect(describeFrontiers(unasked)).not.toMatch(/synced/i);
});

test("says of each device what it lacks", () => {
  expect(lines(device("phone"))).toContain("nothing");
  expect(lines(device("phone", { state: "behind", missingEntries: 1 }))).toContain("1 entry");
  expect(lines(device("phone", { state: "ahead", aheadEntries: 2 }))).toContain("has 2 entries more");
  expect(lines(device("phone", { state: "differs" }))).toContain("something else");
  expect(lines(device("phone", { state: "unheard", seq: null, reachedAtMs: null }))).toContain(
    "not heard of",
  );
  const lacking = device("phone", { state: "incomplete", unloadedDocuments: 1, unsentChanges: 2 });
  expect(lines(lacking)).toContain("1 document to load, 2 changes to send");
});
