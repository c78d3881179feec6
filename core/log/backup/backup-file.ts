/**
 * A backup as a file: a mark, a head, and sealed frames that end with one that says so. Rules BK1, BK5-BK7.
 *
 * Written and read a frame at a time. Every frame is bound to its backup, its place and whether it is the last one, so
 * nothing can be changed, left out, repeated or cut off unseen. What a frame says is still to be looked at.
 */
import { type Bytes, concatBytes, equalBytes, toUtf8 } from "../../base/bytes.ts";
import { BACKUP_FRAME_BYTES_MAX, BACKUP_HEAD_BYTES_MAX, SERVER_ORIGIN_CHARS_MAX } from "../../base/limits.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encodeCbor } from "../../codec/cbor.ts";
import { createFrameSplitter, encodeFrame } from "../../codec/frame-splitter.ts";
import {
  bytes,
  decode,
  encode,
  id,
  integer,
  list,
  nullable,
  type ShapeOf,
  text,
  variants,
} from "../../codec/shape.ts";
import { LABEL } from "../../crypto/labels.ts";
import { pad, unpad } from "../../crypto/padding.ts";
import type { PassphraseCost } from "../../crypto/passphrase.ts";
import { seal, unseal } from "../../crypto/seal.ts";
import { documentNameShape } from "../document-name.ts";
import { HEADS_PER_DOCUMENT_MAX } from "../snapshot/pack.ts";
import { PART_BYTES_MAX, PARTS_MAX } from "../snapshot/snapshot-blob.ts";
import {
  type BackupHead,
  type BackupHeadFault,
  type BackupLock,
  type BackupSecret,
  createBackupHead,
  openBackupHead,
  parseBackupHead,
} from "./backup-head.ts";

/** The first bytes of every backup. */
export const BACKUP_MARK: Bytes = toUtf8("dovetail backup\n");

/** What a frame says: first whose backup it is, then documents in parts, then that this was all. */
export const backupRecordShape = variants({
  start: [
    1,
    {
      accountId: id("account"),
      origin: text(SERVER_ORIGIN_CHARS_MAX),
      handle: nullable(text(256)),
      displayName: text(256),
      createdAtMs: integer(0),
      documentCount: integer(0),
    },
  ],
  part: [
    2,
    {
      document: documentNameShape,
      heads: list(bytes(32), HEADS_PER_DOCUMENT_MAX, 1),
      index: integer(0, PARTS_MAX - 1),
      count: integer(1, PARTS_MAX),
      bytes: bytes(0, PART_BYTES_MAX),
    },
  ],
  end: [3, { documentCount: integer(0), frameCount: integer(0) }],
});
export type BackupRecord = ShapeOf<typeof backupRecordShape>;

export type BackupFault =
  | BackupHeadFault
  /** Another file. */
  | { readonly type: "NotABackup" }
  /** The file ends before the backup does. */
  | { readonly type: "BackupTruncated"; readonly atByte: number }
  /** A secret that is not the one of this backup. */
  | { readonly type: "WrongBackupSecret"; readonly lock: BackupLock };

export interface BackupWriter {
  /** The bytes a file begins with. */
  readonly head: Bytes;
  /** The bytes of the next record; `end` is the last one. */
  write(record: BackupRecord): Bytes;
}

/** A new backup under `secret`. */
export function createBackupWriter(
  random: Random,
  secret: BackupSecret,
  cost?: PassphraseCost,
): BackupWriter {
  const { frame, key, backupId } = createBackupHead(random, secret, cost);
  let index = 0;
  return {
    head: concatBytes(BACKUP_MARK, encodeFrame(frame)),
    write(record) {
      const place = { index: index++, isLast: record.type === "end" };
      const sealed = seal(random, frameContext(key, backupId, place), pad(encode(backupRecordShape, record)));
      return encodeFrame(sealed);
    },
  };
}

export type BackupEvent =
  /** The head is read: `unlock` comes before anything else. */
  { readonly type: "locked"; readonly lock: BackupLock } | BackupRecord;

