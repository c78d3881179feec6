/**
 * Registration and chains: verifies a link and everything that must come with it, then stores them as one act.
 * Rules DI1-DI4, IN6.
 *
 * The server checks so that it stores no nonsense and knows who is active; clients believe only their own check.
 */
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import { CHAIN_PAGE_LINKS_MAX, HANDLE_CHARS_MAX, HANDLE_CHARS_MIN } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { AppendLink, Register, Staged, StageLink } from "@dovetail/core/protocol/directory.ts";
import { type ChainState, currentEpoch, currentRecovery } from "@dovetail/core/sigchain/chain-state.ts";
import { checkLinkAct } from "@dovetail/core/sigchain/epoch-box.ts";
import { type ParsedLink, parseLink } from "@dovetail/core/sigchain/link.ts";
import { checkHold, checkNewDeviceHold } from "@dovetail/core/sigchain/new-device-hold.ts";
import { reduceLink, reduceParsedLink } from "@dovetail/core/sigchain/reduce-link.ts";
import { CHAIN_PAGE_BYTES_MAX, CHAINS_CACHED_MAX } from "../limits.ts";
import type { RegistrationAdmission } from "../store/operator-store.ts";
import type { AccountRecord, ChainStep, DirectoryStore, StoredChainPage } from "../store/directory-store.ts";
import type { RestoreName, RestoreStore } from "../store/restore-store.ts";
import { type Refusal, refuse } from "../store/refusal.ts";
import { invitationHash } from "./invitation.ts";

export interface AccountDirectory {
  /** - Fails: `registration-closed`, `bad-invitation`, `account-deleted`, `bad-handle`, `bad-link`, `handle-taken`, `chain-conflict`. */
  register(registration: Register): Promise<Result<void, Refusal>>;
  /** - Fails: `unknown-account`, `bad-link`, `chain-conflict`, `device-on-hold`, `quota`. */
  appendLink(accountId: AccountId, request: AppendLink): Promise<Result<void, Refusal>>;
  /**
   * Adds a link to a chain that is put back, and says how far it is there; with the last one the account is there.
   *
   * - Fails: `unknown-account` for one that was not begun or has lapsed, `bad-link`, `chain-conflict`, `quota`; with the last as `register`.
   */
  stageLink(accountId: AccountId, request: StageLink): Promise<Result<Staged, Refusal>>;
  /** Deletes an account at the word of one of its devices. - Fails: `unknown-account`, `device-on-hold`. */
  deleteAccount(accountId: AccountId, deviceId: DeviceId): Promise<Result<void, Refusal>>;
}

export interface AccountDirectoryDeps {
  readonly store: DirectoryStore & RestoreStore;
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
  const chains = createChainCache<AccountId>({
    keyOf: (accountId) => accountId,
    find: store.findAccount,
    read: store.readChain,
  });
  const restores = createChainCache<RestoreName>({
    keyOf: ({ accountId, head }) => `${accountId} ${head}`,
    find: store.findRestore,
    read: store.readRestore,
  });

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
    async register({ genesis, boxes, handle, invitation, restores: head }) {
      const admission = admissionOf(deps, invitation);
      if (!admission.ok) return admission;
      if (handle !== null && !isHandle(handle)) return refuse("bad-handle");
      const verified = verifyStep(null, { link: genesis, boxes, box: null });
      if (!verified.ok) return verified;
      const nowMs = clock.nowMs();
      const step = chainStep(verified.value, nowMs);
      if (head === null || head === step.hash) return store.register(step, handle, admission.value);
      // One that lapsed may begin anew.
      restores.forget({ accountId: step.accountId, head });
      return store.beginRestore(step, { head, handle, admission: admission.value }, nowMs);
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
    async appendLink(accountId, request) {
      const before = await chains.load(accountId);
      if (!before.ok) return before;
      const link = parseLink(request.link);
      if (!link.ok) return refuse("bad-link");
      if (before.value.head === link.value.hash) return ok();
      const next = verifyStep(before.value, request);
      if (!next.ok) return next;
      const nowMs = clock.nowMs();
      const held = await refuseOnHold(before.value, next.value.link, nowMs);
      if (!held.ok) return held;
      const stored = await store.appendLink(chainStep(next.value, nowMs));
      if (stored.ok) chains.keep(accountId, next.value.state);
      return stored;
    },
    async stageLink(accountId, { head, ...request }) {
      const shown = await store.findAccount(accountId);
      if (!shown.ok) return shown;
      if (shown.value !== null) return refuse("chain-conflict");
      const name = { accountId, head };
      const before = await restores.load(name);
      if (!before.ok) return before;
      const link = parseLink(request.link);
      if (!link.ok) return refuse("bad-link");
      // Only one chain ends with that link: what is there already is what is brought.
      if (link.value.body.seq <= before.value.seq) return ok({ seq: before.value.seq });
      const next = verifyStep(before.value, request);
      if (!next.ok) return next;
      const nowMs = clock.nowMs();
      // IN6: what is put back here happened elsewhere, when its link says so.
      const step = chainStep(next.value, Math.min(nowMs, next.value.link.body.timeMs));
      const stored = await store.stageLink(step, head, nowMs);
      if (stored.ok) restores.keep(name, next.value.state);
      else if (stored.error.code !== "chain-conflict") return stored;
      else {
        // Another device of the account may have brought it at the same moment.
        const now = await restores.load(name);
        return now.ok && now.value.seq >= step.seq ? ok({ seq: now.value.seq }) : stored;
      }
      return ok({ seq: step.seq });
    },
  };
}

