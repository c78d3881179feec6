/** What happens in a schedule, drawn from its seed. */
import { present } from "../../../core/base/assert.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { withDisks } from "./disk-plan.ts";

/** What a server can say that is not so. */
export const SCHEDULE_LIES = [
  "hides entries",
  "changes entries",
  "changes ids",
  "says all is trimmed",
  "says nothing is trimmed",
  "hides snapshots",
  "withholds snapshots",
  "shows old snapshots",
  "swaps snapshots",
  "renames snapshots",
  "changes snapshots",
  "cuts snapshots",
  "moves the end of snapshots",
  "shows another account's snapshots",
  "drops endorsements",
  "loses blobs",
  "gives no blobs",
  "changes blobs",
  "swaps blobs",
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
  /** What is on a disk now is kept, to be put back later. */
  | { readonly type: "copy"; readonly device: number }
  /** A disk is again as it was when it was last copied; its device starts at once, and is not connected for so long. */
  | { readonly type: "set-back"; readonly device: number; readonly forMs: number }
  /** A disk has nothing on it any more. */
  | { readonly type: "empty"; readonly device: number }
  /** The server lets go what it may; who was silent for so long holds nothing back. */
  | { readonly type: "reclaim"; readonly silentMs: number }
  | { readonly type: "link" | "rotate" | "backup" | "restore" }
  | { readonly type: "revoke"; readonly device: number; readonly victim: number }
  /** Waits for the next answer in which it can be told, and is told for so long from then on. */
  | { readonly type: "lie"; readonly device: number; readonly lie: ScheduleLie; readonly forMs: number };

export interface SchedulePlan {
  readonly seed: string;
  readonly steps: readonly ScheduleStep[];
}

const STEPS_MIN = 10;
const STEPS_MAX = 30;
/** Nobody is held to have been silent. */
export const NEVER_SILENT_MS = 1_000_000_000;

/** The schedule of a seed; in so many of a hundred something happens to a disk. */
export function planSchedule(seed: string, diskPercent = 0): SchedulePlan {
  const random = createSeededRandom(`schedule ${seed}`);
  const count = STEPS_MIN + random.below(STEPS_MAX - STEPS_MIN + 1);
  const kinds = {
    hasLies: random.chance(35),
    hasBackup: random.chance(15),
    hasRevocation: random.chance(15),
  };
  const steps = Array.from({ length: count }, () => drawSteps(random, kinds)).flat();
  return withDisks({ seed, steps }, diskPercent);
}

interface Kinds {
  readonly hasLies: boolean;
  readonly hasBackup: boolean;
  readonly hasRevocation: boolean;
}

function drawSteps(random: SeededRandom, kinds: Kinds): readonly ScheduleStep[] {
  const step = drawStep(random, kinds);
  return step.type === "lie" ? drawScene(random, step) : [step];
}

type Lie = ScheduleStep & { readonly type: "lie" };

/** So much time goes by. */
export const pass = (ms: number): ScheduleStep => ({ type: "pass", ms });

/** What makes a device ask for what a lie is about. */
const SCENES = {
  /** A sibling's snapshot is looked at, and what came after it; the log is opened. */
  sibling: (lie: Lie, { device, other }: Pair): readonly ScheduleStep[] => [
    lie,
    ...packing(other),
    ...wordOf(other),
    { type: "sync", device },
    pass(60),
    { type: "offline", device, forMs: 20 },
    pass(300),
  ],
  /** It knows the newest, and looks again. */
  again: (lie: Lie, { device, other }: Pair): readonly ScheduleStep[] => [
    ...packing(other),
    { type: "sync", device },
    pass(60),
    ...packing(other),
    { type: "sync", device },
    pass(60),
    lie,
    ...wordOf(other),
    pass(60),
    { type: "sync", device },
    pass(60),
  ],
  /** It is away, and what it has not read is let go. */
  away: (lie: Lie, { device, other }: Pair): readonly ScheduleStep[] => [
    { type: "offline", device, forMs: 1_000 },
    lie,
    ...packing(other),
    ...packing(other),
    { type: "offline", device: other, forMs: 10 },
    pass(300),
    { type: "reclaim", silentMs: 400 },
    pass(500),
  ],
  /** It is new, or the newest there is. */
  new: (lie: Lie, { other }: Pair): readonly ScheduleStep[] => [
    ...packing(other),
    { type: "link" },
    { ...lie, device: 2 },
    pass(200),
    ...packing(other),
    ...wordOf(other),
    { type: "sync", device: 2 },
    pass(60),
  ],
  /** The server is put back, and the log begins anew with a sibling's snapshot. */
  anew: (lie: Lie, { device, other }: Pair): readonly ScheduleStep[] => [
    { type: "backup" },
    ...packing(other),
    { type: "restore" },
    lie,
    { type: "put-back", device: other },
    pass(400),
    { type: "sync", device },
    pass(60),
  ],
};

interface Pair {
  readonly device: number;
  readonly other: number;
}

/** Where else than in the others a lie can be told. */
const SUITED: Partial<Record<ScheduleLie, readonly (keyof typeof SCENES)[]>> = {
  "changes ids": ["sibling", "new"],
  "says all is trimmed": ["away", "new"],
  "says nothing is trimmed": ["away"],
  "hides snapshots": ["sibling", "again", "away", "new", "anew"],
  "shows old snapshots": ["sibling", "again", "away", "new", "anew"],
  "swaps snapshots": ["again", "away", "new"],
  "drops endorsements": ["again"],
};

/** A lie, and what makes its device ask for what it is about. */
function drawScene(random: SeededRandom, drawn: Lie): readonly ScheduleStep[] {
  const device = drawn.device % 2;
  const lie = { ...drawn, device };
  if (ABOUT_ENTRIES.has(lie.lie)) return [lie];
  const suited = SUITED[lie.lie] ?? ["sibling", "away", "new", "anew"];
  const scene = SCENES[present(suited[random.below(suited.length)], "each has one")];
  return scene(lie, { device, other: 1 - device });
}

/** Every lie in every scene, once. */
export const LIE_SCHEDULES: readonly SchedulePlan[] = SCHEDULE_LIES.flatMap((lie) =>
  Object.entries(SCENES).map(([name, scene]) => ({
    seed: `${lie}: ${name}`,
    steps: scene({ type: "lie", device: 0, lie, forMs: 300 }, { device: 0, other: 1 }),
  })),
);

/** These need no asking: entries come by themselves. */
const ABOUT_ENTRIES: ReadonlySet<ScheduleLie> = new Set(["hides entries", "changes entries"] as const);

/** Enough for a snapshot, which a sync makes. */
function packing(device: number): readonly ScheduleStep[] {
  const edit = { type: "edit", device } as const;
  return [
    ...wordOf(device),
    edit,
    pass(20),
    edit,
    pass(20),
    edit,
    pass(20),
    edit,
    pass(20),
    ...wordOf(device),
    { type: "sync", device },
    pass(60),
  ];
}

function wordOf(device: number): readonly ScheduleStep[] {
  return [{ type: "write", device, count: 1 }, pass(20)];
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
