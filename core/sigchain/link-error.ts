/** Why a link or a chain is refused. Each names the rule that broke and the seq at which it did; none holds a key. */
import type { DeviceId, LinkHash, SignerId } from "../base/ids.ts";
import type { LinkFormError, LinkType } from "./link.ts";

/** Which public key of a link a fault is about. */
export type KeyUse = "sign" | "agreement" | "kem" | "mls" | "recovery-sign" | "recovery-kem" | "request";

/** The link does not stand where it says. */
export type PositionError =
  /** The first link is not a genesis. */
  | { readonly type: "NotAGenesis"; readonly seq: number }
  /** A genesis after the first link. */
  | { readonly type: "SecondGenesis"; readonly seq: number }
  /** It belongs to another account, or the chain that begins here is not the one asked for. */
  | { readonly type: "WrongAccount"; readonly seq: number }
  /** Links between are absent: a hole. */
  | { readonly type: "LinkMissing"; readonly seq: number; readonly found: number }
  /** A link that is already part of the chain, again. */
  | { readonly type: "LinkRepeated"; readonly seq: number }
  /** Another link for a seq that is taken: reordered, or half of a fork. */
  | { readonly type: "LinkOutOfOrder"; readonly seq: number; readonly found: number }
  /** It extends another link than the one before it. */
  | { readonly type: "WrongPrev"; readonly seq: number };

/** Who signed is not who must. */
export type SignerError =
  | { readonly type: "UnknownSigner"; readonly seq: number; readonly signerId: SignerId }
  | {
      readonly type: "RevokedSigner";
      readonly seq: number;
      readonly signerId: SignerId;
      readonly revokedSeq: number;
    }
  /** The signer may not sign a link of this type. */
  | {
      readonly type: "WrongSigner";
      readonly seq: number;
      readonly signerId: SignerId;
      readonly linkType: LinkType;
    }
  | { readonly type: "MissingReverseSignature"; readonly seq: number; readonly deviceId: DeviceId }
  | { readonly type: "MissingRecoverySignature"; readonly seq: number }
  /** A signature nobody asked for, or two in the wrong order. */
  | { readonly type: "UnexpectedSignature"; readonly seq: number; readonly signerId: SignerId }
  /** The signature does not belong to these bytes: tampered. */
  | { readonly type: "BadSignature"; readonly seq: number; readonly signerId: SignerId };

/** What the link does is not allowed at its place. */
export type RuleError =
  | { readonly type: "WeakKey"; readonly seq: number; readonly use: KeyUse }
  | { readonly type: "KeyReused"; readonly seq: number; readonly use: KeyUse }
  | { readonly type: "DuplicateDevice"; readonly seq: number; readonly deviceId: DeviceId }
  | { readonly type: "UnknownDevice"; readonly seq: number; readonly deviceId: DeviceId }
  | { readonly type: "DeviceAlreadyRevoked"; readonly seq: number; readonly deviceId: DeviceId }
  | {
      readonly type: "TooManyDevices";
      readonly seq: number;
      readonly active: number;
      readonly activeMax: number;
    }
  | { readonly type: "LastDevice"; readonly seq: number }
  /** A list of devices that is not strictly ascending. */
  | { readonly type: "UnsortedDevices"; readonly seq: number }
  | { readonly type: "RecoveringDeviceNotListed"; readonly seq: number; readonly deviceId: DeviceId }
  | {
      readonly type: "BadEpochNumber";
      readonly seq: number;
      readonly expected: number;
      readonly found: number;
    }
  | { readonly type: "EpochSecretReused"; readonly seq: number; readonly epoch: number }
  | { readonly type: "MalformedOrigin"; readonly seq: number };

/** Any reason to refuse one link. */
export type LinkError = (LinkFormError & { readonly seq: number }) | PositionError | SignerError | RuleError;

/** Two valid links for one place: whoever signs for this account has said two different things. */
export interface ForkedChain {
  readonly type: "ForkedChain";
  readonly seq: number;
  readonly ours: LinkHash;
  readonly theirs: LinkHash;
}

/** The chain shown is shorter than one already seen. */
export interface ChainTruncated {
  readonly type: "ChainTruncated";
  readonly seq: number;
  readonly pinnedSeq: number;
}

/** Any reason to refuse a chain. */
export type ChainError =
  | LinkError
  | ForkedChain
  | ChainTruncated
  | { readonly type: "EmptyChain"; readonly seq: number }
  | { readonly type: "PageTooLong"; readonly seq: number; readonly links: number; readonly linksMax: number };
