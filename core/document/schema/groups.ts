/**
 * The groups document: the rooms the account is in or was, what opens them, and what is still to be done in them.
 *
 * The group itself is the authority on who is in a room; this is what own devices share, so that a new one shows all rooms at
 * once, and any of them carries out what was asked of another. Rules DC44, DC45.
 */
import { type Bytes, toHex } from "../../base/bytes.ts";
import { type ConversationId, type DeviceId, idBytes } from "../../base/ids.ts";
import type { Random } from "../../base/random.ts";
import {
  DISPLAY_NAME_BYTES_MAX,
  ROOM_AGREED_BYTES_MAX,
  ROOM_ABOUT_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_HISTORY_DAYS_MAX,
  ROOM_INSIDE_DEVICES_MAX,
  ROOM_LIFETIME_MS_MAX,
  ROOM_LIFETIME_MS_MIN,
  ROOM_LINK_USES_MAX,
  ROOM_NAME_BYTES_MAX,
  SERVER_ORIGIN_CHARS_MAX,
} from "../../base/limits.ts";
import {
  bytes,
  flag,
  id,
  integer,
  list,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
  variants,
} from "../../codec/shape.ts";
import type { DocumentSchema, FieldFault } from "./document-schema.ts";
import { idKey, type KeyCodec, pairKey, shapeScalar } from "./field-codec.ts";
import { readField, type StateField } from "./state-field.ts";

const STANDINGS = ["invited", "joined", "declined", "left", "removed"] as const;
export type RoomStanding = (typeof STANDINGS)[number];

const role = oneOf("member", "moderator", "admin", "owner");
const lifetimeMs = nullable(integer(ROOM_LIFETIME_MS_MIN, ROOM_LIFETIME_MS_MAX));
/** What those get who come later: of so many days, all (null), or nothing. */
const history = nullable(struct({ days: nullable(integer(1, ROOM_HISTORY_DAYS_MAX)) }));

/** Something asked of a room that its group does not say yet. */
const intentShape = variants({
  invite: [1, { accountId: id("account"), role }],
  remove: [2, { accountId: id("account") }],
  role: [3, { accountId: id("account"), role }],
  mute: [4, { accountId: id("account"), untilMs: nullable(integer(0)) }],
  name: [5, { name: text(ROOM_NAME_BYTES_MAX) }],
  about: [6, { about: text(ROOM_ABOUT_BYTES_MAX) }],
  lifetime: [7, { lifetimeMs }],
  history: [8, { history }],
});
export type RoomIntent = ShapeOf<typeof intentShape>;

