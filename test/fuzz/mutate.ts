/** Changes to inputs: of bytes, of texts by their words, and of CBOR by its tree, which bytes alone seldom get past the codec. */
import type { Bytes } from "../../core/base/bytes.ts";
import { concatBytes, toUtf8 } from "../../core/base/bytes.ts";
import { type CborValue, decodeCbor, encodeCbor } from "../../core/codec/cbor.ts";
import type { SeededRandom } from "../support/seeded-random.ts";
import { pick } from "./case-random.ts";

/** How an input is written, which says how it is best changed. Of a `tree` the CBOR stays whole: it only carries the parts. */
export type InputForm = "bytes" | "cbor" | "text" | "tree";

export interface Material {
  readonly form: InputForm;
  /** Other inputs, to take pieces of. */
  readonly others: readonly Bytes[];
  /** Words that mean something to the parser. */
  readonly words: readonly string[];
}

/** What an input may grow to: above the largest frame and file line that anything takes. */
const GROWN_BYTES_MAX = 1_100_000;
const DEPTH_MAX = 4_096;
const EDGES = [
  0, 1, -1, 23, 24, 255, 256, 65_535, 65_536, 2_147_483_647, 4_294_967_295, 4_294_967_296,
  9_007_199_254_740_991, -9_007_199_254_740_991,
];
const EDGE_BYTES = [0, 1, 0x17, 0x18, 0x1b, 0x3b, 0x5b, 0x7b, 0x80, 0x81, 0x9b, 0xbb, 0xc0, 0xf4, 0xf6, 0xff];
const TEXTS = [
  "",
  "\u0000",
  "\u{1f600}",
  "\u202e",
  "__proto__",
  "constructor",
  "..",
  "/",
  "-1",
  "1e999",
  "NaN",
];

/** `input` after one to eight changes. */
export function mutate(random: SeededRandom, input: Bytes, material: Material): Bytes {
  let changed = input;
  const count = 1 + (random.chance(40) ? random.below(8) : 0);
  for (let i = 0; i < count; i++)
    changed = mutateOnce(random, changed, material).subarray(0, GROWN_BYTES_MAX);
  return changed;
}

function mutateOnce(random: SeededRandom, input: Bytes, material: Material): Bytes {
  if (material.form === "tree" || (material.form === "cbor" && random.chance(65))) {
    const value = decodeCbor(input);
    if (value.ok) return encodeCbor(mutateTree(random, value.value, 0));
  }
  if (material.form === "text" && random.chance(50)) {
    const word = toUtf8(pick(random, [...material.words, ...TEXTS, String(pick(random, EDGES))]));
    return splice(random, input, word);
  }
  return mutateBytes(random, input, material.others);
}

function mutateBytes(random: SeededRandom, input: Bytes, others: readonly Bytes[]): Bytes {
  const at = random.below(input.length + 1);
  switch (random.below(12)) {
    case 0:
    case 1:
      return withByte(input, at, (old) => old ^ (1 << random.below(8)));
    case 2:
      return withByte(input, at, () => pick(random, EDGE_BYTES));
    case 3:
      return withByte(input, at, () => random.below(256));
    case 4:
      return input.slice(0, at);
    case 5:
      return concatBytes(input, random.bytes(1 + random.below(16)));
    case 6:
      return concatBytes(input.subarray(0, at), input.subarray(at + 1 + random.below(8)));
    case 7:
      return concatBytes(input.subarray(0, at), random.bytes(1 + random.below(8)), input.subarray(at));
    case 8:
      return splice(random, input, pieceOf(random, pick(random, others)));
    case 9:
      return withLength(random, input, at);
    case 10:
      return repeated(random, input, at);
    default:
      return concatBytes(nested(random), input.subarray(at));
  }
}

function withByte(input: Bytes, at: number, change: (old: number) => number): Bytes {
  const old = input[at];
  return old === undefined ? input : input.with(at, change(old) & 255);
}

/** Puts `piece` in the place of some of `input`. */
function splice(random: SeededRandom, input: Bytes, piece: Bytes): Bytes {
  const from = random.below(input.length + 1);
  const to = random.chance(50) ? from : from + random.below(input.length - from + 1);
  return concatBytes(input.subarray(0, from), piece, input.subarray(to));
}

