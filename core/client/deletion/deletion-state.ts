/**
 * What is deleted, as the deletions document says, kept in memory because every op that comes is held against it.
 *
 * Runs within the serial. Rules DE4, DE7.
 */
import type { ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { type Deletions, deletionsSchema } from "../../document/schema/deletions.ts";
import type { DocumentRef } from "../../document/schema/document-kind.ts";
import type { Documents } from "../../document/documents.ts";
import {
  bucketName,
  type BucketName,
  type BucketPlace,
  type DocumentName,
  generationOf,
  isBucket,
} from "../../log/document-name.ts";
import type { ClientError } from "../client-error.ts";

/** An op by what says whether it is deleted. */
export interface OpMark {
  readonly conversationId: ConversationId;
  readonly id: OpId;
  readonly device: DeviceId;
  readonly deviceSeq: number;
}

export interface DeletionState {
  /** Reads the document again. */
  refresh(): Promise<Result<Deletions, ClientError>>;
  /** Deleted by the person, whether it is here or comes later. */
  isForgotten(op: OpMark): boolean;
  /** Generation of the present bucket of a place. */
  generation(place: BucketPlace): number;
  /** The present bucket of a place. */
  bucketOf(place: BucketPlace): BucketName;
  /** A bucket that another one has taken the place of. */
  isRetired(name: DocumentName): boolean;
  /** Whether any bucket was ever written anew. */
  isAnyRetired(): boolean;
}

/** Nothing is deleted until `refresh` has read otherwise. */
export function createDeletionState(documents: Documents, ref: () => DocumentRef): DeletionState {
  let removed = new Set<OpId>();
  let cleared = new Map<string, number>();
  let generations = new Map<string, number>();

  const generation = (place: BucketPlace): number => generations.get(placeText(place)) ?? 0;

  return {
    async refresh() {
      const read = await documents.read(ref(), deletionsSchema);
      if (!read.ok) return read;
      removed = new Set(read.value.removed.map(({ key }) => key[1]));
      cleared = new Map(read.value.cleared.map(({ key, value }) => [key.join("/"), value]));
      generations = new Map(read.value.generations.map(({ key, value }) => [key.join("/"), value]));
      return ok(read.value);
    },
    isForgotten: ({ conversationId, id, device, deviceSeq }) =>
      deviceSeq < (cleared.get(`${conversationId}/${device}`) ?? 0) || removed.has(id),
    generation,
    bucketOf: (place) => bucketName(place, generation(place)),
    isRetired: (name) => isBucket(name) && generationOf(name) < generation(name),
    isAnyRetired: () => generations.size > 0,
  };
}

/** A place as one text. */
export function placeText({ conversationId, device, index }: BucketPlace): string {
  return `${conversationId}/${device}/${index}`;
}
