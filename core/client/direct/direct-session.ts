/**
 * Two own devices that know each other exchange what differs between them. Rules DS10-DS13.
 *
 * Both tell the heads of all their documents; those that differ are exchanged by automerge-repo, a few at a time; what
 * comes is journaled and applied like entries of the account log. Heads are told only of what is durable, so when both
 * have told the same, both hold the same. Runs until either side leaves.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId, DocumentId } from "../../base/ids.ts";
import { DIRECT_DOCUMENTS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import { decode, encode } from "../../codec/shape.ts";
import { createDiallingAdapter, createListeningAdapter } from "../../document/direct/direct-adapter.ts";
import {
  createDocumentExchange,
  type DocumentExchange,
  repoIdOf,
} from "../../document/direct/document-exchange.ts";
import { createMessageSocket, type MessageSocketEnds } from "../../document/direct/message-socket.ts";
import { parseRepoMessage } from "../../document/direct/repo-message.ts";
import type { Documents } from "../../document/documents.ts";
import { type DirectFrame, directFrameShape } from "../../log/direct-frame.ts";
import type { DocumentName } from "../../log/document-name.ts";
import type { DirectChannel, DirectSide } from "../../sigchain/direct/direct-channel.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { HeldDocument } from "../account-log/document-heads.ts";
import type { ClientError } from "../client-error.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { EngineContext } from "../engine-context.ts";

/** Documents exchanged at once; each is in memory twice meanwhile. */
const OPEN_DOCUMENTS_MAX = 16;
const CATALOGUE_PAGE_DOCUMENTS = 512;
/** Heads that move shortly after each other are told together. */
const TELL_DELAY_MS = 20;
const PING_INTERVAL_MS = 20_000;
const SILENCE_MAX_MS = 60_000;

export interface DirectSessionDeps {
  readonly context: EngineContext;
  readonly log: AccountLog;
  readonly documents: Documents;
  readonly conversations: Conversations;
}

export interface DirectSessionEnds {
  readonly side: DirectSide;
  readonly peer: DeviceId;
  readonly channel: DirectChannel;
  send(frame: Bytes): void;
  close(): void;
}

export interface DirectSession {
  /** A sealed frame of the peer. */
  take(frame: Bytes): void;
  /** Resolves whenever both hold the same; false when the session ended before. */
  whenEqual(): Promise<boolean>;
  /** Documents that the peer had more of. */
  receivedCount(): number;
  /** Ends it, and tells the peer when `isDone`. */
  end(isDone?: boolean): Promise<void>;
  readonly whenEnded: Promise<void>;
}

interface Known {
  readonly name: DocumentName;
  readonly id: DocumentId;
  own: readonly string[];
  theirs: readonly string[];
}

