/** Creating an account: first device, recovery key, first epoch, registration, profile. */
import { toUtf8 } from "../../base/bytes.ts";
import { idFromBytes } from "../../base/ids.ts";
import { DEVICE_NAME_BYTES_MAX, DISPLAY_NAME_BYTES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import { fromHex } from "../../base/bytes.ts";
import { createGenesis } from "../../sigchain/create/create-link.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import { accountRoot, requestLogId } from "../../sigchain/epoch/epoch-secret.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../sigchain/keys/device-keys.ts";
import { createRecoveryKey, recoveryKeysFrom, recoveryWords } from "../../sigchain/keys/recovery-key.ts";
import { createChainStore } from "../contacts/chain-store.ts";
import type { Client } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import { createDirectoryClient } from "../connection/directory-client.ts";
import {
  abandonEnrolment,
  beginEnrolment,
  completeEnrolment,
  type EmptyProfile,
  openUnfinishedProfile,
} from "../devices/enrolment.ts";
import { createClient } from "../open-client.ts";
import type { Platform } from "../platform.ts";
import type { EnrolmentRow } from "../tables.ts";

export interface NewAccount {
  /** `https://host[:port]` of the home server. */
  readonly origin: string;
  readonly handle: string | null;
  readonly displayName: string;
  readonly deviceName: string;
  readonly invitation: string | null;
}

/**
 * Creates an account with this profile as its first device, and registers it.
 *
 * When the answer is lost, or the program ends before it comes, the same call goes on with the same account. - Fails: `Refused` with `handle-taken`, `bad-handle`,
 * `registration-closed`; server errors; `NameTooLong`.
 * - Secrets: `recoveryWords` stay in the sealed store until `confirmRecoveryWords`, and nowhere from then on.
 */
export async function createAccount(
  platform: Platform,
  account: NewAccount,
): Promise<Result<{ readonly client: Client; readonly recoveryWords: string }, ClientError>> {
  const origin = parseServerOrigin(account.origin);
  if (!origin.ok)
    return err({ type: "ServerUnreachable", origin: account.origin, detail: "not a server address" });
  for (const [name, sizeBytesMax] of [
    [account.displayName, DISPLAY_NAME_BYTES_MAX],
    [account.deviceName, DEVICE_NAME_BYTES_MAX],
  ] as const) {
    const sizeBytes = toUtf8(name).length;
    if (sizeBytes === 0 || sizeBytes > sizeBytesMax)
      return err({ type: "NameTooLong", sizeBytes, sizeBytesMax });
  }
  const empty = await openUnfinishedProfile(platform);
  if (!empty.ok) return empty;
  const begun = await prepare(platform, empty.value, { ...account, origin: origin.value });
  if (!begun.ok) return begun;
  const { enrolment, registration, writes } = begun.value;
  const { genesis, boxes, recoveryKey } = registration;
  const { profile } = enrolment;
  const registered = await createDirectoryClient(platform.connector, origin.value).register({
    genesis,
    boxes,
    handle: profile.handle,
    invitation: account.invitation,
    restores: null,
  });
  if (!registered.ok) {
    if (registered.error.type !== "Refused") return registered;
    const abandoned = await abandonEnrolment(empty.value);
    return abandoned.ok ? registered : abandoned;
  }
  const engine = await completeEnrolment(platform, empty.value, enrolment, writes);
  if (!engine.ok) return engine;
  return ok({ client: createClient(engine.value), recoveryWords: recoveryWords(recoveryKey).join(" ") });
}

/** What is registered: an earlier attempt at the same account whose answer is not known, or a new one. */
async function prepare(
  { random, clock }: Platform,
  empty: EmptyProfile,
  account: NewAccount,
): Promise<
  Result<
    {
      readonly enrolment: EnrolmentRow;
      readonly registration: NonNullable<EnrolmentRow["registration"]>;
      readonly writes: readonly WriteOp[];
    },
    ClientError
  >
> {
  const { origin, handle, displayName, deviceName } = account;
  const { store, tables, unfinished } = empty;
  if (
    unfinished !== null &&
    unfinished.registration !== null &&
    unfinished.profile.origin === origin &&
    unfinished.profile.handle === handle
  ) {
    const enrolment = { ...unfinished, displayName, deviceName };
    const begun = await beginEnrolment(empty, enrolment);
    const { registration, profile } = unfinished;
    const writes = createChainStore(store, tables).writes(profile.accountId, 1, [registration.genesis]);
    return begun.ok ? ok({ enrolment, registration, writes }) : begun;
  }
  const seeds = createDeviceSeeds(random);
  const recoveryKey = createRecoveryKey(random);
  const made = createGenesis(random, {
    device: deviceKeysFromSeeds(seeds),
    recovery: recoveryKeysFrom(recoveryKey),
    timeMs: Math.max(0, clock.nowMs()),
    service: (first) => ({ origin, requestLogId: requestLogId(accountRoot(first.secret)) }),
  });
  if (!made.ok)
    return err({
      type: "ChainDistrusted",
      accountId: idFromBytes("account", fromHex("00".repeat(32))),
      rule: made.error.type,
    });
  const { link, state, epoch } = made.value;
  const registration = { genesis: link, boxes: epoch.boxes, recoveryKey };
  const profile = { accountId: state.accountId, origin, handle, seeds };
  const enrolment = { profile, pin: null, displayName, deviceName, registration };
  const writes = [
    tables.epoch.put([1], { secret: epoch.secret.secret }),
    ...createChainStore(store, tables).writes(state.accountId, 1, [link]),
  ];
  const begun = await beginEnrolment(empty, enrolment);
  return begun.ok ? ok({ enrolment, registration, writes }) : begun;
}