export interface BackupReader {
  push(bytes: Bytes): void;
  /** The next event, or null when more has to come. After a fault, nothing more. */
  next(): Result<BackupEvent | null, BackupFault>;
  /** Where in the file the next frame begins. */
  atByte(): number;
  unlock(secret: BackupSecret): Result<void, BackupFault>;
  /** The file has ended. - Fails: `BackupTruncated` unless the backup has too. */
  finish(): Result<void, BackupFault>;
}

/** Reads a backup from its first byte. */
export function createBackupReader(): BackupReader {
  let mark: Bytes = new Uint8Array();
  let head: BackupHead | null = null;
  let key: Bytes | null = null;
  let fault: BackupFault | null = null;
  let index = 0;
  let atByte = BACKUP_MARK.length;
  let isEnded = false;
  let readBytes = 0;
  const frames = createFrameSplitter(() => (head === null ? BACKUP_HEAD_BYTES_MAX : BACKUP_FRAME_BYTES_MAX));

  const fail = (found: BackupFault): Result<never, BackupFault> => {
    fault = found;
    return err(found);
  };
  const damaged = (): Result<never, BackupFault> => fail({ type: "BackupDamaged", atByte });

  function next(): Result<BackupEvent | null, BackupFault> {
    if (fault !== null) return err(fault);
    if (!equalBytes(mark, BACKUP_MARK.subarray(0, mark.length))) return fail({ type: "NotABackup" });
    if (mark.length < BACKUP_MARK.length || (head !== null && key === null)) return ok(null);
    const frame = frames.next();
    if (!frame.ok || (isEnded && readBytes > atByte)) return damaged();
    if (frame.value === null) return ok(null);
    const event = head === null ? takeHead(frame.value) : takeRecord(frame.value);
    if (event.ok) atByte += frame.value.length + 4;
    return event;
  }

  function takeHead(frame: Bytes): Result<BackupEvent, BackupFault> {
    const parsed = parseBackupHead(frame, atByte);
    if (!parsed.ok) return fail(parsed.error);
    head = parsed.value;
    return ok({ type: "locked", lock: head.key.type });
  }

  /** BK6: a frame opens at its own place only, and only the last one as the last. */
  function takeRecord(frame: Bytes): Result<BackupEvent, BackupFault> {
    if (head === null || key === null) return damaged();
    for (const isLast of [false, true]) {
      const opened = unseal(frameContext(key, head.backupId, { index, isLast }), frame);
      if (!opened.ok) continue;
      const plain = unpad(opened.value);
      const record = plain.ok ? decode(backupRecordShape, plain.value) : plain;
      const isOrdered = record.ok && (record.value.type === "start") === (index === 0);
      if (!record.ok || !isOrdered || (record.value.type === "end") !== isLast) return damaged();
      if (record.value.type === "end" && record.value.frameCount !== index) return damaged();
      index++;
      isEnded = isLast;
      return record;
    }
    return damaged();
  }

  return {
    push(pushed) {
      readBytes += pushed.length;
      const forMark = pushed.subarray(0, BACKUP_MARK.length - mark.length);
      mark = concatBytes(mark, forMark);
      if (pushed.length > forMark.length) frames.push(pushed.subarray(forMark.length));
    },
    next,
    atByte: () => atByte,
    unlock(secret) {
      if (fault !== null) return err(fault);
      key = head === null ? null : openBackupHead(head, secret);
      // BK4
      return key === null ? err({ type: "WrongBackupSecret", lock: head?.key.type ?? secret.type }) : ok();
    },
    finish() {
      if (fault !== null) return err(fault);
      if (mark.length < BACKUP_MARK.length) return fail({ type: "NotABackup" });
      return isEnded && readBytes === atByte ? ok() : fail({ type: "BackupTruncated", atByte });
    },
  };
}

function frameContext(
  key: Bytes,
  backupId: Bytes,
  { index, isLast }: { readonly index: number; readonly isLast: boolean },
) {
  const label = LABEL.sealBackup;
  return { key, label, aad: encodeCbor([label, backupId, index, isLast]) };
}
