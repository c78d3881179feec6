/** Devices that can be members of groups, each with the MLS key its account's chain would name. */
import { concatBytes, equalBytes, toUtf8 } from "../../core/base/bytes.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { hash } from "../../core/crypto/hash.ts";
import { LABEL } from "../../core/crypto/labels.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { createGroupCrypto } from "../../core/group/crypto-provider.ts";
import { type CommitPlan, createCommit, type PendingCommit } from "../../core/group/create-commit.ts";
import { createGroup, type Group, type GroupDeps } from "../../core/group/group.ts";
import { decodeGroup, encodeGroup } from "../../core/group/group-codec.ts";
import { joinGroup } from "../../core/group/join-group.ts";
import { openRatchet } from "../../core/group/ratchets.ts";
import type { ClientState, SecretTree } from "ts-mls";
import {
  createKeyPackage,
  type GroupDevice,
  type KeyPackagePair,
  type VerifiedKeyPackage,
  verifyPublishedKeyPackage,
} from "../../core/group/key-package.ts";
import { type CommitJudge, receiveCommit, type ReceivedCommit } from "../../core/group/receive-commit.ts";
import { good } from "./client-world.ts";
import { createSeededRandom } from "./seeded-random.ts";

export const NOW_MS = 1_800_000_000_000;
export const LIFETIME = { fromMs: NOW_MS - 1_000, untilMs: NOW_MS + 86_400_000 };

/** What the members of a new group agree on. */
export const FIRST = toUtf8("first");

/** A group as the library alone would have it, with all ratchets open: for a modified client, and for comparing. */
export async function libraryStateOf(
  suite: GroupDeps["suite"],
  { state, ratchets }: Group,
): Promise<ClientState> {
  const secretTree: SecretTree = [];
  for (let leaf = 0; leaf < ratchets.leafCount; leaf++) {
    const opened = await openRatchet(ratchets, leaf, suite.kdf);
    const node = opened?.secretTree[2 * leaf];
    if (node !== undefined) secretTree[2 * leaf] = node;
  }
  return { ...state, secretTree };
}

/** What a test knows to be there. */
export function present<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error("it is there");
  return value;
}

/** A world of devices from one seed. */
export function createGroupWorld(seed: string) {
  const random = createSeededRandom(seed);
  const suite = createGroupCrypto(random);
  const devices: GroupDevice[] = [];
  /** What chains say: a leaf's key is its device's. */
  const deps: GroupDeps = {
    suite,
    authenticate: ({ accountId, deviceId }, signKey) =>
      devices.some(
        (device) =>
          device.member.accountId === accountId &&
          device.member.deviceId === deviceId &&
          equalBytes(signKeyPairFromSeed(device.signSeed).publicKey, signKey),
      ),
  };

  /** Allows everything, now. */
  const judge: CommitJudge = {
    context: null,
    readEvidence: async () => ({ nowMs: NOW_MS, authenticate: deps.authenticate }),
    isAllowed: () => true,
  };

  function device(account: string, name: string, isOnChain = true): GroupDevice {
    const idOf = (...parts: readonly string[]): Uint8Array => hash(LABEL.linkHash, toUtf8(parts.join("/")));
    const made: GroupDevice = {
      member: {
        accountId: idFromBytes("account", idOf(account)),
        deviceId: idFromBytes("device", idOf(account, name).slice(0, 16)),
      },
      signSeed: random.bytes(32),
    };
    if (isOnChain) devices.push(made);
    return made;
  }

  const keyPackage = (of: GroupDevice, lifetime = LIFETIME): Promise<KeyPackagePair> =>
    createKeyPackage(suite, of, lifetime);

  async function verified(pair: KeyPackagePair): Promise<VerifiedKeyPackage> {
    return good(await verifyPublishedKeyPackage(suite, pair.published, { ...deps, nowMs: NOW_MS }));
  }

  async function found(of: GroupDevice, context = FIRST): Promise<Group> {
    return good(await createGroup(deps, random.bytes(16), await keyPackage(of), context));
  }

  /** What came beside the commits of this world. */
  const contexts = new WeakMap<Uint8Array, Uint8Array>();
  const judgeOf = (bytes: Uint8Array): CommitJudge => ({ ...judge, context: contexts.get(bytes) ?? null });
  const commit = async (group: Group, plan: CommitPlan): Promise<PendingCommit> => {
    const made = good(await createCommit(deps, group, plan));
    contexts.set(made.commit, made.next.context);
    return made;
  };
  const receive = async (group: Group, bytes: Uint8Array): Promise<ReceivedCommit> =>
    good(await receiveCommit(deps, group, bytes, judgeOf(bytes)));

  /** A group of these devices, the first of which has added the others in one commit. */
  async function groupOf(...members: readonly GroupDevice[]): Promise<Group[]> {
    const [first, ...others] = members;
    if (first === undefined) throw new Error("a group has a first member");
    const founded = await found(first);
    if (others.length === 0) return [founded];
    const pairs = await Promise.all(others.map((one) => keyPackage(one)));
    const add = await Promise.all(pairs.map(verified));
    const { welcome, next } = await commit(founded, { add });
    if (welcome === null) throw new Error("who is added is welcomed");
    return [
      next,
      ...(await Promise.all(pairs.map(async (pair) => good(await joinGroup(deps, welcome, pair, FIRST))))),
    ];
  }

  const libraryState = (group: Group): Promise<ClientState> => libraryStateOf(suite, group);

  /** Through the store and back. */
  const stored = async (group: Group): Promise<Group> => good(await decodeGroup(deps, encodeGroup(group)));

  return {
    random,
    suite,
    deps,
    judge,
    judgeOf,
    device,
    keyPackage,
    verified,
    found,
    commit,
    receive,
    groupOf,
    stored,
    libraryState,
  };
}

export const bytesOf = (...parts: readonly string[]): Uint8Array => concatBytes(...parts.map(toUtf8));
