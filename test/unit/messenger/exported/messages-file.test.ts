/** Files of messages, read line by line as something anybody may have edited. */
import { beforeAll, describe, expect, test } from "vitest";
import { toBase64Url } from "../../../../core/base/bytes.ts";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { encode } from "../../../../core/codec/shape.ts";
import { cryptoReady } from "../../../../core/crypto/sodium.ts";
import type { ExportFault } from "../../../../core/messenger/exported/export-line.ts";
import { encodeProof } from "../../../../core/messenger/exported/export-proof.ts";
import {
  createMessagesReader,
  type FileMessage,
  type MessagesFile,
} from "../../../../core/messenger/exported/messages-file.ts";
import { createOp, messagePayloadShape, OP_KIND } from "../../../../core/messenger/op.ts";

const self = idFromBytes("account", new Uint8Array(32).fill(1));
const proof = { epoch: 2, mac: new Uint8Array(32).fill(8) };
const head = { type: "export", version: 1, exportedAtMs: 1, account: { accountId: self, name: "Ada" } };

function messageLine(text: string, changes: Readonly<Record<string, unknown>> = {}) {
  const op = createOp({
    version: 1,
    conversationId: idFromBytes("conversation", new Uint8Array(32).fill(4)),
    author: self,
    device: idFromBytes("device", new Uint8Array(16).fill(5)),
    deviceSeq: 0,
    devicePrev: null,
    hlc: 1_024,
    kind: OP_KIND.message,
    target: null,
    payload: encode(messagePayloadShape, { text }),
    expire: null,
    ext: null,
  });
  const line = { type: "message", id: op.id, author: self, text, op: toBase64Url(op.bytes) };
  return { ...line, proof: toBase64Url(encodeProof(proof)), ...changes };
}

function readAll(lines: readonly unknown[]): {
  readonly messages: readonly FileMessage[];
  readonly file: MessagesFile | null;
  readonly fault: ExportFault | null;
} {
  const reader = createMessagesReader();
  const messages: FileMessage[] = [];
  for (const line of lines) {
    const read = reader.read(typeof line === "string" ? line : JSON.stringify(line));
    if (!read.ok) return { messages, file: null, fault: read.error };
    if (read.value !== null) messages.push(read.value);
  }
  const file = reader.finish();
  return { messages, file: file.ok ? file.value : null, fault: file.ok ? null : file.error };
}

const end = (messages: number) => ({ type: "end", conversations: 1, messages });

describe("a file of messages", () => {
  beforeAll(cryptoReady);

  test("[EX6] gives the bytes and the proof of each message, and counts those that have none", () => {
    const { op: _, proof: __, ...old } = messageLine("old");
    const read = readAll([
      head,
      { type: "conversation", id: "c" },
      messageLine("one"),
      "",
      old,
      messageLine("two", { proof: null }),
      end(3),
    ]);
    expect(read.messages).toMatchObject([{ line: 3, proof }]);
    expect(read.file).toEqual({ account: self, messages: 3, unproven: 2 });
  });

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["text", { text: "one thousand" }, "contradicts"],
    ["author", { author: idFromBytes("account", new Uint8Array(32).fill(2)) }, "contradicts"],
    ["id", { id: idFromBytes("op", new Uint8Array(32).fill(2)) }, "contradicts"],
    ["id", { id: "x" }, "not-an-id"],
    ["op", { op: "AAAA" }, "not-bytes"],
    ["op", { op: 5 }, "not-bytes"],
    ["proof", { proof: "AAAA" }, "not-bytes"],
    ["proof", { proof: undefined }, "missing"],
  ])("[EX6] [EX2] is refused where %s is %j", (field, changes, rule) => {
    const { fault } = readAll([head, messageLine("one", changes), end(1)]);
    expect(fault).toEqual({ type: "BadExportLine", line: 2, field, rule });
  });

  test("[EX2] is refused when it is none, cut off, put together or not JSON", () => {
    expect(readAll([]).fault).toEqual({ type: "NotAnExport", what: "messages" });
    expect(readAll([{ ...head, type: "contacts" }]).fault).toEqual({ type: "NotAnExport", what: "messages" });
    expect(readAll([{ ...head, version: 9 }]).fault).toMatchObject({ type: "ExportVersionUnknown" });
    expect(readAll([head, messageLine("one")]).fault).toEqual({ type: "ExportCutOff", line: 2 });
    expect(readAll([head, messageLine("one"), end(2)]).fault).toEqual({ type: "ExportCutOff", line: 3 });
    expect(readAll([head, end(0), messageLine("one")]).fault).toMatchObject({
      line: 3,
      rule: "out-of-place",
    });
    expect(readAll([head, "{"]).fault).toMatchObject({ line: 2, rule: "not-json" });
    expect(readAll([head, { type: "song" }]).fault).toMatchObject({
      field: "type",
      rule: "not-a-known-word",
    });
  });
});
