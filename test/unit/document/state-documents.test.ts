import { beforeAll, describe, expect, test } from "vitest";
import { fromHex } from "../../../core/base/bytes.ts";
import { type AccountId, type ConversationId, idFromBytes, type OpId } from "../../../core/base/ids.ts";
import {
  CONTACT_NOTES_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  SERVER_ORIGIN_CHARS_MAX,
  TAG_NAME_BYTES_MAX,
} from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { Automerge, automergeReady } from "../../../core/document/automerge.ts";
import {
  CONTACTS,
  type ContactState,
  contactsSchema,
  removeContact,
} from "../../../core/document/schema/contacts.ts";
import type { DocumentKind } from "../../../core/document/schema/document-kind.ts";
import type { DocumentSchema } from "../../../core/document/schema/document-schema.ts";
import type { Documents } from "../../../core/document/documents.ts";
import { DELETIONS, deletionsSchema } from "../../../core/document/schema/deletions.ts";
import { GENESIS_MAPS, genesisChange } from "../../../core/document/schema/genesis.ts";
import {
  GROUPS,
  groupsSchema,
  newIntentKey,
  type RoomPart,
  type RoomStanding,
} from "../../../core/document/schema/groups.ts";
import { INBOX, inboxSchema } from "../../../core/document/schema/inbox.ts";
import { SETTINGS, settingsSchema } from "../../../core/document/schema/settings.ts";
import { setField } from "../../../core/document/schema/state-field.ts";
import { TAGS, tagIdFromBytes, tagRuleIdFromBytes, tagsSchema } from "../../../core/document/schema/tags.ts";
import { createDocumentDisk, type DocumentDisk, documentRef, unwrap } from "../../support/document-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const random = createSeededRandom("state");
const conversation: ConversationId = idFromBytes("conversation", random.bytes(32));
const account: AccountId = idFromBytes("account", random.bytes(32));
const op: OpId = idFromBytes("op", random.bytes(32));
const tag = tagIdFromBytes(random.bytes(16));
const rule = tagRuleIdFromBytes(random.bytes(16));

type Edit = (draft: { [key: string]: unknown }) => void;

/** Two devices with one document; `editApart` lets them edit without knowing of each other and then exchanges. */
function createPair(kind: DocumentKind): {
  a: Documents;
  b: Documents;
  disk: DocumentDisk;
  editApart(onA: Edit, onB: Edit): Promise<void>;
  read<T>(schema: DocumentSchema<T>): Promise<T>;
} {
  const ref = documentRef(random, kind);
  const disk = createDocumentDisk(`state a ${random.below(1e9)}`);
  const [a, b] = [disk.open(), createDocumentDisk(`state b ${random.below(1e9)}`).open()];
  return {
    a,
    b,
    disk,
    async editApart(onA, onB) {
      const [fromA, fromB] = [unwrap(await a.change(ref, onA)), unwrap(await b.change(ref, onB))];
      unwrap(await a.apply(ref, fromB.changes));
      unwrap(await b.apply(ref, fromA.changes));
    },
    async read(schema) {
      const [onA, onB] = [unwrap(await a.read(ref, schema)), unwrap(await b.read(ref, schema))];
      expect(onB).toEqual(onA);
      return onA;
    },
  };
}

const nothing: Edit = () => {};

test("a new state document reads as an empty one, and every field of a schema is in its genesis", async () => {
  expect(await createPair("inbox").read(inboxSchema)).toEqual({ conversationsById: new Map() });
  expect(await createPair("contacts").read(contactsSchema)).toEqual({ contactsById: new Map() });
  expect(await createPair("tags").read(tagsSchema)).toEqual({ tagsById: new Map(), rulesById: new Map() });
  expect(await createPair("settings").read(settingsSchema)).toEqual({
    displayName: null,
    handle: null,
    ticket: null,
    deviceNamesById: new Map(),
    deviceKindsById: new Map(),
  });
  const mapsOf = (fields: Readonly<Record<string, { readonly map: string }>>) =>
    Object.values(fields)
      .map(({ map }) => map)
      .toSorted();
  expect(mapsOf(INBOX)).toEqual(GENESIS_MAPS.inbox.toSorted());
  expect(mapsOf(CONTACTS)).toEqual(GENESIS_MAPS.contacts.toSorted());
  expect(mapsOf(TAGS)).toEqual(GENESIS_MAPS.tags.toSorted());
  expect(mapsOf(SETTINGS)).toEqual(GENESIS_MAPS.settings.toSorted());
});

