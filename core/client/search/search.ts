/**
 * Search over the messages of this device.
 *
 * The index is in memory. It is made at the first search, from stored segments and the rows of ops that came after them,
 * and kept up to date from then on.
 * What a hit shows is read from its row again, so that nothing is shown that is no longer there.
 */
import { systemCalendar } from "../../base/clock.ts";
import type { ConversationId, OpId } from "../../base/ids.ts";
import { OP_CLOCK_AHEAD_MAX_MS, SEARCH_PAGE_HITS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { findNamed, type Named } from "../../messenger/find-named.ts";
import { HLC_MAX, HLC_TICKS_PER_MS } from "../../messenger/hlc.ts";
import type { NamedOp } from "../../messenger/op.ts";
import { searchDateMs } from "../../messenger/search/search-date.ts";
import type {
  IndexQuery,
  SearchDocument,
  SearchIndex,
  SearchTerm,
} from "../../messenger/search/search-index.ts";
import { parseSearchQuery, type NameFilter, type SearchNode } from "../../messenger/search/search-query.ts";
import { snippetOf } from "../../messenger/search/snippet.ts";
import { timelineMessage } from "../../messenger/timeline.ts";
import type { SearchOptions } from "../client.ts";
import type { PlaceView } from "../views/contact-view.ts";
import type { SearchHit, SearchPage, TagView } from "../views/conversation-view.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook, ContactRecord } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import type { OpStore } from "../conversations/op-store.ts";
import type { Platform } from "../platform.ts";
import type { SearchSegments, StoredSegments } from "./search-segments.ts";
import type { Views } from "../conversations/views.ts";

const HITS_DEFAULT = 20;
/** Messages taken into the index between two pauses, in which other work of the process goes on. */
const ADD_MESSAGES = 5_000;
const SCAN_PAGE_OPS = 1_000;
/** Fewer ops than these are read from their rows again rather than stored. */
const SEGMENT_OPS_MIN = 512;
/** What is read while everything else waits. */
const COUNTED_OPS_MAX = 2_048;
const SELF_WORD = "me";

export interface SearchDeps {
  readonly context: EngineContext;
  readonly contacts: ContactBook;
  readonly ops: OpStore;
  readonly segments: SearchSegments;
  readonly views: Views;
  readonly openIndex: Platform["openSearchIndex"];
  readonly onProgress: (done: number, total: number) => void;
  readonly onFault: (fault: string) => void;
}

export interface Search {
  search(text: string, options: SearchOptions): Promise<Result<SearchPage, ClientError>>;
  /** Ops that are stored now. */
  added(ops: readonly NamedOp[]): void;
  /** Takes texts that are to be gone out of the index and of what is stored of it. Runs within the serial. */
  forget(ids: readonly OpId[]): Promise<Result<void, ClientError>>;
  /** Resolves when nothing of it writes any more. */
  stop(): Promise<void>;
}

export function createSearch(deps: SearchDeps): Search {
  const { context, contacts, ops, segments, views } = deps;
  let index: SearchIndex | null = null;
  let building: Promise<Result<SearchIndex, ClientError>> | null = null;
  let isStopped = false;
  /** The index misses something that came while it lived. */
  let isBroken = false;
  /** Ops in the index that no segment covers. */
  let unstored: NamedOp[] = [];
  /** Ops whose texts were taken out while this process lives. */
  const gone = new Set<OpId>();
  let storing: Promise<void> = Promise.resolve();

  function ready(): Promise<Result<SearchIndex, ClientError>> {
    if (building !== null) return building;
    if (index !== null && !isBroken) return Promise.resolve(ok(index));
    drop();
    building = build().finally(() => {
      building = null;
    });
    return building;
  }

  async function build(): Promise<Result<SearchIndex, ClientError>> {
    if (deps.openIndex === undefined) return err({ type: "SearchUnavailable", detail: "no index here" });
    const opened = await deps.openIndex();
    if (!opened.ok) return opened;
    const made = opened.value;
    // From here on what arrives is added as it comes; what is added twice is added once.
    index = made;
    const filled = await fill(made);
    if (filled.ok && !isStopped && !isBroken) return ok(made);
    drop();
    if (!filled.ok) return filled;
    return err(
      isStopped ? { type: "ClientStopped" } : { type: "SearchUnavailable", detail: "adding failed" },
    );
  }

  /** Oldest first, as the index takes them fastest. */
  async function fill(into: SearchIndex): Promise<Result<void, ClientError>> {
    const loaded = await segments.load();
    if (!loaded.ok) return loaded;
    const read = await context.serial.run(() => findUncovered(loaded.value));
    const uncovered = read.ok && read.value === "many" ? await readUncovered(loaded.value) : read;
    if (!uncovered.ok) return uncovered;
    if (uncovered.value === null || uncovered.value === "many") {
      // Segments cover what is not there: they are of another past.
      const cleared = await segments.clear();
      return cleared.ok ? fill(into) : cleared;
    }
    const found = [...(loaded.value?.documents ?? []), ...uncovered.value.flatMap(documentOf)].filter(
      ({ id }) => !gone.has(id),
    );
    found.sort((a, b) => a.hlc - b.hlc);
    const held = into.hold();
    if (!held.ok) return held;
    for (let at = 0; at < found.length; at += ADD_MESSAGES) {
      const added = into.add(found.slice(at, at + ADD_MESSAGES));
      if (!added.ok) return added;
      if (found.length > SEGMENT_OPS_MIN)
        deps.onProgress(Math.min(at + ADD_MESSAGES, found.length), found.length);
      await pause();
    }
    const released = into.release();
    if (!released.ok) return released;
    unstored = [...uncovered.value, ...unstored];
    store();
    return ok();
  }

  /**
   * Ops that no segment covers, found by counting and read from the newest on. Null when segments cover too much; "many"
   * when reading takes too long to keep everything else waiting. Runs within the serial: what arrived meanwhile would be
   * counted for what is looked for.
   */
  async function findUncovered(
    stored: StoredSegments | null,
  ): Promise<Result<readonly NamedOp[] | null | "many", ClientError>> {
    const tallies = await ops.tallies();
    if (!tallies.ok) return tallies;
    const covered = stored?.countByConversation ?? new Map<ConversationId, number>();
    const missing = [...tallies.value].map(([id, { opCount }]) => ({
      id,
      count: opCount - (covered.get(id) ?? 0),
    }));
    const isOfAnotherPast =
      missing.some(({ count }) => count < 0) || [...covered.keys()].some((id) => !tallies.value.has(id));
    if (isOfAnotherPast) return ok(null);
    if (missing.reduce((sum, { count }) => sum + count, 0) > COUNTED_OPS_MAX) return ok("many");
    const found: NamedOp[] = [];
    for (const { id, count } of missing) {
      const end = found.length + count;
      for (let before: string | undefined; found.length < end; ) {
        const page = await ops.page(id, SCAN_PAGE_OPS, before);
        if (!page.ok) return page;
        for (const { op } of page.value) if (stored?.covered.has(op.id) !== true) found.push(op);
        before = page.value.at(-1)?.key;
        if (page.value.length < SCAN_PAGE_OPS) break;
      }
    }
    return ok(found);
  }

  /** All that no segment covers, while other work goes on: what arrives is added as it comes. */
  async function readUncovered(
    stored: StoredSegments | null,
  ): Promise<Result<readonly NamedOp[], ClientError>> {
    const tallies = await ops.tallies();
    if (!tallies.ok) return tallies;
    const total = [...tallies.value.values()].reduce((sum, { opCount }) => sum + opCount, 0);
    const found: NamedOp[] = [];
    let read = 0;
    for (const id of tallies.value.keys()) {
      for (let before: string | undefined; ; ) {
        const page = await ops.page(id, SCAN_PAGE_OPS, before);
        if (!page.ok) return page;
        for (const { op } of page.value) if (stored?.covered.has(op.id) !== true) found.push(op);
        read += page.value.length;
        deps.onProgress(read, Math.max(read, total));
        before = page.value.at(-1)?.key;
        if (page.value.length < SCAN_PAGE_OPS) break;
      }
    }
    return ok(found);
  }

  /** Stores what has gathered. A store that refuses costs time at the next start, and nothing else. */
  function store(): void {
    if (unstored.length < SEGMENT_OPS_MIN) return;
    const taken = [...new Map(unstored.map((op) => [op.id, op])).values()].filter(({ id }) => !gone.has(id));
    unstored = [];
    storing = storing.then(async () => {
      const kept = isStopped ? ok(taken) : await segments.append(taken, SEGMENT_OPS_MIN);
      if (!kept.ok) deps.onFault(kept.error.type);
    });
  }

  const pause = () => new Promise<void>((resolve) => context.clock.schedule(0, resolve));

  function added(fresh: readonly NamedOp[]): void {
    if (index === null) return;
    // An index that misses something is none: the next search makes it anew.
    if (!index.add(fresh.flatMap(documentOf)).ok) isBroken = true;
    unstored.push(...fresh);
    if (building === null) store();
  }

  async function forget(ids: readonly OpId[]): Promise<Result<void, ClientError>> {
    for (const id of ids) gone.add(id);
    if (index !== null && !index.remove(ids).ok) isBroken = true;
    await storing;
    return segments.forget(ids);
  }

  function drop(): void {
    index?.close();
    index = null;
    isBroken = false;
    unstored = [];
  }

  async function search(text: string, options: SearchOptions): Promise<Result<SearchPage, ClientError>> {
    const query = parseSearchQuery(text);
    if (!query.ok) return query;
    const names = await namesOf();
    if (!names.ok) return names;
    const term = query.value.node === null ? ok(ALL) : resolve(query.value.node, names.value);
    if (!term.ok) return term;
    const made = await ready();
    if (!made.ok) return made;
    const nowMs = context.times.latestMs();
    const hlcOf = (ms: number) => Math.min(HLC_MAX + 1, Math.max(0, ms) * HLC_TICKS_PER_MS);
    const dateHlc = (date: Parameters<typeof searchDateMs>[0]) =>
      hlcOf(searchDateMs(date, nowMs, systemCalendar));
    const asked: IndexQuery = {
      term: andNot(term.value, names.value.hidden),
      fromHlc: Math.max(0, ...query.value.after.map(dateHlc)),
      // What is further ahead of the clock is not shown yet.
      toHlc: Math.min(hlcOf(nowMs + OP_CLOCK_AHEAD_MAX_MS), ...query.value.before.map(dateHlc)),
      order: options.order ?? "newest",
      limit: Math.max(1, Math.min(options.limit ?? HITS_DEFAULT, SEARCH_PAGE_HITS_MAX)),
      after: options.older ?? null,
    };
    return show(made.value, asked, names.value);
  }

  async function show(
    made: SearchIndex,
    asked: IndexQuery,
    names: Names,
  ): Promise<Result<SearchPage, ClientError>> {
    const page = made.query(asked);
    if (!page.ok) return page;
    const current: { document: SearchDocument; hit: Omit<SearchHit, "ranges" | "snippet"> }[] = [];
    for (const found of page.value.found) {
      const op = await ops.get(found);
      if (!op.ok) return op;
      const place = names.placeByConversation.get(found.conversationId);
      const message = op.value === null ? ok(null) : await views.message(op.value);
      if (!message.ok) return message;
      if (message.value === null || place === undefined) continue;
      current.push({
        document: { ...found, text: message.value.text },
        hit: { message: message.value, ...place },
      });
    }
    const located = made.locate(
      asked.term,
      current.map(({ document }) => document),
    );
    if (!located.ok) return located;
    const hits = current.flatMap(({ hit }, at): SearchHit[] => {
      const ranges = located.value[at] ?? null;
      return ranges === null ? [] : [{ ...hit, ranges, snippet: snippetOf(hit.message.text, ranges) }];
    });
    return ok({ hits, older: page.value.next });
  }

  /** What names in a query can mean. */
  async function namesOf(): Promise<Result<Names, ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    const places = await views.places();
    if (!places.ok) return places;
    const tags = await views.tags();
    if (!tags.ok) return tags;
    const tagged = await views.taggedConversations();
    if (!tagged.ok) return tagged;
    const isHeard = ({ state }: ContactRecord) => state !== "blocked" && state !== "declined";
    return ok({
      contacts: all.value.map((record) => nameContact(record)),
      rooms: [...places.value].flatMap(([id, { contact, name }]) =>
        contact === null ? [{ value: { conversationId: id }, id, ownNames: [], otherNames: [name] }] : [],
      ),
      placeByConversation: places.value,
      hidden: all.value.filter((record) => !isHeard(record)).map(({ conversationId }) => conversationId),
      tags: tags.value.map((value) => ({ value, id: value.id, ownNames: [value.name], otherNames: [] })),
      conversationsByTag: tagged.value,
    });
  }

  function resolve(node: SearchNode, names: Names): Result<SearchTerm, ClientError> {
    switch (node.type) {
      case "text":
      case "link":
        return ok(node);
      case "not": {
        const term = resolve(node.node, names);
        return term.ok ? ok({ type: "not", term: term.value }) : term;
      }
      case "and":
      case "or": {
        const terms: SearchTerm[] = [];
        for (const one of node.nodes) {
          const term = resolve(one, names);
          if (!term.ok) return term;
          terms.push(term.value);
        }
        return ok({ type: node.type, terms });
      }
      case "named":
        return resolveName(node, names);
    }
  }

  function resolveName(
    { filter, name, position }: Extract<SearchNode, { readonly type: "named" }>,
    names: Names,
  ): Result<SearchTerm, ClientError> {
    if (filter === "from" && name === SELF_WORD)
      return ok({ type: "author", ids: [context.identity.accountId] });
    if (filter === "tag") {
      const tag = find(names.tags, { filter, name, position });
      return tag.ok
        ? ok({ type: "conversation", ids: names.conversationsByTag.get(tag.value.id) ?? [] })
        : tag;
    }
    if (filter === "in") {
      const place = find<{ readonly conversationId: ConversationId }>([...names.contacts, ...names.rooms], {
        filter,
        name,
        position,
      });
      return place.ok ? ok({ type: "conversation", ids: [place.value.conversationId] }) : place;
    }
    const contact = find(names.contacts, { filter, name, position });
    return contact.ok ? ok({ type: "author", ids: [contact.value.accountId] }) : contact;
  }

  async function stop(): Promise<void> {
    isStopped = true;
    if (building === null) drop();
    else await building;
    await storing;
  }

  return { search, added, forget, stop };
}

