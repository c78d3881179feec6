/** Document ids are pinned: another derivation would lose every document there is. */
import { beforeAll, expect, test } from "vitest";
import { decode, encode } from "../../../core/codec/shape.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  APPLICATION_NAME_BYTES_MAX,
  bucketName,
  type DocumentName,
  documentId,
  documentNameShape,
} from "../../../core/log/document-name.ts";
import { conversationOf, deviceOf, filled } from "../../support/messages.ts";

beforeAll(cryptoReady);

test("[AR1] the id of each kind is pinned", () => {
  const place = { conversationId: conversationOf(1), device: deviceOf(2) };
  const bucket = (index: number): DocumentName => bucketName({ ...place, index }, 0);
  const names: readonly DocumentName[] = [
    { type: "inbox" },
    { type: "contacts" },
    { type: "tags" },
    { type: "groups" },
    { type: "settings" },
    bucket(0),
    bucket(1),
    { type: "app", name: "notes" },
    { type: "deletions" },
    bucketName({ ...place, index: 0 }, 1),
  ];
  expect(names.map((name) => documentId(filled(9), name))).toMatchInlineSnapshot(`
    [
      "eb1415c154d848671a1f27cb3de80327",
      "897887c11c96e42fc3176ca36aefec24",
      "f87d986e8bcb10482fd42c962612ca88",
      "96baeff4e33988a9d8ab4b91cbb0b8f6",
      "a32f3e517852ac24070108ad7d4ee0ae",
      "f17540ffa799dbb3238ba7f1009ea2a7",
      "e3ac475e712ba2a3ca2d25833f3f7c64",
      "9b06b64bee6bf09dc18e37aea1387656",
      "582ce5df67037e2b15d3865332bd5e22",
      "d2c8a07a5f65e67f70e8026703f22c29",
    ]
  `);
});

test("[AR1] another account has other ids", () => {
  expect(documentId(filled(8), { type: "inbox" })).not.toBe(documentId(filled(9), { type: "inbox" }));
});

test("[AR1] an application's name has at most 128 bytes", () => {
  const named = (length: number): DocumentName => ({ type: "app", name: "x".repeat(length) });
  const atLimit = encode(documentNameShape, named(APPLICATION_NAME_BYTES_MAX));
  expect(decode(documentNameShape, atLimit)).toEqual({ ok: true, value: named(APPLICATION_NAME_BYTES_MAX) });
  expect(() => encode(documentNameShape, named(APPLICATION_NAME_BYTES_MAX + 1))).toThrow("fits");
  const over = Uint8Array.from([
    0x82,
    7,
    0x78,
    APPLICATION_NAME_BYTES_MAX + 1,
    ...filled(120, APPLICATION_NAME_BYTES_MAX + 1),
  ]);
  expect(decode(documentNameShape, over).ok).toBe(false);
});
