import { cbor } from "@automerge/automerge-repo/slim";
import { expect, test } from "vitest";
import { parseRepoMessage } from "../../../../core/document/direct/repo-message.ts";

const ENDS = { sender: "a".repeat(32), target: "b".repeat(32) };
const SYNC = {
  type: "sync",
  senderId: ENDS.sender,
  targetId: ENDS.target,
  documentId: "4NMNnkMhL8jXrdJ9jamS58PAVdXu",
  data: Uint8Array.of(1),
};

function parse(message: object) {
  return parseRepoMessage(cbor.encode(message), ENDS);
}

test("what the two ends say of themselves is taken", () => {
  expect(parse(SYNC)).toEqual({ ok: true, value: { type: "sync", documentId: SYNC.documentId } });
  const join = { type: "join", senderId: ENDS.sender, peerMetadata: {}, supportedProtocolVersions: ["1"] };
  expect(parse(join)).toEqual({ ok: true, value: { type: "join", documentId: null } });
});

test.each([
  ["another device's name", { ...SYNC, senderId: "c".repeat(32) }, "sender"],
  ["no name", { ...SYNC, senderId: undefined }, "sender"],
  ["a join under another name", { type: "join", senderId: "c".repeat(32) }, "sender"],
  ["another device as its aim", { ...SYNC, targetId: "c".repeat(32) }, "target"],
  ["no aim", { ...SYNC, targetId: undefined }, "target"],
  ["a broadcast", { ...SYNC, type: "ephemeral" }, "form"],
  ["heads of third devices", { ...SYNC, type: "remote-heads-changed" }, "form"],
  ["an unknown kind", { ...SYNC, type: "toString" }, "form"],
  ["a document that is no text", { ...SYNC, documentId: 1 }, "form"],
  ["a document's name without end", { ...SYNC, documentId: "x".repeat(65) }, "form"],
  ["data that is no bytes", { ...SYNC, data: "text" }, "form"],
  ["empty data", { ...SYNC, data: new Uint8Array() }, "form"],
])("[DS10] a message with %s does not reach the library", (_name, message, why) => {
  expect(parse(message)).toEqual({ ok: false, error: { type: "BadRepoMessage", why } });
});

test("[DS10] bytes that are no message do not either", () => {
  for (const bytes of [
    new Uint8Array(),
    Uint8Array.of(0xff),
    Uint8Array.of(0x80),
    new Uint8Array(64).fill(0x9f),
  ])
    expect(parseRepoMessage(bytes, ENDS).ok).toBe(false);
});
