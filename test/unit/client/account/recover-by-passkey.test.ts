/** Reading what a passkey brings back, from a server that may give what it likes. */
import { beforeAll, expect, test } from "vitest";
import { PASSKEY_ENTRIES_READ_MAX } from "../../../../core/base/limits.ts";
import { ok } from "../../../../core/base/result.ts";
import { newestForPasskey } from "../../../../core/client/account/newest-for-passkey.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { PlacedEntry } from "../../../../core/protocol/entry.ts";
import { sealPasskeyRecovery } from "../../../../core/sigchain/keys/passkey-recovery.ts";
import { bad, good } from "../../../support/client-world.ts";
import { accountOf, filled } from "../../../support/messages.ts";
import { createSeededRandom } from "../../../support/seeded-random.ts";

beforeAll(cryptoReady);

const passkeyKey = filled(7);
const random = createSeededRandom("passkey");
const header = new Uint8Array(0);

/** The recovery key, all of one byte, as it lies at `seq`. */
function kept(seq: number, byte: number, key = passkeyKey): PlacedEntry {
  const recovery = { accountId: accountOf(1), recoveryKey: filled(byte) };
  return { seq, header, sealed: sealPasskeyRecovery(random, key, recovery) };
}

const junk = (seq: number): PlacedEntry => ({ seq, header, sealed: filled(1, 100) });

/** A log of which `read` gives a page of two. */
function logOf(entries: readonly PlacedEntry[], headSeq = entries.length) {
  const head = { incarnation: 0, seq: headSeq, chain: filled(0) };
  let reads = 0;
  const read = async (after: number) => {
    reads++;
    return ok({ entries: entries.filter(({ seq }) => seq > after).slice(0, 2), head });
  };
  return { channel: { head, read }, reads: () => reads };
}

test("[EP23] the newest that opens counts, whatever lies around it", async () => {
  const found = async (entries: readonly PlacedEntry[]) =>
    good(await newestForPasskey(logOf(entries).channel, passkeyKey))?.recoveryKey ?? null;
  expect(await found([kept(1, 1), kept(2, 2), junk(3), kept(4, 4, filled(8))])).toEqual(filled(2));
  expect(await found([junk(1)])).toBeNull();
  expect(await found([])).toBeNull();
});

test.each([
  [PASSKEY_ENTRIES_READ_MAX - 1, true],
  [PASSKEY_ENTRIES_READ_MAX, true],
  [PASSKEY_ENTRIES_READ_MAX + 1, false],
])("[EP23] the entry that is number %i from the end is looked at: %j", async (fromEnd, isFound) => {
  const entries = [kept(1, 1), ...Array.from({ length: fromEnd - 1 }, (_, at) => junk(at + 2))];
  expect((good(await newestForPasskey(logOf(entries).channel, passkeyKey)) !== null) === isFound).toBe(true);
});

test("[EP23] a server that gives the same for ever, or says it has more than it gives, ends it", async () => {
  const head = { incarnation: 0, seq: 9, chain: filled(0) };
  const again = { head, read: async () => ok({ entries: [junk(1)], head }) };
  expect(bad(await newestForPasskey(again, passkeyKey))).toMatchObject({ type: "ServerMisbehaved" });
  const { channel, reads } = logOf([kept(Number.MAX_SAFE_INTEGER - 1, 3)], Number.MAX_SAFE_INTEGER);
  expect(good(await newestForPasskey(channel, passkeyKey))).toMatchObject({ recoveryKey: filled(3) });
  expect(reads()).toBe(2);
});
