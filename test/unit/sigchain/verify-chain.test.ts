/** Whole chains, pins, forks and the hold on new devices. */
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import type { Bytes } from "../../../core/base/bytes.ts";
import { CHAIN_PAGE_LINKS_MAX, NEW_DEVICE_HOLD_MS } from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { proveFork } from "../../../core/sigchain/chain-fork.ts";
import { type ChainState, currentEpoch, hashAt, pinOf } from "../../../core/sigchain/chain-state.ts";
import { decodeChainState, encodeChainState } from "../../../core/sigchain/chain-state-codec.ts";
import { createService } from "../../../core/sigchain/create/create-link.ts";
import { parseLink } from "../../../core/sigchain/link.ts";
import { checkNewDeviceHold } from "../../../core/sigchain/new-device-hold.ts";
import { chainExtends, compareChains, settleFork, verifyChain } from "../../../core/sigchain/verify-chain.ts";
import {
  addDevice,
  type ChainWorld,
  changeRecovery,
  context,
  createWorld,
  firstKeys,
  moveHome,
  must,
  recover,
  refusal,
  replaceDevice,
  revokeDevices,
  rotate,
  stateOf,
  TEST_ORIGIN,
  updateKemKey,
  worldOfEveryType,
} from "../../support/chain-world.ts";

beforeAll(cryptoReady);

describe("verifyChain", () => {
  test("[SC36] pages give the state that link by link gives, and go on from a verified one", () => {
    const world = worldOfEveryType("pages");
    const whole = must(verifyChain([world.links]));
    expect(whole).toEqual(stateOf(world));
    const split = must(verifyChain([world.links.slice(0, 4), [], world.links.slice(4)]));
    expect(split).toEqual(whole);
    const from = present(world.states[3], "a state");
    expect(must(verifyChain([world.links.slice(4)], { from, accountId: from.accountId }))).toEqual(whole);
    expect(must(verifyChain([], { from }))).toBe(from);
    expect(refusal(verifyChain([])).type).toBe("EmptyChain");
    expect(refusal(verifyChain([[]])).type).toBe("EmptyChain");
  });

  test("[SC36] a page holds at most CHAIN_PAGE_LINKS_MAX links", () => {
    const world = createWorld("long");
    const device = firstKeys(world);
    const { requestLogId } = present(stateOf(world).service, "a home");
    let state = stateOf(world);
    const links: Bytes[] = [...world.links];
    while (links.length < CHAIN_PAGE_LINKS_MAX + 1) {
      const built = must(
        createService({ state, timeMs: links.length }, device, { origin: TEST_ORIGIN, requestLogId }),
      );
      links.push(built.link);
      state = built.state;
    }
    expect(refusal(verifyChain([links]))).toMatchObject({
      type: "PageTooLong",
      links: CHAIN_PAGE_LINKS_MAX + 1,
    });
    expect(must(verifyChain([links.slice(0, CHAIN_PAGE_LINKS_MAX)])).seq).toBe(CHAIN_PAGE_LINKS_MAX);
    const pages = [links.slice(0, CHAIN_PAGE_LINKS_MAX), links.slice(CHAIN_PAGE_LINKS_MAX)];
    expect(must(verifyChain(pages)).head).toBe(state.head);
  });

  test("[SC37] another account's chain is not the one asked for", () => {
    const ours = worldOfEveryType("ours");
    const theirs = worldOfEveryType("theirs");
    const { accountId } = stateOf(ours);
    expect(refusal(verifyChain([theirs.links], { accountId })).type).toBe("WrongAccount");
    expect(refusal(verifyChain([], { from: stateOf(theirs), accountId })).type).toBe("WrongAccount");
    expect(refusal(chainExtends(pinOf(stateOf(ours)), stateOf(theirs))).type).toBe("WrongAccount");
    expect(refusal(compareChains(stateOf(ours), stateOf(theirs))).type).toBe("WrongAccount");
  });

  test("[SC38] a chain cut short before a pinned place is refused", () => {
    const world = worldOfEveryType("cut short");
    const pin = pinOf(stateOf(world));
    for (let length = 1; length < world.links.length; length++) {
      const known = { pin, accountId: pin.accountId };
      expect(refusal(verifyChain([world.links.slice(0, length)], known))).toEqual({
        type: "ChainTruncated",
        seq: length,
        pinnedSeq: pin.seq,
      });
    }
    for (const state of world.states) expect(chainExtends(pinOf(state), stateOf(world)).ok).toBe(true);
  });
});

