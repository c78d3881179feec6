/**
 * Documents exchanged with one peer by automerge-repo, in a repository of their own that stores nothing.
 *
 * It holds copies. What the peer brings is handed over as changes, and becomes part of the real documents only by the
 * way every change of another device takes; the real documents never meet the network. Rule DS11.
 */
import type { NetworkAdapter } from "@automerge/automerge-repo/slim";
import type { Bytes } from "../../base/bytes.ts";
import { type DocumentId, idBytes } from "../../base/ids.ts";
import {
  Automerge,
  type BinaryDocumentId,
  type DocHandle,
  interpretAsDocumentId,
  Repo,
  type RepoDocumentId,
  withChanges,
} from "../automerge.ts";

export interface DocumentExchange {
  /** Begins to exchange a document, from what `save` gave. */
  open(id: DocumentId, saved: Bytes): void;
  isOpen(id: DocumentId): boolean;
  /** Changes made here meanwhile. */
  put(id: DocumentId, changes: readonly Bytes[]): void;
  heads(id: DocumentId): readonly string[];
  close(id: DocumentId): Promise<void>;
  stop(): Promise<void>;
}

export interface ExchangeDeps {
  readonly adapter: NetworkAdapter;
  /** Names of the two ends to automerge-repo. */
  readonly ownId: string;
  /** Changes the peer brought, in an order they can be applied in. */
  onChanges(id: DocumentId, changes: readonly Bytes[]): void;
}

interface Exchanged {
  readonly handle: DocHandle<unknown>;
  heads: readonly string[];
}

export function createDocumentExchange({ adapter, ownId, onChanges }: ExchangeDeps): DocumentExchange {
  const byId = new Map<DocumentId, Exchanged>();
  const repo = new Repo({ network: [adapter], peerId: ownId as never, sharePolicy: async () => true });

  function take(id: DocumentId, exchanged: Exchanged): void {
    const document = exchanged.handle.doc();
    const changes = Automerge.getChangesSince(document, [...exchanged.heads]);
    exchanged.heads = Automerge.getHeads(document);
    if (changes.length > 0) onChanges(id, changes);
  }

  return {
    open(id, saved) {
      if (byId.has(id)) return;
      const handle = repo.import(saved, { docId: repoIdOf(id) });
      const exchanged: Exchanged = { handle, heads: Automerge.getHeads(handle.doc()) };
      byId.set(id, exchanged);
      handle.on("heads-changed", () => take(id, exchanged));
    },
    isOpen: (id) => byId.has(id),
    put(id, changes) {
      const exchanged = byId.get(id);
      if (exchanged === undefined || changes.length === 0) return;
      exchanged.handle.update((document) => {
        const next = withChanges(document, changes);
        exchanged.heads = Automerge.getHeads(next);
        return next;
      });
    },
    heads: (id) => byId.get(id)?.heads ?? [],
    async close(id) {
      const exchanged = byId.get(id);
      if (exchanged === undefined) return;
      byId.delete(id);
      const document = exchanged.handle.doc();
      exchanged.handle.removeAllListeners();
      await repo.removeFromCache(repoIdOf(id));
      Automerge.free(document);
    },
    async stop() {
      adapter.disconnect();
      for (const id of [...byId.keys()]) await this.close(id);
    },
  };
}

/** automerge-repo's name of a document. */
export function repoIdOf(id: DocumentId): RepoDocumentId {
  return interpretAsDocumentId(idBytes(id) as BinaryDocumentId);
}
