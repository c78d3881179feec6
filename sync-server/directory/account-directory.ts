/**
 * Registration and chains: verifies a link and everything that must come with it, then stores them as one act.
 * Rules DI1-DI4.
 *
 * The server checks so that it stores no nonsense and knows who is active; clients believe only their own check.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import { CHAIN_PAGE_LINKS_MAX, HANDLE_CHARS_MAX, HANDLE_CHARS_MIN } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { AppendLink, Register } from "@dovetail/core/protocol/directory.ts";
import { type ChainState, currentEpoch, currentRecovery } from "@dovetail/core/sigchain/chain-state.ts";
import { checkLinkAct } from "@dovetail/core/sigchain/epoch-box.ts";
import { type ParsedLink, parseLink } from "@dovetail/core/sigchain/link.ts";
import { checkHold, checkNewDeviceHold } from "@dovetail/core/sigchain/new-device-hold.ts";
import { reduceLink, reduceParsedLink } from "@dovetail/core/sigchain/reduce-link.ts";
import { CHAIN_PAGE_BYTES_MAX, CHAINS_CACHED_MAX, RESTORE_WINDOW_MS, RESTORES_MAX } from "../limits.ts";
import type { RegistrationAdmission } from "../store/operator-store.ts";
import type { ChainStep, DirectoryStore } from "../store/directory-store.ts";
import { type Refusal, refuse } from "../store/refusal.ts";
import { invitationHash } from "./invitation.ts";

export interface AccountDirectory {
  /** - Fails: `registration-closed`, `bad-invitation`, `account-deleted`, `bad-handle`, `bad-link`, `handle-taken`, `chain-conflict`. */
  register(registration: Register): Promise<Result<void, Refusal>>;
  /** - Fails: `unknown-account`, `bad-link`, `chain-conflict`, `device-on-hold`, `quota`. */
  appendLink(accountId: AccountId, request: AppendLink): Promise<Result<void, Refusal>>;
  /** Deletes an account at the word of one of its devices. - Fails: `unknown-account`, `device-on-hold`. */
  deleteAccount(accountId: AccountId, deviceId: DeviceId): Promise<Result<void, Refusal>>;
}

export interface AccountDirectoryDeps {
  readonly store: DirectoryStore;
  readonly clock: Clock;
  readonly isRegistrationOpen: boolean;
}

interface VerifiedStep {
  readonly state: ChainState;
  readonly link: ParsedLink;
  readonly boxes: Bytes | null;
  readonly box: Bytes | null;
  readonly linkBytes: Bytes;
}

/** A directory over `store`; verified chains are kept in memory for the next link. */
export function createAccountDirectory(deps: AccountDirectoryDeps): AccountDirectory {
  const { store, clock } = deps;
  const chains = createChainCache(store);
  const restoring = createRestoring();

  async function refuseOnHold(
    before: ChainState,
    link: ParsedLink,
    nowMs: number,
  ): Promise<Result<void, Refusal>> {
    const signer = [...before.devicesById.keys()].find(
      (deviceId) => deviceId === (link.body.signerId as string),
    );
    const device = signer === undefined ? ok(null) : await store.findDevice(before.accountId, signer);
    if (!device.ok) return device;
    const signerArrivedAtMs = device.value?.addedAtMs ?? null;
    return checkNewDeviceHold({ state: before, body: link.body, signerArrivedAtMs, nowMs }).ok
      ? ok()
      : refuse("device-on-hold");
  }

  return {
    async register({ genesis, boxes, handle, invitation, isRestored }) {
      const admission = admissionOf(deps, invitation);
      if (!admission.ok) return admission;
      if (handle !== null && !isHandle(handle)) return refuse("bad-handle");
      const link = parseLink(genesis);
      const state = link.ok ? reduceParsedLink(null, link.value) : link;
      if (!link.ok || !state.ok) return refuse("bad-link");
      if (!checkLinkAct(state.value, { body: link.value.body, boxes, addedBox: null }).ok)
        return refuse("bad-link");
      const step = chainStep(
        { state: state.value, link: link.value, boxes, box: null, linkBytes: genesis },
        clock.nowMs(),
      );
      const known = isRestored ? await store.findAccount(step.accountId) : ok(null);
      if (!known.ok) return known;
      const registered = await store.register(step, handle, admission.value);
      if (registered.ok && isRestored && known.value === null) restoring.begin(step.accountId, clock.nowMs());
      return registered;
    },
    async deleteAccount(accountId, deviceId) {
      const loaded = await chains.load(accountId);
      if (!loaded.ok) return loaded;
      const device = await store.findDevice(accountId, deviceId);
      if (!device.ok) return device;
      const signerArrivedAtMs = device.value?.addedAtMs ?? null;
      // DI15: what a device of today cannot do to its siblings it cannot do to the account either.
      const held = checkHold({ state: loaded.value, signerArrivedAtMs, nowMs: clock.nowMs() }, deviceId);
      if (!held.ok) return refuse("device-on-hold");
      chains.forget(accountId);
      return store.deleteAccount(accountId);
    },
    async appendLink(accountId, { link: linkBytes, boxes, box }) {
      const link = parseLink(linkBytes);
      if (!link.ok) return refuse("bad-link");
      const before = await chains.load(accountId);
      if (!before.ok) return before;
      if (before.value.head === link.value.hash) return ok();
      if (link.value.body.seq !== before.value.seq + 1 || link.value.body.prevHash !== before.value.head)
        return refuse("chain-conflict");
      const after = reduceParsedLink(before.value, link.value);
      if (!after.ok || !checkLinkAct(after.value, { body: link.value.body, boxes, addedBox: box }).ok)
        return refuse("bad-link");
      const nowMs = clock.nowMs();
      // IN6: what is put back here happened elsewhere, when its link says so.
      const isRestoring = restoring.has(accountId, nowMs);
      const held = isRestoring ? ok() : await refuseOnHold(before.value, link.value, nowMs);
      if (!held.ok) return held;
      const arrivedAtMs = isRestoring ? Math.min(nowMs, link.value.body.timeMs) : nowMs;
      const stored = await store.appendLink(
        chainStep({ state: after.value, link: link.value, boxes, box, linkBytes }, arrivedAtMs),
      );
      if (stored.ok) chains.keep(after.value);
      return stored;
    },
  };
}

