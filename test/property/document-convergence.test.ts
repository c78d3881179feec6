/** Three devices edit one document apart; whatever order and however often changes arrive, all end with one view. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { Bytes } from "../../core/base/bytes.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { automergeReady } from "../../core/document/automerge.ts";
import { CONTACTS, contactsSchema, removeContact } from "../../core/document/schema/contacts.ts";
import type { DocumentKind, DocumentRef } from "../../core/document/schema/document-kind.ts";
import { appSchema, type DocumentSchema } from "../../core/document/schema/document-schema.ts";
import type { Documents } from "../../core/document/documents.ts";
import { INBOX, inboxSchema } from "../../core/document/schema/inbox.ts";
import { SETTINGS, settingsSchema } from "../../core/document/schema/settings.ts";
import { setField } from "../../core/document/schema/state-field.ts";
import { TAGS, tagIdFromBytes, tagRuleIdFromBytes, tagsSchema } from "../../core/document/schema/tags.ts";
import { createDocumentDisk, documentRef, setKey, unwrap } from "../support/document-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

beforeAll(async () => {
  await cryptoReady();
  await automergeReady();
});

const DEVICES = 3;
const filled = (length: number) =>
  fc.integer({ min: 1, max: 3 }).map((fill) => new Uint8Array(length).fill(fill));
const conversation = filled(32).map((bytes) => idFromBytes("conversation", bytes));
const account = filled(32).map((bytes) => idFromBytes("account", bytes));
const op = filled(32).map((bytes) => idFromBytes("op", bytes));
const device = filled(16).map((bytes) => idFromBytes("device", bytes));
const tag = filled(16).map(tagIdFromBytes);
const rule = filled(16).map(tagRuleIdFromBytes);
const name = fc.constantFrom("Ada", "Bob", "");

type Edit = (draft: { [key: string]: unknown }) => void;
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });

const inboxEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(conversation, orNull(account)).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.contact, key, value),
  ),
  fc.tuple(conversation, orNull(fc.boolean())).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.archived, key, value),
  ),
  fc.tuple(conversation, orNull(fc.boolean())).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.muted, key, value),
  ),
  fc.tuple(conversation, fc.nat({ max: 20 })).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.readUpTo, key, value),
  ),
  fc.tuple(conversation, op, orNull(fc.constant(true as const))).map(
    ([key, id, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.starred, [key, id], value),
  ),
  fc.tuple(conversation, tag, orNull(fc.constant(true as const))).map(
    ([key, id, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.tagged, [key, id], value),
  ),
  fc.tuple(conversation, orNull(name)).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, INBOX.draft, key, value),
  ),
);
const contactsEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .tuple(
      account,
      fc.constantFrom(
        "requested" as const,
        "incoming" as const,
        "declined" as const,
        "accepted" as const,
        "blocked" as const,
      ),
    )
    .map(
      ([key, value]): Edit =>
        (draft) =>
          setField(draft, CONTACTS.state, key, value),
    ),
  fc.tuple(account, orNull(name)).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, CONTACTS.petname, key, value),
  ),
  fc.tuple(account, fc.nat({ max: 9 }), filled(32)).map(
    ([key, seq, head]): Edit =>
      (draft) =>
        setField(draft, CONTACTS.pinned, key, { seq, head: idFromBytes("link", head) }),
  ),
  fc.tuple(account, filled(32)).map(
    ([key, bytes]): Edit =>
      (draft) =>
        setField(draft, CONTACTS.ownInbound, key, {
          logId: idFromBytes("log", bytes),
          appendSeed: bytes,
          hk: bytes,
          turn: 0,
          epoch: 1 + (bytes[0] ?? 0),
          theirCutSeq: 0,
        }),
  ),
  account.map(
    (key): Edit =>
      (draft) =>
        removeContact(draft, key),
  ),
);
const tagsEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(tag, orNull(name)).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, TAGS.name, key, value),
  ),
  fc.tuple(tag, orNull(fc.constantFrom("#000000", "#ffffff"))).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, TAGS.colour, key, value),
  ),
  fc.tuple(rule, account, tag).map(
    ([key, sender, set]): Edit =>
      (draft) =>
        setField(draft, TAGS.rule, key, { when: { type: "sender", account: sender }, tag: set }),
  ),
  fc.tuple(rule, fc.boolean()).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, TAGS.ruleEnabled, key, value),
  ),
);
const settingsEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(fc.constantFrom("displayName" as const, "handle" as const), orNull(name)).map(
    ([key, value]): Edit =>
      (draft) =>
        setField(draft, SETTINGS.profile, key, value),
  ),
  fc.tuple(device, fc.constantFrom("name" as const, "kind" as const), orNull(name)).map(
    ([id, fact, value]): Edit =>
      (draft) =>
        setField(draft, SETTINGS.device, { device: id, fact }, value),
  ),
);
const bucketEdit: fc.Arbitrary<Edit> = fc.tuple(op, fc.nat({ max: 3 })).map(
  ([id, byte]): Edit =>
    (draft) => {
      const ops = draft.ops as { [key: string]: unknown };
      ops[id] ??= new Uint8Array([byte]);
    },
);
const appEdit: fc.Arbitrary<Edit> = fc
  .tuple(fc.constantFrom("x", "y"), fc.oneof(fc.nat({ max: 9 }), name))
  .map(([key, value]): Edit => setKey(key, value));

const plain = appSchema((value) => ({ value, faults: [] }));
const bucketSchema: DocumentSchema<unknown> = {
  kind: "bucket",
  decode: (view) => ({ value: view.entries("ops"), faults: [] }),
};

const KINDS: readonly (readonly [DocumentKind, fc.Arbitrary<Edit>, DocumentSchema<unknown>])[] = [
  ["inbox", inboxEdit, inboxSchema],
  ["contacts", contactsEdit, contactsSchema],
  ["tags", tagsEdit, tagsSchema],
  ["settings", settingsEdit, settingsSchema],
  ["bucket", bucketEdit, bucketSchema],
  ["app", appEdit, plain],
];

/** A device edits, or takes some changes of all that were ever made, in any order, again and again. */
const step = (edit: fc.Arbitrary<Edit>) =>
  fc.oneof(
    fc.record({ type: fc.constant("edit" as const), on: fc.nat({ max: DEVICES - 1 }), edit }),
    fc.record({
      type: fc.constant("deliver" as const),
      on: fc.nat({ max: DEVICES - 1 }),
      picks: fc.array(fc.nat(), { maxLength: 6 }),
    }),
    fc.record({ type: fc.constant("restart" as const), on: fc.nat({ max: DEVICES - 1 }) }),
  );

