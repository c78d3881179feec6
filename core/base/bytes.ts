/**
 * Bytes and their text forms, without any platform's own buffer type.
 *
 * Nothing here runs in constant time: secrets are compared by `equalSecret` of core/crypto.
 */
import { err, ok, type Result } from "./result.ts";

export type Bytes = Uint8Array;

export interface MalformedText {
  readonly type: "MalformedText";
  readonly expected: "hex" | "base64url" | "utf8";
}

const HEX_DIGITS = "0123456789abcdef";
/** How many characters a call may take as arguments, by half. */
const HEX_BYTES_AT_ONCE = 512;
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Values by character code, -1 for what is none: a map of characters takes five times as long. */
const BASE64URL_VALUES: Int8Array = Int8Array.from({ length: 128 }, (_, code) =>
  BASE64URL.indexOf(String.fromCharCode(code)),
);
const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Joins byte strings. */
export function concatBytes(...parts: readonly Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Compares public bytes. Not constant-time. */
export function equalBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Lower-case hexadecimal.
 *
 * Made from character codes in one go: text joined piece by piece stays a tree of pieces in memory, and an id then
 * takes ten times its length for as long as it lives.
 */
export function toHex(bytes: Bytes): string {
  if (bytes.length <= HEX_BYTES_AT_ONCE) return hexOfPart(bytes, 0, bytes.length);
  const parts: string[] = [];
  for (let start = 0; start < bytes.length; start += HEX_BYTES_AT_ONCE) {
    parts.push(hexOfPart(bytes, start, Math.min(bytes.length, start + HEX_BYTES_AT_ONCE)));
  }
  return parts.join("");
}

function hexOfPart(bytes: Bytes, start: number, end: number): string {
  const codes = new Array<number>(2 * (end - start));
  for (let i = start, at = 0; i < end; i++) {
    const byte = bytes[i] as number;
    codes[at++] = HEX_DIGITS.charCodeAt(byte >> 4);
    codes[at++] = HEX_DIGITS.charCodeAt(byte & 15);
  }
  return String.fromCharCode(...codes);
}

/** Parses lower-case hexadecimal of an even length; other forms are refused, so each value has one text. */
export function parseHex(text: string): Result<Bytes, MalformedText> {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    return err({ type: "MalformedText", expected: "hex" });
  return ok(fromHex(text));
}

/** Bytes of hexadecimal text that is already known to be well formed, such as an id. */
export function fromHex(text: string): Bytes {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (nibble(text, 2 * i) << 4) | nibble(text, 2 * i + 1);
  return bytes;
}

function nibble(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 58 ? code - 48 : code - 87;
}

/** Unpadded base64url, RFC 4648 section 5. */
export function toBase64Url(bytes: Bytes): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const triple = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += BASE64URL.charAt(triple >> 18) + BASE64URL.charAt((triple >> 12) & 63);
    if (left > 1) text += BASE64URL.charAt((triple >> 6) & 63);
    if (left > 2) text += BASE64URL.charAt(triple & 63);
  }
  return text;
}

/** Parses unpadded base64url; non-canonical last characters are refused, so each value has one text. */
export function parseBase64Url(text: string): Result<Bytes, MalformedText> {
  const malformed = err<MalformedText>({ type: "MalformedText", expected: "base64url" });
  if (text.length % 4 === 1) return malformed;
  // As bytes, four at a time: a long text costs little also before the engine has compiled this.
  const codes = utf8Encoder.encode(text);
  if (codes.length !== text.length) return malformed;
  const valueAt = (index: number): number => BASE64URL_VALUES[codes[index] ?? 0] ?? -1;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  const whole = text.length - (text.length % 4);
  let offset = 0;
  for (let i = 0; i < whole; i += 4) {
    const bits =
      ((BASE64URL_VALUES[codes[i] ?? 0] ?? -1) << 18) |
      ((BASE64URL_VALUES[codes[i + 1] ?? 0] ?? -1) << 12) |
      ((BASE64URL_VALUES[codes[i + 2] ?? 0] ?? -1) << 6) |
      (BASE64URL_VALUES[codes[i + 3] ?? 0] ?? -1);
    if (bits < 0) return malformed;
    bytes[offset] = bits >> 16;
    bytes[offset + 1] = bits >> 8;
    bytes[offset + 2] = bits;
    offset += 3;
  }
  // Two or three characters are left, or none: one byte or two, and bits that must be zero.
  if (whole === text.length) return ok(bytes);
  const isLong = text.length - whole === 3;
  const bits = (valueAt(whole) << 12) | (valueAt(whole + 1) << 6) | (isLong ? valueAt(whole + 2) : 0);
  if (bits < 0 || (bits & (isLong ? 3 : 1_023)) !== 0) return malformed;
  bytes[offset] = bits >> 10;
  if (isLong) bytes[offset + 1] = bits >> 2;
  return ok(bytes);
}

/** UTF-8 bytes of a text. */
export function toUtf8(text: string): Bytes {
  return utf8Encoder.encode(text);
}

/** Text of well-formed UTF-8. */
export function parseUtf8(bytes: Bytes): Result<string, MalformedText> {
  try {
    return ok(utf8Decoder.decode(bytes));
  } catch {
    return err({ type: "MalformedText", expected: "utf8" });
  }
}
