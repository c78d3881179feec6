/**
 * What the two people of the demo write to each other: real text by real people.
 *
 * The shared data set when it is on this machine (`DOVETAIL_SHARED`, or `shared` beside the checkout): its first
 * conversation, where an odd author number is the first person. Else the messages of the checkout's own commits.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export interface StoryText {
  readonly isFirst: boolean;
  readonly text: string;
}

export interface StoryTexts {
  readonly source: string;
  readonly texts: readonly StoryText[];
}

const ROOT = join(import.meta.dirname, "..", "..");
const FILE = join("data", "messages-100k.jsonl.gz");
const CONVERSATION = "c1";
/** Commits are shortened like the texts of the data set. */
const TEXT_CHARS_MAX = 400;

/** Up to `count` texts; fewer when there are no more. */
export function loadStoryTexts(count: number): StoryTexts {
  const named = process.env.DOVETAIL_SHARED;
  const folder = named === undefined || named === "" ? join(ROOT, "..", "shared") : named;
  const path = join(folder, FILE);
  return existsSync(path) ? fromDataSet(path, count) : fromCommits(count);
}

function fromDataSet(path: string, count: number): StoryTexts {
  const texts: StoryText[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString("utf8").split("\n")) {
    if (texts.length === count) break;
    const text = line === "" ? null : parseLine(line);
    if (text !== null) texts.push(text);
  }
  return { source: "the shared data set, conversation c1", texts };
}

function parseLine(line: string): StoryText | null {
  const row: unknown = JSON.parse(line);
  if (
    typeof row !== "object" ||
    row === null ||
    !("conversation" in row) ||
    !("author" in row) ||
    !("body" in row)
  )
    return null;
  if (row.conversation !== CONVERSATION || typeof row.author !== "string" || typeof row.body !== "string")
    return null;
  return { isFirst: Number(row.author.slice(1)) % 2 === 1, text: row.body };
}

function fromCommits(count: number): StoryTexts {
  const log = spawnSync("git", ["log", "--format=%B%x00"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  const bodies = (log.stdout ?? "").split("\0").flatMap((body) => body.split(/\n\s*\n/));
  const texts = bodies
    .map((body) => body.trim().slice(0, TEXT_CHARS_MAX))
    .filter((body) => body !== "")
    .slice(0, count)
    .map((text, index) => ({ isFirst: index % 2 === 0, text }));
  return { source: "the messages of this checkout's commits", texts };
}
