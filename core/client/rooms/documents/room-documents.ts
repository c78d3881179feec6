/**
 * Documents that the members of a room write together: made of the ops that are here, through the gate, each time they are asked for,
 * and changed by ops. Nothing of them is stored beside the ops. All but `all` runs within the serial. Rules SD12, SD14, SD15.
 */
import { type AccountId, type ConversationId, type DeviceId, type OpId, parseId } from "../../../base/ids.ts";
import {
  OP_BYTES_MAX,
  SHARED_AFTER_MAX,
  SHARED_BYTES_MAX,
  SHARED_CHANGES_MAX,
  SHARED_DOCUMENTS_PER_ACCOUNT_MAX,
  SHARED_OPERATIONS_MAX,
} from "../../../base/limits.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { encode } from "../../../codec/shape.ts";
import type { DocumentRoot } from "../../../document/document-loader.ts";
import { itemsOf, textOf } from "../../../document/shared/shared-forms.ts";
import {
  createSharedReplica,
  type EncodedChange,
  type ReplicaEdit,
  type SharedReplica,
} from "../../../document/shared/shared-replica.ts";
import { hlcToMs } from "../../../messenger/hlc.ts";
import { type NamedOp, OP_KIND } from "../../../messenger/op.ts";
import {
  isTakenAway,
  sharedDocumentPayloadShape,
  sharedRemovalPayloadShape,
} from "../../../messenger/shared/shared-change.ts";
import { draftChanges, encodePart, type SharedPart } from "../../../messenger/shared/shared-draft.ts";
import {
  changesUpTo,
  type GatedDocument,
  gateDocument,
  isAbove,
  type SharedJudgements,
} from "../../../messenger/shared/shared-gate.ts";
import { compareOps } from "../../../messenger/timeline.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { RoomDocumentView } from "../../views/room-view.ts";
import type { ClientError, RoomDocumentRule } from "../../client-error.ts";
import type { Conversations } from "../../conversations/conversations.ts";
import type { EngineContext } from "../../engine-context.ts";
import type { OpStore } from "../../conversations/op-store.ts";
import type { RoomHistories } from "../history/room-history.ts";
import type { RoomOutbox } from "../room-outbox.ts";

/** Documents kept in memory, those used last; of large ones fewer, as many as two full ones come to (about 50 MB each). */
const HELD_MAX = 32;
const HELD_FULL_MAX = 2;
/** Views kept, those asked for last: a list of documents does not make them anew. */
const SHOWN_MAX = 256;

export interface RoomDocumentsDeps {
  readonly context: Pick<EngineContext, "tables" | "random"> & {
    readonly identity: Pick<EngineContext["identity"], "accountId">;
    readonly times: Pick<EngineContext["times"], "latestMs">;
  };
  readonly ops: Pick<OpStore, "get">;
  readonly outbox: Pick<RoomOutbox, "failureOf" | "isWaiting">;
  readonly conversations: Pick<Conversations, "write">;
  /** SD17: who comes later is handed what is written here. */
  readonly prover: RoomHistories["prover"];
}

export interface RoomDocuments {
  /**
   * Oldest first. Each is made in a `turn` of its own: a full one takes seconds, members may make many, and nobody else's work waits
   * for more than one. The caller is in none.
   */
  all(roomId: ConversationId, turn: Turn): Promise<Result<readonly RoomDocumentView[], ClientError>>;
  /** - Fails: `UnknownRoomDocument`. */
  get(roomId: ConversationId, documentId: OpId): Promise<Result<RoomDocumentView, ClientError>>;
  create(
    roomId: ConversationId,
    beginning: { readonly form: string; readonly title: string },
  ): Promise<Result<RoomDocumentView, ClientError>>;
  /**
   * Does `edit` to the document as it was at `since`, or is. It tells why not by a rule.
   *
   * - Fails: `UnknownRoomDocument`; `RoomDocumentRefused`.
   */
  edit(
    place: { readonly roomId: ConversationId; readonly documentId: OpId; readonly since?: readonly OpId[] },
    edit: (draft: DocumentRoot) => RoomDocumentRule | null,
  ): Promise<Result<RoomDocumentView, ClientError>>;
  remove(roomId: ConversationId, documentId: OpId): Promise<Result<void, ClientError>>;
  /** Frees the memory. */
  close(): void;
}