/** A link that follows `before` and holds with what comes with it. - Fails: `chain-conflict`, `bad-link`. */
function verifyStep(
  before: ChainState | null,
  { link: linkBytes, boxes, box }: AppendLink,
): Result<VerifiedStep, Refusal> {
  const link = parseLink(linkBytes);
  if (!link.ok) return refuse("bad-link");
  const { body } = link.value;
  if (before !== null && (body.seq !== before.seq + 1 || body.prevHash !== before.head))
    return refuse("chain-conflict");
  const after = reduceParsedLink(before, link.value);
  if (!after.ok || !checkLinkAct(after.value, { body, boxes, addedBox: box }).ok) return refuse("bad-link");
  return ok({ state: after.value, link: link.value, boxes, box, linkBytes });
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

/** Where chains of one kind are kept: those that are shown, by their account, or those that are put back. */
interface ChainSource<N> {
  readonly keyOf: (name: N) => string;
  readonly find: (name: N) => Promise<Result<AccountRecord | null, Refusal>>;
  readonly read: (
    name: N,
    after: number,
    linksMax: number,
    bytesMax: number,
  ) => Promise<Result<StoredChainPage | null, Refusal>>;
}

/** States of chains that were asked for lately. What is stored was verified, so a replay cannot fail. */
function createChainCache<N>(source: ChainSource<N>) {
  const stateByKey = new Map<string, ChainState>();

  function keep(name: N, state: ChainState): void {
    const key = source.keyOf(name);
    stateByKey.delete(key);
    const [oldest] = stateByKey.keys();
    if (stateByKey.size >= CHAINS_CACHED_MAX && oldest !== undefined) stateByKey.delete(oldest);
    stateByKey.set(key, state);
  }

  async function load(name: N): Promise<Result<ChainState, Refusal>> {
    const account = await source.find(name);
    if (!account.ok) return account;
    if (account.value === null) return refuse("unknown-account");
    let state = stateByKey.get(source.keyOf(name)) ?? null;
    // One that lapsed and was begun again is shorter than it was.
    if (state !== null && state.seq > account.value.headSeq) state = null;
    while (state === null || state.seq < account.value.headSeq) {
      const page = await source.read(name, state?.seq ?? 0, CHAIN_PAGE_LINKS_MAX, CHAIN_PAGE_BYTES_MAX);
      if (!page.ok) return page;
      if (page.value === null || page.value.links.length === 0) return refuse("internal");
      for (const link of page.value.links) {
        const next: Result<ChainState, unknown> = reduceLink(state, link);
        if (!next.ok) return refuse("internal");
        state = next.value;
      }
    }
    keep(name, state);
    return ok(state);
  }

  return { load, keep, forget: (name: N) => void stateByKey.delete(source.keyOf(name)) };
}

const HANDLE = /^[a-z0-9][a-z0-9._-]*$/;

/** Tells whether `text` can be a handle: letters, digits and, after the first, `. _ -`. */
export function isHandle(text: string): boolean {
  return text.length >= HANDLE_CHARS_MIN && text.length <= HANDLE_CHARS_MAX && HANDLE.test(text);
}
