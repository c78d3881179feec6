import { expect, test } from "vitest";
import { ok } from "../../../core/base/result.ts";
import { RECLAIM_MS } from "../../../sync-server/limits.ts";
import { startReclaimer } from "../../../sync-server/reclaimer.ts";
import { createManualClock } from "../../support/manual-clock.ts";

test("[SN9] [IN6] each round trims, and lets chains lapse that wait for a link, until it is ended", async () => {
  const clock = createManualClock();
  const rounds: [string, number][] = [];
  const stop = startReclaimer(
    {
      reclaim(rules) {
        rounds.push(["reclaim", rules.nowMs]);
        return Promise.resolve(ok({ entries: 0, blobs: 0, isDone: true }));
      },
      lapseRestores(nowMs) {
        rounds.push(["lapse", nowMs]);
        return Promise.resolve(ok());
      },
    },
    clock,
    { snapshotGraceMs: 1, deviceSilentMs: 1 },
  );
  const startMs = clock.nowMs();
  for (let i = 0; i < 3; i++) {
    if (i === 2) stop();
    await clock.advance(RECLAIM_MS);
  }
  expect(rounds).toEqual(
    [1, 2].flatMap((n) => [
      ["lapse", startMs + n * RECLAIM_MS],
      ["reclaim", startMs + n * RECLAIM_MS],
    ]),
  );
});