export async function startDirectSession(
  deps: DirectSessionDeps,
  ends: DirectSessionEnds,
): Promise<Result<DirectSession, ClientError>> {
  const { context, log, documents, conversations } = deps;
  const { peer, channel } = ends;
  const ownId = context.identity.deviceId;
  const knownById = new Map<DocumentId, Known>();
  const idByRepoId = new Map<string, DocumentId>();
  const moved = new Set<DocumentId>();
  const waitingMessages = new Map<DocumentId, Bytes[]>();
  const opening = new Set<DocumentId>();
  const received = new Set<DocumentId>();
  const equalWaiters = new Set<(isEqual: boolean) => void>();
  const ended = Promise.withResolvers<void>();
  let isTheirsWhole = false;
  let isOpen = true;
  let applying = 0;
  let cancelTell: (() => void) | null = null;
  let cancelPing = (): void => {};
  let heardAtMs = context.clock.nowMs();

  const sendFrame = (frame: DirectFrame): void => {
    if (isOpen) ends.send(channel.seal(encode(directFrameShape, frame)));
  };
  const socket: MessageSocketEnds = createMessageSocket();
  const way = {
    send: (message: Bytes) => sendFrame({ type: "repo", message }),
    close: () => void end(),
  };
  const exchange: DocumentExchange = await connectExchange();

  async function connectExchange(): Promise<DocumentExchange> {
    const onChanges = (id: DocumentId, changes: readonly Bytes[]): void => void takeChanges(id, changes);
    if (ends.side === "dialler") {
      const adapter = await createDiallingAdapter(() => socket);
      return createDocumentExchange({ adapter, ownId, onChanges });
    }
    const listening = await createListeningAdapter();
    const made = createDocumentExchange({ adapter: listening.adapter, ownId, onChanges });
    listening.add(socket);
    void ended.promise.then(listening.close);
    return made;
  }

  function know(name: DocumentName): Known | null {
    // DS12: the id follows from the name; a peer that names another document's id names nothing.
    const { id } = log.ref(name);
    const known = knownById.get(id);
    if (known !== undefined) return known;
    if (knownById.size >= DIRECT_DOCUMENTS_MAX) return null;
    const made: Known = { name, id, own: [], theirs: [] };
    knownById.set(id, made);
    idByRepoId.set(repoIdOf(id), id);
    return made;
  }

  function noteOwn({ name, heads }: HeldDocument): void {
    const known = know(name);
    if (known === null) return void end();
    known.own = [...heads].sort();
    moved.add(known.id);
    if (exchange.isOpen(known.id)) void putMissing(known);
    cancelTell ??= context.clock.schedule(TELL_DELAY_MS, tell);
  }

  /** What came here by another way, or was written here, while the document is being exchanged. */
  async function putMissing(known: Known): Promise<void> {
    const changes = await documents.changesSince(log.ref(known.name), exchange.heads(known.id));
    if (changes.ok && isOpen) exchange.put(known.id, changes.value);
  }

  function tell(): void {
    cancelTell = null;
    const ids = [...moved];
    moved.clear();
    sendCatalogue(ids, true);
    settle();
  }

  function sendCatalogue(ids: readonly DocumentId[], isWholeAtEnd: boolean): void {
    for (let from = 0; from === 0 || from < ids.length; from += CATALOGUE_PAGE_DOCUMENTS) {
      const page = ids.slice(from, from + CATALOGUE_PAGE_DOCUMENTS);
      sendFrame({
        type: "catalogue",
        isWhole: isWholeAtEnd && from + CATALOGUE_PAGE_DOCUMENTS >= ids.length,
        documents: page.flatMap((id) => {
          const known = knownById.get(id);
          return known === undefined ? [] : [{ name: known.name, heads: known.own }];
        }),
      });
    }
  }

  function take(frame: Bytes): void {
    if (!isOpen) return;
    const opened = channel.open(frame);
    const decoded = opened.ok ? decode(directFrameShape, opened.value) : opened;
    // DS7: also when the revocation came in the middle.
    const isRevoked = (context.chain().devicesById.get(peer)?.revokedSeq ?? null) !== null;
    if (!decoded.ok || isRevoked) return void end();
    heardAtMs = context.clock.nowMs();
    takeFrame(decoded.value);
  }

  function takeFrame(frame: DirectFrame) {
    switch (frame.type) {
      case "repo":
        return takeMessage(frame.message);
      case "catalogue":
        return takeCatalogue(frame);
      case "ping":
        return sendFrame({ type: "pong" });
      case "pong":
        return;
      case "done":
        return void end();
    }
  }

  function takeCatalogue(frame: Extract<DirectFrame, { type: "catalogue" }>) {
    for (const { name, heads } of frame.documents) {
      const known = know(name);
      if (known === null) return void end();
      known.theirs = [...heads].sort();
    }
    if (frame.isWhole) isTheirsWhole = true;
    settle();
  }

  function takeMessage(message: Bytes) {
    const parsed = parseRepoMessage(message, { sender: peer, target: ownId });
    if (!parsed.ok) return void end(); // DS10
    if (parsed.value.documentId === null) return socket.received(message);
    const id = idByRepoId.get(parsed.value.documentId);
    const known = id === undefined ? undefined : knownById.get(id);
    // DS12: of a document nobody has named nothing is taken.
    if (known === undefined) return;
    if (exchange.isOpen(known.id)) return socket.received(message);
    const waiting = waitingMessages.get(known.id) ?? [];
    waitingMessages.set(known.id, [...waiting, message]);
    void open(known);
  }

  /** Opens what differs as far as there is room, closes what does not, and tells who waits for all to be equal. */
  function settle(): void {
    if (!isTheirsWhole || !isOpen) return;
    const differing = [...knownById.values()].filter((known) => !isSame(known.own, known.theirs));
    const wanted = new Set(differing.map(({ id }) => id));
    for (const { id } of knownById.values())
      if (!wanted.has(id) && exchange.isOpen(id)) void exchange.close(id);
    for (const known of differing) {
      if (opening.size + openCount() >= OPEN_DOCUMENTS_MAX) break;
      void open(known);
    }
    if (differing.length > 0 || applying > 0 || moved.size > 0) return;
    for (const resolve of equalWaiters) resolve(true);
    equalWaiters.clear();
  }

  const openCount = (): number => [...knownById.keys()].filter((id) => exchange.isOpen(id)).length;

  async function open(known: Known): Promise<void> {
    if (opening.has(known.id) || exchange.isOpen(known.id)) return;
    opening.add(known.id);
    const saved = await documents.save(log.ref(known.name));
    opening.delete(known.id);
    if (!isOpen) return;
    // A document that does not load here is mended from the account log; the others go on.
    if (!saved.ok) return;
    exchange.open(known.id, saved.value.bytes);
    const waiting = waitingMessages.get(known.id) ?? [];
    waitingMessages.delete(known.id);
    for (const message of waiting) socket.received(message);
    await putMissing(known);
  }

  async function takeChanges(id: DocumentId, changes: readonly Bytes[]): Promise<void> {
    const known = knownById.get(id);
    if (known === undefined) return;
    applying += 1;
    const taken = await context.serial.run(async (): Promise<Result<void, ClientError>> => {
      const changed = await log.receiveDirect([{ document: known.name, changes }]);
      if (!changed.ok) return changed;
      if (changed.value.length > 0) received.add(id);
      return changed.value.length > 0 ? conversations.adopt(changed.value) : ok();
    });
    applying -= 1;
    if (!taken.ok) return end();
    settle();
  }

  function whenEqual(): Promise<boolean> {
    return new Promise((resolve) => {
      if (!isOpen) return resolve(false);
      equalWaiters.add(resolve);
      settle();
    });
  }

  function pingLater(): void {
    cancelPing = context.clock.schedule(PING_INTERVAL_MS, () => {
      if (context.clock.nowMs() - heardAtMs > SILENCE_MAX_MS) return void end();
      sendFrame({ type: "ping" });
      pingLater();
    });
  }

  async function end(isDone = false): Promise<void> {
    if (!isOpen) return ended.promise;
    if (isDone) sendFrame({ type: "done" });
    isOpen = false;
    stopListening();
    cancelTell?.();
    cancelPing();
    for (const resolve of equalWaiters) resolve(false);
    equalWaiters.clear();
    ends.close();
    channel.close();
    socket.closed();
    await exchange.stop();
    ended.resolve();
  }

  // What was just written is put into its documents now, not in a moment.
  const heard = await context.serial.run(async () => {
    await conversations.prepareToSync();
    const held = await log.held();
    if (!held.ok) return held;
    for (const { name, heads } of held.value) {
      const known = know(name);
      if (known !== null) known.own = [...heads].sort();
    }
    return ok(log.onHeads(noteOwn));
  });
  if (!heard.ok) {
    socket.closed();
    await exchange.stop();
    return heard;
  }
  const stopListening = heard.value;
  socket.opened(way);
  sendCatalogue([...knownById.keys()], true);
  pingLater();
  return ok({ take, whenEqual, receivedCount: () => received.size, end, whenEnded: ended.promise });
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((head, index) => head === b[index]);
}
