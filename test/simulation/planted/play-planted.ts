/**
 * One process with one fault in it (or none): plays the stories until one fails, and prints what was not kept. With `begin` it
 * only has their people come to be there, for the processes after it.
 */
import { automergeReady, cryptoReady } from "@dovetail/core";
import { beginningFor } from "../world/beginning.ts";
import { openNonceLedger } from "../world/nonce-ledger.ts";
import { rememberSums } from "../world/remembered-sums.ts";
import { runStory } from "../world/run-story.ts";
import { createConversation } from "../../support/ratchet-conversation.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { checkHistory } from "../history/check-history.ts";
import { recordHistory } from "../history/record-history.ts";
import { createSqliteServerDisk } from "../world/server-disk.ts";
import { playSchedule } from "../schedules/play-schedule.ts";
import { PAST_SCHEDULES } from "../schedules/past-schedules.ts";
import { LIE_SCHEDULES, planSchedule } from "../schedules/schedule-plan.ts";
import { PLANTED_FAULTS, type StoryName } from "./faults.ts";
import { storiesFrom } from "./stories.ts";

/** What became of a planted fault; null when no story found it. */
export interface PlantedResult {
  readonly caughtBy: string | null;
  readonly says: string | null;
}

/** In so many of them a fault of theirs shows itself. */
const SCHEDULES = 40;
/** Of these, with what happens to disks. */
const DISK_SCHEDULES_FROM = 700_040;

const chosen = PLANTED_FAULTS.find(({ name }) => name === process.env.DOVETAIL_PLANTED);
await cryptoReady();
await automergeReady();
if (process.argv[2] === "begin") {
  for (const plan of storiesFrom("calm")) await beginningFor(plan);
  process.exit(0);
}
const ledger = openNonceLedger();
rememberSums();
let result: PlantedResult = { caughtBy: null, says: null };
const aside = await playAside(chosen?.story ?? null);
if (aside !== null) result = { caughtBy: chosen?.story ?? "", says: aside };
else
  for (const plan of storiesFrom(chosen?.story ?? "calm")) {
    const says = await play(plan).catch((error: unknown) => `the world does not begin: ${String(error)}`);
    if (says === null) continue;
    result = { caughtBy: plan.seed, says };
    break;
  }
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

/** Checks that are no worlds: envelopes that come late and out of order, and the histories of a log. */
async function playAside(story: StoryName | null): Promise<string | null> {
  if (story === "late") return openLate();
  if (story === "schedules") return playSchedules();
  if (story !== "log") return null;
  const disk = createSqliteServerDisk();
  const history = await recordHistory({ disk, seed: "planted", isCrashing: false });
  disk.discard();
  const [first] = checkHistory(history);
  return first === undefined ? null : `${first.fault}: ${first.why}`;
}

async function playSchedules(): Promise<string | null> {
  const drawn = Array.from({ length: SCHEDULES }, (_, index) => [
    planSchedule(String(index + 1)),
    planSchedule(String(DISK_SCHEDULES_FROM + index), 100),
  ]);
  for (const plan of [...Object.values(PAST_SCHEDULES), ...LIE_SCHEDULES, ...drawn.flat()]) {
    const [fault] = (await playSchedule(plan)).faults;
    if (fault !== undefined) return `schedule ${plan.seed}: ${fault}`;
  }
  return null;
}

function openLate(): string | null {
  const random = createSeededRandom("late");
  const conversation = createConversation(random);
  conversation.start("a");
  const waiting = Array.from({ length: 24 }, (_, number) => conversation.send("a", new Uint8Array([number])));
  while (waiting.length > 0) {
    const [envelope] = waiting.splice(random.below(waiting.length), 1);
    if (envelope === undefined) continue;
    const opened = conversation.receive("b", envelope);
    if (!opened.ok) return `an envelope that came late does not open: ${opened.error.type}`;
  }
  return null;
}

async function play(plan: Parameters<typeof runStory>[0]): Promise<string | null> {
  return (await runStory(plan, ledger)).faults[0] ?? null;
}
