/**
 * automerge-repo's IndexedDB adapter, made to keep what it promises.
 *
 * Its writes are of the browser's ordinary durability and never settle when the disk is full, because only an abort tells
 * of that. Here they are strict and settle. An engine that no longer owns the profile writes nothing: it asks the profile's
 * own database first, and what slips between question and write is a chunk under a name made of its content, or the removal
 * of chunks that such a one contains. Its reads may wait for ever on a database that is thrown away; here they end. WB1, WB4,
 * WB9.
 */
import { IndexedDBStorageAdapter } from "@automerge/automerge-repo-storage-indexeddb";
import { committed, unlessClosed } from "./idb-request.ts";
import { STALE } from "./profile-database.ts";

const STORE = "documents";

export interface DocumentsOwner {
  isOwner(): Promise<boolean>;
}

export class IndexedDbDocuments extends IndexedDBStorageAdapter {
  readonly #name: string;
  readonly #owner: DocumentsOwner;
  #opening: Promise<IDBDatabase> | null = null;

  constructor(name: string, owner: DocumentsOwner) {
    super(name, STORE);
    // The class above opens before anybody asks, and nobody asks where our own opening fails: we tell why.
    void (Reflect.get(this, "dbPromise") as Promise<IDBDatabase>).catch(() => {});
    this.#name = name;
    this.#owner = owner;
  }

  override async load(key: string[]): Promise<Uint8Array | undefined> {
    return unlessClosed(await this.#database(), super.load(key));
  }

  override async loadRange(prefix: string[]): ReturnType<IndexedDBStorageAdapter["loadRange"]> {
    return unlessClosed(await this.#database(), super.loadRange(prefix));
  }

  override save(key: string[], binary: Uint8Array): Promise<void> {
    return this.#write((store) => void store.put({ key, binary }, key));
  }

  override remove(key: string[]): Promise<void> {
    return this.#write((store) => void store.delete(key));
  }

  override removeRange(prefix: string[]): Promise<void> {
    return this.#write((store) => void store.delete(IDBKeyRange.bound(prefix, [...prefix, "\uffff"])));
  }

  /** Deletes every chunk. */
  clear(): Promise<void> {
    return this.#write((store) => void store.clear());
  }

  async #write(change: (store: IDBObjectStore) => void): Promise<void> {
    if (!(await this.#owner.isOwner())) throw new DOMException("", STALE);
    const idb = await this.#database();
    const transaction = idb.transaction(STORE, "readwrite", { durability: "strict" });
    change(transaction.objectStore(STORE));
    await committed(transaction);
  }

  /** A connection of its own: the one of the class above is private to it. */
  #database(): Promise<IDBDatabase> {
    this.#opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => void request.result.createObjectStore(STORE);
      request.onerror = () => reject(request.error ?? new DOMException("", "UnknownError"));
      request.onsuccess = () => {
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
    });
    return this.#opening;
  }

  close(): void {
    void this.#opening?.then(
      (idb) => idb.close(),
      () => {},
    );
  }
}
