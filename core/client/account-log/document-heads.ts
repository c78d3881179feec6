/**
 * How far each document has been told of: by its row of heads, a snapshot, or rows that were on their way. Rule AR6.
 *
 * What a document holds beyond that was changed here and told to nobody, because a transaction failed or the program
 * ended; it is found here and goes out like any change.
 *
 * Buckets are as many as the history is long, so a start reads the rows of the others; those of buckets are read one by
 * one when they are used, and all of them for who asks what is held.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { DocumentRef } from "../../document/schema/document-kind.ts";
import type { Documents } from "../../document/documents.ts";
import { genesisHash } from "../../document/schema/genesis.ts";
import {
  type BucketPlace,
  type DocumentName,
  documentId,
  isBucket,
  kindOf,
  STATE_DOCUMENTS,
} from "../../log/document-name.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { DocumentChanges, MovedDocument } from "./document-changes.ts";
import type { RowsStep } from "./rows-step.ts";

export interface HeldDocument {
  readonly name: DocumentName;
  readonly heads: readonly string[];
}

/** A document a snapshot has and this device is still to load. */
export interface ExpectedDocument {
  readonly name: DocumentName;
  readonly heads: readonly string[];
}

export interface DocumentHeads {
  start(): Promise<Result<void, ClientError>>;
  ref(name: DocumentName): DocumentRef;
  /** The write that makes heads durable. */
  row(name: DocumentName, heads: readonly string[]): WriteOp;
  /** The row says so. */
  record(name: DocumentName, heads: readonly string[]): void;
  /** As `record`, and whoever listens hears of it. */
  move(name: DocumentName, heads: readonly string[]): void;
  /** Name of a document that is told of by its id alone. */
  nameOf(id: DocumentId): DocumentName | undefined;
  /** Every name that is known by now. */
  names(): readonly DocumentName[];
  /** Changes that had rows when the program began: nothing to send again, whatever the row of heads says. */
  replay(item: { readonly document: DocumentName; readonly changes: readonly Bytes[] }): void;
  /** Heads the document of a snapshot has, or will have once it is loaded. */
  expect(expected: readonly ExpectedDocument[]): void;
  /** The document of a snapshot is here. */
  arrived(id: DocumentId): void;
  /** Whether a document is still to be loaded from a snapshot. */
  isAnyExpected(): boolean;
  /** Whether this document is still to be loaded from a snapshot. */
  isExpected(name: DocumentName): boolean;
  /** Whether a bucket of this place is, of whatever generation. */
  isPlaceExpected(place: BucketPlace): boolean;
  /** The document is erased. */
  forget(id: DocumentId): void;
  /** Whether a document is known to hold no change that no row tells of. */
  setTracked(id: DocumentId, isTracked: boolean): void;
  /** Of these documents the log has only what is named: all else they hold is to be told, but what waits in these rows. */
  untell(documents: readonly HeldDocument[], waiting: Iterable<DocumentChanges>): RowsStep;
  /** What a document holds and no row tells of; null when nothing. */
  untold(name: DocumentName): Promise<Result<MovedDocument | null, ClientError>>;
  /** Every document that holds more than its first change, with its heads. - Cost: the first time a row for each. */
  held(): Promise<Result<readonly HeldDocument[], ClientError>>;
  /** Hears once of all that is held, before whoever was first to ask does. */
  onceHeld(listener: (held: readonly HeldDocument[]) => void): void;
  onHeads(listener: (document: HeldDocument) => void): () => void;
}

