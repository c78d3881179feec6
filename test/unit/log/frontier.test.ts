/** What a device says of itself: sealed, signed, and compared with what another one holds. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { FRONTIER_BYTES_MAX, FRONTIER_INBOUND_LOGS_MAX } from "../../../core/base/limits.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import {
  createDocumentsHash,
  documentsHash,
  type FrontierContent,
  openFrontier,
  sealFrontier,
} from "../../../core/log/frontier.ts";
import { compareFrontier, judgeFrontier } from "../../../core/log/judge-frontier.ts";
import {
  addDevice,
  createWorld,
  firstKeys,
  must,
  refusal,
  revokeDevices,
  secretOf,
  stateOf,
} from "../../support/chain-world.ts";
import { filled } from "../../support/messages.ts";

beforeAll(cryptoReady);

function world() {
  const chain = createWorld("frontier");
  const { random } = chain;
  const own = firstKeys(chain);
  const sibling = addDevice(chain);
  const state = stateOf(chain);
  const log = { accountId: state.accountId, logId: idFromBytes("log", random.bytes(32)) };
  const { secret } = secretOf(chain, 1);
  const content: FrontierContent = {
    version: 1,
    device: own.id,
    chainSeq: state.seq,
    chainHead: state.head,
    number: 3,
    point: { incarnation: 0, seq: 9, chain: filled(1) },
    reachedAtMs: 10,
    toldAtMs: 20,
    documents: filled(2),
    unopened: 0,
    unloaded: 0,
    unsent: 0,
    inbound: [],
  };
  const keys = {
    epochSecret: (epoch: number) => (epoch === 1 ? secret : null),
    signKey: (device: string) => [own, sibling].find(({ id }) => id === device)?.sign.publicKey ?? null,
  };
  const sealed = (changes: Partial<FrontierContent> = {}, signer = own.sign) =>
    sealFrontier(random, {
      log,
      epoch: 1,
      epochSecret: secret,
      signer,
      content: { ...content, ...changes },
    });
  return { chain, random, sibling, state, own, log, content, keys, sealed };
}

describe("a sealed frontier", () => {
  test("[FR1] opens under its own account, log, device and epoch", () => {
    const { log, own, keys, content, sealed } = world();
    expect(must(openFrontier(log, own.id, sealed(), keys))).toEqual(content);
  });

  test("[FR1] is of no other log, account, device or signer", () => {
    const { random, log, own, sibling, keys, sealed } = world();
    const rule = (...args: Parameters<typeof openFrontier>) => refusal(openFrontier(...args)).type;
    const logId = idFromBytes("log", random.bytes(32));
    const accountId = idFromBytes("account", random.bytes(32));
    expect(rule({ ...log, logId }, own.id, sealed(), keys)).toBe("DoesNotOpen");
    expect(rule({ ...log, accountId }, own.id, sealed(), keys)).toBe("DoesNotOpen");
    expect(rule(log, sibling.id, sealed(), keys)).toBe("DoesNotOpen");
    expect(rule(log, own.id, sealed({}, sibling.sign), keys)).toBe("BadSignature");
    expect(rule(log, own.id, sealed(), { ...keys, epochSecret: () => null })).toBe("UnknownEpoch");
    expect(rule(log, own.id, sealed(), { ...keys, signKey: () => null })).toBe("UnknownWriter");
    const flipped = sealed().map((byte, index) => (index === 60 ? byte ^ 1 : byte));
    expect(rule(log, own.id, flipped, keys)).toBe("DoesNotOpen");
    expect(rule(log, own.id, new Uint8Array(3), keys)).not.toBe("DoesNotOpen");
  });

  test("stays below its limit with as many other logs as it may name, and takes no more", () => {
    const { random, log, own, keys, sealed } = world();
    const points = (count: number) =>
      Array.from({ length: count }, () => ({
        logId: idFromBytes("log", random.bytes(32)),
        point: { incarnation: 9, seq: 2 ** 40, chain: random.bytes(32) },
      }));
    const full = sealed({ inbound: points(FRONTIER_INBOUND_LOGS_MAX) });
    expect(full.length).toBeLessThan(FRONTIER_BYTES_MAX);
    expect(sealed({ inbound: points(FRONTIER_INBOUND_LOGS_MAX - 1) }).length).toBeLessThan(
      FRONTIER_BYTES_MAX,
    );
    const over = sealed({ inbound: points(FRONTIER_INBOUND_LOGS_MAX + 1) });
    expect(openFrontier(log, own.id, over, keys).ok).toBe(false);
    expect(openFrontier(log, own.id, full, keys).ok).toBe(true);
  });

  test("[FR2] the hash over documents knows nothing of their order, and every head", () => {
    const documents = [
      { id: "b", heads: ["2", "1"] },
      { id: "a", heads: ["3"] },
    ];
    const same = [
      { id: "a", heads: ["3"] },
      { id: "b", heads: ["1", "2"] },
    ];
    expect(documentsHash(documents)).toEqual(documentsHash(same));
    expect(documentsHash(documents)).not.toEqual(documentsHash([{ id: "a", heads: ["3"] }]));
    expect(documentsHash([{ id: "a", heads: ["1", "2"] }])).not.toEqual(
      documentsHash([
        { id: "a", heads: ["1"] },
        { id: "a", heads: ["2"] },
      ]),
    );
  });
});

test("[FR2] the hash is the same whether the list is new or differs a little from the last", () => {
  const grown = createDocumentsHash();
  const a = { id: "a", heads: ["1"] };
  const b = { id: "b", heads: ["2"] };
  const lists = [
    [b, a],
    [a, b],
    [a, { id: "b", heads: ["4", "3"] }],
    [a, { id: "c", heads: ["3"] }],
    [a, { id: "c", heads: ["3"] }, b],
    [b],
    [],
    [a, b],
  ];
  for (const documents of lists) {
    const ordered = [...documents].sort((one, other) => (one.id < other.id ? -1 : 1));
    const encoded = encodeCbor(ordered.map(({ id, heads }) => [id, [...heads].sort()]));
    expect(grown(documents)).toEqual(hash(LABEL.frontierDocuments, encoded));
  }
});

describe("a frontier is believed", () => {
  test("[FR4] of a device on the chain that goes by our chain", () => {
    const { state, content, random } = world();
    expect(judgeFrontier(state, null, content).ok).toBe(true);
    const stranger = { ...content, device: idFromBytes("device", random.bytes(16)) };
    expect(refusal(judgeFrontier(state, null, stranger)).type).toBe("DeviceNotOnChain");
    const other = { ...content, chainHead: idFromBytes("link", random.bytes(32)) };
    expect(refusal(judgeFrontier(state, null, other)).type).toBe("ChainMismatch");
  });

  test("[FR4] not of one that was revoked", () => {
    const { chain, sibling, content } = world();
    const told = { ...content, device: sibling.id, chainSeq: stateOf(chain).seq };
    revokeDevices(chain, [sibling.id]);
    expect(refusal(judgeFrontier(stateOf(chain), null, told)).type).toBe("DeviceWasRevoked");
  });

  test("[FR4] not when it is older than one known, nor when two have one number", () => {
    const { state, content } = world();
    expect(refusal(judgeFrontier(state, content, { ...content, number: 2 })).type).toBe("Stale");
    expect(judgeFrontier(state, content, content).ok).toBe(true);
    expect(judgeFrontier(state, content, { ...content, number: 4, toldAtMs: 1 }).ok).toBe(true);
    expect(refusal(judgeFrontier(state, content, { ...content, documents: filled(9) })).type).toBe("Twofold");
  });
});

describe("comparing", () => {
  const at = (seq: number, changes: Partial<FrontierContent> = {}) => {
    const { content } = world();
    return compareFrontier(
      { point: { incarnation: 0, seq, chain: filled(1) }, documents: filled(2) },
      { ...content, ...changes },
    );
  };

  test("[FR5] equal is only who has read the same, holds the same and lacks nothing", () => {
    expect(at(9)).toEqual({ type: "equal" });
    expect(at(12)).toEqual({ type: "behind", entries: 3 });
    expect(at(7)).toEqual({ type: "ahead", entries: 2 });
    expect(at(9, { documents: filled(3) })).toEqual({ type: "differs" });
    expect(at(9, { point: { incarnation: 0, seq: 9, chain: filled(7) } })).toEqual({ type: "differs" });
    for (const lack of ["unopened", "unloaded", "unsent"] as const)
      expect(at(9, { [lack]: 1 })).toEqual({ type: "incomplete" });
  });

  test("[FR5] nothing is compared while this device itself is not all its log says", () => {
    const { content } = world();
    const own = { point: content.point, documents: null };
    expect(compareFrontier(own, { ...content, documents: filled(3) })).toEqual({ type: "incomplete" });
  });

  test("[FR5] another incarnation is another log", () => {
    const told = { point: { incarnation: 1, seq: 2, chain: filled(1) } };
    expect(at(9, told)).toEqual({ type: "ahead", entries: 2 });
    const own = { point: { incarnation: 2, seq: 4, chain: filled(1) }, documents: filled(2) };
    expect(compareFrontier(own, { ...world().content, ...told })).toEqual({
      type: "behind",
      entries: 4,
    });
  });
});
