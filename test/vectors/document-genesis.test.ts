/**
 * The genesis bytes of every kind of document. They may never change: documents with another genesis do not merge.
 *
 * Source: made once by Automerge 3.5.0 from `GENESIS_MAPS` and written down here.
 */
import { createHash } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { Automerge, automergeReady } from "../../core/document/automerge.ts";
import { DOCUMENT_KINDS, type DocumentKind } from "../../core/document/schema/document-kind.ts";
import { GENESIS_MAPS, genesisChange } from "../../core/document/schema/genesis.ts";

beforeAll(() => automergeReady());

/** SHA-256 of the bytes, and Automerge's hash of the change, which is the document's first head. */
const PINNED: Readonly<Record<DocumentKind, readonly [sha256: string, head: string]>> = {
  inbox: [
    "3af1566491f73a76e2b1c35ebba3e0dd91155798561885474a9256ce9be55f94",
    "7644b5292af51402ef223838f065af648a8fc2107d41bda250b6d3bcfc554e77",
  ],
  contacts: [
    "9fa3a955cef3e1ba36e40ac5bb0acaca9a60b7629cc47cd1951622307bce1e8e",
    "f572d854653b8467d229e808cb41236d9c39bd327abab50e04eb5e5784c10043",
  ],
  tags: [
    "9344cb8f07c60c0db17b19059134ba29b7fbe3104a81fca676c7e692c78b9d2e",
    "b04b5ae9b7a5a9e83a81dac16436e8b0eec2e06c285b5095da41c1d743c63804",
  ],
  groups: [
    "c6e43c11cce82ef12cfd5311f2cb7f13e9fb09463352b760cad1aaaf5886c62d",
    "94e789a83988809d45faac0f1504ccc727d76d34c7a1fa13b28cb81bcda72888",
  ],
  settings: [
    "3a74a8de358cdfb9f95169e58e056ac54db233614221cdab33b5f2104518a218",
    "58fb428b3c4301fa424c9a989aefeef50eb00c659ec08264c60bda430e5ec64b",
  ],
  deletions: [
    "248bd4fbcae11673e73549aa2a844f82dc9a64801976db60c4134333ea33e75d",
    "627a0d13ec8e0569b48782059bde7cd085914b6c27e063712be6b7b7f2228778",
  ],
  bucket: [
    "137fe91d5e672d206bdb2d69ec6e29d721aa536bf90130f6eb4c9cd8bdfeefce",
    "3cd3a2d40c97be0ca20e618901e9d7f932d974649249dda3c2399d5ff55d86be",
  ],
  app: [
    "3eb81e27ba706202f582fe0333f24992fcc7ecfbd3c1552c60648a71c2ee2c2c",
    "45058735e23bf8b0aab9d8ccb69c70c033a111d703d40540c76d40d117edd869",
  ],
};

test.each(DOCUMENT_KINDS)("[DC1] the genesis of %s is the pinned one", (kind) => {
  const bytes = genesisChange(kind);
  expect([createHash("sha256").update(bytes).digest("hex"), Automerge.decodeChange(bytes).hash]).toEqual(
    PINNED[kind],
  );
});

test.each(DOCUMENT_KINDS)(
  "[DC1] the genesis of %s is one change by actor zero at time 0 that makes its maps",
  (kind) => {
    const { actor, seq, startOp, time, message, deps, ops } = Automerge.decodeChange(genesisChange(kind));
    expect({ actor, seq, startOp, time, message, deps }).toEqual({
      actor: "00".repeat(16),
      seq: 1,
      startOp: 1,
      time: 0,
      message: null,
      deps: [],
    });
    expect(ops.map((op) => [op.action, op.key])).toEqual(GENESIS_MAPS[kind].map((name) => ["makeMap", name]));
  },
);

test.each(DOCUMENT_KINDS)("this Automerge still encodes the genesis of %s the same", (kind) => {
  const empty = Automerge.init<{ [key: string]: unknown }>({ actor: "00".repeat(16) });
  const maps = GENESIS_MAPS[kind];
  const made =
    maps.length === 0
      ? Automerge.emptyChange(empty, { time: 0 })
      : Automerge.change(empty, { time: 0 }, (root) => {
          for (const name of maps) root[name] = {};
        });
  expect(Automerge.getAllChanges(made)).toEqual([genesisChange(kind)]);
});
