/**
 * Keeping the recovery key where a passkey finds it. Rules EP23, EP24.
 *
 * The log is one of the account's, of the kind that is opened by a capability; it is written over a connection that is not signed in,
 * where nothing but that capability says who writes.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { wipe } from "../../crypto/secret.ts";
import { encodeEntryHeader, ENTRY_KIND, ENTRY_VERSION, writerTag } from "../../protocol/entry.ts";
import { currentRecovery } from "../../sigchain/chain-state.ts";
import {
  PASSKEY_KEY_BYTES,
  passkeyLogOf,
  sealPasskeyRecovery,
} from "../../sigchain/keys/passkey-recovery.ts";
import { parseRecoveryWords, recoveryKeysFrom } from "../../sigchain/keys/recovery-key.ts";
import type { ClientError } from "../client-error.ts";
import { writerKey } from "../devices/device-identity.ts";
import type { Engine } from "../engine.ts";
import type { Gateway } from "../connection/gateway.ts";
import { connectMetered } from "../connection/metered-gateway.ts";
import { openLogChannel } from "../connection/log-channel.ts";
import { newestForPasskey } from "./newest-for-passkey.ts";

/**
 * Lets a passkey bring the account back. `words` is null while they are still kept here.
 *
 * - Fails: `BadRecoveryWords`; `WrongRecoveryKey` when they are not this account's; `PasskeyOfAnotherAccount` when it brings back another one,
 *   which it does from then on too; server errors. - Needs the server.
 */
export async function keepForPasskey(
  engine: Engine,
  passkeyKey: Bytes,
  words: string | null,
): Promise<Result<void, ClientError>> {
  const { context } = engine;
  const { identity, random } = context;
  if (passkeyKey.length !== PASSKEY_KEY_BYTES) return err({ type: "NoPasskeyRecovery" });
  const recoveryKey = await recoveryKeyOf(engine, words);
  if (!recoveryKey.ok) return recoveryKey;
  // EP24: what does not open the account is not kept as if it did.
  const isOurs = recoveryKeysFrom(recoveryKey.value).signerId === currentRecovery(context.chain()).id;
  const { accountId } = identity;
  const sealed = sealPasskeyRecovery(random, passkeyKey, { accountId, recoveryKey: recoveryKey.value });
  wipe(recoveryKey.value);
  if (!isOurs) return err({ type: "WrongRecoveryKey" });
  const home = await engine.connected();
  if (!home.ok) return home;
  const { logId, capability } = passkeyLogOf(passkeyKey);
  const appendKey = capability.publicKey;
  const created = await home.value.gateway.call("done", {
    type: "createLog",
    logId,
    kind: "room",
    appendKey,
  });
  if (!created.ok && !(created.error.type === "Refused" && created.error.code === "log-exists"))
    return created;
  const guest = await connectMetered(context, identity.origin);
  if (!guest.ok) return guest;
  const isFree = created.ok ? ok() : await checkFree(guest.value, passkeyKey, accountId);
  if (!isFree.ok) {
    guest.value.close();
    return isFree;
  }
  const writer = writerKey(identity.seeds, logId);
  const channel = await openLogChannel(guest.value, 1, { logId, right: "append", capability, writer });
  const header = (writerSeq: number) =>
    encodeEntryHeader({
      version: ENTRY_VERSION,
      kind: ENTRY_KIND.roomMessage,
      writerTag: writerTag(logId, writer.publicKey),
      writerSeq,
      epoch: null,
      expect: null,
    });
  const appended = channel.ok
    ? await channel.value.append([{ header: header(channel.value.writerSeq + 1), sealed }])
    : channel;
  guest.value.close();
  if (!appended.ok) return appended;
  const [result] = appended.value;
  return result?.type === "refused" ? err({ type: "Refused", code: result.code }) : ok();
}

/** EP24: the newest entry counts, and a second account's would take the way back from the first without a word. */
async function checkFree(
  gateway: Gateway,
  passkeyKey: Bytes,
  accountId: AccountId,
): Promise<Result<void, ClientError>> {
  const { logId, capability } = passkeyLogOf(passkeyKey);
  const channel = await openLogChannel(gateway, 2, { logId, right: "read", capability, writer: null });
  const kept = channel.ok ? await newestForPasskey(channel.value, passkeyKey) : channel;
  if (!kept.ok || kept.value === null) return kept.ok ? ok() : kept;
  wipe(kept.value.recoveryKey);
  return kept.value.accountId === accountId ? ok() : err({ type: "PasskeyOfAnotherAccount" });
}

async function recoveryKeyOf({ context }: Engine, words: string | null): Promise<Result<Bytes, ClientError>> {
  if (words !== null) {
    const parsed = parseRecoveryWords(words);
    return parsed.ok ? parsed : err({ type: "BadRecoveryWords", why: parsed.error });
  }
  const enrolment = await context.tables.enrolment.get();
  if (!enrolment.ok) return enrolment;
  const kept = enrolment.value?.registration?.recoveryKey;
  return kept === undefined
    ? err({ type: "BadRecoveryWords", why: { type: "WrongWordCount", found: 0 } })
    : ok(kept.slice());
}
