/** How long a command waits for a profile that another process has. */
import { describe, expect, test } from "vitest";
import { PROFILE_WAIT_MS_MAX } from "../../../core/base/limits.ts";
import { err, ok } from "../../../core/base/result.ts";
import { whenFree } from "../../../cli/open-when-free.ts";
import type { ProfileBusy } from "../../../cli/platform/profile-lock.ts";

const BUSY: ProfileBusy = {
  type: "ProfileBusy",
  profile: "ada",
  owner: { pid: 4711, startedAtMs: 1, socket: null },
};

/** Asks for a profile that is free after so long. */
async function askedFor(freeAfterMs: number, isWorthwhile = (_busy: ProfileBusy) => true) {
  let nowMs = 0;
  const opened = await whenFree(async () => (nowMs >= freeAfterMs ? ok("profile") : err(BUSY)), {
    isWorthwhile,
    pause: async (ms) => {
      nowMs += ms;
    },
  });
  return { opened, nowMs };
}

describe("a profile that another process has", () => {
  test("is waited for, up to the limit", async () => {
    expect(await askedFor(0)).toEqual({ opened: ok("profile"), nowMs: 0 });
    expect(await askedFor(PROFILE_WAIT_MS_MAX - 1)).toEqual({
      opened: ok("profile"),
      nowMs: PROFILE_WAIT_MS_MAX,
    });
    expect(await askedFor(PROFILE_WAIT_MS_MAX)).toEqual({
      opened: ok("profile"),
      nowMs: PROFILE_WAIT_MS_MAX,
    });
    expect(await askedFor(PROFILE_WAIT_MS_MAX + 1)).toEqual({
      opened: err(BUSY),
      nowMs: PROFILE_WAIT_MS_MAX,
    });
  });

  test("is not waited for where that is in vain, nor is any other refusal", async () => {
    expect(await askedFor(100, () => false)).toEqual({ opened: err(BUSY), nowMs: 0 });
    const missing = err({ type: "NoProfile", profile: "ada" } as const);
    const pause = () => expect.unreachable("nobody waits");
    expect(await whenFree(async () => missing, { isWorthwhile: () => true, pause })).toEqual(missing);
  });
});