/** One part of a room; each stands under a key of its own. */
const partShape = variants({
  /** What opens the room, since which epoch of its group, and from where on. */
  keys: [
    1,
    {
      logId: id("log"),
      generation: integer(0),
      origin: text(SERVER_ORIGIN_CHARS_MAX),
      accessSeed: bytes(32),
      roomKey: bytes(32),
      fromSeq: integer(0),
      fromChain: bytes(32),
    },
  ],
  /** Ours, and since which epoch of the group. Of one membership a later standing holds. */
  standing: [
    2,
    { since: integer(0), standing: oneOf(...STANDINGS), by: nullable(id("account")), atMs: integer(0) },
  ],
  /** The room as of an epoch of its group. */
  info: [
    3,
    {
      epoch: integer(0),
      name: text(ROOM_NAME_BYTES_MAX),
      about: text(ROOM_ABOUT_BYTES_MAX),
      members: list(
        struct({
          accountId: id("account"),
          name: text(DISPLAY_NAME_BYTES_MAX),
          role,
          mutedUntilMs: nullable(integer(0)),
        }),
        ROOM_ACCOUNTS_MAX,
      ),
    },
  ],
  intent: [4, { intent: intentShape, order: integer(0) }],
  /** Lets people in until then, so many of them. */
  link: [
    5,
    {
      secret: bytes(16),
      madeAtMs: integer(0),
      untilMs: integer(0),
      usesMax: integer(1, ROOM_LINK_USES_MAX),
      isRevoked: flag,
    },
  ],
  /** Somebody was let in by a link. */
  use: [6, { link: text(64), accountId: id("account"), atMs: integer(0) }],
  /** This account has asked to come in, by a link of that account. */
  wanted: [7, { by: id("account"), atMs: integer(0) }],
  /** How long messages stay, as of an epoch of its group; null for ever. Without this part they do. */
  lifetime: [8, { epoch: integer(0), lifetimeMs }],
  /** A message that goes at this time, whatever it says itself. */
  limit: [9, { op: id("op"), device: id("device"), hlc: integer(0), dueMs: integer(0) }],
  /** What those get who come later, as of an epoch of its group. Without this part nothing. */
  history: [10, { epoch: integer(0), history }],
  /** For the membership that began then, what was written before has come, as far as it does. */
  earlier: [11, { since: integer(0) }],
  /** Where the room's log is since that incarnation of it, and whose it is. */
  home: [12, { founder: id("account"), origin: text(SERVER_ORIGIN_CHARS_MAX), incarnation: integer(1) }],
  /** Own devices that were in the group after that commit of the log, told while nobody else is. */
  inside: [
    13,
    { epoch: integer(0), handshake: id("entry"), devices: list(id("device"), ROOM_INSIDE_DEVICES_MAX) },
  ],
  /** What the members agree on after that commit of the log, told while others are in and this account has been there for longest. */
  agreed: [14, { epoch: integer(0), handshake: id("entry"), context: bytes(1, ROOM_AGREED_BYTES_MAX) }],
  /** What a device of the founder's has put on the room's log, or what replaced that, the how manieth of these; each has a part of its own. */
  put: [15, { device: id("device"), count: integer(1), accessSeed: bytes(32), roomKey: bytes(32) }],
});
export type RoomPart = ShapeOf<typeof partShape>;
type PartOf<T extends RoomPart["type"]> = Omit<Extract<RoomPart, { readonly type: T }>, "type">;

export interface RoomRecord {
  readonly keys: PartOf<"keys">;
  readonly standing: PartOf<"standing">;
  readonly info: PartOf<"info"> | null;
  readonly lifetimeMs: number | null;
  readonly history: PartOf<"history">["history"];
  /** Of which membership all has come that was written before it; null for none. */
  readonly earlierSince: number | null;
  /** Null while the log is as it was begun, where it was begun. */
  readonly home: PartOf<"home"> | null;
  /** Null where it was not told. */
  readonly inside: PartOf<"inside"> | null;
  readonly agreed: PartOf<"agreed"> | null;
  /** In the order they were asked. */
  readonly intents: readonly { readonly key: string; readonly intent: RoomIntent }[];
  readonly links: readonly (PartOf<"link"> & { readonly key: string })[];
  readonly uses: readonly (PartOf<"use"> & { readonly key: string })[];
  readonly limits: readonly PartOf<"limit">[];
  readonly puts: readonly PartOf<"put">[];
}

export interface Groups {
  readonly roomsById: ReadonlyMap<ConversationId, RoomRecord>;
  /** Rooms this account has asked to come into, also those it knows nothing else of. */
  readonly wantedById: ReadonlyMap<ConversationId, PartOf<"wanted">>;
}

const NUMBERED = /^(intent|link|use|limit|put)-[0-9a-f]{32}$/;
const SINGLE = [
  "keys",
  "standing",
  "info",
  "wanted",
  "lifetime",
  "history",
  "earlier",
  "home",
  "inside",
  "agreed",
];

/** One of `SINGLE`; or `intent-`, `link-`, `use-`, `limit-`, `put-` and 32 hexadecimal digits. */
const partKey: KeyCodec<string> = {
  print: (key) => key,
  parse: (text) => (SINGLE.includes(text) || NUMBERED.test(text) ? text : null),
};

/** The one field: `[room, part]`. What is there goes up only, so no device brings back what another knows to be over. DC44 */
export const GROUPS = {
  part: {
    map: "groups",
    key: pairKey(idKey("conversation"), partKey),
    value: shapeScalar(partShape),
    rank: rankOfPart,
    isMonotonic: true,
  } satisfies StateField<readonly [ConversationId, string], RoomPart>,
};

