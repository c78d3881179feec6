/** What happens to the disk of a device, drawn from the seed and put among the other steps. */
import { createSeededRandom } from "../../support/seeded-random.ts";
import type { SchedulePlan, ScheduleStep } from "./schedule-plan.ts";

/** After so many of a hundred steps a device that was set back is written on. */
const WRITING_PERCENT = 40;
const FOR_MS_MAX = 600;
/** A server that loses or hides something too hides what is to be seen of a disk. */
const OTHER_TROUBLE: ReadonlySet<ScheduleStep["type"]> = new Set([
  "lie",
  "backup",
  "restore",
  "put-back",
] as const);

/** The plan, or in so many of a hundred schedules one with this trouble in the place of the server's. */
export function withDisks(plan: SchedulePlan, percent: number): SchedulePlan {
  // Numbers of its own: the other schedules stay what they were.
  const random = createSeededRandom(`schedule ${plan.seed}/disks`);
  if (!random.chance(percent)) return plan;
  const steps: ScheduleStep[] = plan.steps.filter(({ type }) => !OTHER_TROUBLE.has(type));
  const device = random.below(3);
  const at = random.below(steps.length + 1);
  if (random.chance(30)) return { ...plan, steps: steps.toSpliced(at, 0, { type: "empty", device }) };
  const forMs = random.below(FOR_MS_MAX);
  const copiedAt = random.below(at + 1);
  const rest = steps
    .slice(at)
    .flatMap((step): readonly ScheduleStep[] =>
      random.chance(WRITING_PERCENT) ? [step, { type: "write", device, count: 1 }] : [step],
    );
  return {
    ...plan,
    steps: [
      ...steps.slice(0, copiedAt),
      { type: "copy", device },
      ...steps.slice(copiedAt, at),
      { type: "set-back", device, forMs },
      ...rest,
    ],
  };
}
