/**
 * Key packages (RFC 9420 section 10): what a device publishes so that others can add it while it is offline.
 *
 * Lifetimes are compared with the clock of whoever adds; the library would use its own.
 */
import { type Bytes, equalBytes } from "../base/bytes.ts";
import { KEY_PACKAGE_BYTES_MAX, KEY_PACKAGE_LIFETIME_MS_MAX } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { bytes, decode, encode, struct } from "../codec/shape.ts";
import { isAgreementPublicKey } from "../crypto/verify.ts";
import { signKeyPairFromSeed } from "../crypto/sign.ts";
import {
  type Capabilities,
  type CiphersuiteImpl,
  decodeMlsMessage,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  type KeyPackage,
  type LeafNode,
  type PrivateKeyPackage,
} from "ts-mls";
import { extensionsSupportedByCapabilities } from "ts-mls/extension.js";
import { makeKeyPackageRef, verifyKeyPackage } from "ts-mls/keyPackage.js";
import { encodeLeafNode, verifyLeafNodeSignatureKeyPackage } from "ts-mls/leafNode.js";
import { GROUP_CIPHER_SUITE } from "./crypto-provider.ts";
import { type GroupRefused, libraryCall, refused } from "./group-fault.ts";
import { type Authenticate, credentialOf, type GroupMember, memberOf } from "./group-member.ts";

/** Type of the one GroupContext extension of our groups, of the range for private use. */
export const CONTEXT_EXTENSION = 0xf0d0;

export const GROUP_CAPABILITIES: Capabilities = {
  versions: ["mls10"],
  ciphersuites: [GROUP_CIPHER_SUITE],
  extensions: [CONTEXT_EXTENSION],
  proposals: [],
  credentials: ["basic"],
};

/** The device a key package is made for. */
export interface GroupDevice {
  readonly member: GroupMember;
  /** Seed of the device's MLS key, 32 bytes. */
  readonly signSeed: Bytes;
}

/** `published` goes to the directory; `secret` opens the Welcome that names it. */
export interface KeyPackagePair {
  readonly published: Bytes;
  readonly secret: Bytes;
  /** Hash that a Welcome names it by, 32 bytes. */
  readonly ref: Bytes;
}

/** A key package of a device on its chain, valid now. */
export interface VerifiedKeyPackage {
  readonly member: GroupMember;
  readonly keyPackage: KeyPackage;
}

/** The stored form of the private halves. */
export const storedKeyPackageShape = struct({ init: bytes(32), leaf: bytes(32), sign: bytes(32) });
const MS = 1_000;

/** Makes one; `fromMs` to `untilMs` is when it may be used. - Secrets: the caller stores `secret` and erases it once used. */
export async function createKeyPackage(
  suite: CiphersuiteImpl,
  device: GroupDevice,
  lifetime: { readonly fromMs: number; readonly untilMs: number },
): Promise<KeyPackagePair> {
  const { publicPackage, privatePackage } = await generateKeyPackageWithKey(
    credentialOf(device.member),
    GROUP_CAPABILITIES,
    {
      notBefore: BigInt(Math.floor(lifetime.fromMs / MS)),
      notAfter: BigInt(Math.floor(lifetime.untilMs / MS)),
    },
    [],
    { signKey: device.signSeed, publicKey: signKeyPairFromSeed(device.signSeed).publicKey },
    suite,
  );
  return {
    published: encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_key_package",
      keyPackage: publicPackage,
    }),
    secret: encode(storedKeyPackageShape, {
      init: privatePackage.initPrivateKey,
      leaf: privatePackage.hpkePrivateKey,
      sign: privatePackage.signaturePrivateKey,
    }),
    ref: await makeKeyPackageRef(publicPackage, suite.hash),
  };
}

/** Reads a published key package and checks all of it. - Fails: `GroupRefused`. */
export async function verifyPublishedKeyPackage(
  suite: CiphersuiteImpl,
  published: Bytes,
  by: { readonly authenticate: Authenticate; readonly nowMs: number },
): Promise<Result<VerifiedKeyPackage, GroupRefused>> {
  const keyPackage = await parseKeyPackage(published);
  return keyPackage.ok ? verifyKeyPackageNow(suite, keyPackage.value, by) : keyPackage;
}

