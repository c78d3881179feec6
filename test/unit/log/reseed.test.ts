/** The owner's word that a log goes on: who may say it, and what of it is believed. */
import { beforeAll, describe, expect, test } from "vitest";
import { idFromBytes } from "../../../core/base/ids.ts";
import { RESEED_BYTES_MAX } from "../../../core/base/limits.ts";
import { encodeCbor } from "../../../core/codec/cbor.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createReseed } from "../../../core/log/create-reseed.ts";
import { judgeReseed } from "../../../core/log/judge-reseed.ts";
import { openReseed, type ReseedContent } from "../../../core/protocol/reseed.ts";
import {
  addDevice,
  createWorld,
  firstKeys,
  must,
  refusal,
  revokeDevices,
  stateOf,
} from "../../support/chain-world.ts";
import { filled } from "../../support/messages.ts";

beforeAll(cryptoReady);

function world() {
  const chain = createWorld("reseed");
  const own = firstKeys(chain);
  const sibling = addDevice(chain);
  const state = stateOf(chain);
  const logId = idFromBytes("log", chain.random.bytes(32));
  const content: ReseedContent = {
    version: 1,
    accountId: state.accountId,
    logId,
    incarnation: 2,
    after: { incarnation: 1, seq: 7, chain: filled(3) },
    device: sibling.id,
    chainSeq: state.seq,
    chainHead: state.head,
  };
  const signed = (changes: Partial<ReseedContent> = {}, signer = sibling.sign) =>
    createReseed(signer, { ...content, ...changes });
  const claim = (reseed: Uint8Array | null) => ({ logId, incarnation: 2, reseed });
  return { chain, state, own, sibling, logId, content, signed, claim };
}

describe("a reseed", () => {
  test("[IN1] is what a device has signed, and nothing else", () => {
    const { own, sibling, content, signed } = world();
    const key = (id: string) => (id === sibling.id ? sibling.sign.publicKey : null);
    expect(must(openReseed(signed(), key))).toEqual(content);
    expect(refusal(openReseed(signed({}, own.sign), key)).type).toBe("BadSignature");
    expect(refusal(openReseed(signed(), () => null)).type).toBe("UnknownWriter");
    expect(refusal(openReseed(signed({ incarnation: 1 }), key)).type).toBe("IncarnationNotAbove");
    const flipped = signed().map((byte, index) => (index === 20 ? byte ^ 1 : byte));
    expect(openReseed(flipped, key).ok).toBe(false);
  });

  test("[IN1] stays below its limit, and what is longer is not read", () => {
    const { signed } = world();
    expect(signed().length).toBeLessThan(RESEED_BYTES_MAX);
    const of = (length: number) => encodeCbor([filled(1, length), filled(2, 64)]);
    const fault = (length: number) => refusal(openReseed(of(length), () => null)).type;
    expect(fault(RESEED_BYTES_MAX)).toBe(fault(RESEED_BYTES_MAX - 1));
    expect(fault(RESEED_BYTES_MAX + 1)).not.toBe(fault(RESEED_BYTES_MAX));
  });

  test("[IN3] counts for its own log, incarnation and account only", () => {
    const { state, chain, content, signed, claim } = world();
    expect(must(judgeReseed(state, claim(signed())))).toEqual(content);
    const other = idFromBytes("log", chain.random.bytes(32));
    const fault = (given: ReturnType<typeof claim>) => refusal(judgeReseed(state, given)).type;
    expect(fault(claim(null))).toBe("WrongLog");
    expect(fault(claim(signed({ logId: other })))).toBe("WrongLog");
    expect(fault(claim(signed({ incarnation: 3 })))).toBe("WrongLog");
    expect(fault(claim(signed({ accountId: idFromBytes("account", filled(9)) })))).toBe("WrongLog");
    expect(fault(claim(signed({ chainHead: idFromBytes("link", filled(9)) })))).toBe("ChainMismatch");
    expect(fault(claim(signed({ chainSeq: 1 })))).toBe("DeviceNotOnChain");
  });

  test("[IN3] of a device revoked since counts when it was signed before", () => {
    const { chain, sibling, content, signed, claim } = world();
    const before = signed();
    revokeDevices(chain, [sibling.id]);
    const state = stateOf(chain);
    expect(must(judgeReseed(state, claim(before)))).toEqual(content);
    const after = signed({ chainSeq: state.seq, chainHead: state.head });
    expect(refusal(judgeReseed(state, claim(after))).type).toBe("DeviceNotOnChain");
  });
});
