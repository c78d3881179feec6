/**
 * Keeps this device's key packages on its server, so that it can be added to rooms while it is away. Private halves are
 * stored before anything is published. Rules RM14, RM15.
 */
import { toHex } from "../../../base/bytes.ts";
import {
  KEY_PACKAGE_LIFETIME_MS_MAX,
  KEY_PACKAGE_POOL_MAX,
  KEY_PACKAGE_REFILL_BELOW,
  KEY_PACKAGE_ROTATE_MS,
  KEY_PACKAGES_KEPT_MAX,
} from "../../../base/limits.ts";
import type { Result } from "../../../base/result.ts";
import { createGroupCrypto } from "../../../group/crypto-provider.ts";
import { createKeyPackage } from "../../../group/key-package.ts";
import type { ClientError } from "../../client-error.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { Gateway } from "../../connection/gateway.ts";
import type { KeyPackageRow } from "../../tables.ts";

/** How much earlier than now a key package begins, for clocks that are behind. */
const CLOCK_MARGIN_MS = 86_400_000;
const LIFETIME_MS = KEY_PACKAGE_LIFETIME_MS_MAX - CLOCK_MARGIN_MS;

/** What keeping needs of a running client. */
export type KeeperContext = Pick<EngineContext, "tables" | "store" | "times" | "random"> & {
  readonly identity: Pick<EngineContext["identity"], "accountId" | "deviceId" | "seeds">;
};

interface Stored {
  readonly ref: string;
  readonly row: KeyPackageRow;
}

/** Brings the pool on the server up to its size, renews the last resort, and erases what can be in no Welcome any more. */
export async function keepKeyPackages(
  context: KeeperContext,
  gateway: Pick<Gateway, "call">,
): Promise<Result<void, ClientError>> {
  const { tables, store, times } = context;
  const counts = await gateway.call("keyPackageCounts", { type: "keyPackageCounts" });
  if (!counts.ok) return counts;
  const rows = await tables.keypackage.scan();
  if (!rows.ok) return rows;
  const stored = rows.value.map(({ key, value }) => ({ ref: key.slice("keypackage/".length), row: value }));
  // PK12, for the same reasons.
  const now = { steadyMs: times.steadyMs(), likelyMs: times.likelyMs() };
  const lastResort = stored.find(({ row }) => row.isLastResort && row.retiredAtMs === null);
  const isDue =
    lastResort === undefined ||
    now.likelyMs >= lastResort.row.expiresAtMs ||
    Math.abs(now.steadyMs - lastResort.row.createdAtMs) >= KEY_PACKAGE_ROTATE_MS;
  const { oneTime, hasLastResort } = counts.value;
  // A full refill at once, so that its moment tells little about when the device is there.
  const kept = stored.filter(({ row }) => !row.isLastResort).length;
  const missing = oneTime < KEY_PACKAGE_REFILL_BELOW ? KEY_PACKAGE_POOL_MAX - oneTime : 0;
  const room = Math.max(0, KEY_PACKAGES_KEPT_MAX - kept);
  const made: Stored[] = [];
  if (isDue) made.push(await make(context, true, now));
  for (let n = 0; n < Math.min(missing, room); n++) made.push(await make(context, false, now));
  const over = stored.filter(({ row }) => isOver(row, now));
  const replaced = isDue && lastResort !== undefined ? [lastResort] : [];
  const written = await store.batch([
    ...made.map(({ ref, row }) => tables.keypackage.put([ref], row)),
    ...replaced.map(({ ref, row }) => tables.keypackage.put([ref], { ...row, retiredAtMs: now.steadyMs })),
    ...over.map(({ ref }) => tables.keypackage.remove(ref)),
  ]);
  if (!written.ok) return written;
  const lost = !isDue && !hasLastResort ? [lastResort] : [];
  const toPublish = [...made, ...lost].map(({ row }) => ({
    keyPackage: row.published,
    isLastResort: row.isLastResort,
    expiresAtMs: row.expiresAtMs,
  }));
  if (toPublish.length === 0) return written;
  const published = await gateway.call("done", { type: "publishKeyPackages", keyPackages: toPublish });
  if (published.ok || published.error.type !== "Refused") return published.ok ? written : published;
  // RM14: what the server did not take is in nobody's hands.
  const untaken = made.filter(({ row }) => !row.isLastResort);
  const dropped = await store.batch(untaken.map(({ ref }) => tables.keypackage.remove(ref)));
  return dropped.ok ? published : dropped;
}

/** Counted time for ages, and the time of who hands them out for their end. */
interface Now {
  readonly steadyMs: number;
  readonly likelyMs: number;
}

/** A clock that jumps erases nothing that is still handed out. */
function isOver({ createdAtMs, expiresAtMs }: KeyPackageRow, { steadyMs, likelyMs }: Now): boolean {
  const ageMs = Math.abs(steadyMs - createdAtMs);
  return likelyMs > expiresAtMs + CLOCK_MARGIN_MS && ageMs > LIFETIME_MS + CLOCK_MARGIN_MS;
}

async function make(context: KeeperContext, isLastResort: boolean, now: Now): Promise<Stored> {
  const { identity, random } = context;
  const expiresAtMs = now.likelyMs + LIFETIME_MS;
  const pair = await createKeyPackage(
    createGroupCrypto(random),
    {
      member: { accountId: identity.accountId, deviceId: identity.deviceId },
      signSeed: identity.seeds.mls,
    },
    { fromMs: Math.max(0, now.likelyMs - CLOCK_MARGIN_MS), untilMs: expiresAtMs },
  );
  const { published, secret, ref } = pair;
  const row = { published, secret, isLastResort, createdAtMs: now.steadyMs, expiresAtMs, retiredAtMs: null };
  return { ref: toHex(ref), row };
}
