/**
 * Sealing ops for a contact: a session with each device, one body, one envelope a device. Rules DM10, DM13, DM19, FC1.
 *
 * Ratchets move on in a draft; whoever seals stores the draft together with the entries, in one transaction.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, DeviceId, LogId } from "../../base/ids.ts";
import { ENVELOPES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  encodeLetter,
  hashBody,
  type Letter,
  OPS_PER_BODY_MAX,
  ratchetContext,
  sealBody,
} from "../../messenger/envelope.ts";
import {
  type EntryPlace,
  REPLACED_ENTRIES_MAX,
  REQUEST_ENVELOPES_MAX,
  sealInbound,
  sealRequest,
} from "../../messenger/inbound-entry.ts";
import type { InboundKeys } from "../../messenger/inbound-keys.ts";
import { type NamedOp, parseOp } from "../../messenger/op.ts";
import type { ClaimedPreKeys } from "../../protocol/directory.ts";
import {
  ENTRY_KIND,
  type Entry,
  type EntryKind,
  encodeEntryHeader,
  writerTag,
} from "../../protocol/entry.ts";
import { verifyPreKeyBundle } from "../../protocol/prekey.ts";
import { type DevicePair, encryptMessage, type SessionSet, startSession } from "../../ratchet/session-set.ts";
import { decodeSessionSet } from "../../ratchet/session-set-codec.ts";
import {
  activeDevices,
  type ChainDevice,
  type ChainState,
  currentEpoch,
  pinOf,
} from "../../sigchain/chain-state.ts";
import type { ClientError } from "../client-error.ts";
import { writerKey } from "../devices/device-identity.ts";
import type { EngineContext } from "../engine-context.ts";
import type { KeyedOutboxRow } from "./outbox-rows.ts";
import type { OutboxRow } from "../tables.ts";

/** Where ops for a contact go: their inbound log for us, or their request log for a first contact. */
export type Route =
  | { readonly type: "inbound"; readonly keys: InboundKeys }
  | { readonly type: "request"; readonly logId: LogId; readonly requestKey: Bytes; readonly epoch: number };

/** Prekeys as a server gave them out; verified when they are used. */
export type ClaimedBundles = ClaimedPreKeys["bundles"];

/** Sessions as they are after what was sealed so far, and the secrets that are wiped once they are stored. */
export interface SealingDraft {
  readonly sets: Map<DeviceId, SessionSet>;
  readonly spent: Bytes[];
}

/** Where a group of ops goes, and under which number. */
export interface SealingPlace {
  readonly chain: ChainState;
  readonly route: Route;
  readonly logId: LogId;
  readonly writerSeq: number;
  readonly receipt: Letter["receipt"];
}

export interface Sealing {
  /**
   * Prekeys of devices there is no session with yet, or none that was answered if `isAgain` (DM19). Asks somebody else's server, so
   * never within the serial.
   */
  claim(
    contact: AccountId,
    from: {
      readonly origin: string;
      readonly chain: ChainState;
      readonly route: Route;
      readonly isAgain: boolean;
    },
  ): Promise<Result<ClaimedBundles, ClientError>>;
  /** A session with each device of the contact, started where there is none, or none that was answered (DM19). - Fails: `NoPreKeys` when there is none at all. */
  open(
    contact: AccountId,
    by: {
      readonly bundles: ClaimedBundles;
      readonly chain: ChainState;
      readonly route: Route;
      readonly isAgain: boolean;
    },
  ): Promise<Result<SealingDraft, ClientError>>;
  /** One entry with these ops. Moves the sessions of `draft` on. */
  seal(group: readonly OutboxRow[], to: SealingPlace, draft: SealingDraft): Result<Entry, ClientError>;
}

