/** What is scanned, pasted and compared: linking codes, contact links, origins, the safety number. */
import { beforeAll, describe, expect, test } from "vitest";
import { toBase64Url, toHex } from "../../../core/base/bytes.ts";
import { type AccountId, idFromBytes } from "../../../core/base/ids.ts";
import { CODE_TEXT_CHARS_MAX, SERVER_ORIGIN_CHARS_MAX } from "../../../core/base/limits.ts";
import { parseServerOrigin, type ServerOrigin } from "../../../core/base/server-origin.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { agreementKeyPairFromSecret } from "../../../core/crypto/agreement.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { codeKind, formatCode, LINK_SCHEME, parseCode } from "../../../core/sigchain/code-text.ts";
import { formatContactLink, parseContactLink } from "../../../core/sigchain/contact/contact-link.ts";
import { safetyNumber } from "../../../core/sigchain/contact/safety-number.ts";
import { formatLinkCode, type LinkCode, parseLinkCode } from "../../../core/sigchain/linking/link-code.ts";
import {
  createTypedSecret,
  formatTypedCode,
  meetingOf,
  parseTypedCode,
} from "../../../core/sigchain/linking/typed-code.ts";
import { must, refusal, TEST_ORIGIN } from "../../support/chain-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";

beforeAll(cryptoReady);
const random = createSeededRandom("codes");

function origin(text = TEST_ORIGIN): ServerOrigin {
  return must(parseServerOrigin(text));
}

function linkCode(): LinkCode {
  return {
    key: agreementKeyPairFromSecret(random.bytes(32)).publicKey,
    psk: random.bytes(16),
    rendezvousId: idFromBytes("rendezvous", random.bytes(16)),
    origin: origin(),
  };
}

function account(): AccountId {
  return idFromBytes("account", random.bytes(32));
}

describe("linking codes", () => {
  test("[LK1] read back as they were, and print as they were read", () => {
    for (let i = 0; i < 20; i++) {
      const code = linkCode();
      const text = formatLinkCode(code);
      expect(text).toMatch(/^dovetail-link:[A-Za-z0-9_-]+$/u);
      expect(must(parseLinkCode(text))).toEqual(code);
      expect(formatLinkCode(must(parseLinkCode(text)))).toBe(text);
    }
  });

  test("[LK2] a linking code is no contact and a contact link links nothing; each is told by name", () => {
    const link = formatLinkCode(linkCode());
    const contact = formatContactLink({ accountId: account(), origin: origin(), ticket: null });
    expect(refusal(parseContactLink(link))).toEqual({ type: "LinkCodeIsNotAContact" });
    expect(refusal(parseLinkCode(contact))).toEqual({ type: "ContactLinkIsNotALinkCode" });
    for (const text of ["", "https://dove.example", "dovetail", ` ${link}`, link.toUpperCase()]) {
      expect(refusal(parseLinkCode(text)).type).toBe("NotALinkCode");
      expect(refusal(parseContactLink(text)).type).toBe("NotAContactLink");
      expect(codeKind(text)).toBe(null);
    }
    // A linking code's bytes under the other scheme are not a contact either.
    expect(refusal(parseContactLink(link.replace("link:", "contact:"))).type).toBe("MalformedContactLink");
  });

  test("[LK3] the grammar is strict, and newer versions and modes are named", () => {
    const { key, psk, rendezvousId } = linkCode();
    const id = Uint8Array.from(rendezvousId.match(/../gu) ?? [], (byte) => Number.parseInt(byte, 16));
    const text = (...fields: readonly Parameters<typeof encodeCbor>[0][]) =>
      `dovetail-link:${toBase64Url(encodeCbor(fields))}`;
    expect(parseLinkCode(text(1, 1, key, psk, id, TEST_ORIGIN)).ok).toBe(true);
    expect(refusal(parseLinkCode(text(2, 1, key, psk, id, TEST_ORIGIN)))).toEqual({
      type: "UnsupportedLinkCode",
      version: 2,
      mode: 1,
    });
    expect(refusal(parseLinkCode(text(1, 2, key, psk, id, TEST_ORIGIN))).type).toBe("UnsupportedLinkCode");
    const good = text(1, 1, key, psk, id, TEST_ORIGIN);
    for (const bad of [
      text(1, 1, key, psk, id),
      text(1, 1, key, psk, id, TEST_ORIGIN, null),
      text(1, 1, key.subarray(1), psk, id, TEST_ORIGIN),
      text(1, 1, new Uint8Array(32), psk, id, TEST_ORIGIN),
      text(1, 1, key, psk.subarray(1), id, TEST_ORIGIN),
      text(1, 1, key, psk, id, "https://evil@dove.example"),
      text(1, 1, key, psk, id, "javascript:alert(1)"),
      `${good}=`,
      `${good}\n`,
      `${good.slice(0, 30)} ${good.slice(30)}`,
      good.slice(0, -1),
      "dovetail-link:",
      "dovetail-link:dovetail-link:",
    ]) {
      expect(refusal(parseLinkCode(bad)).type).toBe("MalformedLinkCode");
    }
  });

  test("[LK3] a code has at most CODE_TEXT_CHARS_MAX characters", () => {
    const at = formatCode(LINK_SCHEME, new Uint8Array(((CODE_TEXT_CHARS_MAX - 14) / 4) * 3));
    expect(at.length).toBeLessThanOrEqual(CODE_TEXT_CHARS_MAX);
    expect(parseCode(LINK_SCHEME, at).ok).toBe(true);
    const over = `${at}${"A".repeat(CODE_TEXT_CHARS_MAX - at.length + 4)}`;
    expect(refusal(parseCode(LINK_SCHEME, over)).type).toBe("MalformedCode");
    const longest = `https://${"a.".repeat(125)}abc:12345`;
    expect(formatLinkCode({ ...linkCode(), origin: origin(longest) }).length).toBeLessThan(
      CODE_TEXT_CHARS_MAX,
    );
  });
});

