import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import type { Bytes } from "../../../core/base/bytes.ts";
import { DIRECT_HELLO_BYTES_MAX } from "../../../core/base/limits.ts";
import { encode } from "../../../core/codec/shape.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import {
  type DirectSelf,
  startDialling,
  startListening,
} from "../../../core/sigchain/direct/direct-handshake.ts";
import {
  DIRECT_LINKS_MAX,
  directAnswerShape,
  directHelloShape,
} from "../../../core/sigchain/direct/direct-message.ts";
import {
  addDevice,
  type ChainWorld,
  createWorld,
  firstKeys,
  revokeDevices,
  rotate,
} from "../../support/chain-world.ts";
import { bad, good } from "../../support/client-world.ts";
import { directSelf, meet, type Meeting, run } from "../../support/direct-peers.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";

let random: SeededRandom;
let laptop: DirectSelf;
let phone: DirectSelf;

beforeAll(cryptoReady);

function twoDevices(seed = "direct"): readonly [DirectSelf, DirectSelf, ChainWorld] {
  const made = createWorld(seed);
  const first = firstKeys(made);
  const added = addDevice(made);
  return [directSelf(made, first.id), directSelf(made, added.id), made];
}

beforeAll(() => {
  random = createSeededRandom("meetings");
  [laptop, phone] = twoDevices();
});

function peersOf(meeting: Meeting) {
  return [good(present(meeting.dialler, "an end")), good(present(meeting.listener, "an end"))] as const;
}

function endsOf({ dialler, listener }: Meeting) {
  return [dialler === null ? null : bad(dialler), listener === null ? null : bad(listener)];
}

const TEXT = new TextEncoder().encode("only for you");

describe("two devices of an account", () => {
  test("[DS2] come to a channel that opens in both directions, and name each other", () => {
    const [dialler, listener] = peersOf(meet(random, laptop, phone));
    expect([dialler.deviceId, listener.deviceId]).toEqual([phone.deviceId, laptop.deviceId]);
    expect(good(listener.channel.open(dialler.channel.seal(TEXT)))).toEqual(TEXT);
    expect(good(dialler.channel.open(listener.channel.seal(TEXT)))).toEqual(TEXT);
  });

  test("[DS1] every meeting has keys of its own; nothing in clear names a device or the account", () => {
    const first = meet(random, laptop, phone);
    const second = meet(random, laptop, phone);
    const [dialler] = peersOf(first);
    const [, listener] = peersOf(second);
    expect(listener.channel.open(dialler.channel.seal(TEXT)).ok).toBe(false);
    const clear = first.frames.map(({ frame }) => Buffer.from(frame).toString("hex")).join("");
    for (const id of [laptop.deviceId, phone.deviceId, laptop.accountId, laptop.chain.head])
      expect(clear).not.toContain(id);
    expect(Math.max(...first.frames.slice(0, 2).map(({ frame }) => frame.length))).toBeLessThanOrEqual(
      DIRECT_HELLO_BYTES_MAX,
    );
  });

  test("[DS4] a frame that is repeated, left out, reflected or changed ends the channel", () => {
    const faults: readonly ((sealed: readonly Bytes[], own: Bytes) => readonly Bytes[])[] = [
      ([one = TEXT]) => [one, one],
      ([, two = TEXT]) => [two],
      ([one = TEXT, two = TEXT]) => [two, one],
      (_, own) => [own],
      ([one = TEXT]) => [one.map((byte, index) => (index === 40 ? byte ^ 1 : byte))],
      ([one = TEXT]) => [one.subarray(0, 20)],
    ];
    for (const fault of faults) {
      const [dialler, listener] = peersOf(meet(random, laptop, phone));
      const sealed = [dialler.channel.seal(TEXT), dialler.channel.seal(TEXT)];
      const opened = fault(sealed, listener.channel.seal(TEXT)).map((frame) => listener.channel.open(frame));
      expect(opened.at(-1)).toEqual({ ok: false, error: { type: "NotFromPeer" } });
      expect(listener.channel.open(sealed[0] ?? TEXT).ok, "nor does anything after it").toBe(false);
    }
  });

  test("[DS6] the one that is behind is given the links it lacks, whichever side it is", () => {
    const [first, , made] = twoDevices("behind");
    const late = addDevice(made);
    const behind = directSelf(made, first.deviceId, 2);
    const ahead = directSelf(made, late.id);
    expect(behind.chain.devicesById.has(late.id)).toBe(false);
    expect(peersOf(meet(random, behind, ahead))[0].deviceId).toBe(late.id);
    expect(peersOf(meet(random, ahead, behind))[1].deviceId).toBe(late.id);
  });

  test("[DS6] chains that contradict each other, and links that do not continue, are refused", () => {
    const [, , other] = twoDevices("direct");
    rotate(other);
    const forkA = directSelf(other, phone.deviceId);
    const fork = { ...laptop, chain: { ...laptop.chain, head: forkA.chain.head } };
    expect(endsOf(meet(random, fork, phone))).toContainEqual({
      type: "DirectRefused",
      why: "chains-disagree",
    });
    const links = [...forkA.links.slice(0, -1), present(forkA.links[0], "a genesis")];
    expect(bad(present(meet(random, laptop, { ...forkA, links }).dialler, "an end"))).toEqual({
      type: "DirectRefused",
      why: "chains-disagree",
    });
  });

  test(`[DS6] ${DIRECT_LINKS_MAX} links are given, one more is too far behind`, () => {
    const [first, second, made] = twoDevices("far");
    for (let count = 0; count < DIRECT_LINKS_MAX; count++) rotate(made);
    const behind = { ...first };
    expect(meet(random, behind, directSelf(made, second.deviceId)).dialler?.ok).toBe(true);
    rotate(made);
    expect(endsOf(meet(random, behind, directSelf(made, second.deviceId)))).toEqual([
      { type: "DirectRefusedByPeer", why: "too-far-behind" },
      { type: "DirectRefused", why: "too-far-behind" },
    ]);
  });
});

