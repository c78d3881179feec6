/**
 * Shared documents in Automerge: changes that passed the gate go in, what an edit did comes out. Rules SD2, SD10.
 *
 * No byte that somebody else made is parsed here: the changes are encoded on this device from operations the gate has built.
 */
import { assert, present } from "../../base/assert.ts";
import { type Bytes, toHex } from "../../base/bytes.ts";
import type { OpId } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  Automerge,
  copyWithActor,
  encodeChange,
  withChanges,
  type WrittenOperation,
  writtenOperations,
} from "../automerge.ts";
import { sha256 } from "../../crypto/sha256.ts";
import type { DocumentRoot } from "../document-loader.ts";

export type ReplicaOperation = WrittenOperation;

/** A change that passed the gate. Its actor is its own op, so no two changes are of one actor. */
export interface ReplicaChange {
  readonly id: OpId;
  readonly startOp: number;
  readonly after: readonly OpId[];
  readonly operations: readonly ReplicaOperation[];
}

/** What an edit did, before it has a name: its own operations are `n@actor` from `startOp` on. */
export interface ReplicaEdit {
  readonly actor: string;
  readonly startOp: number;
  readonly operations: readonly ReplicaOperation[];
}

/** A document of Automerge that follows a growing set of gated changes. */
export interface SharedReplica {
  /** Which changes are in it. */
  has(id: OpId): boolean;
  readonly size: number;
  /** Adds changes; each after those it follows. */
  add(changes: readonly ReplicaChange[]): void;
  root(): DocumentRoot;
  /** What `edit` does to a copy. Null when it does nothing. - Fails: `EditRefused` for what Automerge does not hold. */
  edit(edit: (draft: DocumentRoot) => void): Result<ReplicaEdit | null, { readonly type: "EditRefused" }>;
  /** Frees the memory. It is not used afterwards. */
  free(): void;
}

const ACTOR_BYTES = 32;
/** Behind the mark and the checksum of a chunk of Automerge stands what it is. */
const KIND_AT = 8;
const PLAIN_CHANGE = 1;

/** An empty replica. `hashes` keeps what a change is called in Automerge, which is the same in every replica. */
export function createSharedReplica(random: Random, hashes: Map<OpId, EncodedChange>): SharedReplica {
  let document = Automerge.init<DocumentRoot>();
  const included = new Set<OpId>();

  function encoded(change: ReplicaChange): EncodedChange {
    const known = hashes.get(change.id);
    if (known !== undefined) return known;
    const deps = change.after.map(
      (id) => present(hashes.get(id), "a change follows those it depends on").hash,
    );
    const made = encodeReplicaChange(change, deps);
    hashes.set(change.id, made);
    return made;
  }

  return {
    has: (id) => included.has(id),
    get size() {
      return included.size;
    },
    add(changes) {
      if (changes.length === 0) return;
      document = withChanges(
        document,
        changes.map((change) => encoded(change).bytes),
      );
      for (const { id } of changes) included.add(id);
    },
    root: () => document,
    edit(edit) {
      const actor = toHex(random.bytes(ACTOR_BYTES));
      const copy = copyWithActor(document, actor);
      try {
        const before = Automerge.getHeads(copy);
        const changed = Automerge.change(copy, (draft) => edit(draft));
        const [change] = Automerge.getChangesSince(changed, before);
        if (change === undefined) return ok(null);
        return ok({ actor, ...writtenOperations(change) });
      } catch (thrown) {
        if (thrown instanceof RangeError || thrown instanceof TypeError) return err({ type: "EditRefused" });
        throw thrown;
      } finally {
        Automerge.free(copy);
      }
    },
    free: () => Automerge.free(document),
  };
}

/** A change as Automerge takes it, and the hash by which later ones name it. */
export interface EncodedChange {
  readonly bytes: Bytes;
  readonly hash: string;
}

function encodeReplicaChange(change: ReplicaChange, deps: readonly string[]): EncodedChange {
  const { id: actor, startOp, operations } = change;
  // SD3, SD10
  const bytes = encodeChange({
    actor,
    seq: 1,
    startOp,
    time: 0,
    message: null,
    deps: [...deps].sort(),
    ops: operations,
  });
  assert(bytes[KIND_AT] === PLAIN_CHANGE, "a change is encoded plainly, and named by the hash of that");
  return { bytes, hash: toHex(sha256(bytes.subarray(KIND_AT))) };
}
