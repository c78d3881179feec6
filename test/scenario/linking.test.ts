/** Stories of linking: two people's hands, two devices, a server, and everybody who would like to be one of them. */
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { type Bytes, toHex, toUtf8 } from "../../core/base/bytes.ts";
import {
  ACCOUNT_NAME_BYTES_MAX,
  LINK_PROPOSALS_MAX,
  PLATFORM_BYTES_MAX,
  RENDEZVOUS_BYTES_MAX,
  RENDEZVOUS_TTL_MS,
} from "../../core/base/limits.ts";
import { parseServerOrigin } from "../../core/base/server-origin.ts";
import { decode, encode } from "../../core/codec/shape.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { activeDevices } from "../../core/sigchain/chain-state.ts";
import { openAddedBox } from "../../core/sigchain/epoch/open-epoch.ts";
import { deviceIdOf, deviceSigner, linkBodyShape, parseLinkBody } from "../../core/sigchain/link.ts";
import { LINK_SCHEME, parseCode } from "../../core/sigchain/code-text.ts";
import {
  commitNonce,
  type LinkChannel,
  linkDigits,
  linkTranscript,
  openChannel,
  openMessage,
  sealMessage,
} from "../../core/sigchain/linking/channel.ts";
import { formatLinkCode, parseLinkCode } from "../../core/sigchain/linking/link-code.ts";
import { clipText, linkMessageShape, slotMessageShape } from "../../core/sigchain/linking/link-message.ts";
import { acceptOffer, createOffer } from "../../core/sigchain/linking/offer.ts";
import { startExisting } from "../../core/sigchain/linking/step-existing.ts";
import { meetingOf, parseTypedCode } from "../../core/sigchain/linking/typed-code.ts";
import { verifyChain } from "../../core/sigchain/verify-chain.ts";
import {
  createWorld,
  currentSecret,
  must,
  newDevice,
  refusal,
  rotate,
  stateOf,
  TEST_ORIGIN,
} from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { agreementKeyPairFromSecret } from "../../core/crypto/agreement.ts";
import {
  createLinkingWorld,
  digitsOf,
  effectTypes,
  join,
  type LinkingWorld,
  type NewParty,
  outcomeOf,
  settle,
  tellExisting,
  tellNew,
  type,
  upToDigits,
} from "../support/linking-world.ts";

beforeAll(cryptoReady);

/** Nobody came onto the chain, and neither side thinks so. */
function expectNothingLinked(world: LinkingWorld): void {
  expect(activeDevices(stateOf(world.chain)).length).toBe(1);
  expect(world.stored).toEqual([]);
  for (const party of [world.existing, ...world.joiners]) expect(outcomeOf(party)).not.toBe("Linked");
}

/** What was typed when it should have been right. */
function otherDigits(digits: string | null): string {
  return String((Number(digits) + 1) % 1_000_000).padStart(6, "0");
}

