/** What happens in a schedule, drawn from its seed. */
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";

/** What a server can say that is not so. */
export const SCHEDULE_LIES = [
  "hides entries",
  "hides snapshots",
  "shows old snapshots",
  "swaps snapshots",
  "drops endorsements",
  "loses blobs",
  "changes a snapshot",
  "changes blobs",
  "changes entries",
] as const;
export type ScheduleLie = (typeof SCHEDULE_LIES)[number];

/** `device` picks one of those there are; `pick` one of what is there to be picked. */
export type ScheduleStep =
  | { readonly type: "pass"; readonly ms: number }
  | { readonly type: "write"; readonly device: number; readonly count: number }
  | { readonly type: "edit" | "clear" | "put-back" | "sync"; readonly device: number }
  | { readonly type: "delete" | "redact"; readonly device: number; readonly pick: number }
  | { readonly type: "offline"; readonly device: number; readonly forMs: number }
  | {
      readonly type: "crash";
      readonly device: number;
      readonly write: number;
      readonly moment: "before" | "after";
      readonly forMs: number;
    }
  /** The server lets go what it may; who was silent for so long holds nothing back. */
  | { readonly type: "reclaim"; readonly silentMs: number }
  | { readonly type: "link" | "rotate" | "backup" | "restore" }
  | { readonly type: "revoke"; readonly device: number; readonly victim: number }
  | { readonly type: "lie"; readonly device: number; readonly lie: ScheduleLie; readonly forMs: number };

export interface SchedulePlan {
  readonly seed: string;
  readonly steps: readonly ScheduleStep[];
}

const STEPS_MIN = 10;
const STEPS_MAX = 30;
/** Nobody is held to have been silent. */
export const NEVER_SILENT_MS = 1_000_000_000;

/** The schedule of a seed. */
export function planSchedule(seed: string): SchedulePlan {
  const random = createSeededRandom(`schedule ${seed}`);
  const count = STEPS_MIN + random.below(STEPS_MAX - STEPS_MIN + 1);
  const kinds = {
    hasLies: random.chance(35),
    hasBackup: random.chance(15),
    hasRevocation: random.chance(15),
  };
  return { seed, steps: Array.from({ length: count }, () => drawStep(random, kinds)) };
}

interface Kinds {
  readonly hasLies: boolean;
  readonly hasBackup: boolean;
  readonly hasRevocation: boolean;
}

function drawStep(random: SeededRandom, kinds: Kinds): ScheduleStep {
  const device = random.below(3);
  const forMs = 10 + random.below(600);
  const drawn = random.below(100);
  if (drawn < 24) return { type: "write", device, count: 1 + random.below(3) };
  if (drawn < 36) return { type: "pass", ms: 20 + random.below(400) };
  if (drawn < 46) return { type: "sync", device };
  if (drawn < 54) return { type: "delete", device, pick: random.below(16) };
  if (drawn < 60) return { type: "redact", device, pick: random.below(16) };
  if (drawn < 62) return { type: "clear", device };
  if (drawn < 66) return { type: "edit", device };
  if (drawn < 74) return { type: "offline", device, forMs };
  if (drawn < 82)
    return {
      type: "crash",
      device,
      write: 1 + random.below(12),
      moment: random.chance(50) ? "before" : "after",
      forMs,
    };
  if (drawn < 89) return { type: "reclaim", silentMs: random.chance(60) ? NEVER_SILENT_MS : 300 };
  if (drawn < 91) return { type: "link" };
  return drawTrouble(random, kinds, { device, forMs });
}

function drawTrouble(
  random: SeededRandom,
  { hasLies, hasBackup, hasRevocation }: Kinds,
  { device, forMs }: { readonly device: number; readonly forMs: number },
): ScheduleStep {
  const drawn = random.below(10);
  const lie = SCHEDULE_LIES[random.below(SCHEDULE_LIES.length)] ?? "hides entries";
  if (hasLies && drawn < 5) return { type: "lie", device, lie, forMs };
  if (hasBackup && drawn < 7) return { type: random.chance(60) ? "backup" : "restore" };
  if (hasBackup && drawn < 8) return { type: "put-back", device };
  if (hasRevocation && drawn < 9) return { type: "revoke", device, victim: random.below(3) };
  return drawn % 3 === 0 ? { type: "rotate" } : { type: "sync", device };
}
