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
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let bitCount = 0;
  let offset = 0;
  for (let i = 0; i < text.length; i++) {
    const value = BASE64URL_VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return malformed;
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[offset++] = (bits >> bitCount) & 0xff;
    }
  }
  if ((bits & ((1 << bitCount) - 1)) !== 0) return malformed;
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
