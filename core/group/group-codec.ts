/**
 * How a group is stored: what a commit changes apart from what a message changes, and past epochs each by itself, so that a
 * message rewrites neither the tree nor the past.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { bytes, decode, encode, oneOf, struct } from "../codec/shape.ts";
import { decodeGroupContext, encodeGroupContext } from "ts-mls/groupContext.js";
import { decodeKeySchedule, encodeKeySchedule } from "ts-mls/keySchedule.js";
import { decodePrivateKeyPath, privateKeyPathEncoder } from "ts-mls/privateKeyPath.js";
import { decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js";
import { decodeSecretTree, secretTreeEncoder } from "ts-mls/secretTree.js";
import { encode as encodeTls } from "ts-mls/codec/tlsEncoder.js";
import { type Group, type GroupDeps, groupConfig } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";

const PART_BYTES_MAX = 16_777_216;
const part = bytes(0, PART_BYTES_MAX);

const epochShape = struct({
  context: part,
  schedule: part,
  tree: part,
  path: part,
  signSeed: bytes(32),
  confirmationTag: part,
  standing: oneOf("active", "removedFromGroup"),
});
const pastShape = struct({ context: part, tree: part, senderDataSecret: part, resumptionPsk: part });

/** A stored group. Writers store the parts that are not the same object or bytes as before. */
export interface StoredGroup {
  /** Changes with each commit. */
  readonly epoch: Bytes;
  /** Changes with each message of the present epoch. */
  readonly ratchets: Bytes;
  /** Past epochs by number: `facts` never changes, `ratchets` with each message of that epoch. */
  readonly past: ReadonlyMap<number, { readonly facts: Bytes; readonly ratchets: Bytes }>;
}

/** The parts of a group. - Secrets: all of them; they go into the sealed store only. */
export function encodeGroup(group: Group): StoredGroup {
  const { state } = group;
  const encodeRatchets = encodeTls(secretTreeEncoder);
  const past = new Map<number, { readonly facts: Bytes; readonly ratchets: Bytes }>();
  for (const [number, data] of state.historicalReceiverData)
    past.set(Number(number), { facts: encodePast(data), ratchets: encodeRatchets(data.secretTree) });
  return { epoch: encodeEpoch(group), ratchets: encodeRatchets(state.secretTree), past };
}

function encodeEpoch({ state }: Group): Bytes {
  assert(Object.keys(state.unappliedProposals).length === 0, "proposals come by value only");
  const { kind } = state.groupActiveState;
  assert(kind !== "suspendedPendingReinit", "groups are not started anew");
  return encode(epochShape, {
    context: encodeGroupContext(state.groupContext),
    schedule: encodeKeySchedule(state.keySchedule),
    tree: encodeRatchetTree(state.ratchetTree),
    path: encodeTls(privateKeyPathEncoder)(state.privatePath),
    signSeed: state.signaturePrivateKey,
    confirmationTag: state.confirmationTag,
    standing: kind,
  });
}

type PastEpoch = Group["state"]["historicalReceiverData"] extends Map<bigint, infer E> ? E : never;

function encodePast(data: PastEpoch): Bytes {
  return encode(pastShape, {
    context: encodeGroupContext(data.groupContext),
    tree: encodeRatchetTree(data.ratchetTree),
    senderDataSecret: data.senderDataSecret,
    resumptionPsk: data.resumptionPsk,
  });
}

/** What of a stored group is to be written after a step. Null parts are as they were. */
export interface GroupStep {
  readonly epoch: Bytes | null;
  readonly ratchets: Bytes | null;
  readonly past: ReadonlyMap<number, { readonly facts: Bytes | null; readonly ratchets: Bytes | null }>;
  /** Past epochs that are forgotten. */
  readonly forgotten: readonly number[];
}

/**
 * The parts that differ between `before` and `after`. What a step leaves alone it keeps as the same object, so a message
 * costs the encoding of its ratchets and no tree.
 */
export function encodeGroupStep(before: Group | null, after: Group): GroupStep {
  const was = before?.state;
  const now = after.state;
  const isSameEpoch =
    was !== undefined &&
    was.groupContext === now.groupContext &&
    was.keySchedule === now.keySchedule &&
    was.ratchetTree === now.ratchetTree &&
    was.privatePath === now.privatePath &&
    was.confirmationTag === now.confirmationTag &&
    was.groupActiveState === now.groupActiveState;
  const past = new Map<number, { readonly facts: Bytes | null; readonly ratchets: Bytes | null }>();
  for (const [number, data] of now.historicalReceiverData) {
    const old = was?.historicalReceiverData.get(number);
    if (old === data) continue;
    const ratchets =
      old?.secretTree === data.secretTree ? null : encodeTls(secretTreeEncoder)(data.secretTree);
    const isSame = old !== undefined && old.ratchetTree === data.ratchetTree;
    past.set(Number(number), { facts: isSame ? null : encodePast(data), ratchets });
  }
  const forgotten = [...(was?.historicalReceiverData.keys() ?? [])]
    .filter((number) => !now.historicalReceiverData.has(number))
    .map(Number);
  return {
    epoch: isSameEpoch ? null : encodeEpoch(after),
    ratchets: was?.secretTree === now.secretTree ? null : encodeTls(secretTreeEncoder)(now.secretTree),
    past,
    forgotten,
  };
}

/** The group of its parts. - Fails: `Malformed`, for a store that is damaged. */
export async function decodeGroup(
  deps: Pick<GroupDeps, "authenticate">,
  stored: StoredGroup,
): Promise<Result<Group, GroupRefused>> {
  const facts = decode(epochShape, stored.epoch);
  if (!facts.ok) return refused("Malformed");
  const { context, schedule, tree, path, signSeed, confirmationTag, standing } = facts.value;
  const state = await libraryCall("Malformed", async () => ({
    groupContext: whole(decodeGroupContext, context),
    keySchedule: whole(decodeKeySchedule, schedule),
    ratchetTree: whole(decodeRatchetTree, tree),
    privatePath: whole(decodePrivateKeyPath, path),
    secretTree: whole(decodeSecretTree, stored.ratchets),
    historicalReceiverData: new Map([...stored.past].map(([number, one]) => [BigInt(number), pastOf(one)])),
    signaturePrivateKey: signSeed,
    confirmationTag,
    unappliedProposals: {},
    groupActiveState: { kind: standing },
    clientConfig: groupConfig(deps),
  }));
  return state.ok ? ok({ state: state.value }) : state;
}

function pastOf({ facts, ratchets }: { readonly facts: Bytes; readonly ratchets: Bytes }) {
  const decoded = decode(pastShape, facts);
  if (!decoded.ok) throw new TypeError("a past epoch is malformed");
  const { context, tree, senderDataSecret, resumptionPsk } = decoded.value;
  return {
    groupContext: whole(decodeGroupContext, context),
    ratchetTree: whole(decodeRatchetTree, tree),
    secretTree: whole(decodeSecretTree, ratchets),
    senderDataSecret,
    resumptionPsk,
  };
}

/** All of `stored`, no byte over; what it throws is caught by `libraryCall`. */
function whole<T>(read: (from: Bytes, offset: number) => [T, number] | undefined, stored: Bytes): T {
  const found = read(stored, 0);
  if (found === undefined || found[1] !== stored.length) throw new TypeError("a stored part is malformed");
  return found[0];
}
