/**
 * Search over 100,000 messages: making the index, opening it from stored segments, and asking it.
 *
 * Usage: node test/bench/search.ts [--json] [--messages N]
 *
 * The texts are the shared data set's, written by people. The peer is a scan of the same texts in memory.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { cryptoReady, createFts5Index } from "@dovetail/core";
import { openSearchDatabase } from "../../cli/platform/search-database.ts";
import { present } from "../../core/base/assert.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { createPlatformRandom } from "../../core/base/random.ts";
import { createSearchSegments } from "../../core/client/search/search-segments.ts";
import { createTables } from "../../core/client/tables.ts";
import { encode } from "../../core/codec/shape.ts";
import { HLC_MAX, HLC_TICKS_PER_MS } from "../../core/messenger/hlc.ts";
import { createOp, messagePayloadShape, type NamedOp, OP_KIND } from "../../core/messenger/op.ts";
import type { SearchDocument, SearchIndex, SearchTerm } from "../../core/messenger/search/search-index.ts";
import { createMemoryTxStore } from "../../core/store/memory-tx-store.ts";
import { sealTxStore } from "../../core/store/sealing-tx-store.ts";
import { good } from "../support/client-world.ts";
import { sharedFolder } from "../support/vector-set.ts";
import { percentile, report } from "./figures.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, messages: { type: "string" } } });
const isJson = values.json ?? false;
const wanted = Number(values.messages ?? 100_000);
const ROUNDS = 40;
const PAGE = 20;

await cryptoReady();
const random = createPlatformRandom();
const idsByName = new Map<string, Uint8Array>();
const idOf = (name: string): Uint8Array => {
  const id = idsByName.get(name) ?? random.bytes(32);
  idsByName.set(name, id);
  return id;
};
const device = idFromBytes("device", random.bytes(16));

/** The shared texts in their order, as ops. */
function readOps(): readonly NamedOp[] {
  const path = join(sharedFolder(), "data", "messages-100k.jsonl.gz");
  if (!existsSync(path))
    throw new Error("the texts are not on this machine: DOVETAIL_SHARED names their folder");
  const lines = gunzipSync(readFileSync(path)).toString("utf8").trimEnd().split("\n").slice(0, wanted);
  return lines.map((line, deviceSeq) => {
    const { conversation, author, sentAtMs, body } = JSON.parse(line);
    return createOp({
      version: 1,
      conversationId: idFromBytes("conversation", idOf(`c ${conversation}`)),
      author: idFromBytes("account", idOf(`a ${conversation} ${author}`)),
      device,
      deviceSeq,
      devicePrev: null,
      hlc: Number(sentAtMs) * HLC_TICKS_PER_MS,
      kind: OP_KIND.message,
      target: null,
      payload: encode(messagePayloadShape, { text: String(body) }),
      expire: null,
      ext: null,
    });
  });
}

function fill(index: SearchIndex, documents: readonly SearchDocument[]): void {
  good(index.hold());
  for (let at = 0; at < documents.length; at += 5_000) good(index.add(documents.slice(at, at + 5_000)));
  good(index.release());
}

const store = sealTxStore(createMemoryTxStore(), { random, storeKey: random.bytes(32) });
const segments = createSearchSegments(store, createTables(store));
good(await segments.append(readOps(), 1));
const loadStart = performance.now();
const stored = present(good(await segments.load()), "it was stored");
const loadMs = performance.now() - loadStart;
const documents = [...stored.documents].sort((a, b) => a.hlc - b.hlc);
const index = good(createFts5Index(openSearchDatabase()));
const buildStart = performance.now();
fill(index, documents);
const buildMs = performance.now() - buildStart;

const figure = (
  name: string,
  value: number,
  extra: { readonly peer?: string; readonly ratio?: number } = {},
) => report(isJson, { suite: "search", name, value, unit: "ms", better: "less", ...extra });
figure(`${documents.length} messages indexed`, buildMs);
figure("opened from sealed segments", loadMs + buildMs);

const text = (words: readonly string[], isPrefix = false): SearchTerm => ({ type: "text", words, isPrefix });
const conversation = present(documents[0], "there are messages").conversationId;
const QUERIES: readonly (readonly [name: string, term: SearchTerm, scan: RegExp])[] = [
  ["a common word", text(["the"]), /\bthe\b/i],
  ["a rare word", text(["harbour"]), /\bharbour\b/i],
  [
    "two words",
    { type: "and", terms: [text(["fix"]), text(["test"])] },
    /\bfix\b.*\btest\b|\btest\b.*\bfix\b/is,
  ],
  ["a phrase", text(["bug", "fix"]), /\bbug\W+fix\b/i],
  ["a beginning", text(["pro"], true), /\bpro/i],
  [
    "a word in a conversation",
    { type: "and", terms: [text(["the"]), { type: "conversation", ids: [conversation] }] },
    /\bthe\b/i,
  ],
  ["all but a word", { type: "not", term: text(["the"]) }, /\bthe\b/i],
];

/** Median time of a query with a page of hits and where they match. */
function ask(term: SearchTerm, order: "newest" | "relevance"): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    const { found } = good(
      index.query({ term, fromHlc: 0, toHlc: HLC_MAX, order, limit: PAGE, after: null }),
    );
    const texts = found.map((one) => ({ ...one, text: textById.get(one.id) ?? "" }));
    good(index.locate(term, texts));
    return performance.now() - start;
  });
  return percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
}

const textById = new Map(documents.map((document) => [document.id, document.text]));
for (const [name, term, scan] of QUERIES) {
  const newestMs = ask(term, "newest");
  const scanStart = performance.now();
  documents.filter((document) => scan.test(document.text));
  const scanMs = performance.now() - scanStart;
  figure(`${name}, newest first`, newestMs, { peer: "a scan", ratio: scanMs / newestMs });
  figure(`${name}, by relevance`, ask(term, "relevance"), { peer: "a scan" });
}
index.close();