interface Names {
  readonly contacts: readonly Named<ContactRecord>[];
  readonly rooms: readonly Named<{ readonly conversationId: ConversationId }>[];
  readonly placeByConversation: ReadonlyMap<ConversationId, PlaceView>;
  /** Conversations of people who are not heard. */
  readonly hidden: readonly ConversationId[];
  readonly tags: readonly Named<TagView>[];
  readonly conversationsByTag: ReadonlyMap<string, readonly ConversationId[]>;
}

const ALL: SearchTerm = { type: "all" };

function find<T>(
  candidates: readonly Named<T>[],
  asked: { readonly filter: NameFilter; readonly name: string; readonly position: number },
): Result<T, ClientError> {
  const found = findNamed(candidates, asked.name);
  if (found.ok) return found;
  const names =
    found.error.type === "NotFound"
      ? found.error.similar
      : found.error.candidates.map(({ ownNames, otherNames }) => ownNames[0] ?? otherNames[0] ?? "");
  return err({ type: "SearchNameUnknown", ...asked, isAmbiguous: found.error.type === "Ambiguous", names });
}

function andNot(term: SearchTerm, hidden: readonly ConversationId[]): SearchTerm {
  if (hidden.length === 0) return term;
  return { type: "and", terms: [term, { type: "not", term: { type: "conversation", ids: hidden } }] };
}

function nameContact(value: ContactRecord): Named<ContactRecord> {
  const otherNames = [value.givenName, value.handle].filter((name) => name !== null);
  return { value, id: value.accountId, ownNames: value.petname === null ? [] : [value.petname], otherNames };
}

function documentOf(op: NamedOp): SearchDocument[] {
  const message = timelineMessage(op);
  if (message === null || message.isRedacted) return [];
  const { conversationId, hlc, device, author } = op.op;
  return [{ conversationId, hlc, device, id: op.id, author, text: message.text }];
}
