/** The codec: CBOR, every structure that is declared as a shape, texts of bytes, frames in a stream. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  equalBytes,
  parseBase64Url,
  parseHex,
  toBase64Url,
  toHex,
  toUtf8,
} from "../../../core/base/bytes.ts";
import { ID_BYTES, type IdKind, parseId } from "../../../core/base/ids.ts";
import { decodeCbor, encodeCbor } from "../../../core/codec/cbor.ts";
import { createFrameSplitter, encodeFrame } from "../../../core/codec/frame-splitter.ts";
import { decode, encode, type Shape } from "../../../core/codec/shape.ts";
import { createMessageSplitter, encodeMessage } from "../../../core/client/served-client/message-bytes.ts";
import { parseToCaller, parseToOwner } from "../../../core/client/served-client/call-message.ts";
import { ROOT } from "../../support/checkout.ts";
import { BrokenPromise, type FuzzSeed, type FuzzTarget, TAKEN, textOf, verdictOf } from "../fuzz-target.ts";
import { generatorOf } from "../generate-shape.ts";

const FRAME_LIMIT = 65_536;
const VALUES_PER_SHAPE = 6;
/** Where structures are declared that somebody else can have written: people, servers, siblings, disks. */
const FOLDERS = ["core", "sync-server/operator"];

const cbor: FuzzTarget = {
  name: "cbor",
  about: "canonical CBOR: what is taken is the one encoding of its value",
  prepare(random) {
    const values = [
      null,
      true,
      0,
      -1,
      23,
      24,
      65_536,
      9_007_199_254_740_991,
      "",
      "text",
      random.bytes(40),
      [],
      [[[[[]]]]],
      [1, "two", random.bytes(3), [null, false]],
    ];
    return {
      seeds: values.map((value) => ({
        bytes: encodeCbor(value),
        form: "cbor",
        feed(input) {
          const decoded = decodeCbor(input);
          if (decoded.ok && !equalBytes(encodeCbor(decoded.value), input))
            throw new BrokenPromise("bytes were taken that are not the encoding of their value");
          return verdictOf(decoded);
        },
      })),
    };
  },
};

const structures: FuzzTarget = {
  name: "structures",
  about: "every structure declared as a shape: what is taken encodes to the same bytes",
  async prepare(random) {
    const seeds: FuzzSeed[] = [];
    for (const { shape } of await allShapes()) {
      const generate = generatorOf(shape.print);
      if (generate === null) continue;
      const feed = feedShape(shape);
      for (let i = 0; i < VALUES_PER_SHAPE; i++) {
        const bytes = encodeCbor(generate(random));
        // Some shapes ask for more than they print, an order for one; these have targets of their own.
        if (feed(bytes) === TAKEN) seeds.push({ bytes, form: "cbor", feed });
      }
    }
    return { seeds };
  },
};

/** Every exported shape, by its name. */
export async function allShapes(): Promise<
  readonly { readonly name: string; readonly shape: Shape<unknown> }[]
> {
  const found: { readonly name: string; readonly shape: Shape<unknown> }[] = [];
  for (const folder of FOLDERS) {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
    for (const file of files.filter((one) => one.endsWith(".ts") && !one.includes("node_modules")).sort()) {
      if (file === "mod.ts") continue;
      const module: Readonly<Record<string, unknown>> = await import(join(ROOT, folder, file));
      for (const [name, value] of Object.entries(module))
        if (/(?:Shape|Row)$/.test(name) && isShape(value)) found.push({ name, shape: value });
    }
  }
  return found;
}

function isShape(value: unknown): value is Shape<unknown> {
  return typeof value === "object" && value !== null && "fromCbor" in value && "print" in value;
}

function feedShape(shape: Shape<unknown>) {
  return (input: Uint8Array): string => {
    const decoded = decode(shape, input);
    if (decoded.ok && !equalBytes(encode(shape, decoded.value), input))
      throw new BrokenPromise("what was taken encodes to other bytes");
    return verdictOf(decoded);
  };
}

const texts: FuzzTarget = {
  name: "texts",
  about: "ids, hexadecimal and base64url: what is taken is the one text of its bytes",
  prepare(random) {
    const feed = (input: Uint8Array): string => {
      const text = textOf(input);
      const hex = parseHex(text);
      // Longer ones would measure the encoder.
      const isShort = text.length <= 4_096;
      if (isShort && hex.ok && toHex(hex.value) !== text) throw new BrokenPromise("two texts for one value");
      const base64 = parseBase64Url(text);
      if (isShort && base64.ok && toBase64Url(base64.value) !== text)
        throw new BrokenPromise("two texts for one value");
      const kinds = Object.keys(ID_BYTES) as IdKind[];
      const ids = kinds.filter((kind) => parseId(kind, text).ok);
      return hex.ok || base64.ok || ids.length > 0 ? TAKEN : verdictOf(hex);
    };
    const raw = [random.bytes(0), random.bytes(16), random.bytes(32), random.bytes(33)];
    return {
      seeds: raw.flatMap((bytes) =>
        [toHex(bytes), toBase64Url(bytes)].map((text) => ({
          bytes: toUtf8(text),
          form: "text" as const,
          feed,
        })),
      ),
    };
  },
};

const streams: FuzzTarget = {
  name: "streams",
  about: "frames and messages in a stream of bytes, cut anywhere",
  words: ['{"$":"bytes","v":"', '{"$":"object","v":', '{"$":"undefined"}', '"type":"call"', '"args":[', "]}"],
  prepare(random) {
    const frames = Buffer.concat([encodeFrame(random.bytes(3)), encodeFrame(random.bytes(200))]);
    const call = {
      type: "call",
      id: 1,
      handle: null,
      method: "send",
      args: ["text", random.bytes(5), undefined],
    };
    const messages = [
      call,
      { type: "hello", fingerprint: "f" },
      { type: "event", number: 4, event: { $: "x" } },
    ];
    const ofFrames = (input: Uint8Array): string => {
      const splitter = createFrameSplitter(() => FRAME_LIMIT);
      for (const part of parts(input)) {
        splitter.push(part);
        for (;;) {
          const frame = splitter.next();
          if (!frame.ok) return verdictOf(frame);
          if (frame.value === null) break;
        }
      }
      return TAKEN;
    };
    const ofMessages = (input: Uint8Array): string => {
      const splitter = createMessageSplitter();
      for (const part of parts(input)) {
        const pushed = splitter.push(part);
        if (!pushed.ok) return verdictOf(pushed);
        for (const message of pushed.value)
          for (const parse of [parseToOwner, parseToCaller]) verdictOf(parse(message));
      }
      return TAKEN;
    };
    return {
      seeds: [
        { bytes: new Uint8Array(frames), form: "bytes", feed: ofFrames },
        ...messages.map((message) => ({
          bytes: encodeMessage(message),
          form: "text" as const,
          feed: ofMessages,
        })),
      ],
    };
  },
};

/** A stream's parts as they might arrive. */
function parts(input: Uint8Array): readonly Uint8Array[] {
  const middle = (input[0] ?? 0) % (input.length + 1);
  return [input.subarray(0, middle), input.subarray(middle)];
}

export const CODEC_TARGETS: readonly FuzzTarget[] = [cbor, structures, texts, streams];
