/**
 * Opening a profile that another process may have for a moment: two short commands need not know of each other. A process
 * that serves others, or keeps the profile for longer, is not waited for.
 */
import { setTimeout as delay } from "node:timers/promises";
import { err, PROFILE_WAIT_MS_MAX, type Result } from "@dovetail/core";
import type { CommandContext } from "./command-runner.ts";
import type { CliError } from "./errors/command-error.ts";
import { type OpenedProfile, openProfile, type OpenProfileOptions } from "./platform/profile-folder.ts";
import type { ProfileBusy } from "./platform/profile-lock.ts";

const STEP_MS = 100;

/** The chosen profile, once it is free. - Fails: as `openProfile` does; `Interrupted` when a signal came first. */
export async function openWhenFree(
  { choice, output, interrupted }: Pick<CommandContext, "choice" | "output" | "interrupted">,
  options: OpenProfileOptions<CliError>,
): Promise<Result<OpenedProfile, CliError>> {
  const opened = await whenFree(() => openProfile(choice, options), {
    isWorthwhile({ owner }) {
      const who = owner === null ? "Another process" : `Process ${owner.pid}`;
      output.live(`${who} has this profile. Waiting for it to end …`);
      return (owner?.socket ?? null) === null && !interrupted.aborted;
    },
    pause: (ms) => delay(ms),
  });
  output.live(null);
  return interrupted.aborted && !opened.ok && opened.error.type === "ProfileBusy"
    ? err({ type: "Interrupted" })
    : opened;
}

export interface WaitForProfile {
  /** Whether what has the profile may let it go soon. */
  isWorthwhile(busy: ProfileBusy): boolean;
  pause(ms: number): Promise<unknown>;
}

/** What `attempt` gives that is not `ProfileBusy`; `PROFILE_WAIT_MS_MAX` later that too. */
export async function whenFree<T>(
  attempt: () => Promise<Result<T, CliError>>,
  { isWorthwhile, pause }: WaitForProfile,
): Promise<Result<T, CliError>> {
  for (let waitedMs = 0; ; waitedMs += STEP_MS) {
    const tried = await attempt();
    if (tried.ok || tried.error.type !== "ProfileBusy" || waitedMs >= PROFILE_WAIT_MS_MAX) return tried;
    if (!isWorthwhile(tried.error)) return tried;
    await pause(STEP_MS);
  }
}
