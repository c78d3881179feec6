/** What a code that was scanned or pasted is for, and where it goes when it is not for here. */
import type { MessageKey } from "../words/en.ts";

type CodeKind = "link" | "contact" | "room" | "number";

/** What is looked for: a code that links a device, a way to people, or the number of somebody who is to be verified. */
export type ScanKind = "link" | "address" | "number";

const PREFIXES: readonly (readonly [prefix: string, kind: CodeKind])[] = [
  ["dovetail-link:", "link"],
  ["dovetail-contact:", "contact"],
  ["dovetail-room:", "room"],
];
const TAKEN: Readonly<Record<ScanKind, ReadonlySet<CodeKind>>> = {
  link: new Set(["link"]),
  address: new Set(["contact", "room"]),
  number: new Set(["number", "contact"]),
};
const ELSEWHERE: Readonly<Record<CodeKind, MessageKey>> = {
  link: "scanLinkElsewhere",
  contact: "scanContactElsewhere",
  room: "scanRoomElsewhere",
  number: "scanForeign",
};

/** What to say about a code that is not of the kind looked for; null when it is. */
export function judgeCode(code: string, expects: ScanKind): MessageKey | null {
  const kind = kindOf(code);
  if (kind === null) return "scanForeign";
  return TAKEN[expects].has(kind) ? null : ELSEWHERE[kind];
}

/** Whether `code` is a link into a room. */
export function isRoomLink(code: string): boolean {
  return kindOf(code) === "room";
}

function kindOf(code: string): CodeKind | null {
  const text = code.trim();
  const found = PREFIXES.find(([prefix]) => text.startsWith(prefix));
  if (found !== undefined) return found[1];
  return /^[\d\s]+$/.test(text) ? "number" : null;
}
