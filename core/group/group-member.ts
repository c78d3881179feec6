/** Who a leaf of a group is: a device of an account, in the leaf's basic credential (RFC 9420 section 5.3). */
import type { Bytes } from "../base/bytes.ts";
import type { AccountId, DeviceId } from "../base/ids.ts";
import { decode, encode, id, struct } from "../codec/shape.ts";
import type { Credential } from "ts-mls";

/** A device of an account. One device has one leaf at most. */
export interface GroupMember {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
}

/** Says whether `signKey` is the MLS key of that device on its account's chain. */
export type Authenticate = (member: GroupMember, signKey: Bytes) => boolean;

const memberShape = struct({ accountId: id("account"), deviceId: id("device") });

/** The credential of a member. */
export function credentialOf(member: GroupMember): Credential {
  return { credentialType: "basic", identity: encode(memberShape, member) };
}

/** The member a credential names, or null when it names none. */
export function memberOf(credential: Credential): GroupMember | null {
  if (credential.credentialType !== "basic" || !("identity" in credential)) return null;
  const member = decode(memberShape, credential.identity);
  return member.ok ? member.value : null;
}

/** Whether no device is there twice. */
export function areDistinct(members: readonly GroupMember[]): boolean {
  return (
    new Set(members.map(({ accountId, deviceId }) => `${accountId} ${deviceId}`)).size === members.length
  );
}

export function isSameMember(a: GroupMember, b: GroupMember): boolean {
  return a.accountId === b.accountId && a.deviceId === b.deviceId;
}
