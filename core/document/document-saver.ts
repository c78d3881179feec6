/**
 * Saving one live document: one save at a time, everything that changed before a flush is durable when it says so, and
 * a failing medium is told at once while the save goes on being tried. Rules DC12, DC13.
 */
import type { Clock } from "../base/clock.ts";
import type { DocumentId } from "../base/ids.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { DocumentError } from "./document-error.ts";

/** How long changes gather before they are saved without being asked. */
const SAVE_DELAY_MS = 100;
/** How long until a save is tried again whose chunks are stored but whose row is not. */
const RETRY_DELAY_MS = 2_000;
/** A flush waits for this many attempts of the storage before it reports the failure. */
const ATTEMPTS_BEFORE_REPORT = 3;

export interface DocumentSaver {
  /** The document has changed: save it soon. */
  touch(): void;
  /** Resolves when all changes so far are durable, or with the error as soon as the medium keeps refusing. */
  flush(): Promise<Result<void, DocumentError>>;
  /** The storage failed to save, or no longer fails. */
  reportAttempts(attempts: number, detail: string | null): void;
  isSaved(): boolean;
  /** Nothing is saved by itself any more. */
  stop(): void;
}

export interface SaverDeps {
  readonly id: DocumentId;
  readonly clock: Clock;
  /** Stores the document as it is now; a throw counts as a refusal. */
  readonly store: () => Promise<Result<void, { readonly detail: string }>>;
}

export function createDocumentSaver(deps: SaverDeps): DocumentSaver {
  let version = 0;
  let savedVersion = 0;
  let saving: Promise<Result<void, DocumentError>> | null = null;
  let refusal: DocumentError | null = null;
  let cancelTimer: (() => void) | null = null;
  const waiters = new Set<(refused: DocumentError) => void>();

  const refused = (detail: string): DocumentError => ({
    type: "DocumentStorageUnavailable",
    id: deps.id,
    detail,
  });

  const saveOnce = async (): Promise<Result<void, DocumentError>> => {
    const target = version;
    try {
      const stored = await deps.store();
      if (!stored.ok) return err(refused(stored.error.detail));
      savedVersion = target;
      return ok();
    } catch (thrown) {
      return err(refused(thrown instanceof Error ? thrown.name : "unknown"));
    } finally {
      saving = null;
    }
  };

  /** The save, or the storage's refusal if that comes first. */
  const saveOrRefusal = (): Promise<Result<void, DocumentError>> => {
    saving ??= saveOnce();
    if (refusal !== null) return Promise.resolve(err(refusal));
    const running = saving;
    return new Promise((resolve) => {
      const onRefused = (error: DocumentError): void => resolve(err(error));
      waiters.add(onRefused);
      void running.then((result) => {
        waiters.delete(onRefused);
        resolve(result);
      });
    });
  };

  const flush = async (): Promise<Result<void, DocumentError>> => {
    const target = version;
    while (savedVersion < target) {
      const result = await saveOrRefusal();
      if (!result.ok) return result;
    }
    return ok();
  };

  const schedule = (delayMs: number): void => {
    cancelTimer ??= deps.clock.schedule(delayMs, () => {
      cancelTimer = null;
      void flush().then((result) => {
        if (!result.ok) schedule(RETRY_DELAY_MS);
      });
    });
  };

  return {
    touch() {
      version += 1;
      schedule(SAVE_DELAY_MS);
    },
    flush,
    reportAttempts(attempts, detail) {
      if (detail === null) refusal = null;
      else if (attempts >= ATTEMPTS_BEFORE_REPORT) {
        refusal = refused(detail);
        for (const waiter of waiters) waiter(refusal);
        waiters.clear();
      }
    },
    isSaved: () => savedVersion === version && saving === null,
    stop() {
      cancelTimer?.();
      // A later `touch` finds a timer set and adds none.
      cancelTimer = () => {};
    },
  };
}
