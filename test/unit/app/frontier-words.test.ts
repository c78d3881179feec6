/** What is said of an own device follows from what it signed, and from nothing else. */
import type { DeviceFrontier } from "@dovetail/core";
import { expect, test } from "vitest";
import { describeFrontier, SILENT_AFTER_MS } from "../../../app/ui/words/frontier-words.ts";
import { idFromBytes } from "../../../core/base/ids.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const at = (changes: Partial<DeviceFrontier>) =>
  describeFrontier(
    {
      device: idFromBytes("device", new Uint8Array(16)),
      name: "tablet",
      isThis: false,
      state: "equal",
      seq: 10,
      reachedAtMs: NOW_MS - 3_600_000,
      toldAtMs: NOW_MS - 60_000,
      missingEntries: 0,
      aheadEntries: 0,
      unopenedEntries: 0,
      unloadedDocuments: 0,
      unsentChanges: 0,
      ...changes,
    },
    NOW_MS,
  );

test("everything is said, and the tail fits, only for what signed for everything", () => {
  expect(at({})).toMatchObject({ title: "Everything", joint: "joined", tone: "proven", isFitted: true });
  for (const state of ["behind", "ahead", "incomplete", "differs", "unheard"] as const)
    expect(at({ state })).toMatchObject({
      joint: "apart",
      isFitted: false,
      tone: expect.not.stringMatching("proven"),
    });
});

test("a device that is behind says by how much, and its bar ends where it got to", () => {
  expect(at({ state: "behind", missingEntries: 38 })).toMatchObject({
    title: "38 entries behind",
    endMs: NOW_MS - 3_600_000,
  });
  expect(at({ state: "ahead", aheadEntries: 1 }).title).toBe("1 entry ahead of this browser");
  expect(at({ state: "incomplete", unloadedDocuments: 2 }).title).toBe("2 documents to load");
  expect(at({ state: "incomplete" }).title).toBe("Waits for this browser");
});

test("one that has said nothing for more than a day is silent, unless it had everything; one never heard has no bar", () => {
  const toldAtMs = NOW_MS - SILENT_AFTER_MS - 1;
  expect(at({ state: "behind", toldAtMs })).toMatchObject({ tone: "open", endMs: toldAtMs });
  expect(at({ state: "behind", toldAtMs: NOW_MS - SILENT_AFTER_MS }).tone).toBe("plain");
  expect(at({ state: "unheard", toldAtMs: null })).toMatchObject({ tone: "open", endMs: null });
});
