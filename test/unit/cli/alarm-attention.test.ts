/** Which alarms a person is reminded of. */
import { describe, expect, test } from "vitest";
import { attentionLines, needsAttention } from "../../../cli/commands/devices/alarm.ts";
import type { AlarmView } from "../../../core/client/views/alarm-view.ts";
import { parseId } from "../../../core/base/ids.ts";
import { must } from "../../support/chain-world.ts";

const accountId = must(parseId("account", "0".repeat(64)));

function view(alarm: AlarmView["alarm"], times: Partial<AlarmView> = {}): AlarmView {
  const none = { acknowledgedAtMs: null, resolvedAtMs: null, contact: null, disagreements: [] };
  const one = { latest: alarm, count: 1, rules: [], seqs: [] };
  return { id: "1", alarm, raisedAtMs: 1, seenAtMs: 1, ...one, ...none, ...times };
}

describe("an alarm", () => {
  const damaged: AlarmView["alarm"] = { type: "DocumentDamaged", documentKind: "contacts" };
  const rows: AlarmView["alarm"] = { type: "RowsMended", rows: 3 };
  const lasting: AlarmView["alarm"] = { type: "ChainDistrusted", accountId, rule: "BadSignature" };

  test("that nobody has read is shown, also when it is over", () => {
    for (const alarm of [damaged, rows, lasting]) {
      expect(needsAttention(view(alarm))).toBe(true);
      expect(needsAttention(view(alarm, { resolvedAtMs: 2 }))).toBe(true);
      expect(needsAttention(view(alarm, { acknowledgedAtMs: 2, resolvedAtMs: 2 }))).toBe(false);
    }
  });

  test("that was read is shown as long as what it tells of lasts, and no longer when it was of a moment", () => {
    const read = { acknowledgedAtMs: 2 };
    expect(needsAttention(view(lasting, read))).toBe(true);
    expect([damaged, rows].map((alarm) => needsAttention(view(alarm, read)))).toEqual([false, false]);
    expect(attentionLines([view(rows, read), view(lasting, read)])).toEqual([
      "1 alarm to look at: dovetail alarm list",
    ]);
  });
});
