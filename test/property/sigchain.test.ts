/**
 * Laws of chains over random valid ones: they verify for everyone alike, every harm done to their bytes is refused by
 * name, and epochs open for those who should and nobody else.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { type Bytes, toHex } from "../../core/base/bytes.ts";
import type { DeviceId } from "../../core/base/ids.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { activeDevicesAt, type ChainState, pinOf } from "../../core/sigchain/chain-state.ts";
import { decodeChainState, encodeChainState } from "../../core/sigchain/chain-state-codec.ts";
import { openAddedBox, openEpoch } from "../../core/sigchain/epoch/open-epoch.ts";
import { openHistory } from "../../core/sigchain/epoch/open-history.ts";
import { reduceLink } from "../../core/sigchain/reduce-link.ts";
import { verifyChain } from "../../core/sigchain/verify-chain.ts";
import {
  addDevice,
  boxesOf,
  type ChainWorld,
  createWorld,
  firstKeys,
  must,
  randomOperation,
  randomWorld,
  refusal,
  revokeDevices,
  rotate,
  secretOf,
  stateOf,
  worldOfEveryType,
} from "../support/chain-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

beforeAll(cryptoReady);

const WORLDS = 25;
const OPERATIONS = 14;

/** The names an altered link may be refused by. Anything else is a check that nobody meant. */
const REFUSALS = new Set([
  "MalformedLink",
  "LinkTooLarge",
  "UnsupportedLinkVersion",
  "NotAGenesis",
  "SecondGenesis",
  "WrongAccount",
  "LinkMissing",
  "LinkOutOfOrder",
  "LinkRepeated",
  "WrongPrev",
  "UnknownSigner",
  "RevokedSigner",
  "WrongSigner",
  "UnexpectedSignature",
  "BadSignature",
  "WeakKey",
]);

function stateBefore(world: ChainWorld, index: number): ChainState | null {
  return index === 0 ? null : present(world.states[index - 1], "a state");
}

describe("random valid chains", () => {
  test("[SC36] verify from their bytes to one state, at every cut into pages, and survive storage", () => {
    for (let seed = 0; seed < WORLDS; seed++) {
      const world = randomWorld(`valid ${seed}`, OPERATIONS);
      const whole = must(verifyChain([world.links]));
      expect(whole).toEqual(stateOf(world));
      const at = world.random.below(world.links.length + 1);
      expect(must(verifyChain([world.links.slice(0, at), world.links.slice(at)]))).toEqual(whole);
      expect(must(decodeChainState(encodeChainState(whole)))).toEqual(whole);
    }
  });

  test("[EP1] [EP5] at every epoch the boxes open for exactly those active then", () => {
    for (let seed = 0; seed < 8; seed++) {
      const world = randomWorld(`epochs ${seed}`, OPERATIONS);
      const state = stateOf(world);
      for (const epoch of state.epochs) {
        const active = new Set<DeviceId>(activeDevicesAt(state, epoch.seq).map((device) => device.id));
        for (const [id, keys] of world.keysById) {
          const opened = openEpoch(state, epoch.number, boxesOf(world, epoch.number), keys);
          if (!active.has(id)) expect(refusal(opened).type).toBe("NoBoxForHolder");
          else if (opened.ok) expect(opened.value.secret).toEqual(secretOf(world, epoch.number));
          // A device that has renewed its key since opens older boxes with the old one.
          else expect(opened.error.type).toBe("BoxDoesNotOpen");
        }
        const opened = world.recoveries.filter(
          (recovery) => openEpoch(state, epoch.number, boxesOf(world, epoch.number), recovery).ok,
        );
        expect(opened.length).toBe(1);
      }
    }
  });
});