export function createDocumentHeads(context: EngineContext, documents: Documents): DocumentHeads {
  const { tables, store } = context;
  const recorded = new Map<DocumentId, readonly string[]>();
  const expected = new Map<DocumentId, ExpectedDocument>();
  const replayed = new Map<DocumentId, Set<string>>();
  const nameById = new Map<DocumentId, DocumentName>();
  const tracked = new Set<DocumentId>();
  const listeners = new Set<(document: HeldDocument) => void>();
  const awaiting = new Set<(held: readonly HeldDocument[]) => void>();
  /** Documents whose rows were written or erased since the start: what is read of them now may be from before. */
  const touched = new Set<DocumentId>();
  let isWhole = false;
  /** What is recorded, until that is another. */
  let heldList: readonly HeldDocument[] | null = null;

  /** Of names as they were given: one name is asked for often, and its id takes a keyed hash. */
  const refByName = new WeakMap<DocumentName, DocumentRef>();
  /** Nobody reads a document whose name they do not have. */
  const askedById = new Map<DocumentId, DocumentName>();

  const ref = (name: DocumentName): DocumentRef => {
    const known = refByName.get(name);
    if (known !== undefined) return known;
    const made: DocumentRef = { id: documentId(context.accountRoot, name), kind: kindOf(name) };
    refByName.set(name, made);
    askedById.set(made.id, name);
    return made;
  };
  const row = (name: DocumentName, heads: readonly string[]): WriteOp =>
    tables.heads.put([ref(name).id], { document: name, heads });

  async function start(): Promise<Result<void, ClientError>> {
    for (const name of STATE_DOCUMENTS) {
      const told = await toldOf(ref(name).id);
      if (!told.ok) return told;
    }
    return ok();
  }

  function record(name: DocumentName, heads: readonly string[]): void {
    const { id } = ref(name);
    if (!isWhole) touched.add(id);
    know(id, name, heads);
  }

  function know(id: DocumentId, name: DocumentName, heads: readonly string[]): void {
    if (!refByName.has(name)) refByName.set(name, { id, kind: kindOf(name) });
    heldList = null;
    recorded.set(id, heads);
    nameById.set(id, name);
  }

  async function toldOf(id: DocumentId): Promise<Result<readonly string[] | undefined, ClientError>> {
    if (isWhole || touched.has(id) || recorded.has(id)) return ok(recorded.get(id));
    const row = await tables.heads.get(id);
    if (!row.ok) return row;
    if (row.value !== null && !touched.has(id)) know(id, row.value.document, row.value.heads);
    return ok(recorded.get(id));
  }

  function heldNow(): readonly HeldDocument[] {
    heldList ??= [...recorded].flatMap(([id, heads]) => {
      const name = nameById.get(id);
      return name === undefined ? [] : [{ name, heads }];
    });
    return heldList;
  }

  async function held(): Promise<Result<readonly HeldDocument[], ClientError>> {
    if (isWhole) return ok(heldNow());
    const rows = await tables.heads.scan();
    if (!rows.ok) return rows;
    for (const { key, value } of isWhole ? [] : rows.value) {
      const id = rowKeyParts(key)[1] as DocumentId;
      if (!touched.has(id)) know(id, value.document, value.heads);
    }
    isWhole = true;
    touched.clear();
    for (const listener of awaiting) listener(heldNow());
    awaiting.clear();
    return ok(heldNow());
  }

  async function untold(name: DocumentName): Promise<Result<MovedDocument | null, ClientError>> {
    const { id } = ref(name);
    if (tracked.has(id)) return ok(null);
    const row = await toldOf(id);
    if (!row.ok) return row;
    const told = row.value;
    const known = [...(told ?? []), ...(expected.get(id)?.heads ?? [])];
    const missed = await documents.changesSince(ref(name), known);
    if (!missed.ok) return missed;
    const isBare = told === undefined || told.length === 0;
    const changes = withoutReplayed(id, isBare ? withoutGenesis(name, missed.value) : missed.value);
    const heads = await documents.heads(ref(name));
    if (!heads.ok) return heads;
    if (changes.length > 0) return ok({ changes, heads: heads.value });
    const noted = await noteHeads(name, heads.value);
    return noted.ok ? ok(null) : noted;
  }

  /** All a document holds has been told of, now or before the program ended. */
  async function noteHeads(name: DocumentName, heads: readonly string[]): Promise<Result<void, ClientError>> {
    const { id } = ref(name);
    const isNews =
      replayed.has(id) && [...(recorded.get(id) ?? [])].sort().join() !== [...heads].sort().join();
    const written = isNews ? await store.batch([row(name, heads)]) : ok();
    if (!written.ok) return written;
    if (isNews) record(name, heads);
    tracked.add(id);
    return ok();
  }

  /** Each by itself: what a change follows may be in no row, and in a log that was begun anew neither. */
  function withoutReplayed(id: DocumentId, changes: readonly Bytes[]): readonly Bytes[] {
    const hashes = replayed.get(id);
    if (hashes === undefined) return changes;
    return changes.filter((change) => !documents.changeNames([change]).some((hash) => hashes.has(hash)));
  }

  function replay({ document, changes }: DocumentChanges): void {
    const { id } = ref(document);
    nameById.set(id, document);
    const hashes = replayed.get(id) ?? new Set<string>();
    for (const hash of documents.changeNames(changes)) hashes.add(hash);
    replayed.set(id, hashes);
  }

  /** Every device makes it for itself. */
  function withoutGenesis(name: DocumentName, changes: readonly Bytes[]): readonly Bytes[] {
    const [first] = documents.changeNames(changes.slice(0, 1));
    return first === genesisHash(kindOf(name)) ? changes.slice(1) : changes;
  }

  return {
    start,
    ref,
    row,
    record,
    move(name, heads) {
      record(name, heads);
      for (const listener of listeners) listener({ name, heads });
    },
    nameOf: (id) => nameById.get(id) ?? askedById.get(id),
    names: () => [...nameById.values()],
    replay,
    expect(documentsExpected) {
      for (const one of documentsExpected) expected.set(ref(one.name).id, one);
    },
    arrived: (id) => void expected.delete(id),
    isAnyExpected: () => expected.size > 0,
    isExpected: (name) => expected.has(ref(name).id),
    isPlaceExpected: ({ conversationId, device, index }) =>
      [...expected.values()].some(
        ({ name }) =>
          isBucket(name) &&
          name.conversationId === conversationId &&
          name.device === device &&
          name.index === index,
      ),
    forget(id) {
      const name = nameById.get(id);
      for (const known of [recorded, expected, replayed, nameById]) known.delete(id);
      if (!isWhole) touched.add(id);
      heldList = null;
      tracked.delete(id);
      // DE12: a sibling that is being talked to hears that there is nothing of it here any more.
      if (name !== undefined) for (const listener of listeners) listener({ name, heads: [] });
    },
    setTracked: (id, isTracked) => void (isTracked ? tracked.add(id) : tracked.delete(id)),
    untell: (held, waiting) => ({
      writes: held.map((one) => row(one.name, one.heads)),
      commit() {
        for (const one of held) {
          const { id } = ref(one.name);
          record(one.name, one.heads);
          tracked.delete(id);
          // What was in rows when the program started may have been sent since, to a log that is not this one.
          replayed.delete(id);
        }
        for (const one of waiting) replay(one);
      },
    }),
    untold,
    held,
    onceHeld(listener) {
      if (isWhole) listener(heldNow());
      else awaiting.add(listener);
    },
    onHeads(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
