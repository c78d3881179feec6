/**
 * How a group is stored: what a commit changes apart from what a message changes, past epochs each by themselves, and ratchets in
 * parts, so that a message rewrites neither the tree nor the past nor the ratchets of others.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Result } from "../base/result.ts";
import { bytes, decode, encode, oneOf, struct } from "../codec/shape.ts";
import { decodeGroupContext, encodeGroupContext } from "ts-mls/groupContext.js";
import { decodeKeySchedule, encodeKeySchedule } from "ts-mls/keySchedule.js";
import { decodePrivateKeyPath, privateKeyPathEncoder } from "ts-mls/privateKeyPath.js";
import { decodeRatchetTree, encodeRatchetTree } from "ts-mls/ratchetTree.js";
import { encode as encodeTls } from "ts-mls/codec/tlsEncoder.js";
import type { ClientState } from "ts-mls";
import { type Group, type GroupDeps, groupConfig, nextGroup, type PastEpoch } from "./group.ts";
import { type GroupRefused, libraryCall } from "./group-fault.ts";
import { decodeRatchets, encodeRatchets, type Ratchets } from "./ratchets.ts";

const PART_BYTES_MAX = 16_777_216;
const part = bytes(0, PART_BYTES_MAX);

/** The stored form of the present epoch. */
export const storedEpochShape = struct({
  agreed: part,
  context: part,
  schedule: part,
  tree: part,
  path: part,
  signSeed: bytes(32),
  confirmationTag: part,
  standing: oneOf("active", "removedFromGroup"),
});
/** The stored form of what is kept of an epoch that ended. */
export const storedPastShape = struct({ context: part, tree: part, senderDataSecret: part });

/** Ratchets of one epoch, by the number of the part. */
type StoredRatchets = ReadonlyMap<number, Bytes>;

/** A group's present epoch, but for its ratchets, and what is kept of one that ended. */
export interface StoredGroup {
  /** Changes with each commit. */
  readonly epoch: Bytes;
  /** Facts of past epochs, by number. They never change. */
  readonly past: ReadonlyMap<number, Bytes>;
  /** By epoch, the present one among them: an epoch that ends takes its ratchets along as they are. */
  readonly ratchets: ReadonlyMap<number, StoredRatchets>;
}

/** The parts of a group. - Secrets: all of them; they go into the sealed store only. */
export function encodeGroup(group: Group): StoredGroup {
  const ratchets = new Map<number, StoredRatchets>([[numberOf(group), encodeRatchets(group.ratchets)]]);
  for (const [number, past] of group.past) ratchets.set(Number(number), encodeRatchets(past.ratchets));
  const past = new Map([...group.past].map(([number, one]) => [Number(number), encodePast(one)]));
  return { epoch: encodeEpoch(group), past, ratchets };
}

const numberOf = (group: Group): number => Number(group.state.groupContext.epoch);

/** A group's present epoch, but for its ratchets. - Secrets: all of it. */
export function encodeEpoch({ state, context }: Group): Bytes {
  assert(Object.keys(state.unappliedProposals).length === 0, "proposals come by value only");
  const { kind } = state.groupActiveState;
  assert(kind !== "suspendedPendingReinit", "groups are not started anew");
  return encode(storedEpochShape, {
    agreed: context,
    context: encodeGroupContext(state.groupContext),
    schedule: encodeKeySchedule(state.keySchedule),
    tree: encodeRatchetTree(state.ratchetTree),
    path: encodeTls(privateKeyPathEncoder)(state.privatePath),
    signSeed: state.signaturePrivateKey,
    confirmationTag: state.confirmationTag,
    standing: kind,
  });
}

function encodePast({ groupContext, ratchetTree, senderDataSecret }: PastEpoch): Bytes {
  return encode(storedPastShape, {
    context: encodeGroupContext(groupContext),
    tree: encodeRatchetTree(ratchetTree),
    senderDataSecret,
  });
}

/** What of a stored group is to be written after a step. */
export interface GroupStep {
  /** Null when it is as it was. */
  readonly epoch: Bytes | null;
  /** Facts of epochs that ended. */
  readonly past: ReadonlyMap<number, Bytes>;
  /** Parts that are not as they were, by epoch. */
  readonly ratchets: ReadonlyMap<number, StoredRatchets>;
  /** Past epochs that are forgotten, with the numbers of their parts. */
  readonly forgotten: ReadonlyMap<number, readonly number[]>;
}

