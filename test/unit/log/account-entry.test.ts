/** Account entries: what opens, what does not, and that the limits of a batch fit the limit of an entry. */
import { beforeAll, describe, expect, test } from "vitest";
import { ENTRY_BYTES_MAX } from "../../../core/base/limits.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { deriveKey } from "../../../core/crypto/kdf.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { pad } from "../../../core/crypto/padding.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { sign, signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { concatBytes } from "../../../core/base/bytes.ts";
import { idBytes, idFromBytes } from "../../../core/base/ids.ts";
import {
  accountEntryKey,
  type AccountEntryContent,
  type AccountEntryKeys,
  type AccountEntryPlan,
  BATCH_BYTES_MAX,
  type BatchItem,
  CHANGE_BYTES_MAX,
  CHANGES_PER_ITEM_MAX,
  ITEMS_PER_BATCH_MAX,
  openAccountEntry,
  sealAccountEntry,
} from "../../../core/log/account-entry.ts";
import { APPLICATION_NAME_BYTES_MAX } from "../../../core/log/document-name.ts";
import { encodeEntryHeader, type Entry, ENTRY_KIND } from "../../../core/protocol/entry.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { accountOf, deviceOf, entryOf, filled, logOf } from "../../support/messages.ts";

const random = createSeededRandom("account-entry");
const LOG = { accountId: accountOf(1), logId: logOf(2) };
const SECRET = filled(5);
const TAG = idFromBytes("writerTag", filled(6, 16));
const DEVICE = deviceOf(7);

beforeAll(cryptoReady);

const signer = () => signKeyPairFromSeed(filled(8));
const keys = (changes: Partial<AccountEntryKeys> = {}): AccountEntryKeys => ({
  epochSecret: (epoch) => (epoch === 3 ? SECRET : null),
  signKey: (device) => (device === DEVICE ? signer().publicKey : null),
  ...changes,
});

function content(batch: readonly BatchItem[] = []): AccountEntryContent {
  return {
    version: 1,
    device: DEVICE,
    chainSeq: 4,
    chainHead: idFromBytes("link", filled(9)),
    previous: entryOf(1),
    seen: { incarnation: 0, seq: 2, chain: filled(3) },
    batch,
  };
}

function plan(changes: Partial<AccountEntryPlan> = {}): AccountEntryPlan {
  return {
    log: LOG,
    epoch: 3,
    epochSecret: SECRET,
    writerTag: TAG,
    writerSeq: 1,
    signer: signer(),
    content: content(),
    ...changes,
  };
}

/** The entry of a plan, which must fit. */
function sealed(changes: Partial<AccountEntryPlan> = {}): Entry {
  const entry = sealAccountEntry(random, plan(changes));
  if (!entry.ok) throw new Error(JSON.stringify(entry.error));
  return entry.value;
}

const SOME_BATCH: readonly BatchItem[] = [
  { type: "changes", document: { type: "inbox" }, changes: [filled(1, 10), filled(2, 20)] },
  { type: "inboundSeen", logId: logOf(4), point: { incarnation: 0, seq: 9, chain: filled(5) } },
];

