/** The pool of prekeys on the server, drained by strangers while its device stays connected. */
import { expect, test } from "vitest";
import { PREKEY_POOL_MAX, PREKEY_REFILL_BELOW } from "../../core/base/limits.ts";
import { createSystemClock } from "../../core/base/clock.ts";
import { createDirectoryClient } from "../../core/client/connection/directory-client.ts";
import { PREKEY_CHECK_MS } from "../../core/client/connection/home-link.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { engineReady, good, memoryPlatform, newAccount } from "../support/client-world.ts";
import { startServer } from "../support/server-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("[PK8] is filled again while the device stays connected, and a last-resort key bridges the gap", async () => {
  await engineReady();
  const folder = createTemporaryFolder();
  const server = await startServer(folder.path, ["--rate-factor", "1000"]);
  const system = createSystemClock();
  const checks: (() => void)[] = [];
  // The check of the pool runs when the test says so; everything else in its own time.
  const clock = {
    nowMs: system.nowMs,
    schedule: (delayMs: number, task: () => void) => {
      if (delayMs !== PREKEY_CHECK_MS) return system.schedule(delayMs, task);
      checks.push(task);
      return () => {};
    },
  };
  try {
    const { client } = await newAccount(server.origin, "ada", memoryPlatform({ clock }));
    good(await client.sync());
    const { accountId, deviceId } = good(await client.account());
    const directory = createDirectoryClient(createWebConnector(), server.origin);
    const claim = async () => good(await directory.claimPreKeys(accountId, [deviceId])).bundles[0];
    const seen = new Set<string>();
    for (let i = 0; i < PREKEY_POOL_MAX; i++) seen.add(String((await claim())?.oneTime));
    expect(seen.size).toBe(PREKEY_POOL_MAX);
    const last = await claim();
    expect(last?.oneTime).toBeNull();
    expect(last?.lastResort).not.toBeNull();
    expect(checks).toHaveLength(1);
    checks[0]?.();
    for (let tries = 0; tries < 100 && checks.length < 2; tries++)
      await new Promise((resolve) => system.schedule(20, () => resolve(null)));
    for (let i = 0; i < PREKEY_REFILL_BELOW; i++) {
      const fresh = String((await claim())?.oneTime);
      expect(fresh).not.toBe("null");
      expect(seen.has(fresh)).toBe(false);
      seen.add(fresh);
    }
    await client.stop();
  } finally {
    await server.stop();
    folder.discard();
  }
});
