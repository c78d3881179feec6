/** Files of contacts, read as something anybody may have edited. */
import { describe, expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { EXPORT_LINE_CHARS_MAX, IMPORT_CONTACTS_MAX } from "../../../../core/base/limits.ts";
import {
  type FileContact,
  formatContactsFile,
  parseContactsFile,
} from "../../../../core/messenger/exported/contacts-file.ts";

const self = idFromBytes("account", new Uint8Array(32).fill(1));
const number = Array.from({ length: 12 }, () => "12345").join(" ");

const ben: FileContact = {
  accountId: idFromBytes("account", new Uint8Array(32).fill(2)),
  origin: "https://chat.example.org",
  handle: "ben@chat.example.org",
  name: "Ben",
  petname: 'Ben "the\nclock"',
  notes: "Met in Porto, 🕊️",
  state: "accepted",
  addedAtMs: 1_700_000_000_000,
  verified: { atMs: 5, safetyNumber: number, proof: { epoch: 7, mac: new Uint8Array(32).fill(9) } },
};
const eve: FileContact = {
  ...ben,
  accountId: idFromBytes("account", new Uint8Array(32).fill(3)),
  handle: null,
  name: null,
  petname: null,
  notes: null,
  state: "blocked",
  verified: null,
};

const fileOf = (...contacts: readonly FileContact[]): string =>
  formatContactsFile({ account: self, name: "Ada", exportedAtMs: 6 }, contacts);

/** The file with one field of Ben's line changed; undefined takes it away. */
function withField(name: string, value: unknown): string {
  const [head = "", line = "", ...rest] = fileOf(ben).split("\n");
  const record: Record<string, unknown> = JSON.parse(line);
  record[name] = value;
  return [head, JSON.stringify(record), ...rest].join("\n");
}

const errorOf = (text: string) => {
  const parsed = parseContactsFile(text);
  return parsed.ok ? null : parsed.error;
};

describe("a file of contacts", () => {
  test("[EX1] comes back as it was written, also through an editor that changes line ends", () => {
    const expected = {
      account: self,
      contacts: [
        { line: 2, contact: ben },
        { line: 3, contact: eve },
      ],
    };
    const text = fileOf(ben, eve);
    for (const form of [text, text.replaceAll("\n", "\r\n"), `\ufeff${text}\n\n`])
      expect(parseContactsFile(form)).toEqual({ ok: true, value: expected });
    expect(parseContactsFile(fileOf())).toMatchObject({ ok: true, value: { contacts: [] } });
  });

  test("[EX1] may have fields of a later version", () => {
    expect(parseContactsFile(withField("birthday", "today")).ok).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ["accountId", "zz", "not-an-id"],
    ["accountId", undefined, "missing"],
    ["origin", "ftp://x", "not-an-address"],
    ["handle", 7, "not-text"],
    ["petname", "", "not-text"],
    ["petname", "\ud800", "not-text"],
    ["petname", "x".repeat(257), "too-long"],
    ["notes", "x".repeat(4_097), "too-long"],
    ["state", "friend", "not-a-known-word"],
    ["addedAtMs", -1, "not-a-number"],
    ["addedAtMs", 1.5, "not-a-number"],
    ["verified", true, "not-an-object"],
    ["type", "person", "not-a-known-word"],
  ])("[EX2] is refused whole for a field %s that is %j", (field, value, rule) => {
    expect(errorOf(withField(field, value))).toEqual({ type: "BadExportLine", line: 2, field, rule });
  });

  test.each<[string, unknown, string]>([
    ["verified.atMs", { safetyNumber: number, proof: null }, "missing"],
    ["verified.safetyNumber", { atMs: 1, safetyNumber: "1", proof: null }, "not-a-number"],
    ["verified.proof", { atMs: 1, safetyNumber: number, proof: "AAAA" }, "not-bytes"],
  ])("[EX2] names a field within a field: %s", (field, verified, rule) => {
    expect(errorOf(withField("verified", verified))).toMatchObject({ line: 2, field, rule });
  });

  test("[EX2] is refused when it is none, of a later version, cut off, put together or not JSON", () => {
    expect(errorOf("")).toEqual({ type: "NotAnExport", what: "contacts" });
    expect(errorOf('{"type":"export","version":1}')).toEqual({ type: "NotAnExport", what: "contacts" });
    const text = fileOf(ben, eve);
    expect(errorOf(text.replace('"version":1', '"version":2'))).toEqual({
      type: "ExportVersionUnknown",
      version: 2,
      versionMax: 1,
    });
    const lines = text.split("\n");
    expect(errorOf(lines.slice(0, 3).join("\n"))).toEqual({ type: "ExportCutOff", line: 3 });
    expect(errorOf([lines[0], lines[1], lines[3]].join("\n"))).toEqual({ type: "ExportCutOff", line: 3 });
    expect(errorOf([...lines.slice(0, 4), lines[1]].join("\n"))).toMatchObject({
      field: "type",
      rule: "out-of-place",
    });
    expect(errorOf([lines[0], "{", lines[3]].join("\n"))).toMatchObject({ line: 2, rule: "not-json" });
    expect(errorOf([lines[0], "[]", lines[3]].join("\n"))).toMatchObject({ rule: "not-an-object" });
  });

  test("[EX2] has lines and a number of them that are not endless", () => {
    const padded = (length: number): string => {
      const [head = "", line = "", ...rest] = fileOf(ben).split("\n");
      return [head, `${line.slice(0, -1)}${" ".repeat(length - line.length)}}`, ...rest].join("\n");
    };
    expect(errorOf(padded(EXPORT_LINE_CHARS_MAX))).toBeNull();
    expect(errorOf(padded(EXPORT_LINE_CHARS_MAX + 1))).toMatchObject({ line: 2, rule: "too-long" });
    const many = (n: number) => fileOf(...Array.from({ length: n }, () => eve));
    expect(errorOf(many(IMPORT_CONTACTS_MAX))).toBeNull();
    expect(errorOf(many(IMPORT_CONTACTS_MAX + 1))).toMatchObject({ type: "ExportTooLarge" });
  });
});
