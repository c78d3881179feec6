/**
 * How a storage adapter says that it cannot: automerge-repo's port has no results, so faults are thrown, as this class.
 */

export type StorageFaultReason =
  /** The medium refused; trying again may help. */
  | { readonly type: "MediumRefused"; readonly detail: string }
  /** A stored chunk does not open, or is not what its name says. It stays where it is. */
  | { readonly type: "ChunkDamaged"; readonly chunks: number }
  /** An empty document was to be stored where a full one is: the sign of a document that was not loaded. */
  | { readonly type: "EmptyOverFull" };

/** Thrown by the storage adapters of this folder. */
export class StorageFault extends Error {
  override readonly name = "StorageFault";
  readonly reason: StorageFaultReason;

  constructor(reason: StorageFaultReason) {
    super(reason.type);
    this.reason = reason;
  }
}

/** What an adapter threw, as a reason. Only the medium's own error code is kept: messages quote paths. */
export function reasonOf(thrown: unknown): StorageFaultReason {
  if (thrown instanceof StorageFault) return thrown.reason;
  if (thrown instanceof Error && "code" in thrown && typeof thrown.code === "string")
    return { type: "MediumRefused", detail: thrown.code };
  return { type: "MediumRefused", detail: thrown instanceof Error ? thrown.name : "unknown" };
}
