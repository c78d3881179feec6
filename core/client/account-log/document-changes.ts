/** Changes of documents, joined and parted so that they fit entries of the account log. Rule AR10. */
import type { Bytes } from "../../base/bytes.ts";
import { BATCH_BYTES_MAX, CHANGES_PER_ITEM_MAX, ITEMS_PER_BATCH_MAX } from "../../log/account-entry.ts";
import type { DocumentName } from "../../log/document-name.ts";
import type { OutRow } from "../tables.ts";

export interface DocumentChanges {
  readonly document: DocumentName;
  readonly changes: readonly Bytes[];
}

/** A document after some changes, and the changes. */
export interface MovedDocument {
  readonly changes: readonly Bytes[];
  readonly heads: readonly string[];
}

/** Joins the changes of each document, in order, split where one item would hold too many. */
export function joinByDocument(items: readonly DocumentChanges[]): readonly DocumentChanges[] {
  const joined: { document: DocumentName; changes: Bytes[] }[] = [];
  const openByName = new Map<string, { document: DocumentName; changes: Bytes[] }>();
  for (const { document, changes } of items) {
    const key = JSON.stringify(document);
    for (const change of changes) {
      let item = openByName.get(key);
      if (item === undefined || item.changes.length >= CHANGES_PER_ITEM_MAX) {
        item = { document, changes: [] };
        openByName.set(key, item);
        joined.push(item);
      }
      item.changes.push(change);
    }
  }
  return joined;
}

/** Rows for the changes of one edit, each small enough for an entry; the last one settles what the edit settles. */
export function outRowsOf(
  document: DocumentName,
  changes: readonly Bytes[],
  settles: readonly string[],
): readonly OutRow[] {
  const parts: Bytes[][] = [];
  let size = 0;
  for (const change of changes) {
    const part = parts.at(-1);
    if (part === undefined || part.length >= CHANGES_PER_ITEM_MAX || size + change.length > BATCH_BYTES_MAX) {
      parts.push([change]);
      size = change.length;
    } else {
      part.push(change);
      size += change.length;
    }
  }
  return parts.map((part, index) => ({
    document,
    changes: part,
    settles: index === parts.length - 1 ? settles : [],
  }));
}

/** Takes rows from the front of `waiting` while they fit one entry. */
export function takeGroup(waiting: [number, OutRow][]): readonly [number, OutRow][] {
  const group: [number, OutRow][] = [];
  let size = 0;
  while (waiting.length > 0 && group.length < ITEMS_PER_BATCH_MAX) {
    const next = waiting[0];
    if (next === undefined) break;
    const rowSize = next[1].changes.reduce((sum, change) => sum + change.length + 8, 128);
    if (group.length > 0 && size + rowSize > BATCH_BYTES_MAX) break;
    size += rowSize;
    group.push(next);
    waiting.shift();
  }
  return group;
}