describe("who is not let in", () => {
  test("[DS3] a device of another account, and somebody without one, learn nothing and are strangers", () => {
    const [stranger] = twoDevices("another account");
    const asDialler = meet(random, stranger, phone);
    expect(endsOf(asDialler)).toEqual([{ type: "DirectStranger" }, null]);
    expect(endsOf(meet(random, laptop, stranger))).toEqual([{ type: "DirectStranger" }, null]);
    // One that answers what it cannot open, with anything at all.
    const listening = startListening(random, phone);
    const hello = present(startDialling(random, stranger).first[0], "a hello");
    listening.step(hello);
    expect(listening.step(random.bytes(200)).outcome).toEqual({
      ok: false,
      error: { type: "DirectStranger" },
    });
  });

  test("[DS5] a device that knows the account's secret but not the device key is refused", () => {
    const keyless = { ...laptop, signKeys: signKeyPairFromSeed(random.bytes(32)) };
    expect(endsOf(meet(random, keyless, phone))).toEqual([
      { type: "DirectRefusedByPeer", why: "bad-signature" },
      { type: "DirectRefused", why: "bad-signature" },
    ]);
    const asListener = meet(random, phone, keyless).dialler;
    expect(bad(present(asListener, "an end"))).toEqual({ type: "DirectRefused", why: "bad-signature" });
  });

  test("[DS5] a proof is good for one meeting, one side and one account only", () => {
    // The proof of one meeting in another: its frame does not open there, and its signature is over another transcript.
    const recorded = meet(random, laptop, phone).frames;
    const replayed = meet(random, laptop, phone, (frame, index) => recorded[index]?.frame ?? frame);
    expect(replayed.dialler?.ok === true || replayed.listener?.ok === true).toBe(false);
    const proofReplayed = meet(random, laptop, phone, (frame, index) =>
      index === 3 ? (recorded[3]?.frame ?? frame) : frame,
    );
    expect(endsOf({ ...proofReplayed, dialler: null })).toEqual([null, { type: "DirectStranger" }]);
  });

  test("[DS7] a revoked device is refused, whichever of the two knows of it", () => {
    const [first, second, made] = twoDevices("revoked");
    const before = made.links.length;
    revokeDevices(made, [second.deviceId]);
    const knowing = directSelf(made, first.deviceId);
    const revoked = directSelf(made, second.deviceId, before);
    const refused = { type: "DirectRefused", why: "revoked-device" };
    const told = { type: "DirectRefusedByPeer", why: "revoked-device" };
    expect(endsOf(meet(random, revoked, knowing))).toEqual([told, refused]);
    expect(endsOf(meet(random, knowing, revoked))).toEqual(
      [null, refused].slice(0, 0).concat([told, refused]),
    );
    // The honest device does not know yet; the revoked one does, and shows its chain.
    const unknowing = directSelf(made, first.deviceId, before);
    const honestlyRevoked = directSelf(made, second.deviceId);
    expect(endsOf(meet(random, honestlyRevoked, unknowing))[1]).toEqual(refused);
  });

  test("[DS8] a device does not meet itself, nor its own frames", () => {
    expect(endsOf(meet(random, laptop, laptop))).toEqual([
      { type: "DirectRefusedByPeer", why: "same-device" },
      { type: "DirectRefused", why: "same-device" },
    ]);
    const dialling = startDialling(random, laptop);
    const own = present(dialling.first[0], "a hello");
    expect(dialling.step(own).outcome).toEqual({ ok: false, error: { type: "DirectStranger" } });
  });

  test("[DS9] a frame that is not what is awaited, of any length, ends it by name and never throws", () => {
    const hello = encode(directHelloShape, {
      version: 1,
      kemKey: random.bytes(1_216),
      nonce: random.bytes(32),
    });
    const answer = encode(directAnswerShape, {
      version: 1,
      kemCiphertext: random.bytes(1_120),
      nonce: random.bytes(32),
    });
    for (const frame of [new Uint8Array(1), hello, answer, hello.subarray(1), random.bytes(4_096)]) {
      const listening = startListening(random, phone).step(frame).outcome;
      expect(listening === null || !listening.ok).toBe(true);
      const dialling = startDialling(random, laptop);
      const step = dialling.step(frame);
      expect(step.outcome === null || !step.outcome.ok).toBe(true);
    }
    for (let at = 0; at < 4; at++) {
      const cut = run(startDialling(random, laptop), startListening(random, phone), (frame, index) =>
        index === at ? frame.subarray(0, frame.length - 1) : frame,
      );
      expect(cut.dialler?.ok === true && cut.listener?.ok === true).toBe(false);
    }
  });
});