/** - Secrets: what is spent is in the draft; the caller wipes it. */
export function createSealing(context: EngineContext): Sealing {
  const { tables, identity, random } = context;

  async function claim(
    contact: AccountId,
    { origin, chain, route, isAgain }: Parameters<Sealing["claim"]>[1],
  ): Promise<Result<ClaimedBundles, ClientError>> {
    const missing: DeviceId[] = [];
    for (const { id } of receivers(chain, route)) {
      const row = await tables.session.get(contact, id);
      if (!row.ok) return row;
      const set = row.value === null ? null : decodeSessionSet(row.value.sessions);
      if (set === null || (set.ok && isAgain && isUnanswered(set.value))) missing.push(id);
    }
    if (missing.length === 0) return ok([]);
    const claimed = await context.directory(origin).claimPreKeys(contact, missing);
    if (claimed.ok) return ok(claimed.value.bundles);
    // A device that was just linked, or never came back, must not hold up what its siblings can read.
    const areNone = claimed.error.type === "Refused" && claimed.error.code === "no-prekeys";
    return areNone ? ok([]) : claimed;
  }

  async function open(
    contact: AccountId,
    { bundles, chain, route, isAgain }: Parameters<Sealing["open"]>[1],
  ): Promise<Result<SealingDraft, ClientError>> {
    const sets = new Map<DeviceId, SessionSet>();
    const missing: ChainDevice[] = [];
    for (const device of receivers(chain, route)) {
      const row = await tables.session.get(contact, device.id);
      if (!row.ok) return row;
      const set = row.value === null ? null : decodeSessionSet(row.value.sessions);
      if (set?.ok === false)
        return err({ type: "StoreCorrupt", key: tables.session.key(contact, device.id) });
      if (set !== null) sets.set(device.id, set.value);
      if (set === null || (isAgain && isUnanswered(set.value))) missing.push(device);
    }
    const spent: Bytes[] = [];
    for (const device of missing) {
      const bundle = bundles.find((one) => one.deviceId === device.id);
      const verified =
        bundle === undefined
          ? null
          : verifyPreKeyBundle(bundle, { accountId: contact, deviceId: device.id, signPk: device.signKey });
      if (!verified?.ok) continue;
      const started = startSession({ random }, pairWith(contact, device), {
        set: sets.get(device.id) ?? null,
        bundle: verified.value,
        nowMs: context.times.likelyMs(),
      });
      if (!started.ok) continue;
      sets.set(device.id, started.value.set);
      spent.push(...started.value.spent);
    }
    return sets.size === 0 ? err({ type: "NoPreKeys", accountId: contact }) : ok({ sets, spent });
  }

  function pairWith(contact: AccountId, device: ChainDevice): DevicePair {
    return {
      self: {
        accountId: identity.accountId,
        deviceId: identity.deviceId,
        agreement: identity.keys.agreement,
      },
      peer: { accountId: contact, deviceId: device.id, agreementPk: device.agreementKey },
    };
  }

  function seal(
    group: readonly OutboxRow[],
    to: SealingPlace,
    draft: SealingDraft,
  ): Result<Entry, ClientError> {
    const ops: NamedOp[] = [];
    for (const row of group) {
      const op = parseOp(row.op);
      if (!op.ok)
        return err({ type: "StoreCorrupt", key: tables.outbox.key(row.conversationId, 0, row.opId) });
      ops.push(op.value);
    }
    const kind: EntryKind = to.route.type === "inbound" ? ENTRY_KIND.message : ENTRY_KIND.contactRequest;
    const header = encodeEntryHeader({
      version: 1,
      kind,
      writerTag: writerTag(to.logId, writerKey(identity.seeds, to.logId).publicKey),
      writerSeq: to.writerSeq,
      epoch: to.route.type === "request" ? to.route.epoch : null,
      expect: null,
    });
    const place: EntryPlace = { logId: to.logId, header };
    const { body, bodyKey, opsHash } = sealBody(random, ops, context.padding());
    const ownChain = pinOf(context.chain());
    const theirChain = pinOf(to.chain);
    const letter = encodeLetter({
      version: 1,
      bodyKey,
      bodyHash: hashBody(body),
      opsHash,
      mine: { seq: ownChain.seq, head: ownChain.head },
      yours: { seq: theirChain.seq, head: theirChain.head },
      receipt: to.receipt,
    });
    const envelopes: { device: DeviceId; envelope: Bytes }[] = [];
    for (const [device, set] of draft.sets) {
      const encrypted = encryptMessage({ random }, set, {
        context: ratchetContext(to.logId, kind),
        plaintext: letter,
      });
      // A session that can go no further is left out: the sibling devices cover for it, and a reply starts a new one.
      if (!encrypted.ok) continue;
      draft.sets.set(device, encrypted.value.set);
      draft.spent.push(...encrypted.value.spent);
      envelopes.push({ device, envelope: encrypted.value.envelope });
    }
    draft.spent.push(bodyKey, letter);
    if (envelopes.length === 0) return err({ type: "NoPreKeys", accountId: to.chain.accountId });
    if (to.route.type === "inbound") {
      const replaces = [...new Set(group.flatMap((row) => row.replaces))].slice(-REPLACED_ENTRIES_MAX);
      return ok({
        header,
        sealed: sealInbound(
          random,
          to.route.keys.outerKey,
          place,
          { version: 1, device: identity.deviceId, envelopes, replaces },
          body,
          context.padding(),
        ),
      });
    }
    const outer = {
      version: 1 as const,
      account: identity.accountId,
      origin: identity.origin,
      chainSeq: ownChain.seq,
      chainHead: ownChain.head,
      device: identity.deviceId,
      envelopes,
    };
    const sealed = sealRequest(random, to.route.requestKey, place, outer, body, context.padding());
    return sealed.ok
      ? ok({ header, sealed: sealed.value })
      : err({ type: "ChainDistrusted", accountId: to.chain.accountId, rule: sealed.error.type });
  }

  return { claim, open, seal };
}

/** The route to a contact's request log. */
export function requestRoute(chain: ChainState): Route | null {
  const epoch = currentEpoch(chain);
  return chain.service === null
    ? null
    : {
        type: "request",
        logId: chain.service.requestLogId,
        requestKey: epoch.requestKey,
        epoch: epoch.number,
      };
}

/** The devices to seal to: of too many those that came last. */
function receivers(chain: ChainState, route: Route): readonly ChainDevice[] {
  const max = route.type === "request" ? REQUEST_ENVELOPES_MAX : ENVELOPES_MAX;
  return [...activeDevices(chain)].sort((a, b) => a.addedSeq - b.addedSeq).slice(-max);
}

/** Splits waiting ops into bodies, oldest first. */
export function groupOps(
  waiting: readonly KeyedOutboxRow[],
  { groupsMax, bytesMax }: { readonly groupsMax: number; readonly bytesMax: number },
): KeyedOutboxRow[][] {
  const ordered = [...waiting].sort(([a], [b]) => (a < b ? -1 : 1));
  const groups: KeyedOutboxRow[][] = [];
  let size = 0;
  for (const item of ordered) {
    const last = groups.at(-1);
    const weight = item[1].op.length + 8;
    if (last === undefined || last.length >= OPS_PER_BODY_MAX || size + weight > bytesMax) {
      if (groups.length >= groupsMax) break;
      groups.push([item]);
      size = weight;
    } else {
      last.push(item);
      size += weight;
    }
  }
  return groups;
}

/** Whether nothing ever came back in the session that is sent in. */
function isUnanswered({ sessions: [active] }: SessionSet): boolean {
  return active !== undefined && active.start !== null;
}
