/** What can go wrong with a group, and the one place where the library's exceptions become values. */
import { err, ok, type Result } from "../base/result.ts";

/** Why something was refused; fixed words, so that a test and a person can tell them apart. */
export type GroupRule =
  /** The library could not read, open or verify it. */
  | "Malformed"
  | "Inauthentic"
  /** Of another group, or another epoch than the one the group is in. */
  | "WrongGroup"
  | "WrongEpoch"
  /** Not a private message, or not of the kind that was expected. */
  | "WrongKind"
  | "WrongCipherSuite"
  /** A proposal by reference, or of a kind we do not use. */
  | "ForbiddenProposal"
  /** No fresh path where one is needed. */
  | "MissingPath"
  | "TooManyAdds"
  | "TooManyLeaves"
  /** The device has a leaf already, or is named twice. */
  | "DuplicateDevice"
  /** No such leaf. */
  | "UnknownLeaf"
  /** A commit of this device's own: what it made is with whoever made it, not in the commit. */
  | "OwnCommit"
  /** The committer removes itself. */
  | "SelfRemoval"
  /** The key package is not valid now, or for too long. */
  | "BadLifetime"
  /** The group's context is not exactly one extension of ours. */
  | "BadContext"
  /** The leaf's key is not that of a device on its account's chain. */
  | "UnknownDevice"
  /** What a commit brings to justify itself does not hold. */
  | "BadEvidence"
  /** The room's rules do not let this member do that. */
  | "Forbidden"
  /** This device is not in the group any more. */
  | "NotMember";

export interface GroupRefused {
  readonly type: "GroupRefused";
  readonly rule: GroupRule;
}

export function refused(rule: GroupRule): { readonly ok: false; readonly error: GroupRefused } {
  return err({ type: "GroupRefused", rule });
}

/**
 * Runs the library on bytes somebody else made. It names bad input by exceptions of many classes, among them plain
 * `TypeError`s for values out of an enumeration, so every one of them is a refusal.
 */
export async function libraryCall<T>(
  rule: GroupRule,
  call: () => Promise<T>,
): Promise<Result<T, GroupRefused>> {
  try {
    return ok(await call());
  } catch {
    return refused(rule);
  }
}