test("[DC30] two devices that edit the same new conversation lose nothing of each other, field by field", async () => {
  const inbox = createPair("inbox");
  await inbox.editApart(
    (draft) => {
      setField(draft, INBOX.contact, conversation, account);
      setField(draft, INBOX.archived, conversation, true);
      setField(draft, INBOX.draft, conversation, "half a thought");
    },
    (draft) => {
      setField(draft, INBOX.muted, conversation, true);
      setField(draft, INBOX.starred, [conversation, op], true);
      setField(draft, INBOX.tagged, [conversation, tag], true);
      setField(draft, INBOX.readUpTo, conversation, 7);
    },
  );
  expect((await inbox.read(inboxSchema)).conversationsById.get(conversation)).toEqual({
    contact: account,
    isArchived: true,
    isMuted: true,
    readUpTo: 7,
    starred: new Set([op]),
    tags: new Set([tag]),
    drafts: ["half a thought"],
  });
  await inbox.editApart(
    (draft) => setField(draft, INBOX.starred, [conversation, op], null),
    (draft) => setField(draft, INBOX.draft, conversation, null),
  );
  expect((await inbox.read(inboxSchema)).conversationsById.get(conversation)).toMatchObject({
    starred: new Set(),
    drafts: [],
    isMuted: true,
  });
});

test("[DC31] what a newer version added survives an older one's edits and is not in its way", async () => {
  const ref = documentRef(random, "inbox");
  const disk = createDocumentDisk("newer");
  const documents = disk.open();
  const newer = Automerge.change(fromGenesis("inbox"), { time: 0 }, (root) => {
    root.pinnedOrder = { [conversation]: new Automerge.ImmutableString("a0") };
    root.version = 2;
  });
  unwrap(await documents.apply(ref, [Automerge.getLastLocalChange(newer) ?? new Uint8Array()]));
  unwrap(await documents.change(ref, (draft) => setField(draft, INBOX.muted, conversation, true)));
  expect(unwrap(await documents.read(ref, inboxSchema)).conversationsById.get(conversation)?.isMuted).toBe(
    true,
  );
  expect(disk.faults).toEqual([]);
  const saved = Automerge.toJS(
    Automerge.load<{ [key: string]: unknown }>(unwrap(await documents.save(ref)).bytes),
  );
  expect(saved).toMatchObject({ version: 2, pinnedOrder: { [conversation]: expect.anything() } });
});

test("[DC33] malformed keys, values and maps are counted and left alone; the rest is read", async () => {
  const ref = documentRef(random, "inbox");
  const disk = createDocumentDisk("malformed fields");
  const documents = disk.open();
  const broken = Automerge.change(fromGenesis("inbox"), { time: 0 }, (root) => {
    Object.assign(root.archived as object, {
      [conversation]: "yes",
      "not an id": true,
      [conversation.toUpperCase()]: true,
    });
    Object.assign(root.starred as object, {
      [conversation]: true,
      [`${conversation}/${op}/x`]: true,
      [`${conversation}/${op}`]: false,
    });
    Object.assign(root.readUpTo as object, { [conversation]: -1 });
    Object.assign(root.contact as object, { [conversation]: new Uint8Array(31) });
    root.draft = 5;
  });
  unwrap(await documents.apply(ref, [Automerge.getLastLocalChange(broken) ?? new Uint8Array()]));
  unwrap(await documents.change(ref, (draft) => setField(draft, INBOX.muted, conversation, true)));
  expect(unwrap(await documents.read(ref, inboxSchema)).conversationsById).toEqual(
    new Map([
      [
        conversation,
        {
          contact: null,
          isArchived: false,
          isMuted: true,
          readUpTo: null,
          starred: new Set(),
          tags: new Set(),
          drafts: [],
        },
      ],
    ]),
  );
  const fault = (field: string, count: number) => ({ type: "MalformedField", id: ref.id, field, count });
  expect(disk.faults).toEqual([
    fault("contact", 1),
    fault("archived", 3),
    fault("readUpTo", 1),
    fault("starred", 3),
    fault("draft", 1),
  ]);
  expect(await documents.change(ref, (draft) => setField(draft, INBOX.draft, conversation, "x"))).toEqual({
    ok: false,
    error: { type: "EditRefused", id: ref.id },
  });
  unwrap(await documents.change(ref, (draft) => setField(draft, INBOX.readUpTo, conversation, 3)));
  expect(unwrap(await documents.read(ref, inboxSchema)).conversationsById.get(conversation)?.readUpTo).toBe(
    3,
  );
});

