/**
 * The user chains of Keybase's client tests, as a list of what has gone wrong in chains of this kind: each by name, with
 * the same verdict from ours where our format has the concept, or the reason why it has not.
 *
 * Their bytes are their format and mean nothing here; the scenario is built again from our links.
 */
import { beforeAll, expect, test } from "vitest";
import { present } from "../../core/base/assert.ts";
import { decodeCbor, encodeCbor } from "../../core/codec/cbor.ts";
import { decode } from "../../core/codec/shape.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { activeDevices } from "../../core/sigchain/chain-state.ts";
import { encodeLink, type LinkPayload, signedLinkShape } from "../../core/sigchain/link.ts";
import { reduceLink } from "../../core/sigchain/reduce-link.ts";
import { verifyChain } from "../../core/sigchain/verify-chain.ts";
import {
  addDevice,
  bodyAfter,
  type ChainWorld,
  createWorld,
  firstKeys,
  forge,
  must,
  newDevice,
  randomWorld,
  revokeDevices,
  rotate,
  stateOf,
  updateKemKey,
  worldOfEveryType,
} from "../support/chain-world.ts";
import { describeVectors } from "../support/shared-data.ts";

beforeAll(cryptoReady);

/** `accepted`, or the name of the error. */
type Verdict = () => string;

function verdict(world: ChainWorld, links = world.links): string {
  const verified = verifyChain([links]);
  return verified.ok ? "accepted" : verified.error.type;
}

function forged(world: ChainWorld, link: Uint8Array): string {
  const next = reduceLink(stateOf(world), link);
  return next.ok ? "accepted" : next.error.type;
}

/** A device-add whose named signature has one bit changed. */
function withBrokenSignature(index: 0 | 1): string {
  const world = createWorld("keybase broken");
  addDevice(world);
  const { body, signatures } = must(decode(signedLinkShape, present(world.links[1], "a link")));
  const broken = signatures.map((entry, at) => {
    const signature = Uint8Array.from(entry.signature);
    if (at === index) signature[3] = (signature[3] ?? 0) ^ 4;
    return { ...entry, signature };
  });
  return verdict(world, [present(world.links[0], "a genesis"), encodeLink(body, broken)]);
}

function signedBy(choose: (world: ChainWorld) => Parameters<typeof forge>[1], change = {}): string {
  const world = createWorld("keybase signer");
  const payload: LinkPayload = { type: "device-update", kemKey: newDevice(world.random).record.kemKey };
  return forged(world, forge(bodyAfter(world, payload, choose(world), change), choose(world)));
}

const NO_OUTSIDE = "no proofs of outside identities, user names or PGP keys on our chain";
const NO_RESET = "an account is its genesis: there is no reset, a new genesis is another account";
const NO_STUB = "links are never shown without their bodies";
const NO_TWICE = "a link says each thing once: no outer and inner form that could differ";
const NO_EXPIRY = "keys do not expire by a clock";