/** Two worlds that share their first links and then say different things. */
function forkedWorlds(seed: string, more: (world: ChainWorld) => void): readonly [ChainWorld, ChainWorld] {
  const [ours, theirs] = [createWorld(seed), createWorld(seed)];
  addDevice(ours);
  addDevice(theirs);
  rotate(ours);
  more(theirs);
  return [ours, theirs];
}

describe("forks", () => {
  test("[SC39] two valid links at one seq are proof, with both hashes", () => {
    const [ours, theirs] = forkedWorlds("fork", updateKemKey);
    const before = present(ours.states[1], "a state");
    const [a, b] = [present(ours.links[2], "a link"), present(theirs.links[2], "a link")];
    const proof = must(proveFork(before, a, b));
    expect(proof).toEqual({
      type: "ForkedChain",
      seq: 3,
      ours: stateOf(ours).head,
      theirs: stateOf(theirs).head,
    });
    expect(refusal(proveFork(before, a, a))).toEqual({ type: "SameLink", seq: 3 });
    const broken = b.slice();
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    expect(refusal(proveFork(before, a, broken)).type).toBe("BadSignature");
    expect(refusal(proveFork(before, broken, b)).type).toBe("BadSignature");
    expect(refusal(chainExtends(pinOf(stateOf(ours)), stateOf(theirs)))).toEqual(proof);
    expect(refusal(verifyChain([theirs.links], { pin: pinOf(stateOf(ours)) }))).toEqual(proof);
  });

  test("[SC39] comparing finds the first difference however far both went on", () => {
    const [ours, theirs] = forkedWorlds("fork far", updateKemKey);
    for (let i = 0; i < 3; i++) {
      rotate(ours);
      rotate(theirs);
    }
    expect(refusal(compareChains(stateOf(ours), stateOf(theirs)))).toMatchObject({
      type: "ForkedChain",
      seq: 3,
      ours: hashAt(stateOf(ours), 3),
      theirs: hashAt(stateOf(theirs), 3),
    });
    const [shorter, longer] = [present(ours.states[1], "a state"), stateOf(ours)];
    expect(must(compareChains(longer, longer))).toBe("same");
    expect(must(compareChains(shorter, longer))).toBe("ahead");
    expect(must(compareChains(longer, shorter))).toBe("behind");
  });

  test("[SC40] both branches of a fork stop until a recover names one", () => {
    const [ours, theirs] = forkedWorlds("settle", updateKemKey);
    expect(refusal(settleFork(stateOf(ours), stateOf(theirs))).type).toBe("ForkedChain");
    for (let i = 0; i < 4; i++) rotate(ours);
    // Length is no argument.
    expect(refusal(settleFork(stateOf(ours), stateOf(theirs))).type).toBe("ForkedChain");
    recover(theirs, []);
    expect(must(settleFork(stateOf(ours), stateOf(theirs)))).toBe("theirs");
    expect(must(settleFork(stateOf(theirs), stateOf(ours)))).toBe("ours");
  });

  test("[SC40] of two recovers the one at the greater seq counts; at one seq neither", () => {
    const [ours, theirs] = forkedWorlds("settle two", updateKemKey);
    recover(ours, []);
    recover(theirs, []);
    expect(refusal(settleFork(stateOf(ours), stateOf(theirs))).type).toBe("ForkedChain");
    recover(ours, []);
    expect(must(settleFork(stateOf(ours), stateOf(theirs)))).toBe("ours");
  });

  test("[SC40] a recover before the fork, or by a recovery key that one branch replaced, names nothing", () => {
    const [ours, theirs] = [createWorld("early"), createWorld("early")];
    for (const world of [ours, theirs]) recover(world, []);
    rotate(ours);
    updateKemKey(theirs);
    expect(refusal(settleFork(stateOf(ours), stateOf(theirs))).type).toBe("ForkedChain");
    changeRecovery(ours);
    recover(theirs, []);
    expect(refusal(settleFork(stateOf(ours), stateOf(theirs))).type).toBe("ForkedChain");
  });

  test("a chain that only goes on is no fork", () => {
    const world = worldOfEveryType("on");
    const earlier = present(world.states[2], "a state");
    expect(must(settleFork(earlier, stateOf(world)))).toBe("theirs");
    expect(must(settleFork(stateOf(world), earlier))).toBe("ours");
  });
});