describe("codes to type", () => {
  test("[LK39] read back as they were, however they are written", () => {
    for (let i = 0; i < 200; i++) {
      const secret = createTypedSecret(random);
      const text = formatTypedCode(secret);
      expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$/u);
      const spoken = text
        .toLowerCase()
        .replaceAll("0", "o")
        .replaceAll("1", i % 2 === 0 ? "l" : "I");
      for (const typed of [text, spoken, text.replaceAll("-", ""), ` ${text.replaceAll("-", " ")}\n`])
        expect(must(parseTypedCode(typed))).toEqual(secret);
    }
    const ends = [new Uint8Array(11), new Uint8Array(11).fill(255)];
    for (const secret of ends) expect(must(parseTypedCode(formatTypedCode(secret)))).toEqual(secret);
  });

  test("[LK39] a wrong, missing or additional character is found before anybody is asked", () => {
    const text = formatTypedCode(new Uint8Array(11).fill(7)).replaceAll("-", "");
    let passed = 0;
    for (let at = 0; at < text.length; at++)
      for (const char of "0123456789ABCDEFGHJKMNPQRSTVWXYZU") {
        if (char === text[at]) continue;
        const read = parseTypedCode(text.slice(0, at) + char + text.slice(at + 1));
        if (read.ok) passed++;
        else expect(read.error.type).toBe("MistypedCode");
      }
    // 640 mistakes, of which one in 4,096 may pass; the count is fixed, as the text is.
    expect(passed).toBe(0);
    for (const typed of [text.slice(1), `${text}0`, text.slice(0, 15)])
      expect(refusal(parseTypedCode(typed)).type).toBe("MistypedCode");
    for (const typed of [
      "",
      "ada",
      text.slice(0, 14),
      `${text}123456`,
      "dovetail-link:AAAAAAAAAAAAAA",
      `${text}\u0661`,
    ])
      expect(refusal(parseTypedCode(typed)).type).toBe("NotATypedCode");
  });

  test("[LK2] are no contacts, and no handles", () => {
    const text = formatTypedCode(createTypedSecret(random));
    for (const typed of [text, text.toLowerCase()])
      expect(refusal(parseContactLink(typed))).toEqual({ type: "LinkCodeIsNotAContact" });
    expect(refusal(parseContactLink("anna-bert-carl-dora-emil")).type).toBe("NotAContactLink");
  });

  test("[LK39] every secret meets elsewhere, and the place does not tell it", () => {
    const secrets = Array.from({ length: 500 }, () => createTypedSecret(random));
    const meetings = secrets.map(meetingOf);
    expect(new Set(meetings.map(({ rendezvousId }) => rendezvousId)).size).toBe(500);
    for (const { psk, rendezvousId } of meetings) expect(toHex(psk)).not.toBe(rendezvousId);
  });
});

