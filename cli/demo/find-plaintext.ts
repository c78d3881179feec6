/**
 * Searches raw bytes for texts that must not be there: as they are, and in the forms in which a program may have
 * written them.
 *
 * One pass over the bytes for any number of texts: three bytes at each place are looked up in a bitmap first.
 */

/** A text, key or name to search for. */
export interface Needle {
  readonly what: string;
  readonly form: string;
  readonly bytes: Uint8Array;
}

export interface Finding {
  readonly what: string;
  readonly form: string;
  readonly offset: number;
}

/** Shorter ones would be found by chance, or in the words of a database's own schema. */
export const NEEDLE_BYTES_MIN = 8;
/** Parts of this length are also searched for alone: a store may break a text across pages. */
const PART_BYTES = 24;
const FINDINGS_MAX = 100;

/** Every form of `content` that is searched for; none when it is too short. */
export function needlesOf(what: string, content: string | Uint8Array): readonly Needle[] {
  const bytes = Buffer.from(content);
  if (bytes.length < NEEDLE_BYTES_MIN) return [];
  const forms: [form: string, bytes: Uint8Array][] = [["as it is", bytes]];
  for (const [index, part] of partsOf(bytes).entries()) forms.push([`part ${index + 1}`, part]);
  forms.push(["hexadecimal", Buffer.from(bytes.toString("hex"))]);
  forms.push(["HEXADECIMAL", Buffer.from(bytes.toString("hex").toUpperCase())]);
  for (const shift of [0, 1, 2]) {
    for (const encoding of ["base64", "base64url"] as const) {
      // Of the characters of base64 only those are fixed that do not share bits with what stands around the text.
      const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
        .toString(encoding)
        .replace(/=+$/, "");
      const start = shift === 0 ? 0 : shift + 1;
      forms.push([encoding, Buffer.from(encoded.slice(start, -1))]);
    }
  }
  if (typeof content === "string") {
    const wide = Buffer.from(content, "utf16le");
    forms.push(["UTF-16", wide.subarray(0, Math.max(2 * PART_BYTES, NEEDLE_BYTES_MIN))]);
    const escaped = JSON.stringify(content).slice(1, -1);
    if (escaped !== content) forms.push(["JSON", Buffer.from(escaped)]);
  }
  return forms
    .filter(([, form]) => form.length >= NEEDLE_BYTES_MIN)
    .map(([form, formBytes]) => ({ what, form, bytes: formBytes }));
}

function partsOf(bytes: Buffer): readonly Uint8Array[] {
  if (bytes.length < 2 * PART_BYTES) return [];
  const middle = (bytes.length - PART_BYTES) >> 1;
  return [0, middle, bytes.length - PART_BYTES].map((start) => bytes.subarray(start, start + PART_BYTES));
}

/** A search for many needles, to be used on many files. */
export function createPlaintextSearch(
  needles: readonly Needle[],
): (haystack: Uint8Array) => readonly Finding[] {
  const bitmap = new Uint8Array(1 << 21);
  const needlesByStart = new Map<string, Needle[]>();
  for (const needle of needles) {
    const [a = 0, b = 0, c = 0] = needle.bytes;
    const start = (a << 16) | (b << 8) | c;
    bitmap[start >> 3] = (bitmap[start >> 3] ?? 0) | (1 << (start & 7));
    const key = keyAt(needle.bytes, 0);
    const same = needlesByStart.get(key);
    if (same === undefined) needlesByStart.set(key, [needle]);
    else same.push(needle);
  }
  return (haystack) => {
    const found: Finding[] = [];
    let start = ((haystack[0] ?? 0) << 8) | (haystack[1] ?? 0);
    for (let offset = 0; offset + NEEDLE_BYTES_MIN <= haystack.length; offset++) {
      start = ((start << 8) | (haystack[offset + 2] ?? 0)) & 0xff_ffff;
      if (((bitmap[start >> 3] ?? 0) & (1 << (start & 7))) === 0) continue;
      for (const { what, form, bytes } of needlesByStart.get(keyAt(haystack, offset)) ?? []) {
        if (!standsAt(haystack, offset, bytes)) continue;
        found.push({ what, form, offset });
        if (found.length === FINDINGS_MAX) return found;
      }
    }
    return found;
  };
}

function keyAt(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, NEEDLE_BYTES_MIN).toString("latin1");
}

function standsAt(haystack: Uint8Array, offset: number, needle: Uint8Array): boolean {
  if (offset + needle.length > haystack.length) return false;
  for (let i = 0; i < needle.length; i++) if (haystack[offset + i] !== needle[i]) return false;
  return true;
}
