/** Shared documents without a room: people write changes on what they have, and each set of changes has one view. */
import { present } from "../../core/base/assert.ts";
import type { OpId } from "../../core/base/ids.ts";
import type { Random } from "../../core/base/random.ts";
import { encode } from "../../core/codec/shape.ts";
import { Automerge } from "../../core/document/automerge.ts";
import type { DocumentRoot } from "../../core/document/document-loader.ts";
import { createSharedReplica, type EncodedChange } from "../../core/document/shared/shared-replica.ts";
import { type NamedOp, OP_KIND } from "../../core/messenger/op.ts";
import {
  type SharedStep,
  sharedChangePayloadShape,
  sharedDocumentPayloadShape,
} from "../../core/messenger/shared/shared-change.ts";
import { draftChanges, encodePart } from "../../core/messenger/shared/shared-draft.ts";
import { type GatedDocument, gateDocument } from "../../core/messenger/shared/shared-gate.ts";
import { deviceOf, messageOp } from "./messages.ts";
import { createSeededRandom } from "./seeded-random.ts";

/** The time of the first change, in ms; each later one is a millisecond later. */
const START_MS = 1_000_000;

export interface SharedWorld {
  readonly random: Random;
  create(form: string, title: string): NamedOp;
  /** An op of a device with this payload, later than all before. */
  op(
    payload: Uint8Array,
    device: number,
    options?: { readonly kind?: number; readonly hlc?: number },
  ): NamedOp;
  /** A change that says what it likes. */
  change(
    said: {
      readonly after: readonly OpId[];
      readonly from?: readonly OpId[];
      readonly steps: readonly SharedStep[];
    },
    options?: { readonly device?: number; readonly hlc?: number },
  ): NamedOp;
  gate(changes: readonly NamedOp[]): GatedDocument;
  /** What somebody who has `changes` writes by an edit. */
  edit(changes: readonly NamedOp[], device: number, edit: (draft: DocumentRoot) => void): readonly NamedOp[];
  /** The document of a set of changes, as plain values. */
  view(changes: readonly NamedOp[]): unknown;
  /** The same, once saved and loaded again. */
  saved(changes: readonly NamedOp[]): unknown;
}

const plain = (root: DocumentRoot): unknown => JSON.parse(JSON.stringify(root));

export function createSharedWorld(seed = 1): SharedWorld {
  const random = createSeededRandom(seed);
  const hashes = new Map<OpId, EncodedChange>();
  let creation: NamedOp | null = null;
  let opCount = 0;

  const op: SharedWorld["op"] = (payload, device, { kind = OP_KIND.sharedChange, hlc } = {}) =>
    messageOp({
      device: deviceOf(device),
      deviceSeq: opCount,
      hlc: hlc ?? (START_MS + opCount++) * 1_024,
      kind,
      target: kind === OP_KIND.sharedDocument ? null : present(creation, "there is a document").id,
      payload,
    });

  const gate: SharedWorld["gate"] = (changes) =>
    present(gateDocument(present(creation, "there is a document"), changes, START_MS * 2), "it is one");

  function replicaOf(changes: readonly NamedOp[]) {
    const replica = createSharedReplica(random, hashes);
    replica.add(gate(changes).changes.map((one) => one.replica));
    return replica;
  }

  return {
    random,
    op,
    gate,
    create(form, title) {
      creation = op(encode(sharedDocumentPayloadShape, { version: 1, form, title }), 1, {
        kind: OP_KIND.sharedDocument,
      });
      return creation;
    },
    change: ({ after, from = [], steps }, { device = 9, hlc } = {}) =>
      op(
        encode(sharedChangePayloadShape, { version: 1, after, from, steps }),
        device,
        hlc === undefined ? {} : { hlc },
      ),
    edit(changes, device, edit) {
      const replica = replicaOf(changes);
      const edited = replica.edit(edit);
      replica.free();
      if (!edited.ok) throw new Error(edited.error.type);
      if (edited.value === null) return [];
      const document = gate(changes);
      const parts = draftChanges(document, edited.value);
      if (!parts.ok) throw new Error(parts.error.type);
      const written: NamedOp[] = [];
      for (const part of parts.value) {
        const ids = written.map(({ id }) => id);
        const last = ids.at(-1);
        written.push(op(encodePart(part, last === undefined ? document.heads : [last], ids), device));
      }
      return written;
    },
    view(changes) {
      const replica = replicaOf(changes);
      const view = plain(replica.root());
      replica.free();
      return view;
    },
    saved(changes) {
      const replica = replicaOf(changes);
      const loaded = Automerge.load<DocumentRoot>(Automerge.save(replica.root()));
      const view = plain(loaded);
      Automerge.free(loaded);
      replica.free();
      return view;
    },
  };
}
