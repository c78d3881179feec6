/**
 * The deletions document: what the person has deleted for themselves, and which generation of each bucket is the present
 * one. Rules DC42, DC43, DE4-DE7.
 */
import type { ConversationId, DeviceId, OpId } from "../../base/ids.ts";
import { id, integer, type ShapeOf, struct } from "../../codec/shape.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import { countScalar, idKey, type KeyCodec, pairKey, shapeScalar } from "./field-codec.ts";
import { readField, type StateField } from "./state-field.ts";

/** Where a deleted op stood: enough to find its row and its bucket without it. */
export const opPlaceShape = struct({ device: id("device"), deviceSeq: integer(0), hlc: integer(0) });
export type OpPlace = ShapeOf<typeof opPlaceShape>;

/** Which bucket a generation is of. */
export type PlaceKey = readonly [conversation: ConversationId, device: DeviceId, index: number];

export interface Deletions {
  /** Ops deleted one by one. */
  readonly removed: readonly { readonly key: readonly [ConversationId, OpId]; readonly value: OpPlace }[];
  /** Of each device in a conversation, below which `deviceSeq` all is deleted. */
  readonly cleared: readonly { readonly key: readonly [ConversationId, DeviceId]; readonly value: number }[];
  readonly generations: readonly { readonly key: PlaceKey; readonly value: number }[];
}

const conversation = idKey("conversation");
const device = idKey("device");

const placeKey: KeyCodec<PlaceKey> = {
  print: ([conversationId, deviceId, index]) => `${conversationId}/${deviceId}/${index}`,
  parse(text) {
    const [conversationText = "", deviceText = "", indexText = "", ...more] = text.split("/");
    const conversationId = conversation.parse(conversationText);
    const deviceId = device.parse(deviceText);
    const index = Number(indexText);
    const isIndex = Number.isSafeInteger(index) && index >= 0 && String(index) === indexText;
    return more.length > 0 || conversationId === null || deviceId === null || !isIndex
      ? null
      : [conversationId, deviceId, index];
  },
};

/** The fields; each is set by `setField`. */
export const DELETIONS = {
  removed: {
    map: "removed",
    key: pairKey(conversation, idKey("op")),
    value: shapeScalar(opPlaceShape),
  } satisfies StateField<readonly [ConversationId, OpId], OpPlace>,
  /** What was deleted stays deleted: the highest wins. DC43 */
  cleared: {
    map: "cleared",
    key: pairKey(conversation, device),
    value: countScalar,
    rank: (next: number) => next,
    isMonotonic: true,
  } satisfies StateField<readonly [ConversationId, DeviceId], number>,
  generation: {
    map: "generation",
    key: placeKey,
    value: countScalar,
    rank: (generation: number) => generation,
    isMonotonic: true,
  } satisfies StateField<PlaceKey, number>,
};

/** Reads a deletions document. */
export const deletionsSchema: DocumentSchema<Deletions> = {
  kind: "deletions",
  decode(view) {
    const faults: FieldFault[] = [];
    const value = {
      removed: readField(view, DELETIONS.removed, faults),
      cleared: readField(view, DELETIONS.cleared, faults),
      generations: readField(view, DELETIONS.generation, faults),
    };
    return { value, faults };
  },
};