test("setting what is set already is no change", async () => {
  const ref = documentRef(random, "contacts");
  const documents = createDocumentDisk("same").open();
  const edit: Edit = (draft) => {
    setField(draft, CONTACTS.state, account, "accepted");
    setField(draft, CONTACTS.petname, account, "Ada");
    setField(draft, CONTACTS.conversation, account, conversation);
    setField(draft, CONTACTS.addedAtMs, account, 1_700_000_000_000);
    setField(draft, CONTACTS.notes, account, null);
  };
  expect(unwrap(await documents.change(ref, edit)).changes.length).toBe(1);
  expect(unwrap(await documents.change(ref, edit)).changes).toEqual([]);
});

test("[DC34] a value that belongs together is never read as a mixture of two", async () => {
  const contacts = createPair("contacts");
  const inboundOf = (fill: number) => ({
    logId: idFromBytes("log", new Uint8Array(32).fill(fill)),
    appendSeed: new Uint8Array(32).fill(fill),
    hk: new Uint8Array(32).fill(fill),
    turn: 0,
  });
  const ownOf = (fill: number) => ({ ...inboundOf(fill), epoch: 1, theirCutSeq: 0 });
  const theirs = { ...inboundOf(3), generation: 1, origin: "https://a.example" };
  await contacts.editApart(
    (draft) => {
      setField(draft, CONTACTS.state, account, "accepted");
      setField(draft, CONTACTS.ownInbound, account, ownOf(1));
      setField(draft, CONTACTS.theirInbound, account, theirs);
    },
    (draft) => setField(draft, CONTACTS.ownInbound, account, ownOf(2)),
  );
  const contact = (await contacts.read(contactsSchema)).contactsById.get(account);
  expect([ownOf(1), ownOf(2)]).toContainEqual(contact?.ownInbound);
  expect(contact?.theirInbound).toEqual(theirs);
});

test("[DC41] of logs given out apart the later one stands, and nothing leads back to an earlier one", async () => {
  const contacts = createPair("contacts");
  const ownOf = (fill: number, place: { turn: number; epoch: number; theirCutSeq: number }) => ({
    logId: idFromBytes("log", new Uint8Array(32).fill(fill)),
    appendSeed: new Uint8Array(32).fill(fill),
    hk: new Uint8Array(32).fill(fill),
    ...place,
  });
  const closed = ownOf(1, { turn: 0, epoch: 9, theirCutSeq: 40 });
  const opened = ownOf(2, { turn: 1, epoch: 1, theirCutSeq: 0 });
  await contacts.editApart(
    (draft) => {
      setField(draft, CONTACTS.state, account, "accepted");
      setField(draft, CONTACTS.ownInbound, account, opened);
    },
    (draft) => setField(draft, CONTACTS.ownInbound, account, closed),
  );
  await contacts.editApart(
    (draft) => setField(draft, CONTACTS.ownInbound, account, closed),
    () => {},
  );
  const contact = (await contacts.read(contactsSchema)).contactsById.get(account);
  expect(contact?.ownInbound).toEqual(opened);
});

test("[DC32] [DC35] the read mark only goes up, in one device's hands and in two", async () => {
  const inbox = createPair("inbox");
  const read = async () => (await inbox.read(inboxSchema)).conversationsById.get(conversation)?.readUpTo;
  const mark =
    (hlc: number): Edit =>
    (draft) =>
      setField(draft, INBOX.readUpTo, conversation, hlc);
  for (const [onA, onB, highest] of [
    [5, 10, 10],
    [12, 11, 12],
    [3, 4, 12],
    [Number.MAX_SAFE_INTEGER, 13, Number.MAX_SAFE_INTEGER],
  ] as const) {
    await inbox.editApart(mark(onA), mark(onB));
    expect(await read()).toBe(highest);
  }
  await inbox.editApart(mark(20), nothing);
  expect(await read()).toBe(Number.MAX_SAFE_INTEGER);
});

