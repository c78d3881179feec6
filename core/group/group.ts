/**
 * One device's state of a group, and what can be read off it.
 *
 * Windows are wide enough for our delivery: a device that was off for weeks reads what was sent meanwhile.
 */
import type { Bytes } from "../base/bytes.ts";
import { GROUP_CONTEXT_BYTES_MAX } from "../base/limits.ts";
import { ok, type Result } from "../base/result.ts";
import {
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  createGroup as createLibraryGroup,
  defaultKeyPackageEqualityConfig,
  type Extension,
  mlsExporter,
} from "ts-mls";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { type Authenticate, type GroupMember, memberOf } from "./group-member.ts";
import { CONTEXT_EXTENSION, type KeyPackagePair, openKeyPackagePair } from "./key-package.ts";

export const FORWARD_GENERATIONS_MAX = 10_000;
export const LATE_GENERATIONS_MAX = 1_000;
export const LATE_EPOCHS_MAX = 32;
const PADDED_BYTES = 256;

/** What every step of a group needs. */
export interface GroupDeps {
  readonly suite: CiphersuiteImpl;
  readonly authenticate: Authenticate;
}

/** A group as this device sees it. Every step gives a new one; the old one must not be used again. */
export interface Group {
  readonly state: ClientState;
}

export interface GroupLeaf {
  readonly leafIndex: number;
  readonly member: GroupMember;
}

/** The library's configuration: chains decide who a key belongs to, and lifetimes are ours to check. */
export function groupConfig({ authenticate }: Pick<GroupDeps, "authenticate">): ClientConfig {
  return {
    keyRetentionConfig: {
      retainKeysForGenerations: LATE_GENERATIONS_MAX,
      retainKeysForEpochs: LATE_EPOCHS_MAX,
      maximumForwardRatchetSteps: FORWARD_GENERATIONS_MAX,
    },
    lifetimeConfig: {
      // The library goes by the machine's clock; `verifyKeyPackageNow` goes by ours.
      maximumTotalLifetime: BigInt(Number.MAX_SAFE_INTEGER),
      validateLifetimeOnReceive: false,
    },
    keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
    paddingConfig: { kind: "padUntilLength", padUntilLength: PADDED_BYTES },
    authService: {
      validateCredential: async (credential, signKey) => {
        const member = memberOf(credential);
        return member !== null && authenticate(member, signKey);
      },
    },
  };
}

/** The same group, in which leaves are judged by `authenticate` from here on. */
export function withAuthenticate(group: Group, authenticate: Authenticate): Group {
  return { state: { ...group.state, clientConfig: groupConfig({ authenticate }) } };
}

/** A group with this device as its only member. `context` is what all members agree on, and no business of this folder. */
export async function createGroup(
  deps: GroupDeps,
  groupId: Bytes,
  own: Pick<KeyPackagePair, "published" | "secret">,
  context: Bytes,
): Promise<Result<Group, GroupRefused>> {
  const pair = await openKeyPackagePair(own);
  if (!pair.ok) return pair;
  if (context.length > GROUP_CONTEXT_BYTES_MAX) return refused("BadContext");
  const { keyPackage, secrets } = pair.value;
  const state = await libraryCall("Malformed", () =>
    createLibraryGroup(
      groupId,
      keyPackage,
      secrets,
      [contextExtension(context)],
      deps.suite,
      groupConfig(deps),
    ),
  );
  return state.ok ? ok({ state: state.value }) : state;
}

export function contextExtension(context: Bytes): Extension {
  return { extensionType: CONTEXT_EXTENSION, extensionData: context };
}

/** Our context out of a list of extensions: exactly one, and nothing beside it. - Fails: `BadContext`. */
export function contextOf(extensions: readonly Extension[]): Result<Bytes, GroupRefused> {
  const [only] = extensions;
  const isOurs = extensions.length === 1 && only?.extensionType === CONTEXT_EXTENSION;
  if (only === undefined || !isOurs || only.extensionData.length > GROUP_CONTEXT_BYTES_MAX)
    return refused("BadContext");
  return ok(only.extensionData);
}

/** Every leaf, in order. - Fails: `Malformed` when a leaf names no device; such a group is not joined. */
export function leavesOf({ state }: Group): Result<readonly GroupLeaf[], GroupRefused> {
  const leaves: GroupLeaf[] = [];
  for (const [index, node] of state.ratchetTree.entries()) {
    if (node?.nodeType !== "leaf") continue;
    const member = memberOf(node.leaf.credential);
    if (member === null) return refused("Malformed");
    leaves.push({ leafIndex: index / 2, member });
  }
  return ok(leaves);
}

export function groupEpoch({ state }: Group): bigint {
  return state.groupContext.epoch;
}

export function isActive({ state }: Group): boolean {
  return state.groupActiveState.kind === "active";
}

/** The same on all members of an epoch, and on nobody else: members that compare it find a fork. */
export function epochAuthenticator({ state }: Group): Bytes {
  return state.keySchedule.epochAuthenticator;
}

/** A secret of this epoch for a purpose of ours (RFC 9420 section 8.5). */
export function exportGroupSecret(
  { suite }: GroupDeps,
  { state }: Group,
  { label, context, length }: { readonly label: string; readonly context: Bytes; readonly length: number },
): Promise<Bytes> {
  return mlsExporter(state.keySchedule.exporterSecret, label, context, length, suite);
}
