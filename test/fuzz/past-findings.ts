/** Inputs that broke a promise once, kept by name: each is made here, and played in every run of the tests. */
import { type Bytes, toUtf8 } from "../../core/base/bytes.ts";

export interface PastFinding {
  readonly name: string;
  readonly target: string;
  /** Which of the target's valid inputs says what is fed. */
  readonly of: number;
  readonly input: Bytes;
}

export const PAST_FINDINGS: readonly PastFinding[] = [
  {
    // 42 MiB and 183 ms: as long as a frame may be, and half of it arrays of an empty array.
    name: "a frame of half a million arrays",
    target: "cbor",
    of: 12,
    input: Uint8Array.from([
      0x9a,
      0,
      0x07,
      0xa1,
      0x20,
      ...new Uint8Array(1_000_000).map((_, i) => 0x81 - (i & 1)),
    ]),
  },
  {
    name: "a frame of a million empty strings",
    target: "cbor",
    of: 12,
    input: Uint8Array.from([0x9a, 0, 0x0f, 0x42, 0x40, ...new Uint8Array(1_000_000).fill(0x40)]),
  },
  {
    // 38 MiB: an object was made for the head of each item, to say how long it is.
    name: "a stored session of six hundred thousand small numbers",
    target: "envelopes",
    of: 3,
    input: Uint8Array.from([
      0x98,
      229,
      ...Array(229)
        .fill([0x99, 0x0a, 0x1e, ...Array(2_590).fill(1)])
        .flat(),
    ]),
  },
  {
    // 25 ms a million: characters were looked up in a map, one string each; 12 with a table, a character at a time.
    name: "a million characters of base64url",
    target: "texts",
    of: 7,
    input: toUtf8("j2f5d_d".repeat(142_857)),
  },
  {
    // 77 ms: every command was compared with it letter by letter to guess which one was meant.
    name: "a command of a hundred thousand letters",
    target: "commands",
    of: 0,
    input: toUtf8(`inbox ${'{"a":'.repeat(20_000)}`),
  },
  {
    // What the flag had so far was copied for each time it stood there again.
    name: "a flag ten thousand times",
    target: "config",
    of: 2,
    input: toUtf8("--memory ".repeat(10_000).trim()),
  },
  {
    // 2.4 s: each letter after one dash was taken for a flag, became an object, and moved all letters behind it.
    name: "sixty thousand letters after one dash",
    target: "config",
    of: 2,
    input: toUtf8(`-${"m".repeat(60_000)}`),
  },
  {
    // 60 MiB, of the same.
    name: "twenty letters after one dash a thousand times",
    target: "config",
    of: 2,
    input: toUtf8(`-${"a".repeat(28)} `.repeat(1_000).trim()),
  },
];
