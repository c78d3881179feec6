/**
 * What a device took over of a sibling before it knew that this one was revoked, and what is void by the cut. Rule AR18.
 *
 * A document lets go of nothing, and what was written since may be built on it. So it is sent again from here, and all
 * hold the same. Which entries these were is known by the chain of the log: a server cannot put others in their places.
 */
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { openAccountEntry } from "../../log/account-entry.ts";
import type { PlacedEntry } from "../../protocol/entry.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { LogChannel } from "../connection/log-channel.ts";
import { type DocumentChanges, joinByDocument } from "./document-changes.ts";
import type { DocumentHeads } from "./document-heads.ts";
import type { LogIntake, OverCut } from "./log-intake.ts";
import type { OwnChanges } from "./own-changes.ts";
import { readAgain } from "./read-again.ts";
import { writeRows } from "./rows-step.ts";

export interface HandOnDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly own: OwnChanges;
  readonly intake: LogIntake;
  /** Takes what is for a bucket that is not the present one; null for any other document. Rule DE8. */
  readonly carry: (item: DocumentChanges) => Promise<Result<unknown, ClientError>>;
  /** Takes what others have built on and nobody has handed on. */
  readonly takeAwaited: (channel: LogChannel) => Promise<Result<void, ClientError>>;
}

/** Gives the log's `handOn`. One at a time; what it did not get to the end with is done again with the next call. */
export function createHandOn(deps: HandOnDeps): (channel: LogChannel) => Promise<Result<void, ClientError>> {
  const { context, documents, heads, own, intake } = deps;
  const { serial, store, tables } = context;
  const log = { accountId: context.identity.accountId, logId: context.accountLogId };
  let running: Promise<Result<void, ClientError>> | null = null;

  async function handOnAll(channel: LogChannel): Promise<Result<void, ClientError>> {
    // What is in documents that are still to be loaded is told of when they are.
    if (heads.isAnyExpected()) return ok();
    for (let over = intake.overCut(); over !== null; over = intake.overCut()) {
      const sent = await sendEntries(channel, over);
      if (!sent.ok) return sent;
      const noted = await serial.run(() => noteDone(over));
      if (!noted.ok) return noted;
    }
    return deps.takeAwaited(channel);
  }

  async function noteDone(over: OverCut): Promise<Result<void, ClientError>> {
    const done = intake.handedOn(over);
    const written = await writeRows(store, done.writes);
    if (written.ok) done.commit();
    return written;
  }

  async function sendEntries(channel: LogChannel, over: OverCut): Promise<Result<void, ClientError>> {
    const read = await readAgain(context, channel, over, async (entries) => {
      const sent = await serial.run(() => sendHeld(entries, over));
      return sent.ok ? ok(false) : sent;
    });
    if (!read.ok) return read;
    return read.value === "trimmed" ? serial.run(sendAll) : ok();
  }

  /** Changes of the device's entries that are here: what else was in them was void already when it was read. */
  async function sendHeld(
    entries: readonly PlacedEntry[],
    { device }: OverCut,
  ): Promise<Result<void, ClientError>> {
    const keys = {
      epochSecret: context.epochSecret,
      signKey: () => context.chain().devicesById.get(device)?.signKey ?? null,
    };
    const items: DocumentChanges[] = [];
    for (const entry of entries) {
      const opened = openAccountEntry(log, entry, keys);
      if (!opened.ok || opened.value.content.device !== device) continue;
      for (const item of opened.value.content.batch) if (item.type === "changes") items.push(item);
    }
    const waiting = items.length === 0 ? ok(new Map()) : await namesInJournal();
    if (!waiting.ok) return waiting;
    for (const item of joinByDocument(items)) {
      const sent = await sendOne(item, waiting.value);
      if (!sent.ok) return sent;
    }
    return ok();
  }

  async function sendOne(
    item: DocumentChanges,
    waiting: ReadonlyMap<DocumentId, ReadonlySet<string>>,
  ): Promise<Result<void, ClientError>> {
    const carried = await deps.carry(item);
    if (!carried.ok) return carried;
    // DE8: its ops are in the present bucket, by a change of this device.
    if (carried.value !== null) return ok();
    const ref = heads.ref(item.document);
    const held: DocumentChanges["changes"][number][] = [];
    for (const change of item.changes) {
      const names = documents.changeNames([change]);
      if (names.length === 0) continue;
      const known = await documents.hasHeads(ref, names);
      if (!known.ok) return known;
      if (known.value || names.some((name) => waiting.get(ref.id)?.has(name))) held.push(change);
    }
    return held.length === 0 ? ok() : own.relay(item.document, held);
  }

  /** What waits for others, by document. */
  async function namesInJournal(): Promise<Result<Map<DocumentId, Set<string>>, ClientError>> {
    const rows = await tables.journal.scan();
    if (!rows.ok) return rows;
    const names = new Map<DocumentId, Set<string>>();
    for (const { value } of rows.value) {
      const { id } = heads.ref(value.document);
      names.set(id, new Set([...(names.get(id) ?? []), ...documents.changeNames(value.changes)]));
    }
    return ok(names);
  }

  /** The entries are gone from the server, so nobody says what was in them: all that is here is sent. */
  async function sendAll(): Promise<Result<void, ClientError>> {
    const all = await heads.held();
    if (!all.ok) return all;
    const forgotten = heads.untell(
      all.value.map(({ name }) => ({ name, heads: [] })),
      own.waiting().values(),
    );
    const untold = await writeRows(store, forgotten.writes);
    if (!untold.ok) return untold;
    forgotten.commit();
    for (const { name } of all.value) {
      const told = await own.reconcile(name);
      if (!told.ok) return told;
    }
    return ok();
  }

  return (channel) => {
    running ??= handOnAll(channel).finally(() => {
      running = null;
    });
    return running;
  };
}