describe("the hold on new devices", () => {
  const nowMs = 1_900_000_000_000;
  const held = (state: ChainState, link: Bytes | undefined, signerArrivedAtMs: number | null): string => {
    const { body } = must(parseLink(present(link, "a link")));
    const checked = checkNewDeviceHold({ state, body, signerArrivedAtMs, nowMs });
    return checked.ok ? "free" : checked.error.type;
  };

  test("[SC41] a device waits NEW_DEVICE_HOLD_MS before it may add or revoke; other links are free", () => {
    const world = createWorld("hold");
    const genesis = firstKeys(world);
    const second = addDevice(world, genesis);
    const third = addDevice(world, second);
    revokeDevices(world, [third.id], second);
    rotate(world, second);
    updateKemKey(world, second);
    moveHome(world, TEST_ORIGIN, second);
    const [, , add, revoke, ...rest] = world.links;
    const state = present(world.states[1], "a state");
    for (const link of [add, revoke]) {
      expect(held(state, link, nowMs - NEW_DEVICE_HOLD_MS + 1)).toBe("DeviceOnHold");
      expect(held(state, link, nowMs - NEW_DEVICE_HOLD_MS)).toBe("free");
      expect(held(state, link, nowMs - NEW_DEVICE_HOLD_MS - 1)).toBe("free");
      expect(held(state, link, null)).toBe("DeviceOnHold");
      // A clock that was set back does not free it.
      expect(held(state, link, nowMs + 1)).toBe("DeviceOnHold");
    }
    for (const link of rest) expect(held(state, link, nowMs)).toBe("free");
  });

  test("[SC41] the genesis device and one that came by recover need not wait", () => {
    const world = createWorld("hold exceptions");
    addDevice(world);
    const fresh = recover(world, []);
    addDevice(world, fresh);
    const [, second, , fourth] = world.links;
    expect(held(present(world.states[0], "a state"), second, nowMs)).toBe("free");
    expect(held(present(world.states[2], "a state"), fourth, nowMs)).toBe("free");
    const replaced = replaceDevice(world, fresh.id, fresh);
    addDevice(world, replaced);
    expect(held(present(world.states[4], "a state"), world.links[5], nowMs)).toBe("DeviceOnHold");
  });
});

describe("a stored state", () => {
  test("comes back as it was", () => {
    const world = worldOfEveryType("stored");
    for (const state of world.states) expect(must(decodeChainState(encodeChainState(state)))).toEqual(state);
    rotate(world);
    const stored = must(decodeChainState(encodeChainState(present(world.states.at(-2), "a state"))));
    const next = must(verifyChain([world.links.slice(-1)], { from: stored }));
    expect(next).toEqual(stateOf(world));
    expect(currentEpoch(next).number).toBe(stateOf(world).epochs.length);
    expect(context(world).state).toBe(stateOf(world));
  });

  test("is refused when its parts do not fit", () => {
    const state = stateOf(worldOfEveryType("stored"));
    const broken: readonly ChainState[] = [
      { ...state, seq: state.seq + 1 },
      { ...state, hashes: state.hashes.slice(1) },
      { ...state, head: present(state.hashes[0], "a hash") },
      { ...state, epochs: state.epochs.slice(1) },
    ];
    for (const bad of broken) {
      expect(refusal(decodeChainState(encodeChainState(bad))).type).toBe("InconsistentChainState");
    }
    expect(refusal(decodeChainState(new Uint8Array())).type).toBe("MalformedCbor");
  });
});
