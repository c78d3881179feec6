/** The tags document: the account's own labels for conversations, and the rules that set them. Rule DC37. */
import type { Brand } from "../../base/brand.ts";
import type { AccountId } from "../../base/ids.ts";
import { type Bytes, fromHex, toHex } from "../../base/bytes.ts";
import { assert } from "../../base/assert.ts";
import { TAG_NAME_BYTES_MAX } from "../../base/limits.ts";
import { bytes, id, type Shape, struct, variants } from "../../codec/shape.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import { flagScalar, type KeyCodec, type ScalarCodec, shapeScalar, textScalar } from "./field-codec.ts";
import { readField, type StateField } from "./state-field.ts";

/** A tag, 16 random bytes. */
export type TagId = Brand<string, "TagId">;
/** A rule, 16 random bytes. */
export type TagRuleId = Brand<string, "TagRuleId">;

export const TAG_ID_BYTES = 16;

/** Id of a new tag from fresh random bytes. */
export function tagIdFromBytes(random: Bytes): TagId {
  assert(random.length === TAG_ID_BYTES, "a tag id has 16 bytes");
  return toHex(random) as string as TagId;
}

/** Id of a new rule from fresh random bytes. */
export function tagRuleIdFromBytes(random: Bytes): TagRuleId {
  assert(random.length === TAG_ID_BYTES, "a rule id has 16 bytes");
  return toHex(random) as string as TagRuleId;
}

/** Key of a tag. */
export const tagKey: KeyCodec<TagId> = randomKey<TagId>();
const ruleKey: KeyCodec<TagRuleId> = randomKey<TagRuleId>();

function randomKey<K extends string>(): KeyCodec<K> {
  return {
    print: (key) => key,
    parse: (text) => (/^[0-9a-f]{32}$/.test(text) ? (text as string as K) : null),
  };
}

/** When a rule sets its tag. Kinds to come get a code of their own; a version that does not know one leaves it alone. */
export type TagCondition = { readonly type: "sender"; readonly account: AccountId };

export interface TagRule {
  readonly when: TagCondition;
  readonly tag: TagId;
  readonly isEnabled: boolean;
}

export interface Tag {
  readonly name: string;
  /** `#rrggbb`, or null for the interface's own choice. */
  readonly colour: string | null;
}

export interface Tags {
  readonly tagsById: ReadonlyMap<TagId, Tag>;
  readonly rulesById: ReadonlyMap<TagRuleId, TagRule>;
}

const tagIdShape: Shape<TagId> = {
  print: "bytes(16..16)",
  toCbor: (value) => fromHex(value),
  fromCbor(value) {
    const raw = bytes(TAG_ID_BYTES).fromCbor(value);
    return raw.ok ? { ok: true, value: tagIdFromBytes(raw.value) } : raw;
  },
};
const ruleShape = struct({ when: variants({ sender: [1, { account: id("account") }] }), tag: tagIdShape });

const colourScalar: ScalarCodec<string> = {
  toScalar: (value) => value,
  fromScalar: (scalar) => (typeof scalar === "string" && /^#[0-9a-f]{6}$/.test(scalar) ? scalar : null),
};

/** The fields; each is set by `setField`. A tag exists while it has a name; a rule while it has a definition. */
export const TAGS = {
  name: { map: "name", key: tagKey, value: textScalar(TAG_NAME_BYTES_MAX) } satisfies StateField<
    TagId,
    string
  >,
  colour: { map: "colour", key: tagKey, value: colourScalar } satisfies StateField<TagId, string>,
  rule: { map: "rule", key: ruleKey, value: shapeScalar(ruleShape) },
  ruleEnabled: { map: "ruleEnabled", key: ruleKey, value: flagScalar } satisfies StateField<
    TagRuleId,
    boolean
  >,
};

/** Reads a tags document. A rule whose tag is gone is kept and does nothing. */
export const tagsSchema: DocumentSchema<Tags> = {
  kind: "tags",
  decode(view) {
    const faults: FieldFault[] = [];
    const colours = new Map(readField(view, TAGS.colour, faults).map(({ key, value }) => [key, value]));
    const enabled = new Map(readField(view, TAGS.ruleEnabled, faults).map(({ key, value }) => [key, value]));
    const tagsById = new Map(
      readField(view, TAGS.name, faults).map(({ key, value }): [TagId, Tag] => [
        key,
        { name: value, colour: colours.get(key) ?? null },
      ]),
    );
    const rulesById = new Map(
      readField(view, TAGS.rule, faults).map(({ key, value }): [TagRuleId, TagRule] => [
        key,
        { ...value, isEnabled: enabled.get(key) ?? true },
      ]),
    );
    return { value: { tagsById, rulesById }, faults };
  },
};
