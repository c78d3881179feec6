/** The file of `contact export`: whom an account knows, as lines of JSON. Rules EX1, EX2, EX5. */
import { toBase64Url } from "../../base/bytes.ts";
import type { AccountId } from "../../base/ids.ts";
import {
  CONTACT_NOTES_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  HANDLE_CHARS_MAX,
  IMPORT_CONTACTS_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import {
  badField,
  bytesField,
  checkedField,
  countField,
  EXPORT_VERSION,
  type ExportFault,
  type ExportRecord,
  idField,
  nullableField,
  parseExportLine,
  parseFields,
  recordField,
  textField,
  wordField,
} from "./export-line.ts";
import { decodeProof, encodeProof, type ExportProof, PROOF_BYTES } from "./export-proof.ts";

const STATES = ["known", "requested", "incoming", "accepted", "declined", "blocked"] as const;
/** Any handle, with its server's name. */
const HANDLE_BYTES_MAX = 4 * HANDLE_CHARS_MAX;

/** That a safety number was compared, as the file claims. `proof` is null where no device of the exporter could make one. */
export interface VerifiedClaim {
  readonly atMs: number;
  readonly safetyNumber: string;
  readonly proof: ExportProof | null;
}

/** A contact as a file has it. `name` is what they call themselves. */
export interface FileContact {
  readonly accountId: AccountId;
  readonly origin: string;
  readonly handle: string | null;
  readonly name: string | null;
  readonly petname: string | null;
  readonly notes: string | null;
  readonly state: (typeof STATES)[number];
  readonly addedAtMs: number;
  readonly verified: VerifiedClaim | null;
}

export interface ContactsFile {
  /** Whose contacts they are, by the file's own word. */
  readonly account: AccountId;
  /** In the order of the file, with the line each came from. */
  readonly contacts: readonly { readonly line: number; readonly contact: FileContact }[];
}

const SAFETY_NUMBER = /^(?:[0-9]{5} ){11}[0-9]{5}$/;
const proofSize = 4 + PROOF_BYTES;
const verifiedField = recordField<VerifiedClaim>({
  atMs: countField,
  safetyNumber: checkedField(
    textField(128),
    (text) => (SAFETY_NUMBER.test(text) ? text : null),
    "not-a-number",
  ),
  proof: nullableField(checkedField(bytesField(proofSize, proofSize), decodeProof, "not-bytes")),
});
const contactFields = {
  accountId: idField("account"),
  origin: checkedField(
    textField(SERVER_ORIGIN_CHARS_MAX),
    (text) => (parseServerOrigin(text).ok ? text : null),
    "not-an-address",
  ),
  handle: nullableField(textField(HANDLE_BYTES_MAX)),
  name: nullableField(textField(DISPLAY_NAME_BYTES_MAX)),
  petname: nullableField(textField(DISPLAY_NAME_BYTES_MAX)),
  notes: nullableField(textField(CONTACT_NOTES_BYTES_MAX)),
  state: wordField(STATES),
  addedAtMs: countField,
  verified: nullableField(verifiedField),
};

/** The whole file. */
export function formatContactsFile(
  head: { readonly account: AccountId; readonly name: string; readonly exportedAtMs: number },
  contacts: readonly FileContact[],
): string {
  const { account, name, exportedAtMs } = head;
  const lines = [
    { type: "contacts", version: EXPORT_VERSION, exportedAtMs, account: { accountId: account, name } },
    ...contacts.map((contact) => ({ type: "contact", ...contact, verified: verifiedOf(contact.verified) })),
    { type: "end", contacts: contacts.length },
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function verifiedOf(claim: VerifiedClaim | null) {
  if (claim === null) return null;
  return { ...claim, proof: claim.proof === null ? null : toBase64Url(encodeProof(claim.proof)) };
}

/** What a file holds, checked whole before anything of it is used. */
export function parseContactsFile(text: string): Result<ContactsFile, ExportFault> {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)?.trim() === "") lines.pop();
  if (lines.length > IMPORT_CONTACTS_MAX + 2)
    return err({ type: "ExportTooLarge", lines: lines.length, linesMax: IMPORT_CONTACTS_MAX + 2 });
  const head = parseHead(lines[0] ?? "");
  if (!head.ok) return head;
  const contacts: { line: number; contact: FileContact }[] = [];
  for (const [index, source] of lines.entries()) {
    if (index === 0) continue;
    const record = parseExportLine(source, index + 1);
    if (!record.ok) return record;
    if (record.value.type === "end") return finish(head.value, contacts, record.value, lines.length);
    if (record.value.type !== "contact") return badField(index + 1, ["type"], "not-a-known-word");
    const contact = parseFields<FileContact>(record.value, contactFields);
    if (!contact.ok) return contact;
    contacts.push({ line: index + 1, contact: contact.value });
  }
  return err({ type: "ExportCutOff", line: lines.length });
}

function parseHead(source: string): Result<AccountId, ExportFault> {
  const record = parseExportLine(source, 1);
  if (!record.ok || record.value.type !== "contacts") return err({ type: "NotAnExport", what: "contacts" });
  return parseExportHead(record.value);
}

/** Version and account of a first line. */
export function parseExportHead(record: ExportRecord): Result<AccountId, ExportFault> {
  const version = record.fields.get("version");
  if (typeof version === "number" && version !== EXPORT_VERSION)
    return err({ type: "ExportVersionUnknown", version, versionMax: EXPORT_VERSION });
  const head = parseFields<{ readonly version: number; readonly account: { readonly accountId: AccountId } }>(
    record,
    { version: countField, account: recordField({ accountId: idField("account") }) },
  );
  return head.ok ? ok(head.value.account.accountId) : head;
}

function finish(
  account: AccountId,
  contacts: ContactsFile["contacts"],
  end: ExportRecord,
  lineCount: number,
): Result<ContactsFile, ExportFault> {
  if (end.line !== lineCount) return badField(end.line, ["type"], "out-of-place");
  const counted = parseFields<{ readonly contacts: number }>(end, { contacts: countField });
  if (!counted.ok) return counted;
  if (counted.value.contacts !== contacts.length) return err({ type: "ExportCutOff", line: end.line });
  return ok({ account, contacts });
}
