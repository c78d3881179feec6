/** Joining a group by the Welcome of the commit that added this device (RFC 9420 section 12.4.3.1). */
import type { Bytes } from "../base/bytes.ts";
import { ok, type Result } from "../base/result.ts";
import { decodeMlsMessage, emptyPskIndex, joinGroupWithExtensions } from "ts-mls";
import { GROUP_CIPHER_SUITE } from "./crypto-provider.ts";
import { contextOf, type Group, type GroupDeps, groupConfig, leavesOf } from "./group.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { isSameMember } from "./group-member.ts";
import { type KeyPackagePair, openKeyPackagePair } from "./key-package.ts";

/** Which key packages a Welcome is for, by their hashes; none for what is no Welcome. */
export async function welcomedKeyPackages(welcome: Bytes): Promise<readonly Bytes[]> {
  const message = await libraryCall("Malformed", async () => decodeMlsMessage(welcome, 0));
  const content = message.ok ? message.value?.[0] : undefined;
  return content?.wireformat === "mls_welcome"
    ? content.welcome.secrets.map((secret) => secret.newMember)
    : [];
}

/**
 * Joins. That the group is the one this device was invited to is the caller's to compare, by its id and context.
 *
 * - Fails: `GroupRefused`; nothing is used up.
 */
export async function joinGroup(
  deps: GroupDeps,
  welcome: Bytes,
  own: Pick<KeyPackagePair, "published" | "secret">,
): Promise<Result<Group, GroupRefused>> {
  const pair = await openKeyPackagePair(own);
  if (!pair.ok) return pair;
  const message = await libraryCall("Malformed", async () => decodeMlsMessage(welcome, 0));
  if (!message.ok) return message;
  if (message.value === undefined || message.value[1] !== welcome.length) return refused("Malformed");
  const [content] = message.value;
  if (content.wireformat !== "mls_welcome") return refused("WrongKind");
  if (content.welcome.cipherSuite !== GROUP_CIPHER_SUITE) return refused("WrongCipherSuite");
  const { keyPackage, secrets } = pair.value;
  const joined = await libraryCall("Inauthentic", () =>
    joinGroupWithExtensions(
      content.welcome,
      keyPackage,
      secrets,
      emptyPskIndex,
      deps.suite,
      undefined,
      undefined,
      groupConfig(deps),
    ),
  );
  if (!joined.ok) return joined;
  const [state, infoExtensions] = joined.value;
  const group = { state };
  // What would let outsiders in by themselves is nowhere published.
  if (infoExtensions.some((extension) => extension.extensionType === "external_pub"))
    return refused("BadContext");
  const context = contextOf(state.groupContext.extensions);
  if (!context.ok) return context;
  const leaves = leavesOf(group);
  if (!leaves.ok) return leaves;
  const hasTwice = leaves.value.some(({ member }, index) =>
    leaves.value.some((other, at) => at > index && isSameMember(member, other.member)),
  );
  return hasTwice ? refused("DuplicateDevice") : ok(group);
}
