/**
 * Changes that entries of others are built on and that stand in entries which are void by a cut. Rule AR18.
 *
 * Who took them over before it knew of the revocation hands them on. Where that device is lost, what it wrote upon them
 * would wait for ever; so whoever waits takes them from the log, just these, as if a sibling had brought them.
 */
import type { DeviceId, DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import { openAccountEntry } from "../../log/account-entry.ts";
import { judgeWriter } from "../../log/judge-writer.ts";
import type { LogPoint, PlacedEntry } from "../../protocol/entry.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { LogChannel } from "../connection/log-channel.ts";
import type { DocumentChanges } from "./document-changes.ts";
import type { DocumentHeads } from "./document-heads.ts";
import type { LogIntake } from "./log-intake.ts";
import { readAgain } from "./read-again.ts";

export interface AwaitedChangesDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly intake: LogIntake;
  /** Takes over what a sibling brought. */
  readonly receiveDirect: (items: readonly DocumentChanges[]) => Promise<Result<unknown, ClientError>>;
}

/** Where a device was cut off, and the epoch that began with that. */
interface Cut {
  readonly device: DeviceId;
  readonly after: LogPoint;
  readonly epoch: number;
}

/** What the entries after a cut hold, up to the first of the new epoch. */
interface Found {
  /** Names of changes that valid entries are built on. */
  readonly wanted: Set<string>;
  /** What is void by a cut and was not when it was written, by the name of the change. */
  readonly voided: Map<string, DocumentChanges>;
  isOver: boolean;
}

/** Gives the log's `takeAwaited`. */
export function createAwaitedChanges(
  deps: AwaitedChangesDeps,
): (channel: LogChannel) => Promise<Result<void, ClientError>> {
  const { context, documents, heads, intake } = deps;
  const { serial, tables } = context;
  const log = { accountId: context.identity.accountId, logId: context.accountLogId };

  /** Devices of which nothing is to be found any more: the log has gone on since. */
  const done = new Set<DeviceId>();

  return async (channel) => {
    for (const cut of cuts()) {
      const missing = await serial.run(missingHere);
      if (!missing.ok || missing.value.size === 0) return missing.ok ? ok() : missing;
      const taken = await takeAfter(channel, cut, missing.value);
      if (!taken.ok) return taken;
    }
    return ok();
  };

  async function takeAfter(
    channel: LogChannel,
    cut: Cut,
    missing: ReadonlySet<string>,
  ): Promise<Result<void, ClientError>> {
    const found: Found = { wanted: new Set(), voided: new Map(), isOver: false };
    const look = async (entries: readonly PlacedEntry[]): Promise<Result<boolean, never>> => {
      for (const entry of entries) if (!found.isOver) note(entry, cut.epoch, found);
      return ok(found.isOver);
    };
    // What was trimmed stood in a snapshot of somebody who had it all.
    const range = { after: cut.after, upto: intake.reader().point };
    const read = await readAgain(context, channel, range, look);
    if (!read.ok) return read;
    const items = chosen(found, missing);
    if (items.length === 0) {
      if (found.isOver || read.value === "trimmed") done.add(cut.device);
      return ok();
    }
    const taken = await serial.run(() => deps.receiveDirect(items));
    return taken.ok ? ok() : taken;
  }

  /** Those of this incarnation that were read past. */
  function cuts(): readonly Cut[] {
    const { point } = intake.reader();
    const { devicesById, epochs } = context.chain();
    return [...devicesById.values()].flatMap(({ id, revokedSeq }) => {
      const after = revokedSeq === null || done.has(id) ? null : context.cutOf(id);
      const isHere = after?.incarnation === point.incarnation && after.seq < point.seq;
      const epoch = epochs.findIndex(({ seq }) => seq === revokedSeq) + 1;
      return after !== null && isHere ? [{ device: id, after, epoch }] : [];
    });
  }

  /** Names of changes that documents here wait for. */
  async function missingHere(): Promise<Result<ReadonlySet<string>, ClientError>> {
    const rows = await tables.journal.scan();
    if (!rows.ok) return rows;
    const refs = new Map<DocumentId, ReturnType<DocumentHeads["ref"]>>();
    for (const { value } of rows.value) {
      const ref = heads.ref(value.document);
      refs.set(ref.id, ref);
    }
    const missing = new Set<string>();
    for (const ref of refs.values()) {
      const names = await documents.missingChanges(ref);
      if (!names.ok) return names;
      for (const name of names.value) missing.add(name);
    }
    return ok(missing);
  }

  function note(entry: PlacedEntry, newEpoch: number, found: Found): void {
    const { devicesById } = context.chain();
    const keys = {
      epochSecret: context.epochSecret,
      signKey: (device: DeviceId) => devicesById.get(device)?.signKey ?? null,
    };
    const opened = openAccountEntry(log, entry, keys);
    if (!opened.ok) return;
    const { content, epoch } = opened.value;
    const { incarnation } = intake.reader().point;
    const verdict = judgeWriter({
      chain: context.chain(),
      cutSeqOf: (device) => context.cutSeqOf(device, incarnation),
      ...{ epoch, epochFloor: 0, seq: entry.seq, content, expectedPrevious: content.previous },
    });
    if (!verdict.ok && verdict.error.type !== "DeviceWasRevoked") return;
    // AR4: from here on nothing of an older epoch counts.
    if (verdict.ok && epoch >= newEpoch) found.isOver = true;
    for (const item of content.batch) {
      if (item.type !== "changes") continue;
      if (verdict.ok) for (const name of documents.dependencies(item.changes)) found.wanted.add(name);
      else
        for (const change of item.changes)
          for (const name of documents.changeNames([change]))
            found.voided.set(name, { document: item.document, changes: [change] });
    }
  }

  /** Those that are missing and wanted, and those that these are built on, in the order in which they are. */
  function chosen({ wanted, voided }: Found, missing: ReadonlySet<string>): readonly DocumentChanges[] {
    const taken = new Map<string, DocumentChanges>();
    const names = [...wanted].filter((name) => missing.has(name));
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const item = taken.has(name) ? undefined : voided.get(name);
      if (item === undefined) continue;
      taken.set(name, item);
      names.push(...documents.dependencies(item.changes));
    }
    return [...taken.values()];
  }
}
