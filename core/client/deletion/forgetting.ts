/**
 * Deleting for good: what the deletions document or a redaction says is gone goes from every row, from the search index,
 * and from the buckets, history and all. Rules DE2-DE9.
 *
 * An Automerge document keeps all it ever held, so a bucket with something deleted in it is written anew under another
 * name, and the old one is erased. What is still to be done stands in rows: a program that ends goes on where it was.
 * Runs within the serial.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import { DELETED_OPS_PER_EDIT_MAX, OPS_PER_BUCKET_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import type { DocumentRoot } from "../../document/documents.ts";
import { DELETIONS, type Deletions } from "../../document/schema/deletions.ts";
import { setField } from "../../document/schema/state-field.ts";
import { type BucketName, type BucketPlace, generationOf, isBucket } from "../../log/document-name.ts";
import { parseArchivedOp } from "../../messenger/archived-op.ts";
import { bucketPlaceOf, type NamedOp, type Redacted } from "../../messenger/op.ts";
import { rowKeyNumber, rowKeyParts } from "../../store/row-key.ts";
import type { WriteOp } from "../../store/tx-store.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { OpStore } from "../conversations/op-store.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { RowsStep } from "../account-log/rows-step.ts";
import type { HeldDocument } from "../account-log/document-heads.ts";
import { type DeletionState, placeText } from "./deletion-state.ts";

/** What the disk refused is tried again after about so long. */
const RETRY_DELAY_MS = 5_000;
/** What others have taken back goes from the buckets a while later, so that one device of the account does it for all. */
const REWRITE_DELAY_MS = 20_000;
const CLEAR_PAGE_OPS = 1_000;
const FORGET_TEXTS_MAX = 50_000;
/** A generation is how often a bucket was written anew, and a number drawn by who did it, so that no two are the same. */
const GENERATION_STEP = 2 ** 32;