describe("two devices of one person", () => {
  test("[LK14] link: scan, confirm, read six digits off, type them", () => {
    const world = createLinkingWorld("happy");
    const party = upToDigits(world);
    type(world, digitsOf(party));
    expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["Linked", "Linked"]);
    const state = must(verifyChain([world.chain.links]));
    expect(state.devicesById.get(party.keys.id)).toMatchObject({ addedBy: world.existing.keys.signerId });
    const { box } = present(world.stored[0], "a box");
    expect(must(openAddedBox(state, box, party.keys))).toEqual(currentSecret(world.chain));
    expect(party.state).toMatchObject({ outcome: { pin: { seq: state.seq, head: state.head } } });
    expect(effectTypes(party)).toEqual([
      "put",
      "watch",
      "ask-account",
      "put",
      "watch",
      "show-digits",
      "sign",
      "put",
      "watch",
      "watch-chain",
      "ended",
    ]);
    expect(party.effects[2]).toMatchObject({ name: "Ada", origin: TEST_ORIGIN, accountId: state.accountId });
  });

  test("[LK16] the new device shows nothing before the other side has answered its very key", () => {
    const world = createLinkingWorld("verified first");
    const party = join(world);
    expect(outcomeOf(party)).toBe("joining");
    expect(effectTypes(party)).toEqual(["put", "watch"]);
    settle(world);
    expect(effectTypes(party)).toContain("ask-account");
    expect(digitsOf(party)).toBe(null);
    tellNew(world, party, { type: "account-confirmed" });
    expect(digitsOf(party)).toMatch(/^[0-9]{6}$/u);
  });

  test("[LK17] digits are asked for only once the person at the new device confirmed the account", () => {
    const world = createLinkingWorld("confirm first");
    const party = join(world);
    settle(world);
    expect(effectTypes(world.existing)).toContain("device-found");
    expect(effectTypes(world.existing)).not.toContain("ask-digits");
    type(world, "123456");
    expect(outcomeOf(world.existing)).toBe("answered");
    tellNew(world, party, { type: "account-confirmed" });
    settle(world);
    expect(effectTypes(world.existing)).toContain("ask-digits");
  });

  test("[LK18] one attempt: a wrong code ends it on both sides, and the right one afterwards changes nothing", () => {
    const world = createLinkingWorld("wrong code");
    const party = upToDigits(world);
    type(world, otherDigits(digitsOf(party)));
    expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["WrongCode", "WrongCode"]);
    type(world, digitsOf(party));
    expectNothingLinked(world);
  });

  test("[LK18] what is not six digits is no attempt; spaces do not matter", () => {
    const world = createLinkingWorld("incomplete");
    const party = upToDigits(world);
    const digits = present(digitsOf(party), "digits");
    for (const text of ["", "12345", "1234567", "12345x", "１２３４５６"]) type(world, text);
    expect(outcomeOf(world.existing)).toBe("asking-code");
    expect(effectTypes(world.existing).filter((effect) => effect === "digits-incomplete").length).toBe(5);
    type(world, ` ${digits.slice(0, 3)} ${digits.slice(3)}\n`);
    expect(outcomeOf(party)).toBe("Linked");
  });

  test("[LK19] without unlocking again the code is not even looked at", () => {
    const world = createLinkingWorld("locked");
    const party = upToDigits(world);
    for (const digits of [otherDigits(digitsOf(party)), digitsOf(party) ?? ""]) {
      tellExisting(world, { type: "code-typed", digits, hasReauthenticated: false });
      expect(outcomeOf(world.existing)).toBe("asking-code");
      expect(effectTypes(world.existing).at(-1)).toBe("ask-reauthentication");
    }
    type(world, digitsOf(party));
    expect(outcomeOf(party)).toBe("Linked");
  });

  test("[LK21] when the chain moves on under them the new device signs again, LINK_PROPOSALS_MAX times in all", () => {
    for (const moves of [1, LINK_PROPOSALS_MAX - 1, LINK_PROPOSALS_MAX]) {
      const world = createLinkingWorld(`moves ${moves}`);
      let left = moves;
      world.beforeAppend = () => {
        if (left-- > 0) rotate(world.chain, world.existing.keys);
        return undefined;
      };
      const party = upToDigits(world);
      type(world, digitsOf(party));
      if (moves < LINK_PROPOSALS_MAX) {
        expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["Linked", "Linked"]);
        expect(effectTypes(party).filter((effect) => effect === "sign").length).toBe(moves + 1);
        expect(effectTypes(party).filter((effect) => effect === "watch-chain").length).toBe(1);
      } else {
        expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["LinkNotAppended", "LinkNotAppended"]);
        expectNothingLinked(world);
      }
    }
  });

  test("[LK22] what is on its way to the chain is waited for, past the five minutes and past a cancel", () => {
    const world = createLinkingWorld("appending");
    world.beforeAppend = () => ({ type: "tick" });
    const party = upToDigits(world);
    type(world, digitsOf(party));
    expect(outcomeOf(world.existing)).toBe("appending");
    world.server.nowMs += RENDEZVOUS_TTL_MS;
    tellExisting(world, { type: "tick" });
    tellExisting(world, { type: "slot-gone" });
    tellExisting(world, { type: "cancelled" });
    expect(outcomeOf(world.existing)).toBe("appending");
    tellExisting(world, { type: "appended", seq: 2, head: stateOf(world.chain).head });
    expect(outcomeOf(world.existing)).toBe("Linked");
  });

  test("[LK24] a new device that signed and hears no more says that only the chain knows", () => {
    const world = createLinkingWorld("unconfirmed");
    world.beforeAppend = () => ({ type: "tick" });
    const party = upToDigits(world);
    type(world, digitsOf(party));
    expect(outcomeOf(party)).toBe("signed");
    world.server.nowMs += RENDEZVOUS_TTL_MS;
    tellNew(world, party, { type: "tick" });
    expect(party.state).toMatchObject({
      outcome: {
        type: "LinkUnconfirmed",
        accountId: stateOf(world.chain).accountId,
        deviceId: party.keys.id,
      },
    });
  });

  test("[LK24] the chain itself is word enough, even if the existing device is gone", () => {
    const world = createLinkingWorld("on chain");
    world.beforeAppend = () => ({ type: "tick" });
    const party = upToDigits(world);
    tellNew(world, party, { type: "on-chain", seq: 2, head: stateOf(world.chain).head });
    expect(outcomeOf(party)).toBe("showing-digits");
    type(world, digitsOf(party));
    world.server.nowMs += RENDEZVOUS_TTL_MS;
    tellNew(world, party, { type: "on-chain", seq: 2, head: stateOf(world.chain).head });
    expect(outcomeOf(party)).toBe("Linked");
  });

  test("[LK7] a server whose answers get lost only makes it slower", () => {
    for (const stage of ["answered", "showing-digits", "awaiting-reverse", "signed"]) {
      const world = createLinkingWorld(`lost ${stage}`);
      const put = world.server.put.bind(world.server);
      let isLost = false;
      world.server.put = (id, expectedVersion, message) => {
        const answer = put(id, expectedVersion, message);
        const stages = [world.existing.state.stage, ...world.joiners.map((party) => party.state.stage)];
        if (isLost || !answer.ok || !stages.some((found) => found === stage)) return answer;
        // The write counted, the other side answers it, and only then does the retry arrive.
        isLost = true;
        settle(world);
        return put(id, expectedVersion, message);
      };
      const party = upToDigits(world);
      type(world, digitsOf(party));
      expect([isLost, outcomeOf(world.existing), outcomeOf(party)]).toEqual([true, "Linked", "Linked"]);
    }
  });

  test("[LK26] no secret passes: not in clear, not inside the channel, not in the code", () => {
    const world = createLinkingWorld("no secret");
    const party = upToDigits(world);
    const channel = channelOf(party);
    type(world, digitsOf(party));
    const opened = world.server.seen.flatMap((bytes, index) => plaintexts(channel, bytes, index + 1));
    expect(opened.length).toBe(6);
    const shown = must(parseCode(LINK_SCHEME, world.existing.text));
    const haystack = [...world.server.seen, ...opened, shown].map(toHex).join("/");
    const { keys } = world.existing;
    const secrets = [
      currentSecret(world.chain).secret,
      world.chain.recovery.backupKey,
      world.chain.recovery.kem.secretKey,
      ...[keys, party.keys].flatMap((device) => [
        device.sign.secretKey.subarray(0, 32),
        device.agreement.secretKey,
        device.kem.secretKey,
        device.mls.secretKey.subarray(0, 32),
      ]),
    ];
    for (const secret of secrets) expect(haystack).not.toContain(toHex(secret));
    // The search does find what is there.
    expect(haystack).toContain(toHex(party.keys.record.kemKey));
    expect(haystack).toContain(toHex(must(parseLinkCode(world.existing.text)).psk));
  });

  test("[LK4] two codes share nothing, and none holds anything of the account", () => {
    const chain = createWorld("fresh codes");
    const { accountId, seq, head } = stateOf(chain);
    const account = { accountId, seq, head, name: "Ada", origin: must(parseServerOrigin(TEST_ORIGIN)) };
    const texts = [1, 2].map(() => {
      const shown = startExisting(chain, account, 0).effects.find((effect) => effect.type === "show-code");
      return present(shown, "a code").text;
    });
    const [a, b] = texts.map((text) => must(parseLinkCode(text)));
    expect(a?.key).not.toEqual(b?.key);
    expect(a?.psk).not.toEqual(b?.psk);
    expect(a?.rendezvousId).not.toBe(b?.rendezvousId);
    const shown = texts.map((text) => toHex(must(parseCode(LINK_SCHEME, text)))).join("/");
    for (const part of [accountId, head, toHex(toUtf8("Ada"))]) expect(shown).not.toContain(part);
  });

  test("[LK5] [LK13] messages fit the slot with the longest of names, and their lengths are padded", () => {
    const name = "é".repeat(ACCOUNT_NAME_BYTES_MAX);
    const world = createLinkingWorld("long", name);
    const party = join(
      world,
      world.existing.text,
      newDevice(world.chain.random),
      "p".repeat(PLATFORM_BYTES_MAX + 1),
    );
    settle(world);
    tellNew(world, party, { type: "account-confirmed" });
    settle(world);
    type(world, digitsOf(party));
    expect(outcomeOf(party)).toBe("Linked");
    expect(Math.max(...world.server.seen.map((message) => message.length))).toBeLessThan(
      RENDEZVOUS_BYTES_MAX,
    );
    const asked = party.effects.find((effect) => effect.type === "ask-account");
    expect(asked?.name).toBe("é".repeat(ACCOUNT_NAME_BYTES_MAX / 2));
    const found = world.existing.effects.find((effect) => effect.type === "device-found");
    expect(found?.platform.length).toBe(PLATFORM_BYTES_MAX);
    expect(clipText("añb", 3)).toBe("añ");
    expect(clipText("añb", 2)).toBe("a");
    const lengths = ["A", "Ada", "Augusta Ada King, Countess of Lovelace"].map((short) => {
      const other = createLinkingWorld("short", short);
      join(other);
      settle(other);
      return present(other.server.seen[2], "the account message").length;
    });
    expect(new Set(lengths).size).toBe(1);
  });
});