/** Accounts that were unknown here and are being put back, for a short while. */
function createRestoring() {
  const untilMsById = new Map<AccountId, number>();
  return {
    begin(accountId: AccountId, nowMs: number): void {
      const [oldest] = untilMsById.keys();
      if (untilMsById.size >= RESTORES_MAX && oldest !== undefined) untilMsById.delete(oldest);
      untilMsById.set(accountId, nowMs + RESTORE_WINDOW_MS);
    },
    has: (accountId: AccountId, nowMs: number): boolean => (untilMsById.get(accountId) ?? 0) > nowMs,
  };
}

/** DI14: an open server spends no invitation, a closed one lets nobody in without. */
function admissionOf(
  { isRegistrationOpen, clock }: AccountDirectoryDeps,
  invitation: string | null,
): Result<RegistrationAdmission, Refusal> {
  if (isRegistrationOpen) return ok({ type: "open" });
  if (invitation === null) return refuse("registration-closed");
  const hash = invitationHash(invitation);
  return hash === null ? refuse("bad-invitation") : ok({ type: "invitation", hash, nowMs: clock.nowMs() });
}

/** What a verified link changes, read off the state after it. */
function chainStep({ state, link, boxes, box, linkBytes }: VerifiedStep, nowMs: number): ChainStep {
  const { seq } = state;
  const devices = [...state.devicesById.values()];
  return {
    accountId: state.accountId,
    seq,
    previousHash: link.body.prevHash,
    hash: link.hash,
    link: linkBytes,
    epoch: currentEpoch(state).number,
    recoveryKey: currentRecovery(state).signKey,
    addedDevices: devices
      .filter((device) => device.addedSeq === seq)
      .map(({ id, signKey }) => ({ deviceId: id, signKey })),
    revokedDeviceIds: devices.filter((device) => device.revokedSeq === seq).map(({ id }): DeviceId => id),
    boxes,
    box,
    nowMs,
  };
}

/** States of chains that were asked for lately. What is stored was verified, so a replay cannot fail. */
function createChainCache(store: DirectoryStore) {
  const stateById = new Map<AccountId, ChainState>();

  function keep(state: ChainState): void {
    stateById.delete(state.accountId);
    const [oldest] = stateById.keys();
    if (stateById.size >= CHAINS_CACHED_MAX && oldest !== undefined) stateById.delete(oldest);
    stateById.set(state.accountId, state);
  }

  async function load(accountId: AccountId): Promise<Result<ChainState, Refusal>> {
    const account = await store.findAccount(accountId);
    if (!account.ok) return account;
    if (account.value === null) return refuse("unknown-account");
    let state = stateById.get(accountId) ?? null;
    while (state === null || state.seq < account.value.headSeq) {
      const page = await store.readChain(
        accountId,
        state?.seq ?? 0,
        CHAIN_PAGE_LINKS_MAX,
        CHAIN_PAGE_BYTES_MAX,
      );
      if (!page.ok) return page;
      if (page.value === null || page.value.links.length === 0) return refuse("internal");
      for (const link of page.value.links) {
        const next: Result<ChainState, unknown> = reduceLink(state, link);
        if (!next.ok) return refuse("internal");
        state = next.value;
      }
    }
    keep(state);
    return ok(state);
  }

  return { load, keep, forget: (accountId: AccountId) => void stateById.delete(accountId) };
}

const HANDLE = /^[a-z0-9][a-z0-9._-]*$/;

/** Tells whether `text` can be a handle: letters, digits and, after the first, `. _ -`. */
export function isHandle(text: string): boolean {
  return text.length >= HANDLE_CHARS_MIN && text.length <= HANDLE_CHARS_MAX && HANDLE.test(text);
}