test("[DC32] values set apart are still all known after the document was loaded again", async () => {
  const ref = documentRef(random, "inbox");
  const disk = createDocumentDisk("reload");
  const mark =
    (hlc: number): Edit =>
    (draft) =>
      setField(draft, INBOX.readUpTo, conversation, hlc);
  const fromSibling = unwrap(await createDocumentDisk("reload sibling").open().change(ref, mark(9)));
  const documents = disk.open();
  unwrap(await documents.change(ref, mark(4)));
  unwrap(await documents.evict(ref));
  unwrap(await documents.apply(ref, fromSibling.changes));
  const read = async () =>
    unwrap(await documents.read(ref, inboxSchema)).conversationsById.get(conversation)?.readUpTo;
  expect(await read()).toBe(9);
  unwrap(await documents.evict(ref));
  unwrap(await documents.change(ref, mark(8)));
  expect(await read()).toBe(9);
});

test("[DC38] of two states set apart the more careful one is read; a later one replaces it", async () => {
  const contacts = createPair("contacts");
  const to =
    (state: ContactState): Edit =>
    (draft) =>
      setField(draft, CONTACTS.state, account, state);
  const state = async () => (await contacts.read(contactsSchema)).contactsById.get(account)?.state;
  await contacts.editApart(to("blocked"), to("accepted"));
  expect(await state()).toBe("blocked");
  await contacts.editApart(to("accepted"), nothing);
  expect(await state()).toBe("accepted");
  await contacts.editApart(to("declined"), to("requested"));
  expect(await state()).toBe("declined");
  await contacts.editApart(nothing, to("incoming"));
  expect(await state()).toBe("incoming");
});

test("[DC39] a pinned chain never goes back", async () => {
  const contacts = createPair("contacts");
  const pinTo = (seq: number) => ({ seq, head: idFromBytes("link", new Uint8Array(32).fill(seq)) });
  const pin =
    (seq: number): Edit =>
    (draft) => {
      setField(draft, CONTACTS.state, account, "accepted");
      setField(draft, CONTACTS.pinned, account, pinTo(seq));
    };
  const pinned = async () => (await contacts.read(contactsSchema)).contactsById.get(account)?.pinned;
  await contacts.editApart(pin(4), pin(2));
  expect(await pinned()).toEqual(pinTo(4));
  await contacts.editApart(pin(3), pin(6));
  expect(await pinned()).toEqual(pinTo(6));
  await contacts.editApart(pin(5), nothing);
  expect(await pinned()).toEqual(pinTo(6));
});

test("a removed contact leaves no field behind", async () => {
  const contacts = createPair("contacts");
  const fill: Edit = (draft) => {
    setField(draft, CONTACTS.state, account, "accepted");
    setField(draft, CONTACTS.petname, account, "Ada");
    setField(draft, CONTACTS.notes, account, "met at the lake");
  };
  await contacts.editApart(fill, nothing);
  await contacts.editApart((draft) => removeContact(draft, account), nothing);
  expect(await contacts.read(contactsSchema)).toEqual({ contactsById: new Map() });
  await contacts.editApart((draft) => setField(draft, CONTACTS.state, account, "requested"), nothing);
  expect((await contacts.read(contactsSchema)).contactsById.get(account)).toMatchObject({
    state: "requested",
    petname: null,
    notes: null,
  });
});