describe("contact links", () => {
  test("[LK30] carry account, server and ticket or none", () => {
    for (const ticket of [random.bytes(16), null]) {
      const link = { accountId: account(), origin: origin("http://localhost:8787"), ticket };
      const text = formatContactLink(link);
      expect(text).toMatch(/^dovetail-contact:[A-Za-z0-9_-]+$/u);
      expect(must(parseContactLink(text))).toEqual(link);
    }
  });

  test("[LK31] are strict", () => {
    const id = random.bytes(32);
    const text = (...fields: readonly Parameters<typeof encodeCbor>[0][]) =>
      `dovetail-contact:${toBase64Url(encodeCbor(fields))}`;
    expect(parseContactLink(text(1, id, TEST_ORIGIN, null)).ok).toBe(true);
    expect(refusal(parseContactLink(text(3, id, TEST_ORIGIN, null)))).toEqual({
      type: "UnsupportedContactLink",
      version: 3,
    });
    for (const bad of [
      text(1, id, TEST_ORIGIN),
      text(1, id.subarray(1), TEST_ORIGIN, null),
      text(1, id, "dove.example", null),
      text(1, id, TEST_ORIGIN, new Uint8Array(15)),
      text(1, id, TEST_ORIGIN, new Uint8Array(17)),
      text(1, id, TEST_ORIGIN, "ticket"),
      `${text(1, id, TEST_ORIGIN, null)}?x`,
    ]) {
      expect(refusal(parseContactLink(bad)).type).toBe("MalformedContactLink");
    }
  });

  test("[LK32] mutated codes are read as what they say or refused by name, never thrown", () => {
    const texts = [
      formatLinkCode(linkCode()),
      formatContactLink({ accountId: account(), origin: origin(), ticket: random.bytes(16) }),
    ];
    for (let i = 0; i < 20_000; i++) {
      const text = texts[i % 2] ?? "";
      const at = random.below(text.length);
      const change = String.fromCharCode(random.below(0x180));
      const mutated =
        text.slice(0, at) + (random.chance(50) ? change : "") + text.slice(at + random.below(3));
      const link = parseLinkCode(mutated);
      if (link.ok) expect(formatLinkCode(link.value)).toBe(mutated);
      else expect(link.error.type).toMatch(/LinkCode$/u);
      const contact = parseContactLink(mutated);
      if (contact.ok) expect(formatContactLink(contact.value)).toBe(mutated);
      else expect(contact.error.type).toMatch(/Contact(Link)?$/u);
    }
  });
});

describe("server origins", () => {
  test("one server has one text", () => {
    for (const good of [
      TEST_ORIGIN,
      "http://localhost:8787",
      "https://127.0.0.1:8443",
      "https://[::1]:8443",
      "https://xn--bcher-kva.example",
      "http://a:443",
      "https://a:80",
      "https://a:65535",
    ]) {
      expect(parseServerOrigin(good).ok).toBe(true);
    }
    for (const bad of [
      "https://dove.example/",
      "https://dove.example:443",
      "http://dove.example:80",
      "https://dove.example:0",
      "https://dove.example:65536",
      "https://dove.example:08443",
      "https://DOVE.example",
      "https://user@dove.example",
      "https://dove..example",
      "https://-dove.example",
      "https://dove.example.",
      "https://dövе.example",
      "https://",
      "wss://dove.example",
      "https://dove.example\n",
      "https://dove.example#a",
    ]) {
      expect(refusal(parseServerOrigin(bad))).toEqual({ type: "MalformedOrigin" });
    }
  });

  test("an origin has at most SERVER_ORIGIN_CHARS_MAX characters", () => {
    const host = `${"a.".repeat(126)}a`;
    const longest = `https://${host}:65535`;
    expect(longest.length).toBe(SERVER_ORIGIN_CHARS_MAX);
    expect(parseServerOrigin(longest).ok).toBe(true);
    expect(parseServerOrigin(`https://a${host}:65535`).ok).toBe(false);
    expect(parseServerOrigin(`https://${host}`).ok).toBe(true);
    expect(parseServerOrigin(`https://aa${host}`).ok).toBe(false);
  });
});

describe("the safety number", () => {
  test("[LK33] is twelve groups of five digits, the same from both sides", () => {
    for (let i = 0; i < 50; i++) {
      const [a, b] = [account(), account()];
      const number = safetyNumber(a, b);
      expect(number.length).toBe(12);
      expect(number.every((group) => /^[0-9]{5}$/u.test(group))).toBe(true);
      expect(safetyNumber(b, a)).toEqual(number);
    }
  });

  test("[LK34] every group depends on both accounts", () => {
    const [a, b] = [account(), account()];
    const base = safetyNumber(a, b);
    const changed = Array.from({ length: 12 }, () => 0);
    for (let i = 0; i < 40; i++) {
      const other = i % 2 === 0 ? safetyNumber(account(), b) : safetyNumber(a, account());
      for (const [group, digits] of other.entries())
        if (digits !== base[group]) changed[group] = (changed[group] ?? 0) + 1;
    }
    expect(Math.min(...changed)).toBeGreaterThan(37);
  });
});