describe("somebody changes their mind", () => {
  test("[LK23] a cancel at any stage ends both sides, and both say who", () => {
    for (const who of ["existing", "new"] as const) {
      for (const stage of ["answered", "confirmed"] as const) {
        const world = createLinkingWorld(`cancel ${who} ${stage}`);
        const party = join(world);
        settle(world);
        if (stage === "confirmed") {
          tellNew(world, party, { type: "account-confirmed" });
          settle(world);
        }
        if (who === "existing") tellExisting(world, { type: "cancelled" });
        else tellNew(world, party, { type: "cancelled" });
        settle(world);
        const by = (side: string) => ({
          outcome: { type: "LinkCancelled", by: side === who ? "us" : "them" },
        });
        expect(world.existing.state).toMatchObject(by("existing"));
        expect(party.state).toMatchObject(by("new"));
        expectNothingLinked(world);
      }
    }
  });

  test("[LK23] a code that was withdrawn tells the device that scans it so", () => {
    const world = createLinkingWorld("withdrawn");
    tellExisting(world, { type: "cancelled" });
    const party = join(world);
    settle(world);
    expect(outcomeOf(party)).toBe("LinkClosed");
    expectNothingLinked(world);
  });

  test("[LK23] two who cancel at once both end", () => {
    const world = createLinkingWorld("both cancel");
    const party = upToDigits(world);
    tellNew(world, party, { type: "cancelled" });
    tellExisting(world, { type: "cancelled" });
    settle(world);
    expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["LinkCancelled", "LinkCancelled"]);
  });

  test("[LK27] an account that is not theirs is declined, and the existing device hears it", () => {
    const world = createLinkingWorld("declined");
    const party = join(world);
    settle(world);
    tellNew(world, party, { type: "account-declined" });
    settle(world);
    expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["AccountDeclined", "AccountDeclined"]);
    expect(digitsOf(party)).toBe(null);
    expectNothingLinked(world);
  });

  test("[LK6] [LK25] five minutes after the code was shown nothing can be linked with it", () => {
    for (const early of [1, 0]) {
      const world = createLinkingWorld(`expiry ${early}`);
      const party = upToDigits(world);
      world.server.nowMs += RENDEZVOUS_TTL_MS - early;
      type(world, digitsOf(party));
      const expected = early === 1 ? "Linked" : "LinkExpired";
      expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual([expected, expected]);
      if (early === 1) continue;
      expectNothingLinked(world);
      expect(effectTypes(world.existing)).not.toContain("propose");
    }
    const world = createLinkingWorld("expired before");
    world.server.nowMs += RENDEZVOUS_TTL_MS;
    tellExisting(world, { type: "tick" });
    const party = join(world);
    settle(world);
    expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["LinkExpired", "LinkExpired"]);
  });
});