test("[DC37] [DC46] tags, their rules, and settings are read as they were set; a kind of device that is not known here is none", async () => {
  const tags = createPair("tags");
  await tags.editApart(
    (draft) => {
      setField(draft, TAGS.name, tag, "Work");
      setField(draft, TAGS.rule, rule, { when: { type: "sender", account }, tag });
    },
    (draft) => {
      setField(draft, TAGS.colour, tag, "#aa00ff");
      setField(draft, TAGS.ruleEnabled, rule, false);
    },
  );
  expect(await tags.read(tagsSchema)).toEqual({
    tagsById: new Map([[tag, { name: "Work", colour: "#aa00ff" }]]),
    rulesById: new Map([[rule, { when: { type: "sender", account }, tag, isEnabled: false }]]),
  });
  await tags.editApart((draft) => setField(draft, TAGS.name, tag, null), nothing);
  expect((await tags.read(tagsSchema)).tagsById).toEqual(new Map());
  const settings = createPair("settings");
  const device = idFromBytes("device", random.bytes(16));
  const newer = idFromBytes("device", random.bytes(16));
  await settings.editApart(
    (draft) => setField(draft, SETTINGS.profile, "displayName", "Ada"),
    (draft) => {
      setField(draft, SETTINGS.profile, "handle", "ada");
      setField(draft, SETTINGS.device, { device, fact: "name" }, "Laptop");
      setField(draft, SETTINGS.device, { device, fact: "kind" }, "command-line");
      setField(draft, SETTINGS.device, { device: newer, fact: "kind" }, "kettle");
    },
  );
  expect(await settings.read(settingsSchema)).toEqual({
    displayName: "Ada",
    handle: "ada",
    ticket: null,
    deviceNamesById: new Map([[device, "Laptop"]]),
    deviceKindsById: new Map([[device, "command-line"]]),
  });
});

test("a rule with a condition of a later version is counted, kept and does nothing", async () => {
  const ref = documentRef(random, "tags");
  const disk = createDocumentDisk("later rule");
  const documents = disk.open();
  const later = Automerge.change(fromGenesis("tags"), { time: 0 }, (root) => {
    Object.assign(root.rule as object, { [rule]: fromHex(`828202f5${"50"}${tag}`) });
  });
  unwrap(await documents.apply(ref, [Automerge.getLastLocalChange(later) ?? new Uint8Array()]));
  expect(unwrap(await documents.read(ref, tagsSchema)).rulesById).toEqual(new Map());
  expect(disk.faults).toEqual([{ type: "MalformedField", id: ref.id, field: "rule", count: 1 }]);
});

test.each([
  ["petname", DISPLAY_NAME_BYTES_MAX],
  ["notes", CONTACT_NOTES_BYTES_MAX],
  ["origin", SERVER_ORIGIN_CHARS_MAX],
] as const)("a contact's %s has at most %i bytes", async (name, max) => {
  const ref = documentRef(random, "contacts");
  const documents = createDocumentDisk(`limit ${name}`).open();
  const to = (value: string) =>
    documents.change(ref, (draft) => setField(draft, CONTACTS[name], account, value));
  expect((await to("x".repeat(max))).ok).toBe(true);
  expect((await to("ä".repeat(Math.floor(max / 2)))).ok).toBe(true);
  const refused = { ok: false, error: { type: "EditRefused", id: ref.id } };
  expect(await to("x".repeat(max + 1))).toEqual(refused);
  expect(await to("ä".repeat(Math.floor(max / 2) + 1))).toEqual(refused);
  expect(await to("\ud800")).toEqual(refused);
});

test("a tag's name has a limit, and its colour one form", async () => {
  const ref = documentRef(random, "tags");
  const documents = createDocumentDisk("tag limit").open();
  const nameTo = async (name: string) =>
    (await documents.change(ref, (draft) => setField(draft, TAGS.name, tag, name))).ok;
  expect([
    await nameTo("x".repeat(TAG_NAME_BYTES_MAX)),
    await nameTo("x".repeat(TAG_NAME_BYTES_MAX + 1)),
  ]).toEqual([true, false]);
  const colourTo = async (colour: string) =>
    (await documents.change(ref, (draft) => setField(draft, TAGS.colour, tag, colour))).ok;
  expect([
    await colourTo("#00ff00"),
    await colourTo("green"),
    await colourTo("#00FF00"),
    await colourTo("#0f0"),
  ]).toEqual([true, false, false, false]);
});

/** A document of another device, outside of ours. */
function fromGenesis(kind: DocumentKind): Automerge.Doc<{ [key: string]: unknown }> {
  return Automerge.applyChanges(Automerge.init<{ [key: string]: unknown }>({ actor: "ee".repeat(16) }), [
    genesisChange(kind),
  ])[0];
}

