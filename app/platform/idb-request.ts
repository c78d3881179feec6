/** IndexedDB's events as promises. Within a transaction nothing else may be awaited: it would commit meanwhile. */

/** What a request gives. - Fails: throws what IndexedDB says. */
export function requested<T>(request: IDBRequest<T>): Promise<T> {
  const answer = new Promise<T>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException("", "UnknownError"));
  });
  return request.transaction === null ? answer : unlessClosed(request.transaction.db, answer);
}

/**
 * Resolves when the transaction is on disk, as durably as it was asked to be.
 *
 * A full disk shows as an abort without an error of any request, so both are listened for.
 */
export function committed(transaction: IDBTransaction): Promise<void> {
  const end = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("", "AbortError"));
  });
  return unlessClosed(transaction.db, end);
}

/**
 * `answer`, or `AbortError` when the browser closes the database before: Chromium lets transactions that were begun while it
 * threw the database away neither complete nor abort. WB9
 */
export function unlessClosed<T>(idb: IDBDatabase, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new DOMException("", "AbortError"));
    idb.addEventListener("close", onClose);
    void answer.then(resolve, reject).finally(() => idb.removeEventListener("close", onClose));
  });
}

/** The browser's own word for what happened. Not its message, which may quote anything. */
export function idbFaultOf(thrown: unknown): string {
  return thrown instanceof Error || thrown instanceof DOMException ? thrown.name : "unknown";
}