describe("an account entry", () => {
  test("[AR2] opens to what was sealed, under its epoch", () => {
    const entry = sealed({ content: content(SOME_BATCH) });
    expect(openAccountEntry(LOG, entry, keys())).toEqual({
      ok: true,
      value: { epoch: 3, content: content(SOME_BATCH) },
    });
  });

  test("[AR2] is padded, so that batches of about one size look alike", () => {
    const of = (length: number) =>
      sealed({
        content: content([{ type: "changes", document: { type: "inbox" }, changes: [filled(1, length)] }]),
      }).sealed.length;
    expect(of(1)).toBe(of(20));
    expect(of(1_000)).toBe(of(1_005));
  });

  test("[AR2] is sealed under a key of its own epoch and log", () => {
    expect(accountEntryKey(SECRET, LOG.logId)).toEqual(
      deriveKey(SECRET, LABEL.accountEntryKey, idBytes(LOG.logId)),
    );
    expect(accountEntryKey(SECRET, logOf(3))).not.toEqual(accountEntryKey(SECRET, LOG.logId));
    expect(accountEntryKey(filled(6), LOG.logId)).not.toEqual(accountEntryKey(SECRET, LOG.logId));
  });

  const otherHeader = (fields: object) =>
    encodeEntryHeader({
      version: 1,
      kind: ENTRY_KIND.accountBatch,
      writerTag: TAG,
      writerSeq: 1,
      epoch: 3,
      expect: null,
      ...fields,
    });

  test.each([
    [
      "another account",
      () => openAccountEntry({ ...LOG, accountId: accountOf(9) }, sealed(), keys()),
      "DoesNotOpen",
    ],
    ["another log", () => openAccountEntry({ ...LOG, logId: logOf(9) }, sealed(), keys()), "DoesNotOpen"],
    [
      "another counter",
      () => openAccountEntry(LOG, { ...sealed(), header: otherHeader({ writerSeq: 2 }) }, keys()),
      "DoesNotOpen",
    ],
    [
      "another writer's tag",
      () =>
        openAccountEntry(
          LOG,
          { ...sealed(), header: otherHeader({ writerTag: idFromBytes("writerTag", filled(1, 16)) }) },
          keys(),
        ),
      "DoesNotOpen",
    ],
    [
      "another expectation",
      () => openAccountEntry(LOG, { ...sealed(), header: otherHeader({ expect: entryOf(2) }) }, keys()),
      "DoesNotOpen",
    ],
    [
      "another epoch's number",
      () =>
        openAccountEntry(
          LOG,
          { ...sealed(), header: otherHeader({ epoch: 4 }) },
          keys({ epochSecret: () => SECRET }),
        ),
      "DoesNotOpen",
    ],
    [
      "another epoch's secret",
      () => openAccountEntry(LOG, sealed(), keys({ epochSecret: () => filled(6) })),
      "DoesNotOpen",
    ],
    ["an epoch that is not here", () => openAccountEntry(LOG, sealed({ epoch: 9 }), keys()), "UnknownEpoch"],
    [
      "no epoch",
      () => openAccountEntry(LOG, { ...sealed(), header: otherHeader({ epoch: null }) }, keys()),
      "WrongKind",
    ],
    [
      "another kind",
      () => openAccountEntry(LOG, { ...sealed(), header: otherHeader({ kind: ENTRY_KIND.message }) }, keys()),
      "WrongKind",
    ],
    [
      "a header that is none",
      () => openAccountEntry(LOG, { ...sealed(), header: filled(0xff, 4) }, keys()),
      "MalformedCbor",
    ],
    [
      "another device's key",
      () => openAccountEntry(LOG, sealed({ signer: signKeyPairFromSeed(filled(99)) }), keys()),
      "BadSignature",
    ],
    [
      "a device that is not on the chain",
      () => openAccountEntry(LOG, sealed(), keys({ signKey: () => null })),
      "UnknownWriter",
    ],
    ["a changed byte", () => openAccountEntry(LOG, flipped(sealed()), keys()), "DoesNotOpen"],
    [
      "fewer bytes",
      () => openAccountEntry(LOG, { ...sealed(), sealed: filled(1, 20) }, keys()),
      "DoesNotOpen",
    ],
  ])("[AR3] with %s is refused", (_what, open, type) => {
    expect(open()).toMatchObject({ ok: false, error: { type } });
  });

  function flipped(entry: Entry): Entry {
    const bytes = entry.sealed.slice();
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return { ...entry, sealed: bytes };
  }

  /** Sealed and signed as the real one is, from parts no honest device makes. */
  function forged(parts: {
    readonly content?: Uint8Array;
    readonly plain?: (content: Uint8Array, signature: Uint8Array) => Uint8Array;
    readonly signedAad?: Uint8Array;
    readonly label?: typeof LABEL.signAccountEntry | typeof LABEL.signPreKey;
  }): Entry {
    const header = otherHeader({});
    const aad = encodeCbor([LABEL.sealAccountEntry, idBytes(LOG.accountId), idBytes(LOG.logId), header]);
    const body =
      parts.content ?? encodeCbor([1, idBytes(DEVICE), 4, filled(9), filled(1), [0, 2, filled(3)], []]);
    const signature = sign(
      signer(),
      parts.label ?? LABEL.signAccountEntry,
      concatBytes(hash(LABEL.sealAad, parts.signedAad ?? aad), body),
    );
    const plain = parts.plain?.(body, signature) ?? pad(encodeCbor([body, signature]));
    return {
      header,
      sealed: seal(
        random,
        { key: accountEntryKey(SECRET, LOG.logId), label: LABEL.sealAccountEntry, aad },
        plain,
      ),
    };
  }

  test("[AR3] made by hand in the form that is written down opens", () => {
    expect(openAccountEntry(LOG, forged({}), keys())).toEqual({
      ok: true,
      value: { epoch: 3, content: content() },
    });
  });

  test.each([
    [
      "another version",
      { content: encodeCbor([2, filled(7, 16), 4, filled(9), null, [0, 2, filled(3)], []]) },
      "MalformedShape",
    ],
    [
      "bytes after the content",
      {
        content: concatBytes(
          encodeCbor([1, filled(7, 16), 4, filled(9), null, [0, 2, filled(3)], []]),
          filled(0, 1),
        ),
      },
      "MalformedCbor",
    ],
    [
      "no padding",
      { plain: (body: Uint8Array, signature: Uint8Array) => encodeCbor([body, signature]) },
      "BadPadding",
    ],
    ["a signature of another place", { signedAad: filled(1) }, "BadSignature"],
    ["a signature for another purpose", { label: LABEL.signPreKey }, "BadSignature"],
  ])("[AR3] with %s inside is refused although its key is right", (_what, parts, type) => {
    expect(openAccountEntry(LOG, forged(parts), keys())).toMatchObject({ ok: false, error: { type } });
  });
});

