/**
 * How far the ops of each device have come: told by marks, and answered by sending again what never opened. Rules MS4, DM14,
 * DM15, DM18, DM20. Runs within the serial.
 */
import { createRetries, type RetryTimes } from "../retries.ts";
import type { AccountId, ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { decode, encode } from "../../codec/shape.ts";
import {
  directConversationId,
  isRedacted,
  type Mark,
  markPayloadShape,
  type NamedOp,
  OP_KIND,
} from "../../messenger/op.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { StoreError } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ConversationEvents, WriteOwnOp } from "./conversation-ports.ts";
import { ASK_AGAIN_MIN_MS, createMissingRequests } from "./missing-requests.ts";
import type { OpStore } from "./op-store.ts";
import type { Outbox } from "./outbox.ts";
import type { SetAside } from "./set-aside.ts";

/** How long after an arrival the sender is told; what comes meanwhile shares one mark. */
const MARK_DELAY_MS = 1_000;
/** When marks that the disk refused are written again. */
const MARK_RETRY: RetryTimes = { minMs: 15_000, maxMs: 960_000 };
const RESEND_OPS_MAX = 512;

export interface DeliveryMarksDeps {
  readonly context: EngineContext;
  readonly contacts: Pick<ContactBook, "get">;
  readonly ops: Pick<OpStore, "all" | "frontiers">;
  readonly outbox: Outbox;
  readonly setAside: Pick<SetAside, "isMissing" | "missingFrom" | "change">;
  readonly events: Pick<ConversationEvents, "onDelivered" | "onOutgoing" | "onAckable">;
  readonly write: WriteOwnOp;
}

export interface DeliveryMarks {
  start(): Promise<Result<void, ClientError>>;
  /** What marks among these ops say. */
  raise(fresh: readonly NamedOp[]): RowsStep;
  /** Settles what the other side has, by these marks, and sends again what it asks for. */
  answer(fresh: readonly NamedOp[]): Promise<Result<void, ClientError>>;
  /** Something of this contact has come, or is missing: they are told in a moment. */
  due(contact: AccountId, wantsMissing: boolean): void;
  /** Asks a contact for whatever of theirs has not arrived: the server may have lost it. IN9 */
  askForMissing(contact: AccountId): void;
  /** Sends the marks that are due, and those that ask for what is still missing. */
  flush(): Promise<Result<void, ClientError>>;
  /** Delivery frontier of a device's ops at the reading account. */
  deliveredTo(conversationId: ConversationId, reader: AccountId, author: DeviceId): number;
  hasWork(): boolean;
  /** Cancels timers. */
  stop(): void;
}

export function createDeliveryMarks(deps: DeliveryMarksDeps): DeliveryMarks {
  const { context, contacts, ops, outbox, setAside, events } = deps;
  const { tables, store, identity, clock } = context;
  /** Frontiers by `conversation/reader/author device`. */
  const nextByKey = new Map<string, number>();
  const dueByContact = new Map<AccountId, { wantsMissing: boolean; isForced?: boolean }>();
  const requests = createMissingRequests({
    store,
    tables,
    clock,
    setAside,
    later: (task) => void context.serial.runBehind(task),
  });
  const retries = createRetries<"marks">(clock, MARK_RETRY, () => void context.serial.runBehind(send));
  let cancelSending: (() => void) | null = null;
  let cancelAsking: (() => void) | null = null;
  const nowMs = () => Math.max(0, clock.nowMs());
  const keyOf = (conversationId: ConversationId, reader: AccountId, device: DeviceId) =>
    `${conversationId}/${reader}/${device}`;

  const deliveredTo: DeliveryMarks["deliveredTo"] = (conversationId, reader, author) =>
    nextByKey.get(keyOf(conversationId, reader, author)) ?? 0;

  async function start(): Promise<Result<void, ClientError>> {
    const asked = await requests.start();
    if (!asked.ok) return asked;
    askLater();
    const rows = await tables.mark.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of rows.value) nextByKey.set(key.slice("mark/".length), value.next);
    return ok();
  }

  /** What a mark says. In a room it says nothing: somebody who came later would be sent all that was said before. DM15 */
  function markOf({ op }: NamedOp): Mark | null {
    const isOwn = op.author === identity.accountId;
    if (op.kind !== OP_KIND.mark) return null;
    if (!isOwn && op.conversationId !== directConversationId(identity.accountId, op.author)) return null;
    const mark = decode(markPayloadShape, op.payload);
    return mark.ok ? mark.value : null;
  }

  function raise(fresh: readonly NamedOp[]): RowsStep {
    const raised = new Map<string, number>();
    for (const named of fresh) {
      const { op } = named;
      for (const { device, next } of markOf(named)?.delivered ?? []) {
        // A contact tells of our devices; of others it could name without end.
        if (op.author !== identity.accountId && !context.chain().devicesById.has(device)) continue;
        const key = keyOf(op.conversationId, op.author, device);
        if (next > (raised.get(key) ?? nextByKey.get(key) ?? 0)) raised.set(key, next);
      }
    }
    return {
      writes: [...raised].map(([key, next]) => tables.mark.put(key.split("/"), { next })),
      commit() {
        for (const [key, next] of raised) nextByKey.set(key, next);
      },
    };
  }

  async function answer(fresh: readonly NamedOp[]): Promise<Result<void, ClientError>> {
    for (const named of fresh) {
      const { author, conversationId } = named.op;
      const mark = author === identity.accountId ? null : markOf(named);
      if (mark === null) continue;
      const settled = await settle(named);
      if (!settled.ok) return settled;
      const next = deliveredTo(conversationId, author, identity.deviceId);
      const done = await outbox.delivered(conversationId, next);
      if (!done.ok) return done;
      events.onDelivered(conversationId);
      if (!mark.wantsMissing) continue;
      const resent = await requests.answerWhenDue(author, () => resend(author, named, mark));
      if (!resent.ok) return resent;
    }
    return ok();
  }

  /** DM20: whoever was asked had nothing to send again. What did not open of theirs held what is here. */
  async function settle({ op }: NamedOp): Promise<Result<void, ClientError>> {
    const { author: contact, device, conversationId, target } = op;
    if (target === null || !requests.isAnswerTo(contact, target)) return ok();
    const frontiers = await ops.frontiers(conversationId);
    if (!frontiers.ok) return frontiers;
    return (frontiers.value.get(device) ?? 0) <= op.deviceSeq ? ok() : end(contact, new Set([device]));
  }

  /** DM20: a revoked device answers nobody, and what it sent is refused. */
  async function endRevoked(contact: AccountId): Promise<Result<void, ClientError>> {
    const chain = await context.storedChain(contact);
    if (!chain.ok) return chain;
    const devices = [...(chain.value?.devicesById.values() ?? [])];
    const revoked = devices.filter(({ revokedSeq }) => revokedSeq !== null);
    return end(contact, new Set(revoked.map(({ id }) => id)));
  }

  async function end(contact: AccountId, devices: ReadonlySet<DeviceId>): Promise<Result<void, StoreError>> {
    const asides = setAside.change({ ended: { contact, devices } }, context.times.steadyMs());
    const written = await store.batch(asides.writes);
    if (!written.ok) return written;
    asides.commit();
    for (const logId of asides.freedLogs) events.onAckable(logId);
    return ok();
  }

  async function resend(
    contact: AccountId,
    { id, op: { conversationId } }: NamedOp,
    mark: Mark,
  ): Promise<Result<boolean, ClientError>> {
    const asked = mark.delivered.find((one) => one.device === identity.deviceId)?.next ?? 0;
    const next = Math.max(asked, deliveredTo(conversationId, contact, identity.deviceId));
    const all = await ops.all(conversationId);
    if (!all.ok) return all;
    // DE6: what the person has deleted for themselves is sent on until it has arrived.
    const kept = [
      ...new Map([...outbox.sentOps(conversationId), ...all.value].map((op) => [op.id, op])).values(),
    ];
    const missing = kept
      .filter(({ op, id }) => op.device === identity.deviceId && op.deviceSeq >= next && !isWaiting(id))
      .filter((op) => !isRedacted(op))
      .sort((a, b) => a.op.deviceSeq - b.op.deviceSeq);
    if (missing.length === 0) return sayNothingElse(contact, id);
    const again = missing.slice(0, RESEND_OPS_MAX).map((op) => outbox.put(op, contact));
    const written = await store.batch(again.map(({ write }) => write));
    if (!written.ok) return written;
    for (const one of again) one.commit();
    events.onOutgoing(contact);
    return ok(true);
  }

  async function sayNothingElse(accountId: AccountId, ask: OpId): Promise<Result<boolean, ClientError>> {
    const contact = await contacts.get(accountId);
    if (!contact.ok) return contact;
    if (contact.value?.state !== "accepted" || contact.value.theirs === null) return ok(false);
    const payload = encode(markPayloadShape, { delivered: [], readUpTo: null, wantsMissing: false });
    const written = await deps.write(contact.value, OP_KIND.mark, payload, { target: ask });
    return written.ok ? ok(true) : written;
  }

  function isWaiting(id: OpId): boolean {
    const state = outbox.stateOf(id);
    // CO4: what was not sent because of a block is not sent because somebody asks either.
    const isClosed = state === "failed" && outbox.reasonOf(id)?.startsWith("log-closed") === true;
    return state === "kept" || state === "sealed" || isClosed;
  }

  function due(contact: AccountId, wantsMissing: boolean, isForced = false): void {
    if (wantsMissing) requests.outdate(contact);
    const known = dueByContact.get(contact);
    dueByContact.set(contact, {
      wantsMissing: wantsMissing || known?.wantsMissing === true,
      isForced: isForced || known?.isForced === true,
    });
    cancelSending ??= clock.schedule(MARK_DELAY_MS, () => {
      cancelSending = null;
      void context.serial.runBehind(send);
    });
  }

  /** Tells contacts what has arrived, unless a device of ours has told them as much. Rule DM14. */
  async function send(): Promise<Result<void, ClientError>> {
    for (const [accountId, asked] of [...dueByContact]) {
      const told = await tellOrAsk(accountId, asked);
      if (!told.ok) {
        retries.later("marks");
        return told;
      }
      if (dueByContact.get(accountId) === asked) dueByContact.delete(accountId);
    }
    retries.done("marks");
    askLater();
    return ok();
  }

  async function tellOrAsk(
    accountId: AccountId,
    { wantsMissing, isForced }: { readonly wantsMissing: boolean; readonly isForced?: boolean },
  ): Promise<Result<void, ClientError>> {
    const ended = wantsMissing ? await endRevoked(accountId) : ok();
    if (!ended.ok) return ended;
    // What was missing may have come from a sibling meanwhile.
    return tell(accountId, isForced === true || (wantsMissing && setAside.isMissing(accountId)));
  }

  async function tell(accountId: AccountId, wantsMissing: boolean): Promise<Result<void, ClientError>> {
    const contact = await contacts.get(accountId);
    if (!contact.ok) return contact;
    if (contact.value?.state !== "accepted" || contact.value.theirs === null) return ok();
    const { conversationId } = contact.value;
    const frontiers = await ops.frontiers(conversationId);
    if (!frontiers.ok) return frontiers;
    const delivered = [...frontiers.value]
      .filter(([device]) => !context.chain().devicesById.has(device))
      .map(([device, next]) => ({ device, next }));
    const isNews = delivered.some(
      ({ device, next }) => next > deliveredTo(conversationId, identity.accountId, device),
    );
    if (!isNews && !wantsMissing) return ok();
    const asked = wantsMissing ? await requests.asked(accountId, nowMs()) : ok();
    if (!asked.ok) return asked;
    const payload = encode(markPayloadShape, { delivered, readUpTo: null, wantsMissing });
    const written = await deps.write(contact.value, OP_KIND.mark, payload);
    if (!written.ok) return written;
    if (wantsMissing) requests.askedBy(accountId, written.value.id);
    return ok();
  }

  /** DM18: what is still missing is asked for again, after a while. */
  function askLater(): void {
    cancelAsking?.();
    const delayMs = requests.nextDelayMs(nowMs());
    cancelAsking =
      delayMs === null
        ? null
        : clock.schedule(Math.max(ASK_AGAIN_MIN_MS, delayMs), () => {
            cancelAsking = null;
            askDue();
          });
  }

  function askDue(): void {
    for (const contact of requests.due(nowMs())) due(contact, true);
  }

  return {
    start,
    raise,
    answer,
    due,
    askForMissing: (contact) => due(contact, true, true),
    flush() {
      cancelSending?.();
      cancelSending = null;
      askDue();
      return send();
    },
    deliveredTo,
    hasWork: () => dueByContact.size > 0,
    stop() {
      cancelSending?.();
      cancelAsking?.();
      retries.clear();
      requests.stop();
    },
  };
}
