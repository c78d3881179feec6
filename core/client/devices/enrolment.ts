/**
 * An enrolment on its way: how this device becomes part of an account, kept from before the server is asked.
 *
 * Registering, linking and recovering put a device on a chain, and the answer can be lost, or the program end before it
 * comes. So the keys are stored first, and the chain alone says whether it happened. Rules AR16, LK37.
 */
import { err, ok, type Result } from "../../base/result.ts";
import { SETTINGS } from "../../document/schema/settings.ts";
import { setField } from "../../document/schema/state-field.ts";
import { chainExtends } from "../../sigchain/verify-chain.ts";
import type { TxStore, WriteOp } from "../../store/tx-store.ts";
import { createChainStore } from "../contacts/chain-store.ts";
import type { ClientError } from "../client-error.ts";
import { deviceIdentity } from "./device-identity.ts";
import { createDirectoryClient } from "../connection/directory-client.ts";
import { fetchFirstEpochs } from "../account/first-epochs.ts";
import { createEngine, type Engine, sealedStore } from "../engine.ts";
import type { Platform } from "../platform.ts";
import { checkLayout, layoutWrite } from "../profile-layout.ts";
import { createTables, type EnrolmentRow, type Tables } from "../tables.ts";

/** The empty profile an enrolment fills. */
export interface EmptyProfile {
  readonly store: TxStore;
  readonly tables: Tables;
  /** What an earlier attempt left, which may or may not have reached the server. */
  readonly unfinished: EnrolmentRow | null;
}

/** What `createAccount` goes on with, `openClient` ends. - Fails: `ProfileInUse`; `ProfileOutdated`, `ProfileTooNew`; store errors. */
export async function openUnfinishedProfile(platform: Platform): Promise<Result<EmptyProfile, ClientError>> {
  const store = sealedStore(platform);
  const tables = createTables(store);
  const layout = await checkLayout(tables);
  if (!layout.ok) return layout;
  const profile = await tables.profile.get();
  if (!profile.ok) return profile;
  if (profile.value !== null) return err({ type: "ProfileInUse" });
  const unfinished = await tables.enrolment.get();
  return unfinished.ok ? ok({ store, tables, unfinished: unfinished.value }) : unfinished;
}

/** A profile that nothing has reached. - Fails: `ProfileInUse`, also for an enrolment that has happened; server errors. */
export async function openEmptyProfile(platform: Platform): Promise<Result<EmptyProfile, ClientError>> {
  const empty = await openUnfinishedProfile(platform);
  if (!empty.ok || empty.value.unfinished === null) return empty;
  const enrolled = await isEnrolled(platform, empty.value, empty.value.unfinished);
  if (!enrolled.ok) return enrolled;
  return enrolled.value ? err({ type: "ProfileInUse" }) : empty;
}

/** Keeps the keys before the server hears of them; an earlier attempt is given up. */
export function beginEnrolment(
  { store, tables }: EmptyProfile,
  enrolment: EnrolmentRow,
): Promise<Result<void, ClientError>> {
  return store.batch([layoutWrite(tables), tables.enrolment.put([], enrolment)]);
}

/** After a refusal: the keys are of no use. */
export function abandonEnrolment({ store, tables }: EmptyProfile): Promise<Result<void, ClientError>> {
  return store.batch([tables.enrolment.remove()]);
}

/** Asks the server's chain whether the device is on it. - Fails: server errors; `ChainDistrusted`. */
export async function isEnrolled(
  platform: Platform,
  { store, tables }: EmptyProfile,
  { profile, pin }: EnrolmentRow,
): Promise<Result<boolean, ClientError>> {
  const { accountId } = profile;
  const chains = createChainStore(store, tables);
  const directory = createDirectoryClient(platform.connector, profile.origin);
  const chain = await chains.refresh(accountId, directory);
  if (!chain.ok) return isUnknownAccount(chain.error) ? ok(false) : chain;
  const extended = pin === null ? ok() : chainExtends({ accountId, ...pin }, chain.value);
  if (!extended.ok) return err({ type: "ChainDistrusted", accountId, rule: extended.error.type });
  const device = chain.value.devicesById.get(deviceIdentity(profile).deviceId);
  return ok(device !== undefined && device.revokedSeq === null);
}

function isUnknownAccount(error: ClientError): boolean {
  return error.type === "Refused" && error.code === "unknown-account";
}

/** The device is on the chain: fetches what opens the account unless `writes` hold it, and makes the profile. */
export async function completeEnrolment(
  platform: Platform,
  { store, tables }: EmptyProfile,
  enrolment: EnrolmentRow,
  writes: readonly WriteOp[] = [],
): Promise<Result<Engine, ClientError>> {
  const { profile } = enrolment;
  const held = writes.length === 0 ? ok() : await store.batch(writes);
  if (!held.ok) return held;
  const entered = await fetchFirstEpochs(platform, store, profile);
  if (!entered.ok) return entered;
  const written = await store.batch([tables.profile.put([], profile)]);
  if (!written.ok) return written;
  const engine = await createEngine(platform, store, profile);
  if (!engine.ok) return engine;
  const named = await settleNames(engine.value, enrolment);
  return named.ok ? engine : named;
}

/**
 * Writes the names an enrolment brought into the settings, then forgets them; of an account made here the recovery key
 * stays until the person has confirmed its words. An end in between is made good by the next start.
 */
export async function settleNames(
  { log, context }: Engine,
  enrolment: EnrolmentRow,
): Promise<Result<void, ClientError>> {
  const { store, tables } = context;
  const { profile, displayName, deviceName, registration } = enrolment;
  if (displayName === null && deviceName === null && registration !== null) return ok();
  const named = await context.serial.run(() =>
    log.edit({ type: "settings" }, (draft) => {
      if (displayName !== null) setField(draft, SETTINGS.profile, "displayName", displayName);
      if (displayName !== null && profile.handle !== null)
        setField(draft, SETTINGS.profile, "handle", profile.handle);
      if (deviceName !== null)
        setField(
          draft,
          SETTINGS.device,
          { device: deviceIdentity(profile).deviceId, fact: "name" },
          deviceName,
        );
    }),
  );
  if (!named.ok) return named;
  return store.batch([
    registration === null
      ? tables.enrolment.remove()
      : tables.enrolment.put([], { ...enrolment, displayName: null, deviceName: null }),
  ]);
}

/**
 * Ends what an interrupted `joinAccount` or `recoverAccount` began, when the chain says that it happened.
 *
 * An account made here is not ended like this: its words have not been handed over, so `createAccount` has to be called.
 */
export async function resumeEnrolment(
  platform: Platform,
  empty: EmptyProfile,
): Promise<Result<Engine | null, ClientError>> {
  const { unfinished } = empty;
  if (unfinished === null || unfinished.registration !== null) return ok(null);
  const enrolled = await isEnrolled(platform, empty, unfinished);
  if (!enrolled.ok) return enrolled;
  return enrolled.value ? completeEnrolment(platform, empty, unfinished) : ok(null);
}