describe("[AR10] what fits an entry", () => {
  const changesOf = (name: string, sizes: readonly number[]): BatchItem => ({
    type: "changes",
    document: { type: "app", name },
    changes: sizes.map((size) => filled(1, size)),
  });
  const longest = (index: number) => String(index).padEnd(APPLICATION_NAME_BYTES_MAX, "n");
  /** As `takeGroup` of the account log counts. */
  const weigh = (items: readonly BatchItem[]) =>
    items.reduce(
      (sum, item) =>
        sum +
        (item.type === "changes" ? item.changes.reduce((size, change) => size + change.length + 8, 128) : 0),
      0,
    );

  test.each([
    [
      "one row as heavy as a batch may be",
      () => [changesOf(longest(0), [CHANGE_BYTES_MAX, BATCH_BYTES_MAX - 128 - 8 - 8 - CHANGE_BYTES_MAX])],
    ],
    [
      "as many items as a batch may have, with the longest names",
      () =>
        Array.from({ length: ITEMS_PER_BATCH_MAX }, (_, index) =>
          changesOf(longest(index), [Math.floor(BATCH_BYTES_MAX / ITEMS_PER_BATCH_MAX) - 136]),
        ),
    ],
    [
      "as many changes as an item may have",
      () => [
        changesOf(
          longest(0),
          Array.from(
            { length: CHANGES_PER_ITEM_MAX },
            () => Math.floor((BATCH_BYTES_MAX - 128) / CHANGES_PER_ITEM_MAX) - 8,
          ),
        ),
      ],
    ],
  ])("%s", (_what, items) => {
    const batch = items();
    expect(weigh(batch)).toBeLessThanOrEqual(BATCH_BYTES_MAX);
    expect(weigh(batch)).toBeGreaterThan(BATCH_BYTES_MAX - 4_096);
    const widest = {
      ...content(batch),
      chainSeq: Number.MAX_SAFE_INTEGER,
      seen: { incarnation: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER, chain: filled(1) },
    };
    const entry = sealAccountEntry(random, plan({ content: widest }));
    expect(entry.ok && entry.value.sealed.length <= ENTRY_BYTES_MAX).toBe(true);
    expect(entry.ok && openAccountEntry(LOG, entry.value, keys()).ok).toBe(true);
  });

  test("more is refused by its size and not sealed", () => {
    const entry = sealAccountEntry(
      random,
      plan({
        content: content([
          changesOf("a", [CHANGE_BYTES_MAX]),
          changesOf("b", [ENTRY_BYTES_MAX - CHANGE_BYTES_MAX]),
        ]),
      }),
    );
    expect(entry).toMatchObject({
      ok: false,
      error: { type: "BatchTooLarge", sizeBytesMax: ENTRY_BYTES_MAX },
    });
  });

  test("a change, an item and a batch have their limits", () => {
    expect(
      sealAccountEntry(random, plan({ content: content([changesOf("a", [CHANGE_BYTES_MAX])]) })).ok,
    ).toBe(true);
    expect(() =>
      sealAccountEntry(random, plan({ content: content([changesOf("a", [CHANGE_BYTES_MAX + 1])]) })),
    ).toThrow("fits");
    const many = (count: number) => () =>
      openAccountEntry(
        LOG,
        sealed({ content: content(Array.from({ length: count }, () => changesOf("a", [1]))) }),
        keys(),
      );
    expect(many(ITEMS_PER_BATCH_MAX)().ok).toBe(true);
    expect(many(ITEMS_PER_BATCH_MAX + 1)()).toMatchObject({
      ok: false,
      error: { type: "MalformedShape", path: "batch" },
    });
    const changes = (count: number) => () =>
      openAccountEntry(
        LOG,
        sealed({ content: content([changesOf("a", new Array<number>(count).fill(1))]) }),
        keys(),
      );
    expect(changes(CHANGES_PER_ITEM_MAX)().ok).toBe(true);
    expect(changes(CHANGES_PER_ITEM_MAX + 1)()).toMatchObject({
      ok: false,
      error: { type: "MalformedShape" },
    });
  });
});
