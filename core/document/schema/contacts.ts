/**
 * The contacts document: whom the account knows, what it has pinned of their chain, and the logs between the two.
 * Rules DC38, DC39.
 */
import type { AccountId, ConversationId } from "../../base/ids.ts";
import {
  CONTACT_NOTES_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  HANDLE_CHARS_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../base/limits.ts";
import { bytes, id, integer, type ShapeOf, struct, text } from "../../codec/shape.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import { countScalar, idKey, idScalar, shapeScalar, textScalar, wordScalar } from "./field-codec.ts";
import { clearField, readField, type StateField } from "./state-field.ts";

/** Lower first: of two states set by devices that did not know of each other, the later one here is read. */
const STATES = ["known", "requested", "incoming", "declined", "accepted", "blocked"] as const;

export type ContactState = (typeof STATES)[number];

const SEED_BYTES = 32;
const KEY_BYTES = 32;
const TURN_WEIGHT = 2 ** 32;

const pinnedShape = struct({ seq: integer(), head: id("link") });
const keys = { logId: id("log"), appendSeed: bytes(SEED_BYTES), hk: bytes(KEY_BYTES), turn: integer() };
const ownInboundShape = struct({ ...keys, epoch: integer(1), theirCutSeq: integer() });
const theirInboundShape = struct({ origin: text(SERVER_ORIGIN_CHARS_MAX), ...keys, generation: integer() });

/** The last link of their chain that was verified. */
export type PinnedChain = ShapeOf<typeof pinnedShape>;
/**
 * Our log that they append to: its capability and outer key are what we gave them. `epoch`, `theirCutSeq` and `turn` say
 * which one it is.
 */
export type OwnInbound = ShapeOf<typeof ownInboundShape>;
/** Their log that we append to. */
export type TheirInbound = ShapeOf<typeof theirInboundShape>;

export interface Contact {
  readonly state: ContactState;
  /** The name this account gave them. */
  readonly petname: string | null;
  /** The name they gave themselves. */
  readonly givenName: string | null;
  readonly notes: string | null;
  /** Their home server. */
  readonly origin: string | null;
  readonly handle: string | null;
  readonly pinned: PinnedChain | null;
  /** When the safety number was compared. */
  readonly verifiedAtMs: number | null;
  readonly ownInbound: OwnInbound | null;
  readonly theirInbound: TheirInbound | null;
  readonly conversationId: ConversationId | null;
  readonly addedAtMs: number | null;
}

export interface Contacts {
  readonly contactsById: ReadonlyMap<AccountId, Contact>;
}

const account = idKey("account");
const name = textScalar(DISPLAY_NAME_BYTES_MAX);

/** The fields; each is set by `setField`. A contact exists while it has a state. */
export const CONTACTS = {
  /** A block on one device holds against an accept on another. DC38 */
  state: {
    map: "state",
    key: account,
    value: wordScalar(...STATES),
    rank: (state: ContactState) => STATES.indexOf(state),
  } satisfies StateField<AccountId, ContactState>,
  petname: { map: "petname", key: account, value: name } satisfies StateField<AccountId, string>,
  givenName: { map: "givenName", key: account, value: name } satisfies StateField<AccountId, string>,
  notes: { map: "notes", key: account, value: textScalar(CONTACT_NOTES_BYTES_MAX) } satisfies StateField<
    AccountId,
    string
  >,
  origin: { map: "origin", key: account, value: textScalar(SERVER_ORIGIN_CHARS_MAX) } satisfies StateField<
    AccountId,
    string
  >,
  handle: { map: "handle", key: account, value: textScalar(4 * HANDLE_CHARS_MAX) } satisfies StateField<
    AccountId,
    string
  >,
  /** A pin never goes back: what one device has verified binds all. DC39 */
  pinned: {
    map: "pinned",
    key: account,
    value: shapeScalar(pinnedShape),
    rank: pinRank,
    isMonotonic: true,
  } satisfies StateField<AccountId, PinnedChain>,
  verifiedAtMs: { map: "verifiedAtMs", key: account, value: countScalar } satisfies StateField<
    AccountId,
    number
  >,
  /** Of logs given out apart the later one stands; neither goes back to one that was closed. DC41 */
  ownInbound: {
    map: "ownInbound",
    key: account,
    value: shapeScalar(ownInboundShape),
    rank: ownRank,
    isMonotonic: true,
  } satisfies StateField<AccountId, OwnInbound>,
  theirInbound: {
    map: "theirInbound",
    key: account,
    value: shapeScalar(theirInboundShape),
    rank: ({ turn, generation }: TheirInbound) => turn * TURN_WEIGHT + generation,
    isMonotonic: true,
  } satisfies StateField<AccountId, TheirInbound>,
  conversation: { map: "conversation", key: account, value: idScalar("conversation") } satisfies StateField<
    AccountId,
    ConversationId
  >,
  addedAtMs: { map: "addedAtMs", key: account, value: countScalar } satisfies StateField<AccountId, number>,
};

/** Two heads at one seq are a fork, which core/sigchain reports; Automerge's choice stands until then. */
function pinRank(pinned: PinnedChain): number {
  return pinned.seq;
}

/** Each of the three only ever goes up, and a turn outweighs the others. */
function ownRank({ turn, epoch, theirCutSeq }: OwnInbound): number {
  return turn * TURN_WEIGHT + epoch + theirCutSeq;
}

/** Forgets a contact. */
export function removeContact(draft: { [key: string]: unknown }, contact: AccountId): void {
  for (const field of Object.values(CONTACTS)) clearField(draft, field, contact);
}

/** Reads a contacts document. */
export const contactsSchema: DocumentSchema<Contacts> = {
  kind: "contacts",
  decode(view) {
    const faults: FieldFault[] = [];
    const byId = <T>(field: StateField<AccountId, T>): ReadonlyMap<AccountId, T> =>
      new Map(readField(view, field, faults).map(({ key, value }) => [key, value]));
    const petnames = byId(CONTACTS.petname);
    const givenNames = byId(CONTACTS.givenName);
    const notes = byId(CONTACTS.notes);
    const origins = byId(CONTACTS.origin);
    const handles = byId(CONTACTS.handle);
    const pins = byId(CONTACTS.pinned);
    const verified = byId(CONTACTS.verifiedAtMs);
    const ownInbounds = byId(CONTACTS.ownInbound);
    const theirInbounds = byId(CONTACTS.theirInbound);
    const conversations = byId(CONTACTS.conversation);
    const added = byId(CONTACTS.addedAtMs);
    const contactsById = new Map<AccountId, Contact>();
    for (const [key, state] of byId(CONTACTS.state)) {
      contactsById.set(key, {
        state,
        petname: petnames.get(key) ?? null,
        givenName: givenNames.get(key) ?? null,
        notes: notes.get(key) ?? null,
        origin: origins.get(key) ?? null,
        handle: handles.get(key) ?? null,
        pinned: pins.get(key) ?? null,
        verifiedAtMs: verified.get(key) ?? null,
        ownInbound: ownInbounds.get(key) ?? null,
        theirInbound: theirInbounds.get(key) ?? null,
        conversationId: conversations.get(key) ?? null,
        addedAtMs: added.get(key) ?? null,
      });
    }
    return { value: { contactsById }, faults };
  },
};