/** Runs a task within the serial. */
export type Turn = <T>(task: () => Promise<T>) => Promise<T>;

/** Where the ops of a document are that count towards it. */
type OpPlaces = ReadonlyMap<OpId, { readonly hlc: number; readonly device: DeviceId }>;

/** What was seen of a document with these ops. */
interface Shown {
  readonly ids: ReadonlySet<OpId>;
  readonly view: RoomDocumentView | null;
}

interface Loaded {
  readonly now: Held | null;
  /** Every op was here, and none waits for its time. */
  readonly isSettled: boolean;
}

/** A document in memory, and the ops it was made of. */
interface Held {
  readonly opsById: ReadonlyMap<OpId, NamedOp>;
  readonly document: GatedDocument;
  readonly replica: SharedReplica;
  readonly hashes: Map<OpId, EncodedChange>;
  readonly judgements: SharedJudgements;
}

export function createRoomDocuments({
  context,
  ops,
  outbox,
  conversations,
  prover,
}: RoomDocumentsDeps): RoomDocuments {
  const { tables, identity, times, random } = context;
  /** Both in the order of their last use. */
  const held = new Map<OpId, Held>();
  const shown = new Map<OpId, Shown>();

  /** The ops of a document that count towards it: not those of this device that the room never got, or left out. */
  async function placesOf(roomId: ConversationId, documentId: OpId): Promise<Result<OpPlaces, ClientError>> {
    const rows = await tables.shared.scan({ under: [roomId, documentId] });
    if (!rows.ok) return rows;
    const left = await tables.sharedvoid.scan({ under: [roomId] });
    if (!left.ok) return left;
    const leftOut = new Set(left.value.map(({ key }) => rowKeyParts(key).at(-1)));
    const places = new Map<OpId, { readonly hlc: number; readonly device: DeviceId }>();
    for (const { key, value } of rows.value) {
      const id = parseId("op", rowKeyParts(key).at(-1) ?? "");
      if (!id.ok || leftOut.has(id.value) || outbox.failureOf(id.value) !== null) continue; // SD15
      places.set(id.value, value);
    }
    return ok(places);
  }

  async function opsAt(
    roomId: ConversationId,
    places: OpPlaces,
    before: ReadonlyMap<OpId, NamedOp> | undefined,
  ): Promise<Result<ReadonlyMap<OpId, NamedOp>, ClientError>> {
    const found = new Map<OpId, NamedOp>();
    for (const [id, place] of places) {
      const known = before?.get(id);
      const op = known === undefined ? await readOp(roomId, id, place) : ok(known);
      if (!op.ok) return op;
      if (op.value !== null) found.set(id, op.value);
    }
    return ok(found);
  }

  const readOp = (
    conversationId: ConversationId,
    id: OpId,
    { hlc, device }: { readonly hlc: number; readonly device: DeviceId },
  ) => ops.get({ conversationId, hlc, device, id });

  async function load(roomId: ConversationId, documentId: OpId): Promise<Result<Held | null, ClientError>> {
    const places = await placesOf(roomId, documentId);
    if (!places.ok) return places;
    const loaded = await loadFrom(roomId, documentId, places.value);
    return loaded.ok ? ok(loaded.value.now) : loaded;
  }

  async function loadFrom(
    roomId: ConversationId,
    documentId: OpId,
    places: OpPlaces,
  ): Promise<Result<Loaded, ClientError>> {
    const before = held.get(documentId);
    if (before !== undefined && isTimely(before) && isOf(before.opsById, places))
      return ok({ now: before, isSettled: true });
    const found = await opsAt(roomId, places, before?.opsById);
    if (!found.ok) return found;
    const opsById = found.value;
    const creation = opsById.get(documentId);
    const isThere = creation !== undefined && !isTakenAway(creation, opsById.values());
    const changes = [...opsById.values()].filter(({ op }) => op.kind === OP_KIND.sharedChange);
    const judgements: SharedJudgements = before?.judgements ?? new Map();
    const document = isThere ? gateDocument(creation, changes, times.latestMs(), judgements) : null;
    if (document === null) release(documentId);
    const now = document === null ? null : hold(documentId, { opsById, document, judgements });
    const isSettled = opsById.size === places.size && (now === null || isTimely(now));
    return ok({ now, isSettled });
  }

  /** Brings what is in memory to where the document is. */
  function hold(
    documentId: OpId,
    { opsById, document, judgements }: Pick<Held, "opsById" | "document" | "judgements">,
  ): Held {
    const before = held.get(documentId);
    const hashes = before?.hashes ?? new Map<OpId, EncodedChange>();
    const counts = new Set(document.changes.map(({ named }) => named.id));
    const isGrown = before?.document.changes.every(({ named }) => counts.has(named.id)) === true;
    if (before !== undefined && !isGrown) before.replica.free();
    const replica = before !== undefined && isGrown ? before.replica : createSharedReplica(random, hashes);
    replica.add(document.changes.filter(({ named }) => !replica.has(named.id)).map((one) => one.replica));
    const now = { opsById, document, replica, hashes, judgements };
    held.delete(documentId);
    held.set(documentId, now);
    for (const oldest of held.keys()) {
      const fullness = [...held.values()].reduce((sum, one) => sum + fullnessOf(one.document), 0);
      if (held.size === 1 || (held.size <= HELD_MAX && fullness <= HELD_FULL_MAX)) break;
      release(oldest);
    }
    return now;
  }

  function release(documentId: OpId): void {
    held.get(documentId)?.replica.free();
    held.delete(documentId);
  }

  function viewOf(roomId: ConversationId, { opsById, document, replica }: Held): RoomDocumentView | null {
    const [creation] = document.changes;
    const last = document.changes.at(-1);
    if (creation === undefined || last === undefined) return null;
    const root = replica.root();
    return {
      id: creation.named.id,
      roomId,
      form: document.form,
      title: textOf(root, "title"),
      text: document.form === "note" ? textOf(root, "text") : "",
      items: document.form === "list" ? itemsOf(root) : [],
      createdBy: creation.named.op.author,
      createdAtMs: hlcToMs(creation.named.op.hlc),
      changedBy: last.named.op.author,
      changedAtMs: hlcToMs(last.named.op.hlc),
      version: document.heads,
      waitingCount: [...document.verdicts.values()].filter((verdict) => verdict === "waits").length,
      unsentCount: unsentOf(opsById.keys()),
      isFull: document.isFull || fullnessOf(document) >= 1,
    };
  }

  /** What each account has made in a room, the newest first. */
  async function makingsOf(
    roomId: ConversationId,
  ): Promise<Result<ReadonlyMap<AccountId, readonly OpId[]>, ClientError>> {
    const rows = await tables.shared.scan({ under: [roomId] });
    if (!rows.ok) return rows;
    const found: NamedOp[] = [];
    for (const { key, value } of rows.value) {
      const [, , document, name = ""] = rowKeyParts(key);
      const id = parseId("op", name);
      if (!id.ok || document !== name) continue;
      const op = await readOp(roomId, id.value, value);
      if (!op.ok) return op;
      if (op.value !== null) found.push(op.value);
    }
    const byAuthor = new Map<AccountId, OpId[]>();
    for (const { id, op } of found.sort((a, b) => compareOps(b, a)))
      byAuthor.set(op.author, [...(byAuthor.get(op.author) ?? []), id]);
    return ok(byAuthor);
  }

  /** SD16: the newest documents of one account that are there: who makes more than anybody looks at hides only their own. */
  async function newestOf(
    roomId: ConversationId,
    ids: readonly OpId[],
    turn: Turn,
  ): Promise<Result<readonly RoomDocumentView[], ClientError>> {
    const views: RoomDocumentView[] = [];
    for (const id of ids) {
      if (views.length === SHARED_DOCUMENTS_PER_ACCOUNT_MAX) break;
      const view = await turn(() => look(roomId, id));
      if (!view.ok) return view;
      if (view.value !== null) views.push(view.value);
    }
    return ok(views);
  }

  /** A document as it is; null when it is not there. What nothing has come to since is not made again. */
  async function look(
    roomId: ConversationId,
    documentId: OpId,
  ): Promise<Result<RoomDocumentView | null, ClientError>> {
    const places = await placesOf(roomId, documentId);
    if (!places.ok) return places;
    const before = shown.get(documentId);
    if (before !== undefined && isOf(before.ids, places.value)) {
      const now = { ...before, view: sentSince(before) };
      show(documentId, now);
      return ok(now.view);
    }
    const loaded = await loadFrom(roomId, documentId, places.value);
    if (!loaded.ok) return loaded;
    const { now, isSettled } = loaded.value;
    const view = now === null ? null : viewOf(roomId, now);
    if (isSettled) show(documentId, { ids: new Set(places.value.keys()), view });
    else shown.delete(documentId);
    return ok(view);
  }

  /** What was shown, with how much of it is sent now: that changes though no op comes. */
  function sentSince({ view, ids }: Shown): RoomDocumentView | null {
    const unsentCount = unsentOf(ids);
    return view === null || view.unsentCount === unsentCount ? view : { ...view, unsentCount };
  }

  const unsentOf = (ids: Iterable<OpId>): number => [...ids].filter((id) => outbox.isWaiting(id)).length;

  function show(documentId: OpId, one: Shown): void {
    shown.delete(documentId);
    shown.set(documentId, one);
    const [oldest] = shown.keys();
    if (shown.size > SHOWN_MAX && oldest !== undefined) shown.delete(oldest);
  }

  const get: RoomDocuments["get"] = async (roomId, documentId) => {
    const view = await look(roomId, documentId);
    if (!view.ok) return view;
    return view.value === null ? err({ type: "UnknownRoomDocument" }) : ok(view.value);
  };

  async function write(
    roomId: ConversationId,
    kind: number,
    payload: Uint8Array,
    target: OpId | null,
  ): Promise<Result<NamedOp, ClientError>> {
    const prove = await prover(roomId);
    if (!prove.ok) return prove;
    const room = { accountId: null, conversationId: roomId, prove: prove.value };
    return conversations.write(room, kind, payload, { target });
  }

  const edit: RoomDocuments["edit"] = async ({ roomId, documentId, since }, act) => {
    const loaded = await load(roomId, documentId);
    if (!loaded.ok) return loaded;
    if (loaded.value === null) return err({ type: "UnknownRoomDocument" });
    const { document } = loaded.value;
    const heads = since ?? document.heads;
    const edited = editAt(loaded.value, heads, act);
    if (!edited.ok) return err(refused(edited.error));
    const parts = edited.value === null ? ok([]) : draftChanges(document, edited.value);
    if (!parts.ok) return err(refused("content"));
    const count = parts.value.length === 0 ? 0 : parts.value.length + joinsOf(heads.length);
    const grown = {
      changes: document.size.changes + count,
      operations: document.size.operations + (edited.value?.operations.length ?? 0),
      bytes: document.size.bytes + count * OP_BYTES_MAX,
    };
    if (document.isFull || isAbove(grown)) return err(refused("full")); // SD11
    if (count > 0) {
      const joined = await join({ roomId, documentId }, heads);
      if (!joined.ok) return joined;
      const sent = await send({ roomId, documentId }, joined.value, parts.value);
      if (!sent.ok) return sent;
    }
    return get(roomId, documentId);
  };

  /** As many changes as one follows, which follow all of `heads`. A change that does nothing joins what it follows. SD12 */
  async function join(
    { roomId, documentId }: { readonly roomId: ConversationId; readonly documentId: OpId },
    heads: readonly OpId[],
  ): Promise<Result<readonly OpId[], ClientError>> {
    let left = heads;
    while (left.length > SHARED_AFTER_MAX) {
      const payload = encodePart({ from: [], steps: [] }, left.slice(0, SHARED_AFTER_MAX), []);
      const op = await write(roomId, OP_KIND.sharedChange, payload, documentId);
      if (!op.ok) return op;
      left = [...left.slice(SHARED_AFTER_MAX), op.value.id];
    }
    return ok(left);
  }

  async function send(
    { roomId, documentId }: { readonly roomId: ConversationId; readonly documentId: OpId },
    heads: readonly OpId[],
    parts: readonly SharedPart[],
  ): Promise<Result<void, ClientError>> {
    const written: OpId[] = [];
    for (const part of parts) {
      const last = written.at(-1);
      const payload = encodePart(part, last === undefined ? heads : [last], written);
      const op = await write(roomId, OP_KIND.sharedChange, payload, documentId);
      if (!op.ok) return op;
      written.push(op.value.id);
    }
    return ok();
  }

  /** What `act` does to the document as it was at `heads`. Null when that is nothing. SD12 */
  function editAt(
    { document, replica, hashes }: Held,
    heads: readonly OpId[],
    act: (draft: DocumentRoot) => RoomDocumentRule | null,
  ): Result<ReplicaEdit | null, RoomDocumentRule> {
    const isNow =
      heads.length === document.heads.length && document.heads.every((head) => heads.includes(head));
    const past = isNow ? null : changesUpTo(document, heads);
    if (!isNow && past === null) return err("content");
    const base = past === null ? replica : createSharedReplica(random, hashes);
    if (past !== null) base.add(past.map((one) => one.replica));
    const refusals: RoomDocumentRule[] = [];
    const edited = base.edit((draft) => {
      const rule = act(draft);
      if (rule !== null) refusals.push(rule);
    });
    if (past !== null) base.free();
    const [rule] = refusals;
    if (rule !== undefined) return err(rule);
    return edited.ok ? ok(edited.value) : err("content");
  }

  return {
    get,
    edit,
    async all(roomId, turn) {
      const makings = await turn(() => makingsOf(roomId));
      if (!makings.ok) return makings;
      const views: RoomDocumentView[] = [];
      for (const ids of makings.value.values()) {
        const ofOne = await newestOf(roomId, ids, turn);
        if (!ofOne.ok) return ofOne;
        views.push(...ofOne.value);
      }
      return ok(views.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1)));
    },
    async create(roomId, { form, title }) {
      const makings = await makingsOf(roomId);
      if (!makings.ok) return makings;
      const own = await newestOf(roomId, makings.value.get(identity.accountId) ?? [], (task) => task());
      if (!own.ok) return own;
      if (own.value.length >= SHARED_DOCUMENTS_PER_ACCOUNT_MAX) return err(refused("too-many")); // SD16
      const payload = encode(sharedDocumentPayloadShape, { version: 1, form, title });
      const op = await write(roomId, OP_KIND.sharedDocument, payload, null);
      return op.ok ? get(roomId, op.value.id) : op;
    },
    async remove(roomId, documentId) {
      const view = await get(roomId, documentId);
      if (!view.ok) return view;
      if (view.value.createdBy !== identity.accountId) return err(refused("creator"));
      const payload = encode(sharedRemovalPayloadShape, { version: 1 });
      const op = await write(roomId, OP_KIND.sharedRemoval, payload, documentId);
      return op.ok ? ok() : op;
    },
    close() {
      for (const documentId of [...held.keys()]) release(documentId);
      shown.clear();
    },
  };
}

/** How many changes join so many heads. */
function joinsOf(headCount: number): number {
  return Math.ceil(Math.max(0, headCount - SHARED_AFTER_MAX) / (SHARED_AFTER_MAX - 1));
}

function isOf(ids: ReadonlySet<OpId> | ReadonlyMap<OpId, unknown>, now: OpPlaces): boolean {
  return ids.size === now.size && [...now.keys()].every((id) => ids.has(id));
}

/** Whether none of its changes waits for its time. */
function isTimely({ opsById, document }: Held): boolean {
  const changes = [...opsById.values()].filter(({ op }) => op.kind === OP_KIND.sharedChange);
  return document.verdicts.size === changes.length;
}

/** How near a document is to the nearest of its limits; 1 is full. */
function fullnessOf({ size: { changes, operations, bytes } }: GatedDocument): number {
  return Math.max(
    changes / SHARED_CHANGES_MAX,
    operations / SHARED_OPERATIONS_MAX,
    bytes / (SHARED_BYTES_MAX - OP_BYTES_MAX),
  );
}

function refused(rule: RoomDocumentRule): ClientError {
  return { type: "RoomDocumentRefused", rule };
}
