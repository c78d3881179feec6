/**
 * Receiving: entries of inbound logs and of the request log become ops. Rules DM5-DM9, FC2, FC8; order of design §6.
 *
 * A page of entries is opened in memory, sessions moving along, and then stored in one transaction: sessions, spent
 * prekeys, ops, reading position. An entry that does not open is set aside and blocks nothing. Runs within the serial.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, DeviceId, EntryId, LogId, PreKeyId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import { wipe } from "../../crypto/secret.ts";
import {
  checkQuote,
  createLogReader,
  type LogReader,
  type NamedEntry,
  passIds,
  readEntries,
} from "../../log/log-reader.ts";
import { type Letter, openBody, ratchetContext } from "../../messenger/envelope.ts";
import { openInbound, openRequest } from "../../messenger/inbound-entry.ts";
import { directConversationId, type NamedOp } from "../../messenger/op.ts";
import { ENTRY_KIND, type EntryKind, type PlacedEntry, parseEntryHeader } from "../../protocol/entry.ts";
import { decodePreKeyRecord, encodePreKeyRecord, type PreKeyRecord } from "../../ratchet/prekey-record.ts";
import {
  decryptMessage,
  type DevicePair,
  preKeyIdsNeeded,
  type SessionSet,
} from "../../ratchet/session-set.ts";
import { decodeSessionSet, encodeSessionSet } from "../../ratchet/session-set-codec.ts";
import { type ChainState, hashAt } from "../../sigchain/chain-state.ts";
import { requestKeyPair } from "../../sigchain/epoch/epoch-secret.ts";
import type { StoreError, WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { ChainsQuote, Disputes } from "../alarms/disputes.ts";
import type { ContactBook } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Replaced } from "./replaced-ahead.ts";
import type { AsideEntry, SetAside } from "./set-aside.ts";
import type { ArchiveRow } from "../tables.ts";

/** A log this device reads: a contact's inbound log, or the request log of the account. */
export type InboundLog =
  | {
      readonly type: "inbound";
      readonly logId: LogId;
      readonly contact: AccountId;
      readonly origin: string;
      readonly outerKey: Bytes;
    }
  | { readonly type: "request"; readonly logId: LogId };

/** Ops that came in one entry, from whom, and where it stood. */
export interface Arrival {
  readonly contact: AccountId;
  readonly origin: string;
  readonly device: DeviceId;
  readonly ops: readonly NamedOp[];
  readonly source: NonNullable<ArchiveRow["source"]>;
  readonly isRequest: boolean;
}

/** A page, opened. Nothing is stored yet; `writes` hold all but the ops. */
export interface OpenedPage {
  readonly arrivals: readonly Arrival[];
  readonly writes: readonly WriteOp[];
  /** Contacts of whom an entry was set aside: they are asked to send again. */
  readonly missingFrom: readonly AccountId[];
  /** Logs of which an entry no longer waits. */
  readonly freedLogs: ReadonlySet<LogId>;
  /** To call once `writes` are durable: moves on in memory and erases spent keys. */
  commit(): void;
}

export interface Inbound {
  reader(logId: LogId): Promise<Result<LogReader, StoreError>>;
  open(log: InboundLog, entries: readonly PlacedEntry[]): Promise<Result<OpenedPage, ClientError>>;
  /** The log goes on as a later incarnation: it is read from its start, and what is known of it changes nothing. */
  enterIncarnation(logId: LogId, incarnation: number): Promise<Result<void, ClientError>>;
  /** Moves over entries that are gone from the server, by their ids. */
  pass(logId: LogId, ids: readonly EntryId[]): Promise<Result<void, ClientError>>;
  /** Opens entries that waited for their sender's chain. `refusal` says why there will be none. */
  reopen(
    log: InboundLog,
    entries: readonly AsideEntry[],
    refusal: string | null,
  ): Promise<Result<OpenedPage, ClientError>>;
  /** Contacts whose last letter quotes links that are not here yet, and where they live. */
  quotesAhead(): ReadonlyMap<AccountId, string>;
  /** Compares what such a letter quotes with the chains as they are now. */
  checkQuotes(contact: AccountId): Promise<Result<void, ClientError>>;
}

/** What opening one entry came to. */
type Outcome =
  | {
      readonly type: "opened";
      readonly arrival: Arrival;
      readonly letter: Letter;
      readonly chain: ChainState;
      readonly replaces: readonly EntryId[];
    }
  | {
      readonly type: "aside";
      readonly sender: Sender;
      readonly reason: string;
      readonly replaces: readonly EntryId[];
    }
  | { readonly type: "waiting"; readonly sender: Sender; readonly replaces: readonly EntryId[] }
  /** Known already, or nobody honest wrote it. */
  | { readonly type: "passed"; readonly reason: string | null };