function pieceOf(random: SeededRandom, other: Bytes): Bytes {
  const from = random.below(other.length + 1);
  return other.subarray(from, from + random.below(other.length - from + 1));
}

/** A length that lies, in one of the sizes that a CBOR head, a frame or a TLS vector has. */
function withLength(random: SeededRandom, input: Bytes, at: number): Bytes {
  const size = pick(random, [1, 2, 4, 8]);
  const lie = new Uint8Array(8);
  const edge = Math.abs(pick(random, EDGES));
  new DataView(lie.buffer).setBigUint64(0, random.chance(50) ? BigInt(edge) : 0xffff_ffff_ffff_ffffn);
  return concatBytes(input.subarray(0, at), lie.subarray(8 - size), input.subarray(at + size));
}

/** A stretch of the input many times: mostly a few, seldom as many as pass every limit. */
function repeated(random: SeededRandom, input: Bytes, at: number): Bytes {
  const piece = input.subarray(at, at + 1 + random.below(64));
  if (piece.length === 0) return input;
  const bytesMax = random.chance(2) ? GROWN_BYTES_MAX : 1_024;
  const count = 1 + random.below(Math.max(1, Math.floor((bytesMax - input.length) / piece.length)));
  const grown = new Uint8Array(piece.length * count);
  for (let i = 0; i < count; i++) grown.set(piece, i * piece.length);
  return concatBytes(input.subarray(0, at), grown, input.subarray(at));
}

/** Openings of nested items: of CBOR, of JSON, and of groups in a query. */
function nested(random: SeededRandom): Bytes {
  const opening = pick(random, ["\u0081", "[", '{"a":', "("]);
  const depth = 1 + random.below(random.chance(10) ? DEPTH_MAX : 24);
  return Uint8Array.from(Buffer.from(opening.repeat(depth), "latin1"));
}

function mutateTree(random: SeededRandom, value: CborValue, depth: number): CborValue {
  // A structure inside a byte string is a structure too: what is signed or embedded travels so.
  if (value instanceof Uint8Array && random.chance(40)) {
    const inner = decodeCbor(value);
    if (inner.ok && typeof inner.value === "object") return encodeCbor(mutateTree(random, inner.value, 0));
  }
  if (!isArray(value) || value.length === 0 || random.chance(8)) return otherLeaf(random, value, depth);
  const at = random.below(value.length);
  const items = [...value];
  switch (random.below(10)) {
    case 0:
      items.splice(at, 1);
      return items;
    case 1:
      items.splice(at, 0, pick(random, items));
      return items;
    case 2:
      items[at] = pick(random, items);
      return items;
    case 3:
      return random.chance(20) ? widened(random, items[at] ?? null) : items;
    default:
      items[at] = mutateTree(random, items[at] ?? null, depth + 1);
      return items;
  }
}

/** An item many times, within what an input may grow to. */
function widened(random: SeededRandom, item: CborValue): CborValue {
  const countMax = Math.min(5_000, Math.floor(GROWN_BYTES_MAX / encodeCbor(item).length));
  return Array.from({ length: random.below(countMax + 1) }, () => item);
}

function otherLeaf(random: SeededRandom, value: CborValue, depth: number): CborValue {
  if (value instanceof Uint8Array && random.chance(70)) {
    const changed = mutateBytes(random, value, [value]);
    return changed.length > 262_144 ? changed.slice(0, 262_144) : changed;
  }
  if (typeof value === "string" && random.chance(50))
    return Buffer.from(mutateBytes(random, toUtf8(value), [toUtf8(pick(random, TEXTS))])).toString("utf8");
  switch (random.below(9)) {
    case 0:
      return null;
    case 1:
      return random.chance(50);
    case 2:
      return random.bytes(random.below(80));
    case 3:
      return pick(random, TEXTS);
    case 4:
      return depth > 8 ? [] : [value];
    case 5:
      return typeof value === "number" ? Math.max(-EDGE, Math.min(EDGE, value + random.below(3) - 1)) : [];
    case 6:
      return typeof value === "string" ? `${value}${pick(random, TEXTS)}` : random.below(65_536);
    default:
      return pick(random, EDGES);
  }
}

/** Beyond it our CBOR has no integer, nor the encoder a form. */
const EDGE = 9_007_199_254_740_990;

function isArray(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}
