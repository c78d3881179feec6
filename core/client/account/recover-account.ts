/**
 * Taking an account back with its recovery key alone, on an empty device. Rules AR15, EP19.
 *
 * The key signs in to read: boxes of all epochs, and the end of the account log for the cut. One `recover` link makes this
 * device the account's, says which others stay, and starts an epoch that nobody else opens. It needs no other device.
 */
import type { AccountId, DeviceId, LogId, SnapshotId } from "../../base/ids.ts";
import { type Bytes, toUtf8 } from "../../base/bytes.ts";
import { DEVICE_NAME_BYTES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { LABEL } from "../../crypto/labels.ts";
import { wipe } from "../../crypto/secret.ts";
import { sign } from "../../crypto/sign.ts";
import { judgeReseed } from "../../log/judge-reseed.ts";
import { createLogReader, passIds, readEntries } from "../../log/log-reader.ts";
import { encodeRecoveryClaim } from "../../protocol/claims.ts";
import { chainStart, type LogPoint } from "../../protocol/entry.ts";
import { type ChainState, currentRecovery } from "../../sigchain/chain-state.ts";
import { createRecover } from "../../sigchain/create/create-link.ts";
import { createCut } from "../../sigchain/epoch/cut.ts";
import { accountLogId, accountRoot, type EpochSecret } from "../../sigchain/epoch/epoch-secret.ts";
import { openHistory, openNewestEpoch } from "../../sigchain/epoch/open-history.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../sigchain/keys/device-keys.ts";
import { parseRecoveryWords, type RecoveryKeys, recoveryKeysFrom } from "../../sigchain/keys/recovery-key.ts";
import { createChainStore } from "../contacts/chain-store.ts";
import type { Client } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import { createDirectoryClient } from "../connection/directory-client.ts";
import {
  abandonEnrolment,
  beginEnrolment,
  completeEnrolment,
  isEnrolled,
  openEmptyProfile,
} from "../devices/enrolment.ts";
import { fetchBoxes } from "./fetch-boxes.ts";
import { connectGateway, type Gateway } from "../connection/gateway.ts";
import { isSameServer } from "../connection/same-server.ts";
import { openLogChannel } from "../connection/log-channel.ts";
import { snapshotsThatHold } from "../snapshot/snapshots-before-recovery.ts";
import { createClient } from "../open-client.ts";
import type { Platform } from "../platform.ts";

export interface AccountRecovery {
  readonly origin: string;
  /** The account's handle on that server, or its id. */
  readonly account:
    | { readonly type: "handle"; readonly handle: string }
    | { readonly type: "id"; readonly accountId: AccountId };
  /** The 24 words. */
  readonly words: string;
  readonly deviceName: string;
  /** Whether devices that are active now stay. When in doubt, not: they can be linked again. */
  readonly keepsDevices: boolean;
  /** Of those, the one whose storage this was: it goes in the same link. */
  readonly replaces?: DeviceId;
}

/**
 * Recovers the account into this empty profile.
 *
 * - Fails: `BadRecoveryWords` with what is wrong; `WrongRecoveryKey` when they are not this account's; `UnknownHandle`; `AccountMoved`;
 *   server errors. When the answer is lost, or the program ends before it comes, `openClient` finds the account, once the
 *   chain has the link.
 */
export async function recoverAccount(
  platform: Platform,
  recovery: AccountRecovery,
): Promise<Result<Client, ClientError>> {
  const words = parseRecoveryWords(recovery.words);
  if (!words.ok) return err({ type: "BadRecoveryWords", why: words.error });
  return recoverWithKey(platform, recovery, words.value);
}

/** As `recoverAccount`, with the key itself, which is wiped. */
export async function recoverWithKey(
  platform: Platform,
  recovery: Omit<AccountRecovery, "words">,
  recoveryKey: Bytes,
): Promise<Result<Client, ClientError>> {
  const { random, clock } = platform;
  const keys = recoveryKeysFrom(recoveryKey);
  wipe(recoveryKey);
  const sizeBytes = toUtf8(recovery.deviceName).length;
  if (sizeBytes === 0 || sizeBytes > DEVICE_NAME_BYTES_MAX)
    return err({ type: "NameTooLong", sizeBytes, sizeBytesMax: DEVICE_NAME_BYTES_MAX });
  const empty = await openEmptyProfile(platform);
  if (!empty.ok) return empty;
  const { store, tables } = empty.value;
  const directory = createDirectoryClient(platform.connector, recovery.origin);
  const found =
    recovery.account.type === "id"
      ? ok(recovery.account.accountId)
      : await directory.lookUpHandle(recovery.account.handle);
  if (!found.ok) return found;
  if (found.value === null)
    return err({
      type: "UnknownHandle",
      handle: recovery.account.type === "handle" ? recovery.account.handle : "",
    });
  const accountId = found.value;
  const chains = createChainStore(store, tables);
  const chain = await chains.refresh(accountId, directory);
  if (!chain.ok) return chain;
  if (currentRecovery(chain.value).id !== keys.signerId) return err({ type: "WrongRecoveryKey" });
  const moved = await movedTo(platform, chain.value, recovery.origin);
  if (moved !== null) return err({ type: "AccountMoved", origin: moved });
  const gateway = await connectGateway(platform, recovery.origin);
  if (!gateway.ok) return gateway;
  const read = await readAccount(gateway.value, chain.value, keys);
  gateway.value.close();
  if (!read.ok) return read;
  const seeds = createDeviceSeeds(random);
  const device = deviceKeysFromSeeds(seeds);
  const { secrets, head, snapshots } = read.value;
  const state = chain.value;
  const newest = [...secrets.values()].sort((a, b) => b.number - a.number)[0];
  const first = secrets.get(1);
  if (newest === undefined || first === undefined)
    return err({ type: "EpochUnavailable", epoch: 1, rule: "NoSecret" });
  const survivorIds = recovery.keepsDevices
    ? [...state.devicesById.values()]
        .filter((one) => one.revokedSeq === null && one.id !== recovery.replaces)
        .map((one) => one.id)
    : [];
  const logId = accountLogId(accountRoot(first.secret));
  const plan = { device, survivorIds, cut: createCut(random, { logId, ...head }) };
  const built = createRecover(
    random,
    { state, timeMs: Math.max(0, clock.nowMs()), earlier: [newest] },
    keys,
    plan,
  );
  if (!built.ok) return err({ type: "ChainDistrusted", accountId, rule: built.error.type });
  const { link, epoch } = built.value;
  const handle = recovery.account.type === "handle" ? recovery.account.handle : null;
  const enrolment = {
    profile: { accountId, origin: recovery.origin, handle, seeds },
    pin: { seq: state.seq, head: state.head },
    displayName: null,
    deviceName: recovery.deviceName,
    registration: null,
  };
  const begun = await beginEnrolment(empty.value, enrolment);
  if (!begun.ok) return begun;
  const appended = await directory.appendLink(accountId, { link, boxes: epoch.boxes, box: null });
  if (!appended.ok) {
    // The answer may be lost and the link there: the chain tells.
    const enrolled = await isEnrolled(platform, empty.value, enrolment);
    if (!enrolled.ok) return appended;
    if (!enrolled.value) {
      const abandoned = await abandonEnrolment(empty.value);
      return abandoned.ok ? appended : abandoned;
    }
  }
  const engine = await completeEnrolment(platform, empty.value, enrolment, [
    ...[...secrets.values(), epoch.secret].map(({ number, secret }) =>
      tables.epoch.put([number], { secret }),
    ),
    ...chains.writes(accountId, built.value.state.seq, [link]),
    ...snapshots.map((id) => tables.vouched.put([id], {})),
  ]);
  return engine.ok ? ok(createClient(engine.value)) : engine;
}

/**
 * IN10: where the account lives, when that is not the server at `origin`. What is left of it there would grow a chain of its own,
 * and two valid links at one seq stop both. Null also when the home does not answer: it may be this server under a former address.
 */
async function movedTo(platform: Platform, chain: ChainState, origin: string): Promise<string | null> {
  const home = chain.service?.origin ?? origin;
  if (home === origin) return null;
  const same = await isSameServer(platform, home, origin);
  return same.ok && !same.value ? home : null;
}

/** What the recovery key may read: every epoch's secret, and where the account log ends. */
async function readAccount(
  gateway: Gateway,
  chain: ChainState,
  keys: RecoveryKeys,
): Promise<
  Result<
    {
      readonly secrets: ReadonlyMap<number, EpochSecret>;
      readonly head: LogPoint;
      readonly snapshots: readonly SnapshotId[];
    },
    ClientError
  >
> {
  const { accountId } = chain;
  const signature = sign(
    keys.sign,
    LABEL.signRecoveryRead,
    encodeRecoveryClaim({ ...gateway.nonces, accountId }),
  );
  const signedIn = await gateway.call("signedIn", { type: "signInRecovery", accountId, signature });
  if (!signedIn.ok) return signedIn;
  const boxes = await fetchBoxes(gateway, chain);
  if (!boxes.ok) return boxes;
  const boxesOf = (number: number) => boxes.value.find((one) => one.epoch === number)?.boxes ?? null;
  const newest = openNewestEpoch(chain, boxesOf, { signerId: keys.signerId, kem: keys.kem });
  if (newest.opened === null)
    return err({
      type: "EpochUnavailable",
      epoch: chain.epochs.length,
      rule: newest.faults[0]?.type ?? "NoBoxForHolder",
    });
  const secrets = openHistory(chain, [newest.opened.secret], boxesOf).secretsByNumber;
  const first = secrets.get(1);
  if (first === undefined) return err({ type: "EpochUnavailable", epoch: 1, rule: "WalkBroken" });
  const logId = accountLogId(accountRoot(first.secret));
  const head = await readLogEnd(gateway, chain, logId);
  if (!head.ok) return head;
  const snapshots = await snapshotsThatHold(gateway, { chain, secrets, logId });
  return snapshots.ok ? ok({ secrets, head: head.value, snapshots: snapshots.value }) : snapshots;
}

/** Reads a log through, so that the point the cut names is one this device has computed, not one it was told. */
async function readLogEnd(
  gateway: Gateway,
  chain: ChainState,
  logId: LogId,
): Promise<Result<LogPoint, ClientError>> {
  const channel = await openLogChannel(gateway, 1, { logId, right: "read", capability: null, writer: null });
  if (!channel.ok) {
    // An account that never wrote has no log yet.
    const isNew = channel.error.type === "Refused" && channel.error.code === "unknown-log";
    return isNew ? ok(createLogReader(logId).point) : channel;
  }
  const { head, reseed } = channel.value;
  const { incarnation } = head;
  // IN12: a cut that named an earlier incarnation would end the log where this one begins.
  if (incarnation > 0 && !judgeReseed(chain, { logId, incarnation, reseed }).ok) {
    const fault = { type: "LogIncarnationChanged", seen: 0, incarnation } as const;
    return err({ type: "LogDistrusted", logId, fault });
  }
  let reader = createLogReader(logId, { incarnation, seq: 0, chain: chainStart(logId) });
  for (;;) {
    if (reader.point.seq < channel.value.trimmedUpto) {
      const passed = await channel.value.readIds(reader.point.seq);
      if (!passed.ok) return passed;
      const ids = passed.value.ids.slice(0, channel.value.trimmedUpto - reader.point.seq);
      if (ids.length === 0) return err({ type: "ServerMisbehaved", why: "has no ids of what it let go of" });
      reader = passIds(reader, ids);
      continue;
    }
    const page = await channel.value.read(reader.point.seq);
    if (!page.ok) return page;
    const moved = readEntries(reader, page.value.entries);
    if (!moved.ok) return err({ type: "LogDistrusted", logId, fault: moved.error });
    reader = moved.value.reader;
    // What was given before brings nobody further, and a server must not keep a person waiting with it.
    if (moved.value.fresh.length === 0 || reader.point.seq >= page.value.head.seq) return ok(reader.point);
  }
}
