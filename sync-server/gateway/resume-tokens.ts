/**
 * Tokens that let a device come back without a new signature. Rule GW7.
 *
 * Kept in memory as hashes: a copy of the memory's swap or a restart gives nobody a way in. Each works once.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { toHex } from "@dovetail/core/base/bytes.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import { hash } from "@dovetail/core/crypto/hash.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import { RESUME_TOKEN_BYTES } from "@dovetail/core/protocol/client-frame.ts";
import { RESUME_TOKENS_MAX } from "../limits.ts";

interface Holder {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly instance: Bytes;
}

export interface ResumeTokens {
  issue(holder: Holder): Bytes;
  /** Whose token it is; it is spent by asking. Null when unknown, spent or expired. */
  spend(token: Bytes): Holder | null;
  /** Forgets every token of a device. */
  revoke(deviceId: DeviceId): void;
}

/** An empty set of tokens that live `ttlMs`. */
export function createResumeTokens(clock: Clock, random: Random, ttlMs: number): ResumeTokens {
  const entryByHash = new Map<string, Holder & { readonly expiresAtMs: number }>();

  /** All live equally long, so the oldest come first. */
  function forgetExpired(): void {
    const nowMs = clock.nowMs();
    for (const [tokenHash, entry] of entryByHash) {
      if (entry.expiresAtMs > nowMs && entryByHash.size < RESUME_TOKENS_MAX) return;
      entryByHash.delete(tokenHash);
    }
  }

  return {
    issue({ accountId, deviceId, instance }) {
      forgetExpired();
      const token = random.bytes(RESUME_TOKEN_BYTES);
      entryByHash.set(hashOf(token), { accountId, deviceId, instance, expiresAtMs: clock.nowMs() + ttlMs });
      return token;
    },
    spend(token) {
      const tokenHash = hashOf(token);
      const entry = entryByHash.get(tokenHash);
      entryByHash.delete(tokenHash);
      return entry !== undefined && entry.expiresAtMs > clock.nowMs() ? entry : null;
    },
    revoke(deviceId) {
      // Revocations are rare; an index by device would cost every token more than its own size.
      for (const [tokenHash, entry] of entryByHash)
        if (entry.deviceId === deviceId) entryByHash.delete(tokenHash);
    },
  };
}

function hashOf(token: Bytes): string {
  return toHex(hash(LABEL.resumeToken, token));
}