export interface ForgettingDeps {
  readonly context: EngineContext;
  readonly log: AccountLog;
  readonly ops: OpStore;
  readonly state: DeletionState;
  /** Takes texts out of the search index and what is stored of it. */
  forgetTexts(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Own ops that are not to be sent any more. */
  withdraw(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Ops that are on their way to a bucket and are not to get there. */
  dropArchiving(ids: readonly OpId[]): void;
  onGone(conversationId: ConversationId): void;
}

export interface Forgetting {
  /** Takes up what a program that ended has left. */
  start(): Promise<Result<void, ClientError>>;
  /** The deletions document has changed. */
  noticed(): Promise<Result<void, ClientError>>;
  /** What is stored with a redaction, so that its buckets are written anew whatever is refused behind it. */
  redaction(targets: readonly Redacted[]): RowsStep;
  /** Messages were taken back by their authors, and that is stored with what `redaction` gives. What fails is tried again. */
  redacted(targets: readonly Redacted[], isOwn: boolean): Promise<Result<void, ClientError>>;
  /** A bucket holds what is deleted, or one that is not the present one is here. */
  revisit(place: BucketPlace): void;
  /** These buckets are to be written anew, and each of `writes` made with knowing that. */
  renewSoon(places: readonly BucketPlace[], writes: readonly WriteOp[]): Promise<Result<void, ClientError>>;
  /** A bucket was loaded: one that was waited for, or that another one has taken the place of. */
  loaded(name: BucketName): void;
  /** Deletes these ops on every device of the account. */
  removeOps(ops: readonly NamedOp[]): Promise<Result<void, ClientError>>;
  /** Deletes all there is of a conversation on every device of the account. */
  clear(conversationId: ConversationId): Promise<Result<void, ClientError>>;
  /** Writes buckets anew, and erases those that were. */
  work(): Promise<Result<void, ClientError>>;
  /** Those of a bucket's ops that are not deleted. */
  survivors(
    place: BucketPlace,
    stored: readonly StoredOp[],
  ): Promise<Result<readonly StoredOp[], ClientError>>;
  hasWork(): boolean;
  stop(): void;
}

export function createForgetting(deps: ForgettingDeps): Forgetting {
  const { context, log, ops, state } = deps;
  const { tables, store, clock, random } = context;
  /** Places whose bucket is to be looked at. */
  const dirty = new Map<string, BucketPlace>();
  /** Deletions whose rows are gone. */
  const doneOps = new Set<string>();
  const doneBelow = new Map<string, number>();
  /** Messages that were taken back and whose text something here besides a bucket may still have. */
  const takenBack = new Map<OpId, ConversationId>();
  /** The deletions document says more than is done here, and nobody says it again. */
  let isBehind = false;
  let isStopped = false;
  let cancelWork: (() => void) | null = null;

  async function start(): Promise<Result<void, ClientError>> {
    const rows = await tables.dirty.scan();
    if (!rows.ok) return rows;
    for (const { key } of rows.value) {
      const place = placeOfKey(key);
      dirty.set(placeText(place), place);
    }
    const taken = await tables.takenback.scan();
    if (!taken.ok) return taken;
    for (const { key } of taken.value) {
      const [, conversationId, id] = rowKeyParts(key);
      takenBack.set(id as OpId, conversationId as ConversationId);
    }
    const done = await tables.forgotten.scan();
    if (!done.ok) return done;
    for (const { key, value } of done.value) {
      const [, word, ...parts] = rowKeyParts(key);
      if (word === "op") doneOps.add(parts.join("/"));
      else doneBelow.set(parts.join("/"), value.next);
    }
    log.onceHeld(noteRetired);
    const applied = await applyAll();
    // What was to be erased when the program ended is looked for after the start, which does not look at every bucket.
    if (applied.ok && state.isAnyRetired()) workLater(REWRITE_DELAY_MS / 10);
    schedule(REWRITE_DELAY_MS / 10);
    return applied;
  }

  async function noticed(): Promise<Result<void, ClientError>> {
    const done = await catchUp();
    schedule(done.ok ? REWRITE_DELAY_MS / 10 : RETRY_DELAY_MS);
    return done;
  }

  async function catchUp(): Promise<Result<void, ClientError>> {
    const applied = await applyAll();
    return applied.ok ? findRetired() : applied;
  }

  async function findRetired(): Promise<Result<void, ClientError>> {
    if (!state.isAnyRetired()) return ok();
    const held = await log.held();
    if (!held.ok) return held;
    noteRetired(held.value);
    return ok();
  }

  function noteRetired(held: readonly HeldDocument[]): void {
    for (const { name } of held) if (state.isRetired(name) && isBucket(name)) revisit(name);
  }

  async function applyAll(): Promise<Result<void, ClientError>> {
    isBehind = true;
    const read = await state.refresh();
    if (!read.ok) return read;
    const removed = await applyRemoved(read.value);
    if (!removed.ok) return removed;
    const cleared = await applyCleared(read.value);
    isBehind = !cleared.ok;
    return cleared;
  }

  async function applyRemoved({ removed }: Deletions): Promise<Result<void, ClientError>> {
    const fresh = removed.filter(({ key }) => !doneOps.has(key.join("/")));
    for (let from = 0; from < fresh.length; from += CLEAR_PAGE_OPS) {
      const part = fresh.slice(from, from + CLEAR_PAGE_OPS);
      const places = part.map(({ key: [conversationId, id], value }) => ({ conversationId, id, ...value }));
      const ids = places.map(({ id }) => id);
      const texts = await deps.forgetTexts(ids);
      if (!texts.ok) return texts;
      const removal = await ops.remove(places);
      if (!removal.ok) return removal;
      const buckets = places.map(bucketPlaceOf);
      const written = await store.batch([
        ...removal.value.writes,
        ...ids.map((id) => tables.archive.remove(id)),
        ...dirtyWrites(buckets),
        ...part.map(({ key }) => tables.forgotten.put(["op", ...key], { next: 0 })),
      ]);
      if (!written.ok) return written;
      removal.value.commit();
      deps.dropArchiving(ids);
      for (const { key } of part) doneOps.add(key.join("/"));
      for (const place of buckets) dirty.set(placeText(place), place);
      for (const id of new Set(places.map((place) => place.conversationId))) deps.onGone(id);
    }
    return ok();
  }

  async function applyCleared({ cleared }: Deletions): Promise<Result<void, ClientError>> {
    const byConversation = new Map<ConversationId, Map<DeviceId, number>>();
    for (const { key, value } of cleared) {
      if (value <= (doneBelow.get(key.join("/")) ?? 0)) continue;
      const nexts = byConversation.get(key[0]) ?? new Map<DeviceId, number>();
      byConversation.set(key[0], nexts.set(key[1], value));
    }
    for (const [conversationId, nextByDevice] of byConversation) {
      const gone = await removeBelow(conversationId, nextByDevice);
      if (!gone.ok) return gone;
      const covered = await ops.cover(conversationId, nextByDevice);
      if (!covered.ok) return covered;
      const places = [...nextByDevice].flatMap(([device, next]) =>
        placesBelow({ conversationId, device }, doneBelow.get(`${conversationId}/${device}`) ?? 0, next),
      );
      const written = await store.batch([
        ...covered.value.writes,
        ...dirtyWrites(places),
        ...[...nextByDevice].map(([device, next]) =>
          tables.forgotten.put(["below", conversationId, device], { next }),
        ),
      ]);
      if (!written.ok) return written;
      covered.value.commit();
      for (const [device, next] of nextByDevice) doneBelow.set(`${conversationId}/${device}`, next);
      for (const place of places) dirty.set(placeText(place), place);
      deps.onGone(conversationId);
    }
    return ok();
  }

  async function removeBelow(
    conversationId: ConversationId,
    nextByDevice: ReadonlyMap<DeviceId, number>,
  ): Promise<Result<void, ClientError>> {
    const isBelow = ({ op }: NamedOp): boolean => op.deviceSeq < (nextByDevice.get(op.device) ?? 0);
    const texts = await forgetTextsOf(conversationId, isBelow);
    if (!texts.ok) return texts;
    for (let before: string | undefined; ; ) {
      const page = await ops.page(conversationId, CLEAR_PAGE_OPS, before);
      if (!page.ok) return page;
      const gone = page.value.map(({ op }) => op).filter(isBelow);
      const ids = gone.map(({ id }) => id);
      const removal = await ops.remove(gone.map(({ op, id }) => ({ ...op, id })));
      if (!removal.ok) return removal;
      const written = await store.batch([
        ...removal.value.writes,
        ...ids.map((id) => tables.archive.remove(id)),
      ]);
      if (!written.ok) return written;
      removal.value.commit();
      deps.dropArchiving(ids);
      before = page.value.at(-1)?.key;
      if (page.value.length < CLEAR_PAGE_OPS) return ok();
    }
  }

  /** Before the rows go, while they still say whose texts these are; each call looks through the whole index. */
  async function forgetTextsOf(
    conversationId: ConversationId,
    isGone: (op: NamedOp) => boolean,
  ): Promise<Result<void, ClientError>> {
    let ids: OpId[] = [];
    for (let before: string | undefined; ; ) {
      const page = await ops.page(conversationId, CLEAR_PAGE_OPS, before);
      if (!page.ok) return page;
      for (const { op } of page.value) if (isGone(op)) ids.push(op.id);
      before = page.value.at(-1)?.key;
      const isLast = page.value.length < CLEAR_PAGE_OPS;
      if (ids.length >= FORGET_TEXTS_MAX || (isLast && ids.length > 0)) {
        const forgotten = await deps.forgetTexts(ids);
        if (!forgotten.ok) return forgotten;
        ids = [];
      }
      if (isLast) return ok();
    }
  }

  const redaction: Forgetting["redaction"] = (targets) => {
    const places = targets.map(bucketPlaceOf);
    return {
      writes: [
        ...dirtyWrites(places),
        ...targets.map(({ conversationId, id }) => tables.takenback.put([conversationId, id], {})),
      ],
      commit() {
        for (const place of places) dirty.set(placeText(place), place);
        for (const { conversationId, id } of targets) takenBack.set(id, conversationId);
      },
    };
  };

  async function redacted(targets: readonly Redacted[], isOwn: boolean): Promise<Result<void, ClientError>> {
    if (targets.length === 0) return ok();
    if (isOwn) return work();
    const done = await finishRedactions();
    schedule(done.ok ? REWRITE_DELAY_MS : RETRY_DELAY_MS);
    return done;
  }

  /** Their texts are in the search index, on their way out and to a bucket. */
  async function finishRedactions(): Promise<Result<void, ClientError>> {
    const targets = [...takenBack];
    if (targets.length === 0) return ok();
    const ids = targets.map(([id]) => id);
    const texts = await deps.forgetTexts(ids);
    if (!texts.ok) return texts;
    const withdrawn = await deps.withdraw(ids);
    if (!withdrawn.ok) return withdrawn;
    const written = await store.batch([
      ...ids.map((id) => tables.archive.remove(id)),
      ...targets.map(([id, conversationId]) => tables.takenback.remove(conversationId, id)),
    ]);
    if (!written.ok) return written;
    deps.dropArchiving(ids);
    for (const id of ids) takenBack.delete(id);
    for (const id of new Set(targets.map(([, conversationId]) => conversationId))) deps.onGone(id);
    return ok();
  }

  const dirtyWrites = (places: readonly BucketPlace[]): readonly WriteOp[] =>
    [...new Map(places.map((place) => [placeText(place), place])).values()].map(
      ({ conversationId, device, index }) => tables.dirty.put([conversationId, device, index], {}),
    );

  function revisit({ conversationId, device, index }: BucketPlace): void {
    dirty.set(placeText({ conversationId, device, index }), { conversationId, device, index });
    schedule(REWRITE_DELAY_MS);
  }

  const renewSoon: Forgetting["renewSoon"] = async (places, writes) => {
    const written = await store.batch([...dirtyWrites(places), ...writes]);
    if (!written.ok) return written;
    for (const { conversationId, device, index } of places) revisit({ conversationId, device, index });
    return ok();
  };

  function schedule(delayMs: number): void {
    if (!isStopped && (dirty.size + takenBack.size > 0 || isBehind)) workLater(delayMs);
  }

  function workLater(delayMs: number): void {
    const jitter = 0.5 + (random.bytes(1)[0] ?? 0) / 256;
    cancelWork ??= clock.schedule(Math.round(delayMs * jitter), () => {
      cancelWork = null;
      void context.serial.run(work);
    });
  }

  /** One edit of the deletions; from then on siblings may act on it, so it is done here too, whatever fails. AR6 */
  async function editDeletions(
    change: (draft: DocumentRoot) => void,
    places: readonly BucketPlace[],
  ): Promise<Result<void, ClientError>> {
    const edited = await log.edit({ type: "deletions" }, change, { with: dirtyWrites(places) });
    if (!edited.ok) {
      schedule(RETRY_DELAY_MS);
      return edited;
    }
    isBehind = true;
    for (const place of places) dirty.set(placeText(place), place);
    return ok();
  }

  async function removeOps(gone: readonly NamedOp[]): Promise<Result<void, ClientError>> {
    for (let from = 0; from < gone.length; from += DELETED_OPS_PER_EDIT_MAX) {
      const part = gone.slice(from, from + DELETED_OPS_PER_EDIT_MAX);
      const places = new Map(part.map(({ op }) => [placeText(bucketPlaceOf(op)), bucketPlaceOf(op)]));
      const change = (draft: DocumentRoot): void => {
        for (const { op, id } of part) {
          const { device, deviceSeq, hlc } = op;
          setField(draft, DELETIONS.removed, [op.conversationId, id] as const, { device, deviceSeq, hlc });
        }
        for (const place of places.values()) renew(draft, place);
      };
      // AR6: one that the disk refuses is not made, else siblings would delete what this device keeps.
      const edited = await editDeletions(change, [...places.values()]);
      if (!edited.ok) return edited;
    }
    const applied = await noticed();
    return applied.ok ? work() : applied;
  }

  async function clear(conversationId: ConversationId): Promise<Result<void, ClientError>> {
    const frontiers = await ops.frontiers(conversationId);
    if (!frontiers.ok) return frontiers;
    // DE4: what is here without a gap by its count; what is above one by one, because what is missing was not seen.
    const above: NamedOp[] = [];
    for (let before: string | undefined; ; ) {
      const page = await ops.page(conversationId, CLEAR_PAGE_OPS, before);
      if (!page.ok) return page;
      for (const { op } of page.value)
        if (op.op.deviceSeq >= (frontiers.value.get(op.op.device) ?? 0)) above.push(op);
      before = page.value.at(-1)?.key;
      if (page.value.length < CLEAR_PAGE_OPS) break;
    }
    const places = [...frontiers.value].flatMap(([device, next]) =>
      placesBelow({ conversationId, device }, 0, next),
    );
    const held = await log.held();
    if (!held.ok) return held;
    const heldPlaces = new Set(held.value.flatMap(({ name }) => (isBucket(name) ? placeText(name) : [])));
    // Those without a bucket yet get one when something is put there.
    const renewed = places.filter((place) => heldPlaces.has(placeText(place)));
    for (let from = 0; from === 0 || from < renewed.length; from += DELETED_OPS_PER_EDIT_MAX) {
      const part = renewed.slice(from, from + DELETED_OPS_PER_EDIT_MAX);
      const change = (draft: DocumentRoot): void => {
        for (const [device, next] of frontiers.value)
          if (next > 0) setField(draft, DELETIONS.cleared, [conversationId, device] as const, next);
        for (const place of part) renew(draft, place);
      };
      const edited = await editDeletions(change, part.length > 0 ? part : places.slice(0, 1));
      if (!edited.ok) return edited;
    }
    return removeOps(above);
  }

  function renew(draft: DocumentRoot, place: BucketPlace): void {
    const { conversationId, device, index } = place;
    const step = Math.floor(state.generation(place) / GENERATION_STEP) + 1;
    const generation = step * GENERATION_STEP + drawnNumber(random.bytes(4));
    setField(draft, DELETIONS.generation, [conversationId, device, index] as const, generation);
  }

  async function work(): Promise<Result<void, ClientError>> {
    const done = await workOnce();
    if (!done.ok) schedule(RETRY_DELAY_MS);
    return done;
  }

  async function workOnce(): Promise<Result<void, ClientError>> {
    const finished = await finishRedactions();
    if (!finished.ok) return finished;
    const caughtUp = isBehind ? await catchUp() : ok();
    if (!caughtUp.ok) return caughtUp;
    // The first time others are found that were to be erased.
    const held = dirty.size > 0 || state.isAnyRetired() ? await log.held() : ok();
    if (!held.ok) return held;
    cancelWork?.();
    cancelWork = null;
    for (const [key, place] of [...dirty]) {
      const done = await settlePlace(place);
      if (!done.ok) return done;
      if (!done.value) continue;
      const { conversationId, device, index } = place;
      const written = await store.batch([tables.dirty.remove(conversationId, device, index)]);
      if (!written.ok) return written;
      dirty.delete(key);
    }
    return ok();
  }

  /** DE7, DE8: leaves one bucket at this place, without what is deleted. False while it is still to be loaded. */
  async function settlePlace(place: BucketPlace): Promise<Result<boolean, ClientError>> {
    if (log.isPlaceExpected(place)) return ok(false);
    const retired = await retiredAt(place);
    if (!retired.ok) return retired;
    for (const old of retired.value) {
      const carried = await carryOver(old);
      if (!carried.ok) return carried;
    }
    const present = state.bucketOf(place);
    const held = await log.held();
    if (!held.ok) return held;
    if (!held.value.some(({ name }) => isSameBucket(name, present))) return ok(true);
    const stored = await log.heldOps(present);
    if (!stored.ok) return stored;
    const kept = await survivors(place, stored.value);
    if (!kept.ok) return kept;
    if (kept.value.length === stored.value.length) return ok(true);
    const edited = await log.edit({ type: "deletions" }, (draft) => renew(draft, place));
    if (!edited.ok) return edited;
    const read = await state.refresh();
    if (!read.ok) return read;
    const carried = await carryOver(present);
    return carried.ok ? ok(true) : carried;
  }

  async function retiredAt(place: BucketPlace): Promise<Result<readonly BucketName[], ClientError>> {
    const held = await log.held();
    if (!held.ok) return held;
    const buckets = held.value.map(({ name }) => name).filter(isBucket);
    return ok(buckets.filter((name) => placeText(name) === placeText(place) && state.isRetired(name)));
  }

  /** What the present bucket lacks of an old one, less what is deleted, goes into it; then the old one is erased. */
  async function carryOver(old: BucketName): Promise<Result<void, ClientError>> {
    const stored = await log.heldOps(old);
    if (!stored.ok) return stored;
    const kept = await survivors(old, stored.value);
    if (!kept.ok) return kept;
    const archived = await log.archiveAll(state.bucketOf(old), kept.value);
    if (!archived.ok) return archived;
    return log.retire(old);
  }

  const survivors: Forgetting["survivors"] = async (place, stored) => {
    const kept: StoredOp[] = [];
    // Of what a later version has put there only the name is known: it goes when all of the place does.
    const { conversationId, device, index } = place;
    const last = (index + 1) * OPS_PER_BUCKET_MAX - 1;
    for (const one of stored) {
      const archived = parseArchivedOp(one[1]);
      const isGone =
        archived.ok && archived.value.op.id === one[0]
          ? await ops.isGone(archived.value.op)
          : ok(state.isForgotten({ conversationId, id: one[0], device, deviceSeq: last }));
      if (!isGone.ok) return isGone;
      if (!isGone.value) kept.push(one);
    }
    return ok(kept);
  };

  return {
    start,
    noticed,
    redaction,
    redacted,
    revisit,
    renewSoon,
    loaded(name) {
      // DE8: a snapshot may have been made where nobody knew yet that it is written anew.
      if (state.isRetired(name)) revisit(name);
      else if (dirty.has(placeText(name))) schedule(REWRITE_DELAY_MS);
    },
    removeOps,
    clear,
    work,
    survivors,
    hasWork: () =>
      isBehind || takenBack.size > 0 || [...dirty.values()].some((place) => !log.isPlaceExpected(place)),
    stop() {
      isStopped = true;
      cancelWork?.();
    },
  };
}

function drawnNumber(bytes: Bytes): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

function placesBelow(
  { conversationId, device }: { readonly conversationId: ConversationId; readonly device: DeviceId },
  from: number,
  next: number,
): readonly BucketPlace[] {
  const first = bucketPlaceOf({ conversationId, device, deviceSeq: from }).index;
  const last = next === 0 ? -1 : bucketPlaceOf({ conversationId, device, deviceSeq: next - 1 }).index;
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => ({
    conversationId,
    device,
    index: first + at,
  }));
}

function placeOfKey(key: string): BucketPlace {
  const [, conversationId, device, index] = rowKeyParts(key);
  return {
    conversationId: conversationId as ConversationId,
    device: device as DeviceId,
    index: rowKeyNumber(index) ?? 0,
  };
}

function isSameBucket(a: Parameters<typeof isBucket>[0], b: BucketName): boolean {
  return isBucket(a) && placeText(a) === placeText(b) && generationOf(a) === generationOf(b);
}
