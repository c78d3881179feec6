/** A crash of everything before a write: some of the thousand that a short story has; `npm run crash -- points` takes all. */
import { expect, test } from "vitest";
import { recordStates, verifyState } from "../crash/crash-points.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

/** One in so many. */
const EVERY = 301;

test("[ST3] [LG15] a crash of clients and server before any write loses nothing that was confirmed, and leaves nothing half done", {
  timeout: 240_000,
}, async () => {
  const folder = createTemporaryFolder();
  const recording = recordStates(folder.path, EVERY);
  expect(recording.effects).toBeGreaterThan(EVERY * 2);
  for (const number of recording.kept)
    expect(await verifyState(folder.path, recording, number), `before effect ${number}`).toEqual([]);
  folder.discard();
});
