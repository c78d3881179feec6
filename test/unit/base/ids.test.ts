/** Identifiers: text in memory, bytes on the wire, of one length each. */
import { describe, expect, test } from "vitest";
import { ID_BYTES, type IdKind, idBytes, idFromBytes, parseId } from "../../../core/base/ids.ts";

const KINDS = Object.keys(ID_BYTES) as readonly IdKind[];

test("the kinds that travel most have their lengths", () => {
  const { account, device, entry, op, preKey } = ID_BYTES;
  expect({ account, device, entry, op, preKey }).toEqual({
    account: 32,
    device: 16,
    entry: 32,
    op: 32,
    preKey: 8,
  });
});

describe.each(KINDS)("an id of kind %s", (kind) => {
  const bytes = Uint8Array.from({ length: ID_BYTES[kind] }, (_, i) => 7 * i + 1);
  const id = idFromBytes(kind, bytes);

  test("goes to bytes and text and back", () => {
    expect(idBytes(id)).toEqual(bytes);
    expect(parseId(kind, id)).toEqual({ ok: true, value: id });
  });
  test("is made from bytes of its length only; another is our own mistake", () => {
    expect(() => idFromBytes(kind, bytes.slice(1))).toThrow(kind);
    expect(() => idFromBytes(kind, new Uint8Array(bytes.length + 1))).toThrow(kind);
  });
  test("is refused as text of another length or alphabet", () => {
    const malformed = { ok: false, error: { type: "MalformedId", kind } };
    for (const text of [
      "",
      id.slice(1),
      `${id}0`,
      `${id}00`,
      id.toUpperCase().replace(/[0-9]/g, "A"),
      `g${id.slice(1)}`,
      `${id.slice(1)}\n`,
    ])
      expect(parseId(kind, text)).toEqual(malformed);
  });
});