/** Sessions and prekeys as they stand after the entries opened so far. */
interface PageDraft {
  readonly sets: Map<
    string,
    { readonly account: AccountId; readonly device: DeviceId; readonly set: SessionSet }
  >;
  readonly consumed: Set<PreKeyId>;
  readonly usedLastResort: Map<PreKeyId, PreKeyRecord>;
  readonly spent: Bytes[];
}

interface Sender {
  readonly account: AccountId;
  readonly origin: string;
  readonly device: DeviceId;
}

/** An opened entry and all that follows from opening it, while a page is worked through. */
interface PageResult {
  readonly draft: PageDraft;
  readonly arrivals: Arrival[];
  readonly added: AsideEntry[];
  readonly resolved: EntryId[];
  readonly replaced: Replaced[];
  /** What letters say of both chains. */
  readonly quotes: ChainsQuote[];
}

export function createInbound(
  context: EngineContext,
  setAside: SetAside,
  contacts: Pick<ContactBook, "get">,
  disputes: Pick<Disputes, "quote">,
): Inbound {
  const { tables, identity } = context;
  const readers = new Map<LogId, LogReader>();
  /** Of each contact the last letter that quotes links not known here. */
  const ahead = new Map<
    AccountId,
    { readonly letter: Letter; readonly origin: string; readonly device: DeviceId }
  >();

  async function reader(logId: LogId): Promise<Result<LogReader, StoreError>> {
    const known = readers.get(logId);
    if (known !== undefined) return ok(known);
    const row = await tables.reader.get(logId);
    if (!row.ok) return row;
    const loaded = createLogReader(logId, row.value?.point);
    readers.set(logId, loaded);
    return ok(loaded);
  }

  async function pass(logId: LogId, ids: readonly EntryId[]): Promise<Result<void, ClientError>> {
    const before = await reader(logId);
    if (!before.ok) return before;
    const after = passIds(before.value, ids);
    const asides = setAside.change({ read: ids }, context.times.steadyMs());
    const row = tables.reader.put([logId], { point: after.point, epochFloor: 0 });
    const written = await context.store.batch([row, ...asides.writes]);
    if (!written.ok) return written;
    asides.commit();
    readers.set(logId, after);
    return ok();
  }

  async function enterIncarnation(logId: LogId, incarnation: number): Promise<Result<void, ClientError>> {
    const point = { ...createLogReader(logId).point, incarnation };
    const written = await context.store.batch([tables.reader.put([logId], { point, epochFloor: 0 })]);
    if (written.ok) readers.set(logId, createLogReader(logId, point));
    return written;
  }

  async function open(
    log: InboundLog,
    entries: readonly PlacedEntry[],
  ): Promise<Result<OpenedPage, ClientError>> {
    const before = await reader(log.logId);
    if (!before.ok) return before;
    const read = readEntries(before.value, entries);
    if (!read.ok) return context.distrustLog(log.logId, read.error);
    const page = emptyPage();
    for (const entry of read.value.fresh) {
      const taken = await openInto(page, log, entry, { isRetry: false });
      if (!taken.ok) return taken;
    }
    const after = read.value.reader;
    const readerWrite = tables.reader.put([log.logId], { point: after.point, epochFloor: 0 });
    return ok(
      finishPage(page, {
        read: read.value.fresh.map((entry) => entry.id),
        writes: [readerWrite],
        commit: () => readers.set(log.logId, after),
      }),
    );
  }

  async function reopen(
    log: InboundLog,
    entries: readonly AsideEntry[],
    refusal: string | null,
  ): Promise<Result<OpenedPage, ClientError>> {
    const page = emptyPage();
    for (const { entryId, waiting } of entries) {
      if (waiting === null) continue;
      const { entry } = waiting;
      page.resolved.push(entryId);
      if (refusal !== null) {
        context.raise({ type: "EntryRefused", logId: log.logId, seq: entry.seq, rule: refusal });
        continue;
      }
      const taken = await openInto(page, log, { ...entry, id: entryId }, { isRetry: true });
      if (!taken.ok) return taken;
    }
    return ok(finishPage(page, { read: [], writes: [], commit: () => {} }));
  }

  function emptyPage(): PageResult {
    return {
      draft: { sets: new Map(), consumed: new Set(), usedLastResort: new Map(), spent: [] },
      arrivals: [],
      added: [],
      resolved: [],
      replaced: [],
      quotes: [],
    };
  }

  /** DM9: whether a sibling has opened this entry. What it replaces need not be opened either. */
  function isOpenedElsewhere(
    page: PageResult,
    entry: EntryId,
    { sender, replaces }: Extract<Outcome, { type: "aside" | "waiting" }>,
  ): boolean {
    const isArchived = setAside.isArchived(entry, sender.account);
    if (isArchived) page.replaced.push(...replaces.map((entryId) => ({ entryId, contact: sender.account })));
    return isArchived;
  }

  async function openInto(
    page: PageResult,
    log: InboundLog,
    entry: NamedEntry,
    how: { readonly isRetry: boolean },
  ): Promise<Result<void, ClientError>> {
    const outcome = await openEntry(log, entry, page.draft, how);
    if (!outcome.ok) return outcome;
    const { value } = outcome;
    const place = { logId: log.logId, seq: entry.seq, entryId: entry.id };
    switch (value.type) {
      case "opened":
        page.arrivals.push(value.arrival);
        page.replaced.push(...value.replaces.map((entryId) => ({ entryId, contact: value.arrival.contact })));
        page.quotes.push(...checkLetter(value.letter, value.arrival, value.chain));
        return ok();
      case "waiting": {
        if (isOpenedElsewhere(page, entry.id, value)) return ok();
        const { seq, header, sealed } = entry;
        const { account: contact, device, origin } = value.sender;
        const waiting = { origin, entry: { seq, header, sealed } };
        page.added.push({ ...place, contact, device, reason: "ChainWanted", waiting });
        return ok();
      }
      case "aside": {
        // DM9: what a sibling has archived is here, or comes by the account log.
        if (isOpenedElsewhere(page, entry.id, value)) return ok();
        const { account: contact, device } = value.sender;
        const record = await contacts.get(contact);
        if (!record.ok) return record;
        const isHeard = record.value?.state !== "declined" && record.value?.state !== "blocked";
        if (isHeard) page.added.push({ ...place, contact, device, reason: value.reason, waiting: null });
        return ok();
      }
      case "passed":
        if (value.reason !== null)
          context.raise({ type: "EntryRefused", logId: log.logId, seq: entry.seq, rule: value.reason });
        return ok();
    }
  }

  function finishPage(
    { draft, arrivals, added, resolved, replaced, quotes }: PageResult,
    reading: { readonly read: readonly EntryId[]; readonly writes: readonly WriteOp[]; commit(): void },
  ): OpenedPage {
    const events = { added, resolved, replaced, read: reading.read };
    const change = setAside.change(events, context.times.steadyMs());
    const quoted = disputes.quote(quotes);
    const commit = () => {
      change.commit();
      quoted.commit();
      reading.commit();
      wipe(...draft.spent);
    };
    const missingFrom = [
      ...new Set(added.filter((entry) => entry.waiting === null).map((entry) => entry.contact)),
    ];
    return {
      arrivals,
      writes: [...draftWrites(draft), ...change.writes, ...quoted.writes, ...reading.writes],
      missingFrom,
      freedLogs: change.freedLogs,
      commit,
    };
  }

  async function openEntry(
    log: InboundLog,
    entry: NamedEntry,
    draft: PageDraft,
    how: { readonly isRetry: boolean },
  ): Promise<Result<Outcome, ClientError>> {
    const header = parseEntryHeader(entry.header);
    if (!header.ok) return passed("MalformedHeader");
    const place = { logId: log.logId, header: entry.header };
    if (log.type === "inbound") {
      if (header.value.kind !== ENTRY_KIND.message) return passed("UnknownKind");
      const opened = openInbound(log.outerKey, place, entry.sealed);
      if (!opened.ok) return passed(opened.error.type);
      const { outer, body } = opened.value;
      const sender = { account: log.contact, origin: log.origin, device: outer.device };
      return openEnvelope(
        {
          log,
          entry,
          kind: ENTRY_KIND.message,
          sender,
          envelopes: outer.envelopes,
          body,
          pinSeq: 0,
          replaces: outer.replaces,
          ...how,
        },
        draft,
      );
    }
    if (header.value.kind !== ENTRY_KIND.contactRequest || header.value.epoch === null)
      return passed("UnknownKind");
    const secret = context.epochSecret(header.value.epoch);
    if (secret === null) return passed("UnknownEpoch");
    const opened = openRequest(requestKeyPair(secret), place, entry.sealed);
    if (!opened.ok) return passed(opened.error.type);
    const { outer, body } = opened.value;
    if (outer.account === identity.accountId) return passed("RequestFromSelf");
    if (!isDialable(outer.origin, identity.origin)) return passed("BadOrigin");
    const sender = { account: outer.account, origin: outer.origin, device: outer.device };
    return openEnvelope(
      {
        log,
        entry,
        kind: ENTRY_KIND.contactRequest,
        sender,
        envelopes: outer.envelopes,
        body,
        pinSeq: outer.chainSeq,
        replaces: [],
        ...how,
      },
      draft,
    );
  }

  async function openEnvelope(
    letter: {
      readonly log: InboundLog;
      readonly entry: NamedEntry;
      readonly kind: EntryKind;
      readonly sender: Sender;
      readonly envelopes: readonly { readonly device: DeviceId; readonly envelope: Bytes }[];
      readonly body: Bytes;
      readonly pinSeq: number;
      readonly replaces: readonly EntryId[];
      readonly isRetry: boolean;
    },
    draft: PageDraft,
  ): Promise<Result<Outcome, ClientError>> {
    const { sender, log, entry } = letter;
    const stored = await context.storedChain(sender.account);
    if (!stored.ok) return stored;
    const chain = stored.value;
    const device = chain?.devicesById.get(sender.device);
    // DM5: nothing waits for somebody else's server here. The entry does, and whatever follows it goes on.
    const isBehind = chain === null || device === undefined || chain.seq < letter.pinSeq;
    if (isBehind && !letter.isRetry) return ok({ type: "waiting", sender, replaces: letter.replaces });
    if (chain === null || device === undefined) return passed("DeviceNotOnChain");
    if (device.revokedSeq !== null) return passed("DeviceWasRevoked");
    const mine = letter.envelopes.find((one) => one.device === identity.deviceId);
    if (mine === undefined) return aside(letter, "NoEnvelope");
    const pair: DevicePair = {
      self: {
        accountId: identity.accountId,
        deviceId: identity.deviceId,
        agreement: identity.keys.agreement,
      },
      peer: { accountId: sender.account, deviceId: sender.device, agreementPk: device.agreementKey },
    };
    const set = await sessionSet(sender, draft);
    if (!set.ok) return set;
    const preKeys = await loadPreKeys(set.value, mine.envelope, draft);
    if (!preKeys.ok) return preKeys;
    const opened = decryptMessage(set.value, pair, {
      context: ratchetContext(log.logId, letter.kind),
      envelope: mine.envelope,
      findPreKey: (id) => preKeys.value.get(id) ?? null,
    });
    if (!opened.ok)
      return opened.error.type === "DuplicateMessage" ? passed(null) : aside(letter, opened.error.type);
    const body = openBody(opened.value.plaintext, letter.body);
    remember(draft, sender, opened.value, preKeys.value);
    if (!body.ok) return passed(body.error.type);
    const conversationId = directConversationId(identity.accountId, sender.account);
    const isTheirs = body.value.ops.every(
      ({ op }) =>
        op.conversationId === conversationId && op.author === sender.account && op.device === sender.device,
    );
    // DM7
    if (!isTheirs) return passed("NotTheirOp");
    const source = { logId: log.logId, seq: entry.seq, entry: entry.id };
    const arrival = {
      contact: sender.account,
      origin: sender.origin,
      device: sender.device,
      ops: body.value.ops,
      source,
      isRequest: log.type === "request",
    };
    return ok({ type: "opened", arrival, letter: body.value.letter, chain, replaces: letter.replaces });
  }

  async function sessionSet(
    sender: Sender,
    draft: PageDraft,
  ): Promise<Result<SessionSet | null, ClientError>> {
    const drafted = draft.sets.get(`${sender.account}/${sender.device}`);
    if (drafted !== undefined) return ok(drafted.set);
    const row = await tables.session.get(sender.account, sender.device);
    if (!row.ok) return row;
    if (row.value === null) return ok(null);
    const set = decodeSessionSet(row.value.sessions);
    return set.ok
      ? ok(set.value)
      : err({ type: "StoreCorrupt", key: tables.session.key(sender.account, sender.device) });
  }

  async function loadPreKeys(
    set: SessionSet | null,
    envelope: Bytes,
    draft: PageDraft,
  ): Promise<Result<ReadonlyMap<PreKeyId, PreKeyRecord>, ClientError>> {
    const records = new Map<PreKeyId, PreKeyRecord>();
    const ids = preKeyIdsNeeded(set, envelope);
    if (!ids.ok) return ok(records);
    for (const id of ids.value) {
      if (draft.consumed.has(id)) continue;
      const row = await tables.prekey.get(id);
      if (!row.ok) return row;
      const record = row.value === null ? null : decodePreKeyRecord(row.value.record);
      if (record?.ok) records.set(id, record.value);
    }
    return ok(records);
  }

  function remember(
    draft: PageDraft,
    sender: Sender,
    opened: Extract<ReturnType<typeof decryptMessage>, { ok: true }>["value"],
    preKeys: ReadonlyMap<PreKeyId, PreKeyRecord>,
  ): void {
    draft.sets.set(`${sender.account}/${sender.device}`, {
      account: sender.account,
      device: sender.device,
      set: opened.set,
    });
    draft.spent.push(...opened.spent);
    if (opened.consumedPreKeyId !== null) draft.consumed.add(opened.consumedPreKeyId);
    const used = opened.usedLastResortId === null ? undefined : preKeys.get(opened.usedLastResortId);
    if (used?.type === "lastResort") draft.usedLastResort.set(used.id, { ...used, isUsed: true });
  }

  function draftWrites(draft: PageDraft): WriteOp[] {
    return [
      ...[...draft.sets.values()].map(({ account, device, set }) =>
        tables.session.put([account, device], { sessions: encodeSessionSet(set) }),
      ),
      ...[...draft.consumed].map((id) => tables.prekey.remove(id)),
      ...[...draft.usedLastResort].map(([id, record]) =>
        tables.prekey.put([id], { record: encodePreKeyRecord(record) }),
      ),
    ];
  }

  /** Compares what the sender sees of both chains and of this log with what we see. Rule DM8. */
  function checkLetter(letter: Letter, arrival: Arrival, theirs: ChainState): readonly ChainsQuote[] {
    const { contact, device, origin } = arrival;
    const isAhead = letter.mine.seq > theirs.seq || letter.yours.seq > context.chain().seq;
    if (isAhead) ahead.set(contact, { letter, origin, device });
    checkReceipt(letter, arrival);
    return isAhead ? [] : [quoteOf(letter, { contact, device }, theirs)];
  }

  function checkReceipt(letter: Letter, arrival: Arrival): void {
    const logReader = readers.get(arrival.source.logId);
    if (letter.receipt === null || logReader === undefined) return;
    const quoted = checkQuote(logReader, letter.receipt);
    if (!quoted.ok)
      context.raise({ type: "LogDistrusted", logId: arrival.source.logId, fault: quoted.error });
  }

  function quoteOf(
    letter: Letter,
    from: { readonly contact: AccountId; readonly device: DeviceId },
    theirs: ChainState,
  ): ChainsQuote {
    return {
      ...from,
      ownSeq: letter.yours.seq,
      isOwnSame: hashAt(context.chain(), letter.yours.seq) === letter.yours.head,
      theirSeq: letter.mine.seq,
      isTheirsSame: hashAt(theirs, letter.mine.seq) === letter.mine.head,
    };
  }

  async function checkQuotes(contact: AccountId): Promise<Result<void, ClientError>> {
    const quoted = ahead.get(contact);
    ahead.delete(contact);
    if (quoted === undefined) return ok();
    if (quoted.letter.yours.seq > context.chain().seq) {
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
    }
    const theirs = await context.storedChain(contact);
    if (!theirs.ok) return theirs;
    if (theirs.value === null) return ok();
    const { letter, device } = quoted;
    const step = disputes.quote([quoteOf(letter, { contact, device }, theirs.value)]);
    const written = step.writes.length === 0 ? ok() : await context.store.batch(step.writes);
    if (written.ok) step.commit();
    return written;
  }

  return {
    reader,
    enterIncarnation,
    pass,
    open,
    reopen,
    quotesAhead: () => new Map([...ahead].map(([contact, { origin }]) => [contact, origin])),
    checkQuotes,
  };
}

/** Whether a server that somebody else named may be asked: never one inside this machine, unless ours is there too. */
export function isDialable(origin: string, ownOrigin: string): boolean {
  return parseServerOrigin(origin).ok && (origin.startsWith("https:") || ownOrigin.startsWith("http:"));
}

function passed(reason: string | null): Result<Outcome, never> {
  return ok({ type: "passed", reason });
}

function aside(
  { sender, replaces }: { readonly sender: Sender; readonly replaces: readonly EntryId[] },
  reason: string,
): Result<Outcome, never> {
  return ok({ type: "aside", sender, reason, replaces });
}
