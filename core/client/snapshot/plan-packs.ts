/**
 * What the next snapshot keeps of the packs there are, and what is packed anew together. Rules SN31, SN38, SN39.
 *
 * Pure. What changed goes together, and what has not changed but has lost its pack goes together, so that what rests
 * ends up beside what rests and is not sent again with what does not.
 */
import type { DocumentId } from "../../base/ids.ts";
import { type DocumentName, isBucket } from "../../log/document-name.ts";
import { type Pack, type PackedDocument, packBytes } from "../../log/snapshot/pack.ts";
import { PART_BYTES_MAX } from "../../log/snapshot/snapshot-blob.ts";
import { PACK_BYTES_MIN, PACKS_AIMED_AT, SMALL_PACKS_MAX } from "./snapshot-policy.ts";

/** A document of the account as it is now. */
export interface PresentDocument {
  readonly id: DocumentId;
  readonly name: DocumentName;
  /** As `headsOf` gives them, joined. */
  readonly heads: string;
}

export interface PackPlan {
  /** Packs that are as they were. */
  readonly kept: readonly Pack[];
  /** Each group is packed in this order, in packs of its own. */
  readonly groups: readonly (readonly DocumentName[])[];
  /** A pack that has this much is full. A document that is larger is alone. */
  readonly packBytes: number;
}

/** Plans the packs of a snapshot of `documents`. `idOf` and `headsOf` are how `documents` has them. */
export function planPacks(
  documents: readonly PresentDocument[],
  packs: readonly Pack[],
  of: { readonly id: (one: PackedDocument) => DocumentId; readonly heads: (one: PackedDocument) => string },
): PackPlan {
  const headsById = new Map(documents.map(({ id, heads }) => [id, heads]));
  const taken = new Set<DocumentId>();
  const whole: Pack[] = [];
  /** Documents that are as they were, in a pack that is not. */
  const rested = new Map<DocumentId, PackedDocument>();
  // Of two that have the same document the larger one is the later: small ones are joined.
  for (const pack of [...packs].sort((a, b) => packBytes(b) - packBytes(a))) {
    const ids = pack.documents.map(of.id);
    const isSame = pack.documents.map((one) => headsById.get(of.id(one)) === of.heads(one));
    // SN38: also when one of them is not there any more.
    if (isSame.every(Boolean) && !ids.some((id) => taken.has(id))) {
      for (const id of ids) taken.add(id);
      whole.push(pack);
    } else for (const [at, one] of pack.documents.entries()) if (isSame[at]) rested.set(of.id(one), one);
  }
  const size = packSize([...whole.flatMap((pack) => pack.documents), ...rested.values()]);
  const small = whole.filter((pack) => packBytes(pack) < size / 2);
  const joined = new Set(small.length > SMALL_PACKS_MAX ? small : []);
  for (const pack of joined)
    for (const one of pack.documents) {
      rested.set(of.id(one), one);
      taken.delete(of.id(one));
    }
  const left = documents.filter(({ id }) => !taken.has(id));
  const changed = left.filter(({ id }) => !rested.has(id)).sort((a, b) => indexOf(b.name) - indexOf(a.name));
  const resting = left
    .flatMap(({ id }) => rested.get(id) ?? [])
    .sort((a, b) => b.newestHlc - a.newestHlc)
    .map(({ name }) => name);
  return {
    kept: whole.filter((pack) => !joined.has(pack)),
    // State documents are what a new device needs first.
    groups: [changed.map(({ name }) => name), resting].flatMap((names) => [
      names.filter((name) => !isBucket(name)),
      names.filter(isBucket),
    ]),
    packBytes: size,
  };
}

/** SN39: the more there is, the more goes into one, so that a snapshot can name them all. */
function packSize(documents: readonly PackedDocument[]): number {
  const sum = documents.reduce((total, { bytes }) => total + bytes, 0);
  return Math.min(PART_BYTES_MAX, Math.max(PACK_BYTES_MIN, Math.ceil(sum / PACKS_AIMED_AT)));
}

/** The newest buckets of every conversation are loaded first. */
function indexOf(name: DocumentName): number {
  return isBucket(name) ? name.index : 0;
}
