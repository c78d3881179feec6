/** The append, inside a transaction. This is the server's hot path. Rules LG5-LG12. */
import type { DatabaseSync } from "node:sqlite";
import { present } from "@dovetail/core/base/assert.ts";
import { equalBytes } from "@dovetail/core/base/bytes.ts";
import { idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { chainNext, type PlacedEntry } from "@dovetail/core/protocol/entry.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { AppendResult } from "@dovetail/core/protocol/server-frame.ts";
import { type AppendView, decideEntry, entryCost } from "../decide-append.ts";
import type { Appender, AppendRequest, EntryName, NewEntry, StoreEvent } from "../log-store.ts";
import type { Quotas } from "../quotas.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStanding, AccountStandings } from "./sqlite-accounts.ts";
import type { LogHead, LogHeads } from "./sqlite-log-heads.ts";
import type { LogKeys } from "./sqlite-log-keys.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";
import { placeOf, seqAt } from "./sqlite-schema.ts";

export interface SqliteAppendDeps {
  readonly db: DatabaseSync;
  readonly heads: LogHeads;
  readonly standings: AccountStandings;
  readonly quotas: Quotas;
  readonly keys: LogKeys;
  /** Tells of `event` once the current transaction is durable. */
  announce(event: StoreEvent): void;
}

/** The append as a function to be called inside a transaction. */
export function prepareAppend(
  deps: SqliteAppendDeps,
): (request: AppendRequest) => Result<readonly AppendResult[], Refusal> {
  const { heads } = deps;
  const insert = deps.db.prepare(
    "INSERT INTO entries (place, writer, writer_seq, id, header, sealed) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const selectTicket = deps.db.prepare("SELECT 1 FROM tickets WHERE log = ? AND ticket_hash = ?");
  const findEntry = prepareFindEntry(deps);

  /** Made once a head, because a view costs more than a decision. */
  const viewByHead = new WeakMap<LogHead, AppendView>();

  function viewOf(head: LogHead): AppendView {
    const there = viewByHead.get(head);
    if (there !== undefined) return there;
    const view: AppendView = {
      kind: head.kind,
      incarnation: head.incarnation,
      get bytes() {
        return head.bytes;
      },
      get entries() {
        return head.seq;
      },
      get ownerBytes() {
        return heads.ownerBytes(head.owner);
      },
      writerSeq: (tag) => heads.findWriter(head, tag)?.seq ?? 0,
      lastOfKind: (kind) => head.lastOfKinds.get(kind) ?? null,
      kindCount: () => head.lastOfKinds.size,
      seqOf: ({ id, fields }) => findEntry(head, { ...fields, entryId: id }),
    };
    viewByHead.set(head, view);
    return view;
  }

  function place(head: LogHead, entry: NewEntry): PlacedEntry {
    const { writerTag, writerSeq, kind } = entry.fields;
    const writer = heads.findWriter(head, writerTag) ?? heads.addWriter(head, writerTag);
    const seq = head.seq + 1;
    insert.run(
      placeOf(head.row, seq),
      writer.number,
      writerSeq,
      idBytes(entry.id),
      entry.header,
      entry.sealed,
    );
    writer.seq = writerSeq;
    head.seq = seq;
    head.chain = chainNext(head.chain, entry.id);
    heads.addBytes(head, entryCost(entry));
    head.lastOfKinds.set(kind, entry.id);
    return { seq, header: entry.header, sealed: entry.sealed };
  }

  return (request) => {
    const head = heads.find(request.logId);
    if (head === null) return refuse("unknown-log");
    const owner = present(deps.standings.byRow(head.owner), "a log has an owner");
    const fault = checkAppender(
      request.appender,
      head,
      owner,
      (ticketHash) => selectTicket.get(head.row, ticketHash) !== undefined,
    );
    if (fault !== null) return refuse(fault);
    const view = viewOf(head);
    const placed: PlacedEntry[] = [];
    let isAfterRefused = false;
    const results = request.entries.map((entry): AppendResult => {
      const decision = decideEntry(view, entry, {
        writerTag: request.writerTag,
        appender: request.appender,
        epoch: owner.epoch,
        quotas: deps.quotas,
        isAfterRefused,
      });
      if (decision !== "place") {
        isAfterRefused ||= decision.type === "refused";
        return decision;
      }
      heads.touch(head);
      placed.push(place(head, entry));
      return { type: "accepted", seq: head.seq, chain: head.chain };
    });
    if (placed.length > 0) deps.announce({ type: "appended", logId: head.logId, entries: placed });
    if (placed.length > 0 && request.rekey !== undefined) deps.keys.replace(head, request.rekey); // LG21
    return ok(results);
  };
}

/** The search for an entry by its writer's place. */
export function prepareFindEntry(
  deps: Pick<SqliteAppendDeps, "db" | "heads">,
): (head: LogHead, entry: EntryName) => number | null {
  const select = deps.db.prepare("SELECT place, id FROM entries WHERE writer = ? AND writer_seq = ?");
  return (head, { writerTag, writerSeq, entryId }) => {
    const writer = deps.heads.findWriter(head, writerTag);
    const row = writer === null ? undefined : select.get(writer.number, writerSeq);
    if (row === undefined || idFromBytes("entry", blobOf(row.id)) !== entryId) return null;
    return seqAt(numberOf(row.place));
  };
}

/** What may have changed since the gateway checked the proof. LG8. */
function checkAppender(
  appender: Appender,
  head: LogHead,
  owner: AccountStanding,
  hasTicket: (ticketHash: Uint8Array) => boolean,
): FailureCode | null {
  if (appender.type === "device") {
    if (appender.accountId !== owner.accountId) return "forbidden";
    return owner.activeDeviceIds.has(appender.deviceId) ? null : "revoked-device";
  }
  if (head.isClosed) return "log-closed";
  // LG21: it may have been replaced since it was proven.
  if (appender.type === "capability")
    return head.appendKey !== null && equalBytes(head.appendKey, appender.key) ? null : "forbidden";
  if (appender.type === "ticket") return hasTicket(appender.ticketHash) ? null : "not-admitted";
  return null;
}
