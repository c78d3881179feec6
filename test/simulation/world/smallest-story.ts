/** Looks for the smallest story that still fails: steps are left out, in halves first, then one by one. */
/** How many stories may be played while looking. */
export const TRIALS_MAX = 120;

/** The plan with as few steps as were found to be needed; `fails` plays one. */
export async function findSmallestStory<P extends { readonly steps: readonly unknown[] }>(
  plan: P,
  fails: (plan: P) => Promise<boolean>,
): Promise<P> {
  let smallest = plan;
  let trials = 0;
  for (let part = Math.ceil(plan.steps.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = 0; from < smallest.steps.length && trials < TRIALS_MAX; ) {
      const steps = [...smallest.steps.slice(0, from), ...smallest.steps.slice(from + part)];
      trials += 1;
      const shorter = { ...smallest, steps };
      if (await fails(shorter)) smallest = shorter;
      else from += part;
    }
  }
  return smallest;
}
