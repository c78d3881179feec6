import { beforeAll, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  openPasskeyRecovery,
  passkeyLogOf,
  sealPasskeyRecovery,
} from "../../../core/sigchain/keys/passkey-recovery.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);

const accountId = idFromBytes("account", new Uint8Array(32).fill(7));
const recoveryKey = new Uint8Array(32).fill(8);
const passkey = new Uint8Array(32).fill(1);
const another = new Uint8Array(32).fill(2);

test("[EP23] what is sealed for a passkey opens with it alone, whole, and every passkey has a place of its own", () => {
  const sealed = sealPasskeyRecovery(createSeededRandom(1), passkey, { accountId, recoveryKey });
  expect(openPasskeyRecovery(passkey, sealed)).toMatchObject({ ok: true, value: { accountId, recoveryKey } });
  expect(openPasskeyRecovery(another, sealed)).toMatchObject({ ok: false });
  for (let at = 0; at < sealed.length; at += 11) {
    const changed = sealed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(openPasskeyRecovery(passkey, changed)).toMatchObject({ ok: false });
  }
  const [first, second] = [passkeyLogOf(passkey), passkeyLogOf(another)];
  expect(first.logId).not.toBe(second.logId);
  expect(first.capability.publicKey).not.toEqual(second.capability.publicKey);
  expect(passkeyLogOf(passkey.slice()).logId).toBe(first.logId);
});