function rankOfPart(part: RoomPart): number {
  if (part.type === "standing") return part.since * STANDINGS.length + STANDINGS.indexOf(part.standing);
  if (part.type === "keys") return part.generation;
  if (part.type === "wanted") return part.atMs;
  if (part.type === "home") return part.incarnation;
  if (part.type === "link") return part.isRevoked ? 1 : 0;
  // Of two devices that read a message apart the earlier time holds.
  if (part.type === "limit") return -part.dueMs;
  if (part.type === "earlier") return part.since;
  if (part.type === "put") return part.count;
  return "epoch" in part ? part.epoch + 1 : 0;
}

/** Keys of the parts of a link, and of a use of one. */
export function linkKey(random: string): string {
  return `link-${random}`;
}

export function useKey(digest: string): string {
  return `use-${digest}`;
}

/** Key of a limit's part, by the bytes of the op's id. */
export function limitKey(opIdBytes: Bytes): string {
  return `limit-${toHex(opIdBytes.subarray(0, 16))}`;
}

/** Key of what a device has put on a room's log. */
export function putKey(device: DeviceId): string {
  return `put-${toHex(idBytes(device))}`;
}

const INTENT_KEY_BYTES = 16;

/** Key of a new intent's part. */
export function newIntentKey(random: Pick<Random, "bytes">): string {
  return `intent-${toHex(random.bytes(INTENT_KEY_BYTES))}`;
}

/** Reads a groups document. A room exists once it has keys and a standing. DC45 */
export const groupsSchema: DocumentSchema<Groups> = {
  kind: "groups",
  decode(view) {
    const faults: FieldFault[] = [];
    const byRoom = new Map<ConversationId, Map<string, RoomPart>>();
    for (const { key, value } of readField(view, GROUPS.part, faults)) {
      const [room, name] = key;
      if (value.type !== (NUMBERED.exec(name)?.[1] ?? name)) {
        faults.push({ field: GROUPS.part.map, count: 1 });
        continue;
      }
      byRoom.set(room, (byRoom.get(room) ?? new Map<string, RoomPart>()).set(name, value));
    }
    const roomsById = new Map<ConversationId, RoomRecord>();
    const wantedById = new Map<ConversationId, PartOf<"wanted">>();
    for (const [room, parts] of byRoom) {
      const keys = parts.get("keys");
      const standing = parts.get("standing");
      const info = parts.get("info");
      const wanted = parts.get("wanted");
      if (wanted?.type === "wanted") wantedById.set(room, wanted);
      if (keys?.type !== "keys" || standing?.type !== "standing") continue;
      const intents = [...parts].flatMap(([key, part]) => (part.type === "intent" ? [{ key, ...part }] : []));
      intents.sort((a, b) => a.order - b.order || (a.key < b.key ? -1 : 1));
      const links = [...parts].flatMap(([key, part]) => (part.type === "link" ? [{ key, ...part }] : []));
      links.sort((a, b) => a.madeAtMs - b.madeAtMs || (a.key < b.key ? -1 : 1));
      const uses = [...parts].flatMap(([key, part]) => (part.type === "use" ? [{ key, ...part }] : []));
      const limits = [...parts.values()].filter((part) => part.type === "limit");
      const puts = [...parts.values()].filter((part) => part.type === "put");
      const known = info?.type === "info" ? info : null;
      const moved = parts.get("home");
      const home = moved?.type === "home" ? moved : null;
      const alone = parts.get("inside");
      const inside = alone?.type === "inside" ? alone : null;
      const told = parts.get("agreed");
      const agreed = told?.type === "agreed" ? told : null;
      const kept = parts.get("lifetime");
      const lifetimeMs = kept?.type === "lifetime" ? kept.lifetimeMs : null;
      const given = parts.get("history");
      const earlier = parts.get("earlier");
      roomsById.set(room, {
        ...{
          keys,
          standing,
          info: known,
          lifetimeMs,
          home,
          inside,
          agreed,
          intents,
          links,
          uses,
          limits,
          puts,
        },
        history: given?.type === "history" ? given.history : null,
        earlierSince: earlier?.type === "earlier" ? earlier.since : null,
      });
    }
    return { value: { roomsById, wantedById }, faults };
  },
};