describe("a third party", () => {
  test("[LK15] who photographs the code and comes second gets nothing, and the first goes on", () => {
    const world = createLinkingWorld("photograph second");
    const party = join(world);
    const thief = join(world);
    settle(world);
    expect(outcomeOf(thief)).toBe("LinkCodeUsed");
    expect(effectTypes(thief)).not.toContain("ask-account");
    tellNew(world, party, { type: "account-confirmed" });
    settle(world);
    type(world, digitsOf(party));
    expect(outcomeOf(party)).toBe("Linked");
    expect(activeDevices(stateOf(world.chain)).length).toBe(2);
  });

  test("[LK15] who photographs it and comes first leaves the owner's device without digits to type", () => {
    const world = createLinkingWorld("photograph first");
    const thief = join(world, world.existing.text, newDevice(world.chain.random), "Their laptop");
    settle(world);
    const owner = join(world);
    settle(world);
    expect(outcomeOf(owner)).toBe("LinkCodeUsed");
    expect(digitsOf(owner)).toBe(null);
    expect(world.existing.effects.find((effect) => effect.type === "device-found")).toMatchObject({
      platform: "Their laptop",
    });
    tellNew(world, thief, { type: "account-confirmed" });
    settle(world);
    type(world, otherDigits(digitsOf(thief)));
    expect([outcomeOf(world.existing), outcomeOf(thief)]).toEqual(["WrongCode", "WrongCode"]);
    expectNothingLinked(world);
  });

  test("[LK15] a code that has linked a device links no second one", () => {
    const world = createLinkingWorld("second use");
    const party = upToDigits(world);
    type(world, digitsOf(party));
    const second = join(world);
    settle(world);
    expect(outcomeOf(second)).toBe("LinkCodeUsed");
    world.server.nowMs += RENDEZVOUS_TTL_MS;
    const third = join(world);
    settle(world);
    expect(outcomeOf(third)).toBe("LinkExpired");
    expect(activeDevices(stateOf(world.chain)).length).toBe(2);
  });

  test("[LK40] who types the code takes no key that its secret does not prove, and says nothing to a slot in use", () => {
    const world = createLinkingWorld("typed");
    const { typed, rendezvousId, text } = world.existing;
    const meeting = meetingOf(must(parseTypedCode(typed)));
    const offer = present(must(world.server.get(rendezvousId, 0)).message, "an offer");
    expect(must(acceptOffer(meeting, offer))).toEqual(must(parseLinkCode(text)));
    // The server puts a key of its own there, or what another code offered, or names another server.
    const other = createLinkingWorld("typed elsewhere");
    const others = present(must(other.server.get(other.existing.rendezvousId, 0)).message, "an offer");
    const { key, psk, origin } = must(parseLinkCode(text));
    const evil = newDevice(world.chain.random).agreement.publicKey;
    const guessed = createOffer({ key: evil, psk: psk.map((byte) => byte ^ 1), rendezvousId, origin });
    const elsewhere = must(parseServerOrigin("https://elsewhere.example"));
    const proven = must(decode(slotMessageShape, offer));
    if (proven.type !== "offer") throw new Error("the slot begins with an offer");
    for (const fake of [
      others,
      guessed,
      createOffer({ key: new Uint8Array(32), psk, rendezvousId, origin }),
      encode(slotMessageShape, { ...proven, key: evil }),
      encode(slotMessageShape, { ...proven, origin: elsewhere }),
      encode(slotMessageShape, { ...proven, origin: "nowhere" }),
      offer.subarray(1),
    ])
      expect(refusal(acceptOffer(meeting, fake))).toEqual({ type: "LinkTampered" });
    expect(proven.key).toEqual(key);
    // Answered, by whoever scanned it: the one who types it comes too late, and so does a replay.
    const party = join(world);
    const taken = present(must(world.server.get(rendezvousId, 0)).message, "a hello");
    expect(refusal(acceptOffer(meeting, taken))).toEqual({ type: "LinkCodeUsed" });
    settle(world);
    tellNew(world, party, { type: "cancelled" });
    settle(world);
    expect(refusal(acceptOffer(meeting, encode(slotMessageShape, { type: "closed" })))).toEqual({
      type: "LinkClosed",
    });
  });

  test("[LK8] a server without the code can neither read, nor answer, nor ask", () => {
    const random = createSeededRandom("server");
    const world = createLinkingWorld("no psk");
    const code = must(parseLinkCode(world.existing.text));
    // It knows the rendezvous and makes up the rest.
    const guess = { ...code, psk: random.bytes(16) };
    const ghost = join(world, formatLinkCode(guess));
    settle(world);
    expect([outcomeOf(world.existing), outcomeOf(ghost)]).toEqual(["LinkTampered", "LinkClosed"]);
    expectNothingLinked(world);
  });

  test("[LK9] a code changed in any part opens no channel with the device that showed it", () => {
    const random = createSeededRandom("changed code");
    const other = agreementKeyPairFromSecret(random.bytes(32)).publicKey;
    const base = must(parseLinkCode(createLinkingWorld("changed code").existing.text));
    const changed = [
      { ...base, key: other },
      { ...base, psk: random.bytes(16) },
      { ...base, origin: must(parseServerOrigin("https://evil.example")) },
    ];
    for (const code of changed) {
      const world = createLinkingWorld("changed code");
      const party = join(world, formatLinkCode(code));
      settle(world);
      expect(outcomeOf(world.existing)).toBe("LinkTampered");
      expect(digitsOf(party)).toBe(null);
      expectNothingLinked(world);
    }
    const newKey = agreementKeyPairFromSecret(random.bytes(32)).publicKey;
    const hashes = [base, ...changed].map((code) => toHex(linkTranscript(code, newKey)));
    hashes.push(toHex(linkTranscript(base, other)));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("[LK10] a message changed by one bit, or moved to another place, ends both sides", () => {
    const random = createSeededRandom("flips");
    for (let version = 2; version <= 6; version++) {
      for (let i = 0; i < 12; i++) {
        const world = createLinkingWorld(`flip ${version} ${i}`);
        world.server.tamper = (at, message) =>
          at === version ? flip(message, random.below(message.length * 8)) : message;
        play(world);
        expectBothEnded(world);
        expectNothingLinked(world);
      }
      const replays = createLinkingWorld(`replay ${version}`);
      const { seen } = replays.server;
      replays.server.tamper = (at, message) => (at === version ? (seen[at - 2] ?? message) : message);
      play(replays);
      expectBothEnded(replays);
      expectNothingLinked(replays);
    }
  });

  test("[LK10] messages of one linking are nothing in another", () => {
    const earlier = createLinkingWorld("earlier");
    const party = upToDigits(earlier);
    type(earlier, digitsOf(party));
    for (let version = 2; version <= 6; version++) {
      const world = createLinkingWorld(`later ${version}`);
      world.server.tamper = (at, message) =>
        at === version ? (earlier.server.seen[at - 1] ?? message) : message;
      play(world);
      expectBothEnded(world);
      expectNothingLinked(world);
    }
  });

  test("[LK28] keys that may not be on a chain are refused before anything is asked", () => {
    const world = createLinkingWorld("weak keys");
    const keys = newDevice(world.chain.random);
    const weak = { ...keys, record: { ...keys.record, agreementKey: new Uint8Array(32) } };
    const party = join(world, world.existing.text, weak);
    settle(world);
    expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["BadNewDevice", "BadNewDevice"]);
    expect(effectTypes(world.existing)).not.toContain("ask-digits");
  });

  test("[LK20] a reverse signature that is not the new device's is not appended", () => {
    const world = createLinkingWorld("bad reverse");
    world.changeSignature = (signature) => flip(signature, 3);
    const party = upToDigits(world);
    type(world, digitsOf(party));
    expect(outcomeOf(world.existing)).toBe("BadReverseSignature");
    expect(outcomeOf(party)).toBe("WrongProposal");
    expectNothingLinked(world);
  });

  test("[LK20] the new device signs nothing but its own addition to the account it was shown", () => {
    const random = createSeededRandom("proposals");
    const other = newDevice(random);
    const elsewhere = stateOf(createWorld("elsewhere"));
    const change = (edit: (body: ReturnType<typeof bodyOf>) => ReturnType<typeof bodyOf>) => (bytes: Bytes) =>
      encode(linkBodyShape, edit(bodyOf(bytes)));
    const lies: readonly ((body: Bytes) => Bytes)[] = [
      change((body) => ({ ...body, accountId: elsewhere.accountId })),
      change((body) => ({ ...body, payload: { type: "device-add", device: other.record, replaces: null } })),
      change((body) => ({ ...body, payload: { type: "device-update", kemKey: other.record.kemKey } })),
      change((body) => ({ ...body, prevHash: elsewhere.head })),
      change((body) => ({ ...body, prevHash: null })),
      change((body) => ({ ...body, prevHash: null, seq: body.seq + 4 })),
      change((body) => {
        const { payload } = body;
        return payload.type === "device-add"
          ? { ...body, signerId: deviceSigner(deviceIdOf(payload.device.signKey)) }
          : body;
      }),
      change((body) => ({ ...body, seq: 1 })),
      () => Uint8Array.of(0),
    ];
    for (const [index, lie] of lies.entries()) {
      const world = createLinkingWorld(`lie ${index}`);
      world.changeProposal = lie;
      const party = upToDigits(world);
      type(world, digitsOf(party));
      expect([outcomeOf(world.existing), outcomeOf(party)]).toEqual(["WrongProposal", "WrongProposal"]);
      expect(effectTypes(party)).not.toContain("sign");
      expectNothingLinked(world);
    }
  });
});

describe("somebody between the two", () => {
  test("[LK11] keys swapped in the middle show other digits, over 100,000 runs", () => {
    const random = createSeededRandom("mitm");
    const base = must(parseLinkCode(createLinkingWorld("mitm").existing.text));
    let equal = 0;
    for (let run = 0; run < 100_000; run++) {
      const [existingNonce, newNonce] = [random.bytes(32), random.bytes(32)];
      const shown = { ...base, key: random.bytes(32), psk: random.bytes(16) };
      const [honest, attackers] = [random.bytes(32), random.bytes(32)];
      const atNew = linkDigits(linkTranscript(shown, honest), random.bytes(32), newNonce);
      const atExisting = linkDigits(linkTranscript(base, attackers), existingNonce, random.bytes(32));
      if (atNew === atExisting) equal++;
    }
    // 0.1 are to be expected.
    expect(equal).toBeLessThanOrEqual(2);
  });

  test("[LK11] whoever relays both ways with keys of his own is found by the digits typed", () => {
    for (let run = 0; run < 60; run++) {
      const owner = createLinkingWorld(`relayed owner ${run}`);
      const fake = createLinkingWorld(`relayed fake ${run}`);
      const victim = upToDigits(fake);
      const attacker = upToDigits(owner);
      expect(digitsOf(victim)).not.toBe(digitsOf(attacker));
      type(owner, digitsOf(victim));
      expect([outcomeOf(owner.existing), outcomeOf(attacker)]).toEqual(["WrongCode", "WrongCode"]);
      expectNothingLinked(owner);
    }
  });

  test("[LK11] digits are six, evenly spread, and depend on all that went before", () => {
    const random = createSeededRandom("digits");
    const [transcript, a, b] = [random.bytes(32), random.bytes(32), random.bytes(32)];
    const digits = linkDigits(transcript, a, b);
    expect(linkDigits(transcript, a, b)).toBe(digits);
    for (const other of [
      linkDigits(random.bytes(32), a, b),
      linkDigits(transcript, random.bytes(32), b),
      linkDigits(transcript, a, random.bytes(32)),
      linkDigits(transcript, b, a),
    ]) {
      expect(other).not.toBe(digits);
    }
    const counts = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) {
      const first = Number(linkDigits(random.bytes(32), a, b)[0]);
      counts[first] = (counts[first] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  test("[LK12] who relays both codes cannot search for a nonce that makes the digits agree", () => {
    // The owner's device scanned the attacker's code; the attacker answers the owner's real one.
    const owner = createLinkingWorld("relay owner");
    const fake = createLinkingWorld("relay fake");
    const victim = join(fake);
    settle(fake);
    tellNew(fake, victim, { type: "account-confirmed" });
    settle(fake);
    const wanted = present(digitsOf(victim), "digits on the victim's device");
    const code = must(parseLinkCode(owner.existing.text));
    const random = createSeededRandom("relay");
    const own = agreementKeyPairFromSecret(random.bytes(32));
    const channel = must(openChannel(code, { side: "new", own, theirKey: code.key }));
    const committed = random.bytes(32);
    const keys = newDevice(random);
    const hello = {
      device: keys.record,
      nonceCommit: commitNonce(channel.transcript, committed),
      platform: "x",
    };
    const place = { sender: "new" as const, number: 2 };
    const sealed = sealMessage(random, channel, place, { type: "hello", hello });
    must(
      owner.server.put(
        code.rendezvousId,
        1,
        encode(slotMessageShape, { type: "hello", key: own.publicKey, sealed }),
      ),
    );
    settle(owner);
    const slot = must(owner.server.get(code.rendezvousId, 2));
    const account = open(channel, present(slot.message, "an answer"), 3);
    const existingNonce = account?.type === "account" ? account.nonce : new Uint8Array();
    // With all nonces but one fixed, digits that agree are found soon enough …
    let ground = committed;
    for (
      let i = 0;
      i < 1_000 && linkDigits(channel.transcript, existingNonce, ground).slice(0, 2) !== wanted.slice(0, 2);
      i++
    ) {
      ground = random.bytes(32);
    }
    expect(linkDigits(channel.transcript, existingNonce, ground).slice(0, 2)).toBe(wanted.slice(0, 2));
    // … but it is not the nonce that was committed to.
    const confirm = sealMessage(
      random,
      channel,
      { sender: "new", number: 4 },
      { type: "confirm", nonce: ground },
    );
    must(
      owner.server.put(code.rendezvousId, 3, encode(slotMessageShape, { type: "sealed", sealed: confirm })),
    );
    settle(owner);
    expect(outcomeOf(owner.existing)).toBe("LinkTampered");
    expectNothingLinked(owner);
  });
});

/** A person who does everything right. */
function play(world: LinkingWorld): void {
  const party = join(world);
  settle(world);
  tellNew(world, party, { type: "account-confirmed" });
  settle(world);
  type(world, digitsOf(party));
  settle(world);
}

function expectBothEnded(world: LinkingWorld): void {
  // Whoever waits for an answer that never comes ends with the clock.
  world.server.nowMs += RENDEZVOUS_TTL_MS;
  tellExisting(world, { type: "tick" });
  for (const party of world.joiners) tellNew(world, party, { type: "tick" });
  for (const party of [world.existing, ...world.joiners]) {
    expect(party.state.stage).toBe("ended");
    expect(outcomeOf(party)).not.toBe("Linked");
  }
}

function flip(bytes: Bytes, bit: number): Bytes {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function bodyOf(bytes: Bytes) {
  return must(parseLinkBody(bytes));
}

function channelOf(party: NewParty): LinkChannel {
  return present(party.state.stage === "ended" ? null : party.state.channel, "an open channel");
}

function open(channel: LinkChannel, slot: Bytes, number: number) {
  const message = must(decode(slotMessageShape, slot));
  const sealed = message.type === "sealed" || message.type === "hello" ? message.sealed : new Uint8Array();
  for (const sender of ["existing", "new"] as const) {
    const opened = openMessage(channel, { sender, number }, sealed);
    if (opened.ok) return opened.value;
  }
  return null;
}

function plaintexts(channel: LinkChannel, slot: Bytes, number: number): readonly Bytes[] {
  const opened = open(channel, slot, number);
  return opened === null ? [] : [encode(linkMessageShape, opened)];
}
