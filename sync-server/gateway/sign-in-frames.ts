/**
 * `hello`, `signIn`, `signInRecovery`, `resume`. Rules GW3-GW7.
 *
 * A claim names origin and both nonces, so a signature seen elsewhere, or on another connection, proves nothing here.
 */
import { type Bytes, equalBytes } from "@dovetail/core/base/bytes.ts";
import type { AccountId, DeviceId } from "@dovetail/core/base/ids.ts";
import type { Label } from "@dovetail/core/crypto/labels.ts";
import { LABEL } from "@dovetail/core/crypto/labels.ts";
import { verifySignature } from "@dovetail/core/crypto/verify.ts";
import { encodeRecoveryClaim, encodeSignInClaim } from "@dovetail/core/protocol/claims.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "@dovetail/core/protocol/version.ts";
import { hasLivedAt } from "../directory/former-homes.ts";
import { PROOF_FAILURES_MAX } from "../limits.ts";
import type { Connection } from "./connection.ts";
import type { FrameOf, GatewayContext } from "./gateway-context.ts";

/** What every claim of a connection names, once per origin it may have dialled. */
export interface ConnectionClaim {
  readonly origin: string;
  readonly serverNonce: Bytes;
  readonly clientNonce: Bytes;
}

/** Agrees on a version, takes the client's nonce and the padding it wants. GW1, GW15 */
export function handleHello(connection: Connection, frame: FrameOf<"hello">): undefined {
  const version = Math.min(frame.versionMax, PROTOCOL_VERSION);
  const versionMin = Math.max(frame.versionMin, PROTOCOL_VERSION_MIN);
  connection.padding = frame.padding;
  if (version < versionMin) connection.goodbye("unsupported-version");
  else connection.clientNonce = frame.clientNonce;
}

/** Signs in a device that is active on its account's chain. GW4 */
export async function handleSignIn(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"signIn">,
): Promise<void> {
  const { requestId, accountId, deviceId, instance, signature } = frame;
  const refusal =
    refuseSignIn(context, connection) ?? (await refuseOtherPage(context, connection, accountId));
  if (refusal !== null) return connection.reply({ type: "failed", requestId, code: refusal });
  // Known by its device before the store is asked: a revocation meanwhile finds it.
  rememberDevice(context, connection, deviceId);
  const device = await context.store.findDevice(accountId, deviceId);
  const absent = device.ok && device.value === null ? await whyAbsent(context, accountId) : "unknown-device";
  const fault = ((): FailureCode | null => {
    if (!device.ok) return device.error.code;
    if (device.value === null) return absent;
    const isSigned = isClaimSigned(context, connection, {
      publicKey: device.value.signKey,
      label: LABEL.signSignIn,
      signature,
      encodeClaim: (claim) => encodeSignInClaim({ ...claim, accountId, deviceId }),
    });
    if (!isSigned) return "bad-signature";
    return device.value.isActive ? null : "revoked-device";
  })();
  if (fault !== null) {
    forgetDevice(context, connection, deviceId);
    return refuseProof(connection, requestId, fault);
  }
  context.metrics.signedIn("signature");
  admit(context, connection, { accountId, deviceId, instance }, requestId);
}

/** Lets the recovery key read its account's logs. GW6 */
export async function handleSignInRecovery(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"signInRecovery">,
): Promise<void> {
  const { requestId, accountId, signature } = frame;
  const refusal = connection.otherPage === null ? refuseSignIn(context, connection) : "forbidden";
  if (refusal !== null) return connection.reply({ type: "failed", requestId, code: refusal });
  const account = await context.store.findAccount(accountId);
  if (!account.ok) return connection.reply({ type: "failed", requestId, code: account.error.code });
  if (account.value === null) return refuseProof(connection, requestId, "unknown-account");
  const isSigned = isClaimSigned(context, connection, {
    publicKey: account.value.recoveryKey,
    label: LABEL.signRecoveryRead,
    signature,
    encodeClaim: (claim) => encodeRecoveryClaim({ ...claim, accountId }),
  });
  if (!isSigned) return refuseProof(connection, requestId, "bad-signature");
  context.metrics.signedIn("recovery");
  connection.identity = { type: "recovery", accountId };
  connection.isProven = true;
  connection.reply({ type: "signedIn", requestId, resumeToken: null, expiresInMs: 0, nowMs: nowMs(context) });
}

/** Signs in again by a token of an earlier sign-in. GW7 */
export async function handleResume(
  context: GatewayContext,
  connection: Connection,
  frame: FrameOf<"resume">,
): Promise<void> {
  const { requestId } = frame;
  const refusal = refuseSignIn(context, connection);
  if (refusal !== null) return connection.reply({ type: "failed", requestId, code: refusal });
  const holder = context.resumeTokens.spend(frame.token);
  if (holder === null) return refuseProof(connection, requestId, "resume-expired");
  const { accountId, deviceId, instance } = holder;
  const isElsewhere = await refuseOtherPage(context, connection, accountId);
  if (isElsewhere !== null) return connection.reply({ type: "failed", requestId, code: isElsewhere });
  rememberDevice(context, connection, deviceId);
  const device = await context.store.findDevice(accountId, deviceId);
  if (device.ok && device.value?.isActive === true) {
    context.metrics.signedIn("resume");
    return admit(context, connection, { accountId, deviceId, instance }, requestId);
  }
  forgetDevice(context, connection, deviceId);
  refuseProof(connection, requestId, device.ok ? "revoked-device" : device.error.code);
}

