/**
 * Sending: own ops become sealed entries in the other side's log. Rules DM10-DM13, DM15, FC1, FC5; order of design §6.
 *
 * An op waits in `outbox` from the moment it is written. Sealing moves the ratchets on and stores the final bytes in one
 * transaction; those bytes are sent until the server's receipt, and the row stays until the other side's delivery
 * frontier covers the op. Runs within the serial.
 */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, ConversationId, DeviceId, LogId, OpId } from "../base/ids.ts";
import { ENVELOPES_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { wipe } from "../crypto/secret.ts";
import {
  BODY_BYTES_MAX,
  encodeLetter,
  hashBody,
  type Letter,
  OPS_PER_BODY_MAX,
  ratchetContext,
  sealBody,
} from "../messenger/envelope.ts";
import {
  type EntryPlace,
  REPLACED_ENTRIES_MAX,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_ENVELOPES_MAX,
  sealInbound,
  sealRequest,
} from "../messenger/inbound-entry.ts";
import type { InboundKeys } from "../messenger/inbound-keys.ts";
import { type NamedOp, OP_KIND, parseOp } from "../messenger/op.ts";
import { ENTRY_KIND, type Entry, type EntryKind, encodeEntryHeader, writerTag } from "../protocol/entry.ts";
import type { ClaimedPreKeys } from "../protocol/directory.ts";
import type { FailureCode } from "../protocol/failure.ts";
import { verifyPreKeyBundle } from "../protocol/prekey.ts";
import type { AppendResult } from "../protocol/server-frame.ts";
import { type DevicePair, encryptMessage, type SessionSet, startSession } from "../ratchet/session-set.ts";
import { decodeSessionSet, encodeSessionSet } from "../ratchet/session-set-codec.ts";
import {
  activeDevices,
  type ChainDevice,
  type ChainState,
  currentEpoch,
  pinOf,
} from "../sigchain/chain-state.ts";
import { rowKeyNumber, rowKeyParts } from "../store/row-key.ts";
import type { StoreError, WriteOp } from "../store/tx-store.ts";
import type { ClientError } from "./client-error.ts";
import { writerKey } from "./device-identity.ts";
import type { EngineContext } from "./engine-context.ts";
import { PASSING } from "./passing-refusals.ts";
import type { OutboxRow, ParcelRow, WriterRow } from "./tables.ts";

/** Parcels sealed at once; more ops wait unsealed. */
const PARCELS_PER_FLUSH_MAX = 64;

const DELIVERED_PER_MARK_MAX = 4_096;

/** The reason of what was not sent because the conversation was closed, followed by the turn. */
const CLOSED: FailureCode = "log-closed";
/** The same, once the other side has been told not to wait for it. */
const SETTLED: FailureCode = CLOSED;

/** Where ops for a contact go: their inbound log for us, or their request log for a first contact. */
export type Route =
  | { readonly type: "inbound"; readonly keys: InboundKeys }
  | { readonly type: "request"; readonly logId: LogId; readonly requestKey: Bytes; readonly epoch: number };

/** Prekeys as a server gave them out; verified when they are used. */
export type ClaimedBundles = ClaimedPreKeys["bundles"];

export interface Parcel extends ParcelRow {
  readonly logId: LogId;
  readonly writerSeq: number;
}

export interface Outbox {
  start(): Promise<Result<void, StoreError>>;
  /** Row that keeps an op until it is delivered. */
  put(op: NamedOp, contact: AccountId): { readonly key: string; readonly write: WriteOp; commit(): void };
  /** State of an own op, or null when nothing is left to do for it. */
  stateOf(id: OpId): OutboxRow["state"] | null;
  /** Why an op was refused for good; null when it was not. */
  reasonOf(id: OpId): string | null;
  /** The other side closed this conversation: what waits is not sent. `turn` is that of their log. Rule CO4. */
  close(contact: AccountId, turn: number): Promise<Result<void, ClientError>>;
  /** Their log is another one now: what was not sent because the former was closed goes, unless it was a block. */
  reopen(contact: AccountId, turn: number): Promise<Result<void, ClientError>>;
  /** Seqs of own ops of a conversation that are at the server or on their way. */
  liveSeqs(conversationId: ConversationId): ReadonlySet<number>;
  /** Whether messages wait for a log that was closed before `turn`: they are never sent. Rule CO4. */
  hasClosedBefore(contact: AccountId, turn: number): boolean;
  /** Notes that those are told of as unsent. */
  settleClosed(contact: AccountId): { readonly writes: readonly WriteOp[]; commit(): void };
  /** Own ops the server has and the other side has not confirmed. */
  sentOps(conversationId: ConversationId): readonly NamedOp[];
  opsOf(conversationId: ConversationId): readonly OpId[];
  /** Forgets ops that are taken back: what is not sealed yet is not sent. Rule DE6. */
  withdraw(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Forgets what was refused for good. */
  dropFailed(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Whether something was not sent because the conversation was closed. */
  hasClosed(contact: AccountId): boolean;
  waitingCount(): number;
  /** Own messages among what waits, and how many have got the server's receipt since the program started. */
  waitingMessageCount(): number;
  sentMessageCount(): number;
  hasWaiting(contact: AccountId): boolean;
  waitingCountFor(contact: AccountId): number;
  /** Whether the op that asks or accepts has not reached the server yet. */
  isAsking(contact: AccountId): boolean;
  /** Prekeys of devices there is no session with yet. Asks somebody else's server, so never within the serial. */
  claim(
    contact: AccountId,
    origin: string,
    chain: ChainState,
    route: Route,
  ): Promise<Result<ClaimedBundles, ClientError>>;
  /** Seals what waits for a contact. `chain` was verified just now. */
  seal(
    contact: AccountId,
    bundles: ClaimedBundles,
    chain: ChainState,
    route: Route,
  ): Promise<Result<void, ClientError>>;
  /**
   * What may go to a later incarnation of a log, in which this device has written nothing: the last bytes it kept without
   * a hole between them. What lies before a hole is sealed anew, and no number is used twice. Rule IN5.
   */
  pendingAnew(logId: LogId): Promise<Result<readonly Parcel[], ClientError>>;
  /** Compares the counter the server names for this device with its own. - Fails: `DeviceRolledBack`. */
  checkWriter(logId: LogId, writerSeqAtServer: number): Promise<Result<unknown, ClientError>>;
  /** Parcels for a log after the server's last accepted `writerSeq`, in order; earlier ones are taken as accepted. */
  pending(logId: LogId, writerSeqAtServer: number): Promise<Result<readonly Parcel[], ClientError>>;
  /** Takes the server's answers. Returns what was refused for good. */
  receipts(
    parcels: readonly Parcel[],
    results: readonly AppendResult[],
    incarnation?: number,
  ): Promise<Result<readonly FailureCode[], ClientError>>;
  /** Ops of this device below `next` have arrived: their rows go. */
  delivered(conversationId: ConversationId, next: number): Promise<Result<void, ClientError>>;
}

export function createOutbox(context: EngineContext): Outbox {
  const { tables, store, identity, random, spans } = context;
  const rows = new Map<string, OutboxRow>();
  const keyById = new Map<OpId, string>();
  /** Keys of rows that are not with the server yet, by contact. */
  const waitingByContact = new Map<AccountId, Set<string>>();
  let waitingTotal = 0;
  /** Keys of rows that were not sent because the log was closed, by contact. */
  const closedByContact = new Map<AccountId, Set<string>>();
  /** Key of the last op that asks or accepts, by contact. */
  const introductions = new Map<AccountId, string>();
  let parcels: Parcel[] = [];
  const writers = new Map<LogId, WriterRow>();
  let sentMessages = 0;

  async function start(): Promise<Result<void, StoreError>> {
    const stored = await tables.outbox.scan();
    if (!stored.ok) return stored;
    for (const { key, value } of stored.value) keep(key, value);
    const sealed = await tables.parcel.scan();
    if (!sealed.ok) return sealed;
    parcels = sealed.value.map(({ key, value }) => {
      const [, logId, writerSeq] = rowKeyParts(key);
      return { ...value, logId: logId as LogId, writerSeq: rowKeyNumber(writerSeq) ?? 0 };
    });
    return ok();
  }

  function keep(key: string, row: OutboxRow): void {
    if (!rows.has(key)) {
      const op = parseOp(row.op);
      if (op.ok && op.value.op.kind === OP_KIND.introduction) introductions.set(row.contact, key);
    }
    rows.set(key, row);
    if (row.state === "sent") spans?.ended(key, null);
    if (row.state === "failed") spans?.ended(key, row.reason?.split("/")[0] ?? "failed");
    keyById.set(row.opId, key);
    const waiting = waitingByContact.get(row.contact) ?? new Set<string>();
    waitingByContact.set(row.contact, waiting);
    waitingTotal -= waiting.size;
    if (row.state === "kept" || row.state === "sealed") waiting.add(key);
    else waiting.delete(key);
    waitingTotal += waiting.size;
    const closed = closedByContact.get(row.contact) ?? new Set<string>();
    closedByContact.set(row.contact, closed);
    if (row.state === "failed" && closedTurnOf(row) !== null) closed.add(key);
    else closed.delete(key);
  }

  function forget(key: string): void {
    const row = rows.get(key);
    if (row === undefined) return;
    spans?.dropped(key);
    keep(key, { ...row, state: "sent" });
    keyById.delete(row.opId);
    rows.delete(key);
  }

  function waitingRows(contact: AccountId): readonly (readonly [string, OutboxRow])[] {
    const waiting: (readonly [string, OutboxRow])[] = [];
    for (const key of waitingByContact.get(contact) ?? []) {
      const row = rows.get(key);
      if (row !== undefined) waiting.push([key, row]);
    }
    return waiting;
  }

  function put(op: NamedOp, contact: AccountId) {
    const parts = [op.op.conversationId, op.op.hlc, op.id] as const;
    const key = tables.outbox.key(...parts);
    // DM15: an op that is sent again says which entries nobody there could open.
    const before = rows.get(key);
    const carriers =
      before === undefined
        ? []
        : parcels.filter((parcel) => parcel.outboxKeys.includes(key)).map((parcel) => parcel.entryId);
    const replaces = [...new Set([...(before?.replaces ?? []), ...carriers])].slice(-REPLACED_ENTRIES_MAX);
    const row: OutboxRow = {
      conversationId: op.op.conversationId,
      contact,
      opId: op.id,
      op: op.bytes,
      state: "kept",
      reason: null,
      replaces,
    };
    const commit = () => {
      keep(key, row);
      if (op.op.kind !== OP_KIND.mark) spans?.taken(key);
    };
    return { key, write: tables.outbox.put(parts, row), commit };
  }

  function rowWrite(key: string, row: OutboxRow): WriteOp {
    const [, ...parts] = rowKeyParts(key);
    return { ...tables.outbox.put(parts, row), key };
  }

  async function writerOf(logId: LogId): Promise<Result<WriterRow, StoreError>> {
    const known = writers.get(logId);
    if (known !== undefined) return ok(known);
    const row = await tables.writer.get(logId);
    return row.ok ? ok(row.value ?? { writerSeq: 0, previous: null, receipt: null }) : row;
  }

  async function claim(
    contact: AccountId,
    origin: string,
    chain: ChainState,
    route: Route,
  ): Promise<Result<ClaimedBundles, ClientError>> {
    const missing: DeviceId[] = [];
    const isAgain = isSentAgain(contact);
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

  async function seal(
    contact: AccountId,
    bundles: ClaimedBundles,
    chain: ChainState,
    route: Route,
  ): Promise<Result<void, ClientError>> {
    const logId = route.type === "inbound" ? route.keys.logId : route.logId;
    const dropped = await dropForRevoked(logId, chain);
    if (!dropped.ok) return dropped;
    // FC5: what was sealed for the request log and did not get there goes the way that is open now.
    const elsewhere = await takeBack(
      parcels.filter((parcel) => parcel.contact === contact && parcel.logId !== logId && !parcel.isAccepted),
    );
    if (!elsewhere.ok) return elsewhere;
    // FC1: a request is one entry; what comes after it waits for the answer.
    if (route.type === "request" && parcels.some((parcel) => parcel.logId === logId && !parcel.isAccepted))
      return ok();
    const waiting = waitingRows(contact).filter(([, row]) => row.state === "kept");
    if (waiting.length === 0) return ok();
    const isRequest = route.type === "request";
    const sessions = await openSessions(contact, bundles, receivers(chain, route));
    if (!sessions.ok) return sessions;
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const draft = { sets: sessions.value.sets, spent: sessions.value.spent };
    let writerSeq = writer.value.writerSeq;
    const made: Parcel[] = [];
    const changed = new Map<string, OutboxRow>();
    for (const group of groupOps(
      waiting,
      isRequest
        ? { groupsMax: 1, bytesMax: REQUEST_BODY_BYTES_MAX }
        : { groupsMax: PARCELS_PER_FLUSH_MAX, bytesMax: BODY_BYTES_MAX },
    )) {
      writerSeq++;
      const entry = sealGroup(
        group.map(([, row]) => row),
        { chain, route, logId, writerSeq, receipt: writer.value.receipt },
        draft,
      );
      if (!entry.ok) return entry;
      const outboxKeys = group.map(([key]) => key);
      const recipients = [...draft.sets.keys()];
      made.push({
        contact,
        entry: entry.value,
        entryId: context.entryId(logId, entry.value),
        outboxKeys,
        recipients,
        isRequest,
        isAccepted: false,
        logId,
        writerSeq,
      });
      for (const [key, row] of group) changed.set(key, { ...row, state: "sealed" });
    }
    const writerRow = { ...writer.value, writerSeq };
    const written = await store.batch([
      ...[...draft.sets].map(([device, set]) =>
        tables.session.put([contact, device], { sessions: encodeSessionSet(set) }),
      ),
      ...made.map((parcel) => parcelWrite(parcel)),
      ...[...changed].map(([key, row]) => rowWrite(key, row)),
      tables.writer.put([logId], writerRow),
    ]);
    if (!written.ok) return written;
    for (const [key, row] of changed) keep(key, row);
    parcels.push(...made);
    writers.set(logId, writerRow);
    wipe(...draft.spent);
    return ok();
  }

  /** DM19: something was asked for once more, so what a session was begun with may be gone at the other end. */
  function isSentAgain(contact: AccountId): boolean {
    return waitingRows(contact).some(([, row]) => row.state === "kept" && row.replaces.length > 0);
  }

  /** A session with each of these devices of the contact, started where there is none, or none that was answered (DM19). */
  async function openSessions(
    contact: AccountId,
    bundles: ClaimedBundles,
    devices: readonly ChainDevice[],
  ): Promise<Result<{ sets: Map<DeviceId, SessionSet>; spent: Bytes[] }, ClientError>> {
    const sets = new Map<DeviceId, SessionSet>();
    const missing: ChainDevice[] = [];
    const isAgain = isSentAgain(contact);
    for (const device of devices) {
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

  function sealGroup(
    group: readonly OutboxRow[],
    to: {
      readonly chain: ChainState;
      readonly route: Route;
      readonly logId: LogId;
      readonly writerSeq: number;
      readonly receipt: Letter["receipt"];
    },
    draft: { readonly sets: Map<DeviceId, SessionSet>; readonly spent: Bytes[] },
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

  /** Parcels not accepted yet that a revoked device could open are taken back; their ops are sealed anew. Rule DM13. */
  async function dropForRevoked(logId: LogId, chain: ChainState): Promise<Result<void, ClientError>> {
    const own = parcels.filter((parcel) => parcel.logId === logId && !parcel.isAccepted);
    const firstBad = own.findIndex((parcel) =>
      parcel.recipients.some((device) => chain.devicesById.get(device)?.revokedSeq !== null),
    );
    return firstBad < 0 ? ok() : takeBack(own.slice(firstBad));
  }

  /** The counter stays: only the server knows what it has taken, and `pending` goes by that. */
  async function takeBack(taken: readonly Parcel[]): Promise<Result<void, ClientError>> {
    if (taken.length === 0) return ok();
    const changed = new Map<string, OutboxRow>();
    for (const key of taken.flatMap((parcel) => parcel.outboxKeys)) {
      const row = rows.get(key);
      if (row !== undefined) changed.set(key, { ...row, state: "kept" });
    }
    const written = await store.batch([
      ...taken.map((parcel) => tables.parcel.remove(parcel.logId, parcel.writerSeq)),
      ...[...changed].map(([key, row]) => rowWrite(key, row)),
    ]);
    if (!written.ok) return written;
    parcels = parcels.filter((parcel) => !taken.includes(parcel));
    for (const [key, row] of changed) keep(key, row);
    return ok();
  }

  const parcelWrite = ({ logId, writerSeq, ...row }: Parcel): WriteOp =>
    tables.parcel.put([logId, writerSeq], row);

  /** DM12: where the server has more of this device than it knows of, the profile was set back or is in use twice. */
  async function checkWriter(
    logId: LogId,
    writerSeqAtServer: number,
  ): Promise<Result<WriterRow, ClientError>> {
    const writer = await writerOf(logId);
    if (!writer.ok || writerSeqAtServer <= writer.value.writerSeq) return writer;
    context.raise({ type: "DeviceRolledBack", logId });
    return err({ type: "DeviceRolledBack", logId });
  }

  async function pending(
    logId: LogId,
    writerSeqAtServer: number,
  ): Promise<Result<readonly Parcel[], ClientError>> {
    const checked = await checkWriter(logId, writerSeqAtServer);
    if (!checked.ok) return checked;
    const writer = checked.value;
    const own = parcels.filter(
      (parcel) => parcel.logId === logId && (!parcel.isAccepted || parcel.writerSeq > writerSeqAtServer),
    );
    // A parcel whose receipt was lost is sent once more: the server knows its bytes and gives the receipt again.
    const known = own.filter((parcel) => parcel.writerSeq <= writerSeqAtServer);
    const unsent = own.filter((parcel) => parcel.writerSeq > writerSeqAtServer);
    // DM12: the same bytes where the server's counter goes on; where there is a hole, all after it is sealed anew.
    const isUnbroken = unsent.every((parcel, index) => parcel.writerSeq === writerSeqAtServer + 1 + index);
    if (isUnbroken && (unsent.at(-1)?.writerSeq ?? writerSeqAtServer) === writer.writerSeq) return ok(own);
    const restarted = await restartAt(logId, writerSeqAtServer, unsent);
    return restarted.ok ? ok(known) : restarted;
  }

  async function pendingAnew(logId: LogId): Promise<Result<readonly Parcel[], ClientError>> {
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const own = parcels.filter((parcel) => parcel.logId === logId);
    let next = writer.value.writerSeq;
    const run = new Set<Parcel>();
    for (const parcel of [...own].sort((a, b) => b.writerSeq - a.writerSeq)) {
      if (parcel.writerSeq !== next) break;
      run.add(parcel);
      next--;
    }
    const taken = await takeBack(own.filter((parcel) => !run.has(parcel)));
    return taken.ok ? ok(own.filter((parcel) => run.has(parcel))) : taken;
  }

  async function restartAt(
    logId: LogId,
    writerSeq: number,
    unsent: readonly Parcel[],
  ): Promise<Result<void, ClientError>> {
    const taken = await takeBack(unsent);
    if (!taken.ok) return taken;
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const writerRow = { ...writer.value, writerSeq };
    const written = await store.batch([tables.writer.put([logId], writerRow)]);
    if (!written.ok) return written;
    writers.set(logId, writerRow);
    return ok();
  }

  async function receipts(
    sent: readonly Parcel[],
    results: readonly AppendResult[],
    incarnation = 0,
  ): Promise<Result<readonly FailureCode[], ClientError>> {
    const logId = sent[0]?.logId;
    if (logId === undefined) return ok([]);
    const writer = await writerOf(logId);
    if (!writer.ok) return writer;
    const count = results.findIndex((result) => result.type === "refused");
    // DM12: each result stands for itself. Behind an entry the server has taken before, it takes the next ones.
    const accepted = new Set(
      sent.filter((_, index) => {
        const result = results[index];
        return result !== undefined && result.type !== "refused";
      }),
    );
    const refusal = results[count];
    const refused = refusal?.type === "refused" ? sent[count] : undefined;
    const code = refusal?.type === "refused" ? refusal.code : null;
    // A closed conversation is closed for all that waits: `close` says so to every op at once.
    const isClosed = code === "log-closed" && refused?.isRequest === false;
    const isFailed = code !== null && code !== "writer-seq" && !PASSING.has(code) && !isClosed;
    const outcome = outcomeOf([...accepted], isFailed ? refused : undefined, code);
    const writerRow = { ...writer.value, receipt: lastReceipt(results, incarnation) ?? writer.value.receipt };
    const gone = new Set<Parcel>(isFailed && refused !== undefined ? [refused] : []);
    for (const parcel of accepted)
      if (parcel.outboxKeys.every((key) => outcome.done.includes(key) || !rows.has(key))) gone.add(parcel);
    const kept = [...accepted]
      .filter((parcel) => !gone.has(parcel))
      .map((parcel) => ({ ...parcel, isAccepted: true }));
    const written = await store.batch([
      ...[...outcome.changed].map(([key, row]) => rowWrite(key, row)),
      ...outcome.done.map((key): WriteOp => ({ type: "delete", key })),
      ...[...gone].map((parcel) => tables.parcel.remove(parcel.logId, parcel.writerSeq)),
      ...kept.map(parcelWrite),
      tables.writer.put([logId], writerRow),
    ]);
    if (!written.ok) return written;
    const keptBySeq = new Map(kept.map((parcel) => [parcel.writerSeq, parcel]));
    parcels = parcels
      .filter((parcel) => !gone.has(parcel))
      .map((parcel) => (accepted.has(parcel) ? (keptBySeq.get(parcel.writerSeq) ?? parcel) : parcel));
    writers.set(logId, writerRow);
    for (const [key, row] of outcome.changed) keep(key, row);
    for (const key of outcome.done) forget(key);
    sentMessages += outcome.messages;
    if (code === null || refused === undefined) return ok([]);
    if (!isFailed && code !== "writer-seq") return ok([code]);
    // The counter has a hole now, or at this place the server has other bytes, or had these and trimmed them when they
    // were read: from here on all is sealed anew.
    const after = parcels.filter(
      (parcel) => parcel.logId === logId && !parcel.isAccepted && parcel.writerSeq >= refused.writerSeq,
    );
    const last = counterAtServer(sent, results);
    const restarted =
      last === null
        ? await takeBack(after)
        : await restartAt(logId, Math.min(last, writerRow.writerSeq), after);
    return restarted.ok ? ok([code]) : restarted;
  }

  /** What becomes of the rows of accepted parcels and of one that was refused for good. */
  function outcomeOf(accepted: readonly Parcel[], failed: Parcel | undefined, reason: FailureCode | null) {
    const changed = new Map<string, OutboxRow>();
    const done: string[] = [];
    let messages = 0;
    for (const key of accepted.flatMap((parcel) => parcel.outboxKeys)) {
      const row = rows.get(key);
      if (row === undefined || row.state === "sent") continue;
      const kind = kindOf(row);
      // A mark asks for no mark of its own: with the server's receipt it has done its work.
      if (kind === OP_KIND.mark) done.push(key);
      else changed.set(key, { ...row, state: "sent", reason: null });
      if (kind === OP_KIND.message && row.replaces.length === 0) messages++;
    }
    for (const key of failed?.outboxKeys ?? []) {
      const row = rows.get(key);
      if (row !== undefined) changed.set(key, { ...row, state: "failed", reason });
    }
    return { changed, done, messages };
  }

  async function close(contact: AccountId, turn: number): Promise<Result<void, ClientError>> {
    const taken = await takeBack(
      parcels.filter((parcel) => parcel.contact === contact && !parcel.isAccepted && !parcel.isRequest),
    );
    if (!taken.ok) return taken;
    const changed = new Map<string, OutboxRow>();
    const gone: string[] = [];
    for (const [key, row] of waitingRows(contact)) {
      if (row.state !== "kept") continue;
      if (kindOf(row) === OP_KIND.mark) gone.push(key);
      else changed.set(key, { ...row, state: "failed", reason: `${CLOSED}/${turn}` });
    }
    return rewrite(changed, gone);
  }

  async function reopen(contact: AccountId, turn: number): Promise<Result<void, ClientError>> {
    const changed = new Map<string, OutboxRow>();
    for (const key of closedByContact.get(contact) ?? []) {
      const row = rows.get(key);
      if (row === undefined) continue;
      // CO4: what was said to somebody who did not want to hear it is not said when they listen again.
      if (kindOf(row) === OP_KIND.introduction || closedTurnOf(row) === turn)
        changed.set(key, { ...row, state: "kept", reason: null });
    }
    return rewrite(changed, []);
  }

  async function rewrite(
    changed: ReadonlyMap<string, OutboxRow>,
    gone: readonly string[],
  ): Promise<Result<void, ClientError>> {
    if (changed.size === 0 && gone.length === 0) return ok();
    const written = await store.batch([
      ...[...changed].map(([key, row]) => rowWrite(key, row)),
      ...gone.map((key): WriteOp => ({ type: "delete", key })),
    ]);
    if (!written.ok) return written;
    for (const [key, row] of changed) keep(key, row);
    for (const key of gone) forget(key);
    return ok();
  }

  function liveSeqs(conversationId: ConversationId): ReadonlySet<number> {
    const live = [...rows.values()].filter(
      (row) => row.conversationId === conversationId && row.state !== "failed",
    );
    return new Set(
      live.flatMap((row) => {
        const op = parseOp(row.op);
        return op.ok ? [op.value.op.deviceSeq] : [];
      }),
    );
  }

  function settleClosed(contact: AccountId) {
    const settled = [...(closedByContact.get(contact) ?? [])].flatMap((key) => {
      const row = rows.get(key);
      return row === undefined ? [] : [[key, { ...row, reason: SETTLED }] as const];
    });
    return {
      writes: settled.map(([key, row]) => rowWrite(key, row)),
      commit: () => {
        for (const [key, row] of settled) keep(key, row);
      },
    };
  }

  const keysOf = (ids: readonly OpId[]): readonly string[] => ids.flatMap((id) => keyById.get(id) ?? []);

  async function delivered(conversationId: ConversationId, next: number): Promise<Result<void, ClientError>> {
    const gone: string[] = [];
    for (const [key, row] of rows) {
      // What is left is taken with the next mark.
      if (gone.length >= DELIVERED_PER_MARK_MAX) break;
      if (row.conversationId !== conversationId || row.state !== "sent") continue;
      const op = parseOp(row.op);
      if (op.ok && op.value.op.deviceSeq < next) gone.push(key);
    }
    const goneKeys = new Set(gone);
    const left = (parcel: Parcel) => parcel.outboxKeys.some((key) => rows.has(key) && !goneKeys.has(key));
    const done = parcels.filter((parcel) => parcel.isAccepted && !left(parcel));
    if (gone.length === 0 && done.length === 0) return ok();
    const written = await store.batch([
      ...gone.map((key): WriteOp => ({ type: "delete", key })),
      ...done.map((parcel) => tables.parcel.remove(parcel.logId, parcel.writerSeq)),
    ]);
    if (!written.ok) return written;
    for (const key of gone) forget(key);
    parcels = parcels.filter((parcel) => !done.includes(parcel));
    return ok();
  }

  return {
    start,
    put,
    stateOf: (id) => rows.get(keyById.get(id) ?? "")?.state ?? null,
    reasonOf: (id) => rows.get(keyById.get(id) ?? "")?.reason ?? null,
    close,
    reopen,
    liveSeqs,
    hasClosedBefore: (contact, turn) =>
      [...(closedByContact.get(contact) ?? [])].some((key) => {
        const row = rows.get(key);
        return row !== undefined && (closedTurnOf(row) ?? turn) < turn;
      }),
    settleClosed,
    sentOps: (conversationId) =>
      [...rows.values()].flatMap((row) => {
        const op = row.conversationId === conversationId && row.state === "sent" ? parseOp(row.op) : null;
        return op?.ok ? [op.value] : [];
      }),
    opsOf: (conversationId) =>
      [...rows.values()].filter((row) => row.conversationId === conversationId).map((row) => row.opId),
    withdraw: (ids) => rewrite(new Map(), keysOf(ids)),
    dropFailed: (ids) =>
      rewrite(
        new Map(),
        keysOf(ids).filter((key) => rows.get(key)?.state === "failed"),
      ),
    hasClosed: (contact) => (closedByContact.get(contact)?.size ?? 0) > 0,
    waitingCount: () => waitingTotal,
    waitingMessageCount: () =>
      [...waitingByContact.keys()].flatMap(waitingRows).filter(([, row]) => kindOf(row) === OP_KIND.message)
        .length,
    sentMessageCount: () => sentMessages,
    waitingCountFor: (contact) => waitingByContact.get(contact)?.size ?? 0,
    isAsking: (contact) => waitingByContact.get(contact)?.has(introductions.get(contact) ?? "") === true,
    hasWaiting: (contact) => (waitingByContact.get(contact)?.size ?? 0) > 0,
    claim,
    seal,
    checkWriter,
    pending,
    pendingAnew,
    receipts,
    delivered,
  };
}

/** The turn in which an op was not sent because the conversation was closed, or null. */
function closedTurnOf(row: OutboxRow): number | null {
  const [code, turn] = row.reason?.split("/") ?? [];
  return code === CLOSED && turn !== undefined ? Number(turn) : null;
}

function kindOf(row: OutboxRow): number | null {
  const op = parseOp(row.op);
  return op.ok ? op.value.op.kind : null;
}

/** The writer's counter after all of `sent`; null while an answer is missing, since what it is for may have been taken. */
function counterAtServer(sent: readonly Parcel[], results: readonly AppendResult[]): number | null {
  if (results.length < sent.length) return null;
  const counters = results.map((result, index) => {
    const writerSeq = sent[index]?.writerSeq ?? 1;
    return result.type === "refused" ? (result.writerSeq ?? writerSeq - 1) : writerSeq;
  });
  return Math.max(...counters);
}

function lastReceipt(results: readonly AppendResult[], incarnation: number): Letter["receipt"] {
  const last = results.findLast((result) => result.type === "accepted");
  return last?.type === "accepted" ? { incarnation, seq: last.seq, chain: last.chain } : null;
}

/** The devices to seal to: of too many those that came last. */
function receivers(chain: ChainState, route: Route): readonly ChainDevice[] {
  const max = route.type === "request" ? REQUEST_ENVELOPES_MAX : ENVELOPES_MAX;
  return [...activeDevices(chain)].sort((a, b) => a.addedSeq - b.addedSeq).slice(-max);
}

/** Splits waiting ops into bodies, oldest first. */
function groupOps(
  waiting: readonly (readonly [string, OutboxRow])[],
  { groupsMax, bytesMax }: { readonly groupsMax: number; readonly bytesMax: number },
): (readonly [string, OutboxRow])[][] {
  const ordered = [...waiting].sort(([a], [b]) => (a < b ? -1 : 1));
  const groups: (readonly [string, OutboxRow])[][] = [];
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

/** Whether nothing ever came back in the session that is sent in. */
function isUnanswered({ sessions: [active] }: SessionSet): boolean {
  return active !== undefined && active.start !== null;
}