test("[DC40] drafts written apart are all kept, until one of them is replaced", async () => {
  const pair = createPair("inbox");
  const set =
    (text: string | null): Edit =>
    (draft) =>
      setField(draft, INBOX.draft, conversation, text);
  const drafts = async () => (await pair.read(inboxSchema)).conversationsById.get(conversation)?.drafts ?? [];
  await pair.editApart(set("Hello"), nothing);
  expect(await drafts()).toEqual(["Hello"]);
  await pair.editApart(set("Hello Ben"), set("Good day"));
  expect(await drafts()).toEqual(["Good day", "Hello Ben"]);
  await pair.editApart(set("Hello Ben, good day"), nothing);
  expect(await drafts()).toEqual(["Hello Ben, good day"]);
  await pair.editApart(set("Hello Ben, good day to you"), set("Hello Ben, good day!"));
  expect(await drafts()).toHaveLength(2);
  await pair.editApart(set("x"), nothing);
  await pair.editApart(set("x and"), set("x and more"));
  expect(await drafts()).toEqual(["x and more"]);
  await pair.editApart(set("same"), set("same"));
  expect(await drafts()).toEqual(["same"]);
  await pair.editApart(set(null), set("what was written meanwhile"));
  expect(await drafts()).toEqual(["what was written meanwhile"]);
  await pair.editApart(set(null), nothing);
  expect(await drafts()).toEqual([]);
});

test("[DC42] [DC43] deletions name ops and buckets by their places, and numbers of them only go up", async () => {
  const { editApart, read } = createPair("deletions");
  const device = idFromBytes("device", random.bytes(16));
  const place = { device, deviceSeq: 3, hlc: 9 };
  await editApart(
    (draft) => {
      setField(draft, DELETIONS.cleared, [conversation, device], 7);
      setField(draft, DELETIONS.generation, [conversation, device, 0], 12);
      setField(draft, DELETIONS.removed, [conversation, op], place);
    },
    (draft) => {
      setField(draft, DELETIONS.cleared, [conversation, device], 9);
      setField(draft, DELETIONS.cleared, [conversation, device], 5);
      setField(draft, DELETIONS.generation, [conversation, device, 0], 11);
    },
  );
  expect(await read(deletionsSchema)).toEqual({
    removed: [{ key: [conversation, op], value: place }],
    cleared: [{ key: [conversation, device], value: 9 }],
    generations: [{ key: [conversation, device, 0], value: 12 }],
  });
});