/**
 * The parts that differ between `before` and `after`. What a step leaves alone it keeps as the same object, so a message
 * costs the encoding of the ratchets beside its sender's, and no tree.
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
  const [old, current] = [ratchetsByEpoch(before), ratchetsByEpoch(after)];
  const ratchets = new Map<number, StoredRatchets>();
  for (const [number, one] of current) {
    const changed = encodeRatchets(one, old.get(number));
    if (changed.size > 0) ratchets.set(number, changed);
  }
  const past = new Map<number, Bytes>();
  for (const [number, one] of after.past)
    if (before?.past.get(number)?.ratchetTree !== one.ratchetTree) past.set(Number(number), encodePast(one));
  const forgotten = [...old].filter(([number]) => !current.has(number));
  return {
    epoch: isSameEpoch ? null : encodeEpoch(after),
    past,
    ratchets,
    forgotten: new Map(forgotten.map(([number, one]) => [number, [...one.parts.keys()]])),
  };
}

function ratchetsByEpoch(group: Group | null): ReadonlyMap<number, Ratchets> {
  if (group === null) return new Map();
  const past = [...group.past].map(([number, one]): [number, Ratchets] => [Number(number), one.ratchets]);
  return new Map([...past, [numberOf(group), group.ratchets]]);
}

/** The group of its parts. - Fails: `Malformed`, for a store that is damaged. */
export async function decodeGroup(
  deps: Pick<GroupDeps, "authenticate">,
  stored: StoredGroup,
): Promise<Result<Group, GroupRefused>> {
  return libraryCall("Malformed", async () => {
    const { state, context } = epochOf(deps, stored.epoch);
    const past = [...stored.past].sort(([a], [b]) => a - b);
    return {
      state,
      context,
      ratchets: ratchetsOf(stored, Number(state.groupContext.epoch)),
      past: new Map(
        past.map(([number, facts]) => [BigInt(number), pastOf(facts, ratchetsOf(stored, number))]),
      ),
    };
  });
}

/** A group that is to be the next one, which has opened nothing yet, of what its commit keeps of it. */
export async function decodeNextGroup(
  group: Group,
  next: { readonly epoch: Bytes; readonly ratchets: StoredRatchets },
): Promise<Result<Group, GroupRefused>> {
  return libraryCall("Malformed", async () => {
    const { state, context } = epochOf({ authenticate: () => true }, next.epoch);
    const ratchets = decodeRatchets(next.ratchets);
    if (ratchets === null) throw new TypeError("ratchets are malformed");
    return nextGroup(group, state, { ratchets, context });
  });
}

function epochOf(
  deps: Pick<GroupDeps, "authenticate">,
  epoch: Bytes,
): { readonly state: ClientState; readonly context: Bytes } {
  const facts = decode(storedEpochShape, epoch);
  if (!facts.ok) throw new TypeError("an epoch is malformed");
  const { agreed, context, schedule, tree, path, signSeed, confirmationTag, standing } = facts.value;
  const state: ClientState = {
    groupContext: whole(decodeGroupContext, context),
    keySchedule: whole(decodeKeySchedule, schedule),
    ratchetTree: whole(decodeRatchetTree, tree),
    privatePath: whole(decodePrivateKeyPath, path),
    secretTree: [],
    historicalReceiverData: new Map(),
    signaturePrivateKey: signSeed,
    confirmationTag,
    unappliedProposals: {},
    groupActiveState: { kind: standing },
    clientConfig: groupConfig(deps),
  };
  return { state, context: agreed };
}

function ratchetsOf(stored: StoredGroup, number: number): Ratchets {
  const ratchets = decodeRatchets(stored.ratchets.get(number) ?? new Map());
  if (ratchets === null) throw new TypeError("ratchets are malformed");
  return ratchets;
}

function pastOf(facts: Bytes, ratchets: Ratchets): PastEpoch {
  const decoded = decode(storedPastShape, facts);
  if (!decoded.ok) throw new TypeError("a past epoch is malformed");
  const { context, tree, senderDataSecret } = decoded.value;
  return {
    groupContext: whole(decodeGroupContext, context),
    ratchetTree: whole(decodeRatchetTree, tree),
    senderDataSecret,
    ratchets,
  };
}

/** All of `stored`, no byte over; what it throws is caught by `libraryCall`. */
function whole<T>(read: (from: Bytes, offset: number) => [T, number] | undefined, stored: Bytes): T {
  const found = read(stored, 0);
  if (found === undefined || found[1] !== stored.length) throw new TypeError("a stored part is malformed");
  return found[0];
}
