/** IndexedDB's events as promises. Within a transaction nothing else may be awaited: it would commit meanwhile. */

/** What a request gives. - Fails: throws what IndexedDB says. */
export function requested<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException("", "UnknownError"));
  });
}

/**
 * Resolves when the transaction is on disk, as durably as it was asked to be.
 *
 * A full disk shows as an abort without an error of any request, so both are listened for.
 */
export function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException("", "AbortError"));
  });
}

/** The browser's own word for what happened. Not its message, which may quote anything. */
export function idbFaultOf(thrown: unknown): string {
  return thrown instanceof Error || thrown instanceof DOMException ? thrown.name : "unknown";
}