test.each(KINDS)("[DC7] devices converge on %s", { timeout: 120_000 }, async (kind, edit, schema) => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step(edit), { minLength: 3, maxLength: 20 }),
      fc.infiniteStream(fc.nat()),
      async (steps, order) => {
        runs += 1;
        const ref = documentRef(createSeededRandom(`${kind} ${runs}`), kind);
        const disks = Array.from({ length: DEVICES }, (_, i) =>
          createDocumentDisk(`converge ${kind} ${runs} ${i}`),
        );
        const devices = disks.map((disk) => disk.open());
        const made: Bytes[] = [];
        for (const one of steps) {
          const documents = at(devices, one.on);
          if (one.type === "edit") made.push(...unwrap(await documents.change(ref, one.edit)).changes);
          else if (one.type === "deliver") {
            if (made.length > 0)
              unwrap(
                await documents.apply(
                  ref,
                  one.picks.map((pick) => at(made, pick % made.length)),
                ),
              );
          } else {
            unwrap(await documents.close());
            devices[one.on] = at(disks, one.on).open();
          }
        }
        for (const documents of devices) {
          const shuffled = made
            .map((change) => ({ change, at: order.next().value ?? 0 }))
            .sort((a, b) => a.at - b.at);
          for (const { change } of shuffled) unwrap(await documents.apply(ref, [change]));
        }
        const views = await Promise.all(devices.map((documents) => viewOf(documents, ref, schema)));
        expect(views[1]).toEqual(views[0]);
        expect(views[2]).toEqual(views[0]);
        for (const documents of devices) unwrap(await documents.close());
        expect(await viewOf(at(disks, 0).open(), ref, schema)).toEqual(views[0]);
        expect(disks.flatMap((disk) => disk.faults)).toEqual([]);
      },
    ),
    { numRuns: 15 },
  );
});

async function viewOf(
  documents: Documents,
  ref: DocumentRef,
  schema: DocumentSchema<unknown>,
): Promise<unknown> {
  return {
    heads: [...unwrap(await documents.heads(ref))].sort(),
    view: unwrap(await documents.read(ref, schema)),
  };
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error("the index is in range");
  return item;
}
