/**
 * The file of `inbox export`, read back line by line. Rules EX1, EX2, EX6.
 *
 * What people and programs read in a line (names, times, the text) stands beside the message's own bytes, `op`, with
 * their proof. Only those bytes are ever brought back; a line that says something else than they do is refused.
 */
import type { Bytes } from "../../base/bytes.ts";
import type { AccountId, OpId } from "../../base/ids.ts";
import { OP_BYTES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseOp } from "../op.ts";
import { timelineMessage } from "../timeline.ts";
import { parseExportHead } from "./contacts-file.ts";
import {
  badField,
  bytesField,
  checkedField,
  countField,
  type ExportFault,
  type ExportRecord,
  idField,
  nullableField,
  parseExportLine,
  parseFields,
} from "./export-line.ts";
import { decodeProof, type ExportProof, PROOF_BYTES } from "./export-proof.ts";

/** A message to bring back: its bytes, and the proof that came with them. */
export interface FileMessage {
  readonly line: number;
  readonly op: Bytes;
  readonly proof: ExportProof;
}

/** Reads lines in their order. */
export interface MessagesReader {
  /** The message of a line; null for lines that hold none, and for messages without bytes and proof. */
  read(text: string): Result<FileMessage | null, ExportFault>;
  /** Whose export it is, by its own word; null before its first line. */
  account(): AccountId | null;
  /** After the last line. */
  finish(): Result<MessagesFile, ExportFault>;
}

export interface MessagesFile {
  readonly account: AccountId;
  readonly messages: number;
  /** Messages without bytes and proof, as exports of earlier versions have them. */
  readonly unproven: number;
}

const proofSize = 4 + PROOF_BYTES;
const proofField = checkedField(bytesField(proofSize, proofSize), decodeProof, "not-bytes");

/** A reader for one file, at its beginning. */
export function createMessagesReader(): MessagesReader {
  let line = 0;
  let account: AccountId | null = null;
  let messages = 0;
  let unproven = 0;
  let counted: number | null = null;

  function read(text: string): Result<FileMessage | null, ExportFault> {
    line++;
    if (text.trim() === "") return ok(null);
    const record = parseExportLine(line === 1 ? text.replace(/^\ufeff/, "") : text, line);
    if (account === null) return readHead(record);
    if (!record.ok) return record;
    if (counted !== null) return badField(line, ["type"], "out-of-place");
    switch (record.value.type) {
      case "conversation":
        return ok(null);
      case "message":
        return readMessage(record.value);
      case "end": {
        const end = parseFields<{ readonly messages: number }>(record.value, { messages: countField });
        if (!end.ok) return end;
        counted = end.value.messages;
        return ok(null);
      }
      default:
        return badField(line, ["type"], "not-a-known-word");
    }
  }

  function readHead(record: Result<ExportRecord, ExportFault>): Result<null, ExportFault> {
    if (!record.ok || record.value.type !== "export") return err({ type: "NotAnExport", what: "messages" });
    const head = parseExportHead(record.value);
    if (!head.ok) return head;
    account = head.value;
    return ok(null);
  }

  function readMessage(record: ExportRecord): Result<FileMessage | null, ExportFault> {
    messages++;
    if (!record.fields.has("op") || record.fields.get("op") === null) {
      unproven++;
      return ok(null);
    }
    const fields = parseFields<{
      readonly id: OpId;
      readonly op: Bytes;
      readonly proof: ExportProof | null;
    }>(record, { id: idField("op"), op: bytesField(1, OP_BYTES_MAX), proof: nullableField(proofField) });
    if (!fields.ok) return fields;
    const { id, op, proof } = fields.value;
    const named = parseOp(op);
    const message = named.ok ? timelineMessage(named.value) : null;
    if (message === null) return badField(line, ["op"], "not-bytes");
    // EX6
    const said = { id, text: record.fields.get("text"), author: record.fields.get("author") };
    for (const name of ["id", "text", "author"] as const)
      if (said[name] !== message[name]) return badField(line, [name], "contradicts");
    if (proof !== null) return ok({ line, op, proof });
    unproven++;
    return ok(null);
  }

  function finish(): Result<MessagesFile, ExportFault> {
    if (account === null) return err({ type: "NotAnExport", what: "messages" });
    if (counted !== messages) return err({ type: "ExportCutOff", line });
    return ok({ account, messages, unproven });
  }

  return { read, account: () => account, finish };
}