/** DI16: the devices of a deleted account are told what became of it. */
async function whyAbsent(context: GatewayContext, accountId: AccountId): Promise<FailureCode> {
  const deleted = await context.store.isDeleted(accountId);
  return deleted.ok && deleted.value ? "account-deleted" : "unknown-device";
}

function admit(
  context: GatewayContext,
  connection: Connection,
  { accountId, deviceId, instance }: FrameIdentity & { readonly instance: Bytes },
  requestId: number,
): void {
  // Revoked while the store was asked.
  if (connection.isClosed()) {
    forgetDevice(context, connection, deviceId);
    return;
  }
  replaceOthers(context, connection, deviceId, instance);
  connection.identity = { type: "device", accountId, deviceId };
  connection.instance = instance;
  connection.isProven = true;
  noteSeen(context, { accountId, deviceId });
  const resumeToken = context.resumeTokens.issue({ accountId, deviceId, instance });
  const expiresInMs = context.resumeTtlMs;
  connection.reply({
    type: "signedIn",
    requestId,
    resumeToken,
    expiresInMs,
    nowMs: nowMs(context),
  });
}

/** GW14: of two copies of one device the one that came last stays. */
function replaceOthers(
  context: GatewayContext,
  connection: Connection,
  deviceId: DeviceId,
  instance: Bytes,
): void {
  for (const other of [...(context.connectionsByDevice.get(deviceId) ?? [])]) {
    const isCopy = other !== connection && other.instance !== null && !equalBytes(other.instance, instance);
    if (isCopy) other.goodbye("replaced");
  }
}

/** GW13 */
const nowMs = ({ clock }: GatewayContext): number => Math.max(0, clock.nowMs());

/** A device that is here keeps from trimming what it has not read; one that stays away for long does not. SN12 */
export function noteSeen(context: GatewayContext, { accountId, deviceId }: FrameIdentity): void {
  void context.store.noteSeen(accountId, deviceId, context.clock.nowMs());
}

type FrameIdentity = Pick<FrameOf<"signIn">, "accountId" | "deviceId">;

/** Of another server's page the devices of accounts sign in that have lived there. GW12 */
async function refuseOtherPage(
  { store, rates }: GatewayContext,
  { otherPage, address }: Connection,
  accountId: AccountId,
): Promise<FailureCode | null> {
  if (otherPage === null) return null;
  // Each page of the chain is paid for as if it were asked for.
  const mayRead = () => rates.take("readChain", address).ok;
  const lived = await hasLivedAt({ store, mayRead }, accountId, otherPage);
  if (!lived.ok) return lived.error.code;
  // What is not here, or was deleted, is told as to anybody.
  return lived.value === false ? "forbidden" : null;
}

/** A connection signs in once, and never after it used other people's logs. GW5 */
function refuseSignIn(context: GatewayContext, connection: Connection): FailureCode | null {
  if (connection.identity !== null || connection.channels.size > 0) return "forbidden";
  return context.rates.take("signIn", connection.address).ok ? null : "rate-limited";
}

interface SignedClaim {
  readonly publicKey: Bytes;
  readonly label: Label;
  readonly signature: Bytes;
  encodeClaim(claim: ConnectionClaim): Bytes;
}

/** Tells whether the claim was signed for one of our origins. GW3 */
export function isClaimSigned(context: GatewayContext, connection: Connection, signed: SignedClaim): boolean {
  const { serverNonce, clientNonce } = connection;
  if (clientNonce === null) return false;
  return context.origins.some((origin) => {
    const claim = signed.encodeClaim({ origin, serverNonce, clientNonce });
    return verifySignature(signed.publicKey, signed.label, claim, signed.signature).ok;
  });
}

/** Refuses a proof; too many of them end the connection. */
export function refuseProof(connection: Connection, requestId: number, code: FailureCode): void {
  connection.reply({ type: "failed", requestId, code });
  connection.proofFailures += 1;
  if (connection.proofFailures >= PROOF_FAILURES_MAX) connection.goodbye(code);
}

function rememberDevice(context: GatewayContext, connection: Connection, deviceId: DeviceId): void {
  const there = context.connectionsByDevice.get(deviceId);
  if (there === undefined) context.connectionsByDevice.set(deviceId, new Set([connection]));
  else there.add(connection);
}

/** Forgets that `connection` belongs, or was about to belong, to a device. */
export function forgetDevice(context: GatewayContext, connection: Connection, deviceId: DeviceId): void {
  const there = context.connectionsByDevice.get(deviceId);
  there?.delete(connection);
  if (there?.size === 0) context.connectionsByDevice.delete(deviceId);
}
