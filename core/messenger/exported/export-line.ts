/**
 * Lines of exported files: one JSON object each, with a `type`. Rules EX1, EX2.
 *
 * A file is something a person can edit and anybody can hand over, so every field that is used is checked here, and what
 * is wrong is named by its line and field. Fields that are not known are left alone: later versions may add some.
 */
import { type Bytes, parseBase64Url, toUtf8 } from "../../base/bytes.ts";
import { type Id, type IdKind, parseId } from "../../base/ids.ts";
import { EXPORT_LINE_CHARS_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";

/** Version of both formats; a file of a later one is refused. */
export const EXPORT_VERSION = 1;

/** What is wrong with a field or a line. */
export type LineRule =
  | "too-long"
  | "not-json"
  | "not-an-object"
  | "missing"
  | "not-text"
  | "not-a-number"
  | "not-yes-or-no"
  | "not-an-id"
  | "not-bytes"
  | "not-an-address"
  | "not-a-known-word"
  | "out-of-place"
  | "contradicts";

/** Why a file is no export that can be read. Lines count from 1. */
export type ExportFault =
  | { readonly type: "NotAnExport"; readonly what: "contacts" | "messages" }
  | { readonly type: "ExportVersionUnknown"; readonly version: number; readonly versionMax: number }
  | {
      readonly type: "BadExportLine";
      readonly line: number;
      readonly field: string | null;
      readonly rule: LineRule;
    }
  /** There is no last line, or it counts other lines than there are: the file was cut off or put together. */
  | { readonly type: "ExportCutOff"; readonly line: number }
  | { readonly type: "ExportTooLarge"; readonly lines: number; readonly linesMax: number };

/** A line that is a JSON object. */
export interface ExportRecord {
  readonly line: number;
  readonly type: string;
  readonly fields: ReadonlyMap<string, unknown>;
}

export type FieldParser<T> = (value: unknown) => Result<T, FieldFault>;

export interface FieldFault {
  /** Names below the field, from the outside in. */
  readonly path: readonly string[];
  readonly rule: LineRule;
}

/** One line of a file. */
export function parseExportLine(text: string, line: number): Result<ExportRecord, ExportFault> {
  const bad = (rule: LineRule) => err<ExportFault>({ type: "BadExportLine", line, field: null, rule });
  if (text.length > EXPORT_LINE_CHARS_MAX) return bad("too-long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad("not-json");
  }
  const fields = fieldsOf(value);
  if (fields === null) return bad("not-an-object");
  const type = fields.get("type");
  return typeof type === "string" ? ok({ line, type, fields }) : badField(line, ["type"], "missing");
}

/** The fields of a record, each by its parser; the first that is wrong is named. */
export function parseFields<T extends object>(
  record: ExportRecord,
  parsers: { readonly [K in keyof T]: FieldParser<T[K]> },
): Result<T, ExportFault> {
  const parsed = recordField(parsers)(record.fields);
  return parsed.ok ? parsed : badField(record.line, parsed.error.path, parsed.error.rule);
}

/** A fault of a field. */
export function badField(line: number, path: readonly string[], rule: LineRule): Result<never, ExportFault> {
  return err({ type: "BadExportLine", line, field: path.join("."), rule });
}

const fault = (rule: LineRule): Result<never, FieldFault> => err({ path: [], rule });

/** An object with these fields among others. */
export function recordField<T extends object>(
  parsers: {
    readonly [K in keyof T]: FieldParser<T[K]>;
  },
): FieldParser<T> {
  const table: ReadonlyMap<string, FieldParser<unknown>> = new Map(
    Object.entries<FieldParser<unknown>>(parsers),
  );
  return (value) => {
    const fields = value instanceof Map ? value : fieldsOf(value);
    if (fields === null) return fault("not-an-object");
    const parsed: { [name: string]: unknown } = {};
    for (const [name, parse] of table) {
      const field: Result<unknown, FieldFault> = fields.has(name)
        ? parse(fields.get(name))
        : fault("missing");
      if (!field.ok) return err({ path: [name, ...field.error.path], rule: field.error.rule });
      parsed[name] = field.value;
    }
    // Each field has passed the parser that its type asks for.
    return ok(parsed as T);
  };
}

/** The field, or null. */
export function nullableField<T>(parse: FieldParser<T>): FieldParser<T | null> {
  return (value) => (value === null ? ok(null) : parse(value));
}

/** Text of 1 to `bytesMax` bytes. */
export function textField(bytesMax: number): FieldParser<string> {
  return (value) => {
    if (typeof value !== "string" || value.length === 0 || !value.isWellFormed()) return fault("not-text");
    return toUtf8(value).length > bytesMax ? fault("too-long") : ok(value);
  };
}

/** A whole number from 0 on. */
export const countField: FieldParser<number> = (value) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? ok(value) : fault("not-a-number");

export const flagField: FieldParser<boolean> = (value) =>
  typeof value === "boolean" ? ok(value) : fault("not-yes-or-no");

export function idField<K extends IdKind>(kind: K): FieldParser<Id<K>> {
  return (value) => {
    const id = typeof value === "string" ? parseId(kind, value) : null;
    return id?.ok === true ? id : fault("not-an-id");
  };
}

/** Bytes as base64url. */
export function bytesField(sizeMin: number, sizeMax: number): FieldParser<Bytes> {
  return (value) => {
    const bytes = typeof value === "string" ? parseBase64Url(value) : null;
    if (bytes?.ok !== true || bytes.value.length < sizeMin) return fault("not-bytes");
    return bytes.value.length > sizeMax ? fault("too-long") : bytes;
  };
}

export function wordField<W extends string>(words: readonly W[]): FieldParser<W> {
  return (value) => {
    const found = words.find((word) => word === value);
    return found === undefined ? fault("not-a-known-word") : ok(found);
  };
}

/** A field that `check` has the last word on. */
export function checkedField<T, U>(parse: FieldParser<T>, check: (value: T) => U | null, rule: LineRule) {
  return (value: unknown): Result<U, FieldFault> => {
    const parsed = parse(value);
    if (!parsed.ok) return parsed;
    const checked = check(parsed.value);
    return checked === null ? fault(rule) : ok(checked);
  };
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return new Map(Object.entries(value));
}
