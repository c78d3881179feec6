/**
 * How a document is read: through a schema, never as it is. Another device may run another version, or be broken.
 */
import { Automerge } from "../automerge.ts";
import type { DocumentKind } from "./document-kind.ts";

/** Values under `field` that the schema does not know how to read. Counted, not shown: they may be private. */
export interface FieldFault {
  readonly field: string;
  readonly count: number;
}

export interface Decoded<T> {
  readonly value: T;
  readonly faults: readonly FieldFault[];
}

export interface DocumentSchema<T> {
  readonly kind: DocumentKind;
  /** Total: never throws, whatever the document holds. */
  decode(view: DocumentView): Decoded<T>;
}

/** A document as its schema sees it. Valid only while `decode` runs. */
export interface DocumentView {
  /** The keys of a map of the root, in code unit order, each with the value Automerge shows; null when there is no such map. */
  entries(map: string): readonly (readonly [key: string, value: unknown])[] | null;
  /** All values devices gave a key without knowing of each other; one, unless they did. */
  concurrent(map: string, key: string): readonly unknown[];
  /** The whole document as a plain copy. */
  plain(): unknown;
}

/** Reads an application's document with `decode`, which takes a plain copy of it. */
export function appSchema<T>(decode: (plain: unknown) => Decoded<T>): DocumentSchema<T> {
  return { kind: "app", decode: (view) => decode(view.plain()) };
}

/** The view of a loaded document or of a draft. */
export function viewOf(root: Automerge.Doc<{ [key: string]: unknown }>): DocumentView {
  const mapOf = (name: string): object | null => {
    const map = Object.hasOwn(root, name) ? root[name] : null;
    return typeof map === "object" && map !== null && !Array.isArray(map) && !(map instanceof Uint8Array)
      ? map
      : null;
  };
  return {
    entries(name) {
      const map = mapOf(name);
      return map === null ? null : Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
    },
    concurrent(name, key) {
      const map = mapOf(name);
      if (map === null || !Object.hasOwn(map, key)) return [];
      const conflicts: Readonly<Record<string, unknown>> | undefined = Automerge.getConflicts(
        map as { [key: string]: unknown },
        key,
      );
      return conflicts === undefined ? [(map as { [key: string]: unknown })[key]] : Object.values(conflicts);
    },
    plain: () => Automerge.toJS(root),
  };
}
