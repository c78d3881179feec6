/** The documents of a backup, put together from their parts and looked at. Rule BK7. */
import { type Bytes, concatBytes, toHex } from "../../base/bytes.ts";
import { idFromBytes } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { StoredOp } from "../../document/schema/bucket.ts";
import { inspectSaved } from "../../document/live-edit.ts";
import type { BackupFault, BackupReader, BackupRecord } from "../../log/backup/backup-file.ts";
import type { BackupLock } from "../../log/backup/backup-head.ts";
import { type DocumentName, kindOf } from "../../log/document-name.ts";

/** A document of a backup that loads and is what the backup says. */
export interface BackupDocument {
  readonly name: DocumentName;
  readonly saved: Bytes;
  readonly ops: readonly StoredOp[];
}

export type BackupStart = BackupRecord & { readonly type: "start" };

export type BackupItem =
  | { readonly type: "locked"; readonly lock: BackupLock }
  | BackupStart
  | { readonly type: "document"; readonly document: BackupDocument }
  | { readonly type: "end" };

/** Any id: what is looked at is stored nowhere. */
const NO_ID = idFromBytes("document", new Uint8Array(16));

/** Gives what a reader reads a document at a time. */
export function createBackupItems(reader: BackupReader): () => Result<BackupItem | null, BackupFault> {
  let parts: Bytes[] = [];
  let expected = 0;
  let documents = 0;
  let countToldAtStart = 0;
  const damaged = (): Result<never, BackupFault> => err({ type: "BackupDamaged", atByte: reader.atByte() });

  function takePart(part: BackupRecord & { readonly type: "part" }): Result<BackupItem | null, BackupFault> {
    if (part.index !== parts.length || (part.index > 0 && part.count !== expected)) return damaged();
    expected = part.count;
    parts.push(part.bytes);
    if (parts.length < part.count) return ok(null);
    const saved = concatBytes(...parts);
    parts = [];
    documents++;
    const loaded = inspectSaved({ id: NO_ID, kind: kindOf(part.document) }, saved);
    const heads = part.heads.map(toHex).sort().join();
    if (!loaded.ok || [...loaded.value.heads].sort().join() !== heads) return damaged();
    return ok({ type: "document", document: { name: part.document, saved, ops: loaded.value.ops } });
  }

  return () => {
    for (;;) {
      const event = reader.next();
      if (!event.ok) return event;
      if (event.value === null) return ok(null);
      if (event.value.type === "locked") return ok(event.value);
      if (event.value.type === "start") {
        countToldAtStart = event.value.documentCount;
        return ok(event.value);
      }
      if (event.value.type === "end") {
        const isWhole =
          parts.length === 0 && documents === event.value.documentCount && documents === countToldAtStart;
        return isWhole ? ok({ type: "end" }) : damaged();
      }
      const item = takePart(event.value);
      if (!item.ok || item.value !== null) return item;
    }
  };
}