/**
 * Whether a leaf can do what the leaves of our groups do (RFC 9420 section 7.3), can be sealed to, and is no larger than the key
 * package of another.
 *
 * One that cannot, once taken, is in everybody's way: nobody can be added beside it, or nothing sealed to it, and so no path made.
 */
export function isLeafCapable(leaf: LeafNode): boolean {
  const { versions, ciphersuites, extensions, credentials } = leaf.capabilities;
  return (
    versions.includes("mls10") &&
    ciphersuites.includes(GROUP_CIPHER_SUITE) &&
    extensions.includes(CONTEXT_EXTENSION) &&
    credentials.includes("basic") &&
    extensionsSupportedByCapabilities(leaf.extensions, leaf.capabilities) &&
    isAgreementPublicKey(leaf.hpkePublicKey as Bytes) &&
    encodeLeafNode(leaf).length <= KEY_PACKAGE_BYTES_MAX
  );
}

/** The same for a key package that came in a commit. */
export async function verifyKeyPackageNow(
  suite: CiphersuiteImpl,
  keyPackage: KeyPackage,
  { authenticate, nowMs }: { readonly authenticate: Authenticate; readonly nowMs: number },
): Promise<Result<VerifiedKeyPackage, GroupRefused>> {
  if (keyPackage.cipherSuite !== GROUP_CIPHER_SUITE) return refused("WrongCipherSuite");
  const { leafNode } = keyPackage;
  if (leafNode.leafNodeSource !== "key_package") return refused("Malformed");
  if (!isLeafCapable(leafNode) || !isAgreementPublicKey(keyPackage.initKey as Bytes))
    return refused("Malformed");
  // Section 10.1. What the library refuses in a commit only is refused here, before anybody makes one that all refuse.
  if (equalBytes(keyPackage.initKey as Bytes, leafNode.hpkePublicKey as Bytes)) return refused("Malformed");
  const member = memberOf(leafNode.credential);
  if (member === null) return refused("Malformed");
  if (!authenticate(member, leafNode.signaturePublicKey)) return refused("UnknownDevice");
  const leaf = { ...leafNode, leafNodeSource: leafNode.leafNodeSource };
  const verified = await libraryCall(
    "Inauthentic",
    async () =>
      (await verifyLeafNodeSignatureKeyPackage(leaf, suite.signature)) &&
      (await verifyKeyPackage(keyPackage, suite.signature)),
  );
  if (!verified.ok) return verified;
  if (!verified.value) return refused("Inauthentic");
  const { notBefore, notAfter } = leafNode.lifetime;
  const now = BigInt(Math.floor(nowMs / MS));
  const isShort = notAfter - notBefore <= BigInt(KEY_PACKAGE_LIFETIME_MS_MAX / MS);
  if (now < notBefore || now > notAfter || !isShort) return refused("BadLifetime");
  return ok({ member, keyPackage });
}

/** The two halves as the library takes them. - Fails: `GroupRefused` for a stored pair that is damaged. */
export async function openKeyPackagePair(
  pair: Pick<KeyPackagePair, "published" | "secret">,
): Promise<Result<{ readonly keyPackage: KeyPackage; readonly secrets: PrivateKeyPackage }, GroupRefused>> {
  const keyPackage = await parseKeyPackage(pair.published);
  if (!keyPackage.ok) return keyPackage;
  const secret = decode(storedKeyPackageShape, pair.secret);
  if (!secret.ok) return refused("Malformed");
  const { init, leaf, sign } = secret.value;
  return ok({
    keyPackage: keyPackage.value,
    secrets: { initPrivateKey: init, hpkePrivateKey: leaf, signaturePrivateKey: sign },
  });
}

async function parseKeyPackage(published: Bytes): Promise<Result<KeyPackage, GroupRefused>> {
  if (published.length > KEY_PACKAGE_BYTES_MAX) return refused("Malformed");
  const message = await libraryCall("Malformed", async () => decodeMlsMessage(published, 0));
  if (!message.ok) return message;
  if (message.value === undefined || message.value[1] !== published.length) return refused("Malformed");
  const [content] = message.value;
  return content.wireformat === "mls_key_package"
    ? ok(content.keyPackage)
    : err({ type: "GroupRefused", rule: "WrongKind" });
}