const SCENARIOS: Readonly<Record<string, Verdict | string>> = {
  test_ralph_sig_chain: () => verdict(randomWorld("ralph", 4)),
  test_max_sig_chain: () => verdict(randomWorld("max", 60)),
  test_jack_chain: () => verdict(randomWorld("jack", 28)),
  test_simple_chain: () => verdict(createWorld("simple")),
  test_error_unknown_key: () => signedBy((world) => newDevice(world.random)),
  test_error_unknown_reverse_sig_key: () => {
    const world = createWorld("keybase reverse");
    const [device, other] = [newDevice(world.random), newDevice(world.random)];
    const payload: LinkPayload = { type: "device-add", device: device.record, replaces: null };
    const signer = firstKeys(world);
    return forged(world, forge(bodyAfter(world, payload, signer), signer, other));
  },
  test_error_bad_signature: () => withBrokenSignature(0),
  test_error_bad_reverse_signature: () => withBrokenSignature(1),
  test_bad_per_user_key_reverse_sig: () => withBrokenSignature(1),
  test_error_mismatched_kid: () => {
    const world = createWorld("keybase kid");
    const first = firstKeys(world);
    const second = addDevice(world, first);
    const payload: LinkPayload = { type: "device-update", kemKey: newDevice(world.random).record.kemKey };
    return forged(world, forge(bodyAfter(world, payload, second), first));
  },
  test_revokes: () => {
    const world = createWorld("keybase revokes");
    const added = [1, 2, 3, 4, 5].map(() => addDevice(world));
    const [, ...gone] = added;
    for (const device of gone) revokeDevices(world, [device.id], present(added[0], "a device"));
    expect(activeDevices(stateOf(world)).length).toBe(2);
    return verdict(world);
  },
  test_v2_with_revokes: () => verdict(worldOfEveryType("keybase with revokes")),
  test_error_revoked_key: () => {
    const world = createWorld("keybase revoked");
    const first = firstKeys(world);
    const second = addDevice(world);
    revokeDevices(world, [second.id], first);
    const payload: LinkPayload = { type: "device-update", kemKey: newDevice(world.random).record.kemKey };
    return forged(world, forge(bodyAfter(world, payload, second), second));
  },
  test_error_bad_uid: () =>
    signedBy(firstKeys, { accountId: stateOf(createWorld("keybase someone else")).accountId }),
  test_error_bad_prev: () =>
    signedBy(firstKeys, { prevHash: stateOf(createWorld("keybase someone else")).head }),
  test_error_bad_seqno: () => signedBy(firstKeys, { seq: 7 }),
  test_error_missing_first_link: () => {
    const world = worldOfEveryType("keybase first");
    return verdict(world, world.links.slice(1));
  },
  test_error_substitute_first_link: () => {
    const world = worldOfEveryType("keybase substitute");
    return verdict(world, world.links.with(0, present(createWorld("another").links[0], "a genesis")));
  },
  test_empty_sigchain: "an account begins with its genesis: there is no account with an empty chain",
  test_pgp_subkey_after_revoke: () => {
    const world = createWorld("keybase old subkey");
    const first = firstKeys(world);
    const old = first.record.kemKey;
    updateKemKey(world, first);
    return forged(world, forge(bodyAfter(world, { type: "device-update", kemKey: old }, first), first));
  },
  test_repeat_eldest: NO_RESET,
  test_hardcoded_reset: NO_RESET,
  reset_2x: NO_RESET,
  test_ralph_with_earlier_eldest_key: NO_RESET,
  test_ralph_with_new_eldest_key: NO_RESET,
  test_v2_simple: () => verdict(randomWorld("keybase v2", 3)),
  test_per_user_key: () => {
    const world = createWorld("keybase epoch");
    rotate(world);
    return verdict(world);
  },
  test_v2_unsupported_no_ignore: () => {
    const world = createWorld("keybase unsupported");
    const signer = firstKeys(world);
    const payload: LinkPayload = { type: "device-update", kemKey: newDevice(world.random).record.kemKey };
    const body = must(decodeCbor(bodyAfter(world, payload, signer)));
    // A type nobody knows, properly signed.
    return forged(world, forge(encodeCbor(Array.isArray(body) ? body.with(5, 99) : []), signer));
  },
  test_error_bad_username: NO_OUTSIDE,
  test_error_mismatched_fingerprint: NO_OUTSIDE,
  test_error_empty_sigchain_bad_key_userid: NO_OUTSIDE,
  test_error_empty_sigchain_nonexistent_pgp: NO_OUTSIDE,
  test_error_empty_sigchain_eldest_key_is_nacl: NO_OUTSIDE,
  test_error_ralph_with_missing_subkey: NO_OUTSIDE,
  test_helen_chain: NO_OUTSIDE,
  test_pgp_bad_full_hash: NO_OUTSIDE,
  test_pnelsen_sigchain: NO_OUTSIDE,
  test_akalin_sigchain: NO_OUTSIDE,
  "00dani": NO_OUTSIDE,
  goozbach: NO_OUTSIDE,
  test_error_expired_key: NO_EXPIRY,
  test_melvin_with_expiring_pgp_key: NO_EXPIRY,
  test_v1_v2_stubbed_mix: NO_STUB,
  test_v2_stubbed: NO_STUB,
  test_bad_v2_delegate_stubbed: NO_STUB,
  test_bad_v2_first_stubbed: NO_STUB,
  test_bad_v2_stubbed_revoke_sig: NO_STUB,
  test_bad_v2_stubbed_revoke_sigs: NO_STUB,
  test_v2_unsupported_with_ignore: "no link may be passed over",
  test_v2_unsupported_with_ignore_stubbed: "no link may be passed over",
  test_v2_unsupported_no_ignore_stubbed: NO_STUB,
  test_bad_v2_hash_mismatch: NO_TWICE,
  test_bad_v2_prev_mismatch: NO_TWICE,
  test_bad_v2_seqno_mismatch: NO_TWICE,
  test_bad_v2_type_mismatch: NO_TWICE,
  test_bad_v2_revoke_type_mismatch: NO_TWICE,
  test_bad_v2_wrong_payload_hash: NO_TWICE,
};

/** What each refusal is called here. */
const REFUSALS: Readonly<Record<string, string>> = {
  test_error_unknown_key: "UnknownSigner",
  test_error_unknown_reverse_sig_key: "UnexpectedSignature",
  test_error_bad_signature: "BadSignature",
  test_error_bad_reverse_signature: "BadSignature",
  test_bad_per_user_key_reverse_sig: "BadSignature",
  test_error_mismatched_kid: "UnexpectedSignature",
  test_error_revoked_key: "RevokedSigner",
  test_error_bad_uid: "WrongAccount",
  test_error_bad_prev: "WrongPrev",
  test_error_bad_seqno: "LinkMissing",
  test_error_missing_first_link: "LinkMissing",
  test_error_substitute_first_link: "WrongAccount",
  test_pgp_subkey_after_revoke: "KeyReused",
  test_v2_unsupported_no_ignore: "MalformedLink",
};

/** Names of the cases and whether each must fail. */
function readCases(json: unknown): readonly (readonly [name: string, mustFail: boolean])[] {
  if (typeof json !== "object" || json === null || !("tests" in json)) return [];
  const { tests } = json;
  if (typeof tests !== "object" || tests === null) return [];
  return Object.entries(tests).map(([name, entry]: [string, unknown]) => [
    name,
    typeof entry === "object" && entry !== null && "err_type" in entry,
  ]);
}

describeVectors("keybase", "chain_tests.json", (set) => {
  const cases = readCases(set.json("chain_tests.json"));

  test("every case of the file is answered here, and none that is not in it", () => {
    expect(cases.map(([name]) => name).sort()).toEqual(Object.keys(SCENARIOS).sort());
  });

  const ours = cases.filter(([name]) => typeof SCENARIOS[name] === "function");

  test("at least 20 of them have a counterpart in our format", () => {
    expect(ours.length).toBeGreaterThanOrEqual(20);
  });

  test.each(ours)("%s", (name, mustFail) => {
    const scenario = SCENARIOS[name];
    expect(name in REFUSALS).toBe(mustFail);
    expect(typeof scenario === "function" && scenario()).toBe(REFUSALS[name] ?? "accepted");
  });
});