describe("harm to a chain", () => {
  test("[SC4] [SC17] a flipped bit in any byte of any link is refused by name", () => {
    const world = worldOfEveryType("flips");
    const random = createSeededRandom("which bit");
    const met = new Map<string, number>();
    for (const [index, link] of world.links.entries()) {
      const before = stateBefore(world, index);
      for (let at = 0; at < link.length; at++) {
        const flipped = Uint8Array.from(link);
        flipped[at] = (link[at] ?? 0) ^ (1 << random.below(8));
        const { type } = refusal(reduceLink(before, flipped));
        expect(REFUSALS).toContain(type);
        met.set(type, (met.get(type) ?? 0) + 1);
      }
    }
    // Most harm is found by the signature; if not, the others hide it.
    expect(met.get("BadSignature") ?? 0).toBeGreaterThan(1_000);
  });

  test("[SC4] random bytes, cut links and grown links are refused by name", () => {
    const world = worldOfEveryType("cuts");
    const { random } = world;
    for (const [index, link] of world.links.entries()) {
      const before = stateBefore(world, index);
      for (let i = 0; i < 40; i++) {
        const bad: readonly Bytes[] = [
          link.subarray(0, random.below(link.length)),
          Uint8Array.from([...link, ...random.bytes(1 + random.below(4))]),
          random.bytes(random.below(200)),
        ];
        for (const bytes of bad) expect(refusal(reduceLink(before, bytes)).type).toBe("MalformedLink");
      }
    }
  });

  test("[SC7] [SC8] any two links swapped, one left out, one twice, one from another branch: refused by name", () => {
    for (let seed = 0; seed < 6; seed++) {
      const world = randomWorld(`order ${seed}`, 9);
      const { links } = world;
      for (let i = 0; i < links.length; i++) {
        for (let j = i + 1; j < links.length; j++) {
          const swapped = links.with(i, present(links[j], "a link")).with(j, present(links[i], "a link"));
          expect(["LinkMissing", "NotAGenesis"]).toContain(refusal(verifyChain([swapped])).type);
        }
        const twice = [...links.slice(0, i + 1), ...links.slice(i)];
        expect(["LinkRepeated", "SecondGenesis"]).toContain(refusal(verifyChain([twice])).type);
        if (i === links.length - 1) continue;
        expect(refusal(verifyChain([[...links.slice(0, i), ...links.slice(i + 1)]])).type).toBe(
          "LinkMissing",
        );
      }
      const branch = createWorld(`order ${seed}`);
      addDevice(branch);
      rotate(branch);
      rotate(branch);
      const spliced = [...links.slice(0, 3), present(branch.links[3], "a link")];
      const found = refusal(verifyChain([spliced]));
      expect(["WrongPrev", "BadEpochNumber"]).toContain(found.type);
    }
  });

  test("[SC38] [SC39] against a pin, every shorter and every other chain is found", () => {
    for (let seed = 0; seed < 6; seed++) {
      const world = randomWorld(`pins ${seed}`, 8);
      const other = createWorld(`pins ${seed}`);
      while (other.links.length < world.links.length) rotate(other);
      const pin = pinOf(stateOf(world));
      for (let length = 1; length < world.links.length; length++) {
        expect(refusal(verifyChain([world.links.slice(0, length)], { pin })).type).toBe("ChainTruncated");
      }
      expect(["ForkedChain"]).toContain(refusal(verifyChain([other.links], { pin })).type);
      randomOperation(world);
      expect(must(verifyChain([world.links], { pin })).seq).toBe(pin.seq + 1);
    }
  });

  test("[SC9] a link of one account is nothing on another's chain", () => {
    const a = worldOfEveryType("account a");
    const b = worldOfEveryType("account b");
    for (const [index, link] of a.links.entries()) {
      const found = refusal(reduceLink(stateBefore(b, Math.max(1, index)), link)).type;
      expect(["WrongAccount", "SecondGenesis"]).toContain(found);
    }
  });
});

describe("epochs over a long life", () => {
  test("[EP10] [EP16] a device that joins last walks back over 50 epochs with one secret", () => {
    const world = createWorld("fifty");
    const device = firstKeys(world);
    while (world.secrets.size < 50) rotate(world, device);
    const late = addDevice(world, device);
    const state = stateOf(world);
    const box = present(world.addedBoxes.get(late.id), "a box");
    const newest = must(openAddedBox(state, box, late));
    const { secretsByNumber, faults } = openHistory(state, [newest], (number) => boxesOf(world, number));
    expect(faults).toEqual([]);
    expect(secretsByNumber.size).toBe(50);
    for (const [number, secret] of secretsByNumber) {
      expect(toHex(secret.secret)).toBe(toHex(secretOf(world, number).secret));
    }
    // From the middle it leads back only.
    const half = openHistory(state, [secretOf(world, 25)], (number) => boxesOf(world, number));
    expect(Math.max(...half.secretsByNumber.keys())).toBe(25);
  });

  test("[EP5] a revoked device with all its keys and all it ever opened opens no later epoch", () => {
    for (let seed = 0; seed < 5; seed++) {
      const world = randomWorld(`revoked ${seed}`, 6);
      const staying = addDevice(world);
      const gone = addDevice(world);
      const held = [...world.secrets.values()];
      revokeDevices(world, [gone.id], staying);
      const cutoff = stateOf(world).epochs.length;
      for (let i = 0; i < 6; i++) rotate(world, staying);
      const state = stateOf(world);
      for (let number = cutoff; number <= state.epochs.length; number++) {
        const opened = openEpoch(state, number, boxesOf(world, number), gone);
        expect(refusal(opened).type).toBe("NoBoxForHolder");
        // Nor any box as if it were its own.
        const posing = { signerId: staying.signerId, kem: gone.kem };
        expect(refusal(openEpoch(state, number, boxesOf(world, number), posing)).type).toBe("BoxDoesNotOpen");
      }
      const reached = openHistory(state, held, (number) => boxesOf(world, number));
      expect(Math.max(...reached.secretsByNumber.keys())).toBe(cutoff - 1);
    }
  });
});