describe("a room in the groups document", () => {
  const room = idFromBytes("conversation", new Uint8Array(32).fill(4));
  const by = idFromBytes("account", new Uint8Array(32).fill(6));
  const keys = (byte: number, generation = 0): RoomPart => ({
    type: "keys",
    logId: idFromBytes("log", new Uint8Array(32).fill(1)),
    origin: "https://one.example",
    generation,
    accessSeed: new Uint8Array(32).fill(byte),
    roomKey: new Uint8Array(32).fill(3),
    fromSeq: 0,
    fromChain: new Uint8Array(32),
  });
  const standing = (since: number, word: RoomStanding): RoomPart => ({
    type: "standing",
    since,
    standing: word,
    by,
    atMs: 1,
  });
  const info = (epoch: number, name: string): RoomPart => ({
    type: "info",
    epoch,
    name,
    about: "",
    members: [],
  });
  const put =
    (key: string, part: RoomPart | null): Edit =>
    (draft) =>
      setField(draft, GROUPS.part, [room, key] as const, part);
  const both =
    (...edits: readonly Edit[]): Edit =>
    (draft) => {
      for (const edit of edits) edit(draft);
    };

  test("[DC44] of one membership the later standing holds, and a later membership above all", async () => {
    const pair = createPair("groups");
    const read = async () => (await pair.read(groupsSchema)).roomsById.get(room);
    await pair.editApart(both(put("keys", keys(1)), put("standing", standing(5, "invited"))), nothing);
    await pair.editApart(put("standing", standing(5, "joined")), put("standing", standing(5, "left")));
    expect((await read())?.standing.standing).toBe("left");
    await pair.editApart(put("standing", standing(5, "joined")), nothing);
    expect((await read())?.standing.standing).toBe("left");
    await pair.editApart(put("standing", standing(9, "invited")), put("standing", standing(5, "removed")));
    expect((await read())?.standing).toMatchObject({ since: 9, standing: "invited" });
  });

  test("[DC44] what opens a room is set once a generation, and an older state of it replaces no newer one", async () => {
    const pair = createPair("groups");
    const read = async () => (await pair.read(groupsSchema)).roomsById.get(room);
    await pair.editApart(both(put("keys", keys(1)), put("standing", standing(1, "joined"))), nothing);
    await pair.editApart(put("keys", keys(2)), nothing);
    expect((await read())?.keys.accessSeed).toEqual(new Uint8Array(32).fill(1));
    await pair.editApart(put("keys", keys(4, 9)), put("keys", keys(3, 7)));
    await pair.editApart(put("keys", keys(5, 8)), nothing);
    expect((await read())?.keys).toMatchObject({ generation: 9, accessSeed: new Uint8Array(32).fill(4) });
    await pair.editApart(put("info", info(7, "new")), put("info", info(6, "old")));
    await pair.editApart(put("info", info(3, "older")), nothing);
    expect((await read())?.info?.name).toBe("new");
  });

  test("[DC44] what newcomers get is that of the later epoch, and that all has come that of the later membership", async () => {
    const pair = createPair("groups");
    const read = async () => (await pair.read(groupsSchema)).roomsById.get(room);
    await pair.editApart(both(put("keys", keys(1)), put("standing", standing(1, "joined"))), nothing);
    expect(await read()).toMatchObject({ history: null, earlierSince: null });
    const history = (epoch: number, days: number | null): RoomPart => ({
      type: "history",
      epoch,
      history: { days },
    });
    const earlier = (since: number): RoomPart => ({ type: "earlier", since });
    await pair.editApart(put("history", history(6, 7)), put("history", history(7, null)));
    await pair.editApart(put("history", history(5, 1)), put("earlier", earlier(4)));
    await pair.editApart(put("earlier", earlier(3)), nothing);
    expect(await read()).toMatchObject({ history: { days: null }, earlierSince: 4, inside: null });
    const inside = (epoch: number, byte: number): RoomPart => ({
      type: "inside",
      epoch,
      handshake: idFromBytes("entry", new Uint8Array(32).fill(byte)),
      devices: [],
    });
    await pair.editApart(put("inside", inside(7, 2)), put("inside", inside(6, 1)));
    const { handshake } = inside(7, 2) as Extract<RoomPart, { readonly type: "inside" }>;
    expect((await read())?.inside).toMatchObject({ epoch: 7, handshake });
    expect((await read())?.agreed).toBe(null);
    const agreed = (epoch: number): RoomPart => ({
      ...{ type: "agreed", epoch, handshake, context: new Uint8Array([epoch]) },
    });
    await pair.editApart(put("agreed", agreed(7)), put("agreed", agreed(6)));
    expect((await read())?.agreed).toEqual(agreed(7));
  });

  test("[DC45] a room is there once it has keys and a standing; what is asked of it is in order, until it is done", async () => {
    const pair = createPair("groups");
    const read = async () => (await pair.read(groupsSchema)).roomsById.get(room);
    await pair.editApart(put("keys", keys(1)), nothing);
    expect(await read()).toBe(undefined);
    const intent = (name: string, order: number): RoomPart => ({
      type: "intent",
      intent: { type: "name", name },
      order,
    });
    const keyOf = (byte: number) => newIntentKey({ bytes: (length) => new Uint8Array(length).fill(byte) });
    const [first, second] = [keyOf(0x00), keyOf(0xff)];
    await pair.editApart(put("standing", standing(1, "joined")), put(second, intent("one", 1)));
    await pair.editApart(put(first, intent("two", 2)), nothing);
    expect((await read())?.intents.map((one) => one.intent)).toEqual([
      { type: "name", name: "one" },
      { type: "name", name: "two" },
    ]);
    await pair.editApart(put(second, null), nothing);
    expect((await read())?.intents).toHaveLength(1);
  });
});
