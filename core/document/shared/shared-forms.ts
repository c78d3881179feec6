/**
 * The two forms of shared documents people have: a note and a list. How they are read, whatever else is in the document, and what is
 * done to them. Rule SD13.
 */
import { Automerge } from "../automerge.ts";
import type { DocumentRoot } from "../document-loader.ts";

/** Where the library's own comparison is quick. */
const DIFFERENCE_MAX = 250_000;
const DIFFERENCE_CHARS_MAX = 4_096;

export interface SharedItem {
  /** The same on every device. */
  readonly id: string;
  readonly text: string;
  readonly isDone: boolean;
}

/** What is done to an item of a list, or to the list. */
export type ListEdit =
  /** Before that item; without one, or where it is gone, at the end. */
  | { readonly type: "add"; readonly text: string; readonly before?: string }
  | { readonly type: "text"; readonly id: string; readonly text: string }
  | { readonly type: "done"; readonly id: string; readonly isDone: boolean }
  | { readonly type: "remove"; readonly id: string };

/** The text under a key of the root; "" when there is none. */
export function textOf(root: DocumentRoot, key: "title" | "text"): string {
  const value = Object.hasOwn(root, key) ? root[key] : null;
  return typeof value === "string" ? value : "";
}

/** Makes the text under a key what it is to be, by the fewest characters. */
export function setText(root: DocumentRoot, key: "title" | "text", text: string): void {
  const before = root[key];
  if (typeof before === "string") replaceText(root, [key], before, text);
  else root[key] = text;
}

/**
 * What the library does by the fewest characters takes the product of what differs, measured 11 s for 20 kB that are gone; from there on what lies
 * between the common start and the common end is replaced as a whole.
 */
function replaceText(root: DocumentRoot, path: (string | number)[], before: string, after: string): void {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const removed = before.length - start - end;
  const added = after.length - start - end;
  if (removed * added <= DIFFERENCE_MAX && removed + added <= DIFFERENCE_CHARS_MAX) {
    Automerge.updateText(root, path, after);
    return;
  }
  // Never between the two halves of a character.
  if (start > 0 && isHighHalf(before, start - 1)) start--;
  if (end > 0 && isHighHalf(before, before.length - end - 1)) end--;
  Automerge.splice(root, path, start, before.length - start - end, after.slice(start, after.length - end));
}

function isHighHalf(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xd8_00 && code <= 0xdb_ff;
}

/** The items of a list; what is no map is left out. */
export function itemsOf(root: DocumentRoot): readonly SharedItem[] {
  return entriesOf(root).map(({ item, id }) => ({
    id,
    text: Object.hasOwn(item, "text") && typeof item.text === "string" ? item.text : "",
    isDone: Object.hasOwn(item, "isDone") && item.isDone === true,
  }));
}

/** Whether it was done: an item that is gone is changed by nobody. */
export function editList(root: DocumentRoot, edit: ListEdit): boolean {
  if (edit.type === "add") {
    const item = { text: edit.text, isDone: false };
    const next = entriesOf(root).find(({ id }) => id === edit.before);
    if (!Array.isArray(root.items)) root.items = [item];
    else if (next === undefined) root.items.push(item);
    else root.items.splice(next.index, 0, item);
    return true;
  }
  const found = entriesOf(root).find(({ id }) => id === edit.id);
  if (found === undefined || !Array.isArray(root.items)) return false;
  const { index, item } = found;
  if (edit.type === "remove") root.items.splice(index, 1);
  else if (edit.type === "done") item.isDone = edit.isDone;
  else if (typeof item.text === "string") replaceText(root, ["items", index, "text"], item.text, edit.text);
  else item.text = edit.text;
  return true;
}

interface Entry {
  readonly index: number;
  readonly id: string;
  readonly item: { [key: string]: unknown };
}

function entriesOf(root: DocumentRoot): readonly Entry[] {
  const items = Object.hasOwn(root, "items") ? root.items : null;
  if (!Array.isArray(items)) return [];
  const entries: Entry[] = [];
  // What an edit is given has no other methods of a list.
  for (let index = 0; index < items.length; index++) {
    const item: unknown = items[index];
    // Only an object of the document has an id: a counter, a time and a text that is a value come as objects of this language.
    const id: unknown = isMap(item) ? Automerge.getObjectId(item) : null;
    if (isMap(item) && typeof id === "string") entries.push({ index, id, item });
  }
  return entries;
}

function isMap(value: unknown): value is { [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
