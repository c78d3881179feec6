/**
 * Linking as the new device sees it: answer a scanned code, let the person confirm whose account it is, show the
 * digits, sign its own addition. Rules LK14-LK28.
 *
 * A pure machine. It holds no key of the device: signing is an effect.
 */
import { unreachable } from "../../base/assert.ts";
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import type { DeviceId, LinkHash } from "../../base/ids.ts";
import { LINK_PROPOSALS_MAX, PLATFORM_BYTES_MAX, RENDEZVOUS_TTL_MS } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { decode, encode } from "../../codec/shape.ts";
import { agreementKeyPairFromSecret } from "../../crypto/agreement.ts";
import { type DeviceRecord, deviceIdOf, deviceRecordShape, deviceSigner, parseLinkBody } from "../link.ts";
import { ABORT_NUMBER, commitNonce, linkDigits, openChannel, openMessage, sealMessage } from "./channel.ts";
import type { LinkCode } from "./link-code.ts";
import { isNews } from "./linking-slot.ts";
import { clipText, LINK_NONCE_BYTES, type LinkMessage, slotMessageShape } from "./link-message.ts";
import { abortReasonOf, errorOfAbort, type LinkingError } from "./linking-error.ts";
import type { JoiningDevice, NewEffect, NewEvent, NewOutcome, NewState, NewStep } from "./new-state.ts";
import type { LinkingDeps } from "./step-existing.ts";

/** Answers a scanned or pasted code. - Fails: `LinkTampered` for a code whose key is weak. */
export function startNew(
  deps: LinkingDeps,
  code: LinkCode,
  device: JoiningDevice,
  nowMs: number,
): Result<NewStep, LinkingError> {
  const own = agreementKeyPairFromSecret(deps.random.bytes(32));
  const channel = openChannel(code, { side: "new", own, theirKey: code.key });
  if (!channel.ok) return err({ type: "LinkTampered" });
  const nonce = deps.random.bytes(LINK_NONCE_BYTES);
  const hello = {
    device: device.record,
    nonceCommit: commitNonce(channel.value.transcript, nonce),
    platform: clipText(device.platform, PLATFORM_BYTES_MAX),
  };
  const place = { sender: "new" as const, number: 2 };
  const sealed = sealMessage(deps.random, channel.value, place, { type: "hello", hello });
  const message = encode(slotMessageShape, { type: "hello", key: own.publicKey, sealed });
  return ok({
    state: {
      stage: "joining",
      device: device.record,
      channel: channel.value,
      nonce,
      expiresAtMs: nowMs + RENDEZVOUS_TTL_MS,
      version: 2,
      isDisturbed: false,
    },
    effects: [
      { type: "put", expectedVersion: 1, message },
      { type: "watch", afterVersion: 2 },
    ],
  });
}

type Open = Exclude<NewState, { stage: "ended" }>;
type Met = Exclude<Open, { stage: "joining" }>;

/** Advances the machine by one event; events that no longer matter change nothing. */
export function stepNew(deps: LinkingDeps, state: NewState, event: NewEvent): NewStep {
  if (state.stage === "ended") return { state, effects: [] };
  if (event.type === "on-chain") return linked(state, event.seq, event.head);
  // LK25
  if (event.nowMs >= state.expiresAtMs) return fail(deps, state, { type: "LinkExpired" });
  switch (event.type) {
    case "received":
      return receive(deps, state, event.version, event.message);
    case "put-conflict":
      return disturbed(state);
    case "slot-gone":
      return fail(deps, state, { type: "LinkExpired" });
    case "account-confirmed":
      return confirm(deps, state);
    case "account-declined": // LK27
      return state.stage === "confirming" ? fail(deps, state, { type: "AccountDeclined" }) : stay(state);
    case "signed":
      return reverse(deps, state, event.signature);
    case "cancelled":
      return fail(deps, state, { type: "LinkCancelled", by: "us" });
    case "tick":
      return stay(state);
    default:
      return unreachable(event);
  }
}

function receive(deps: LinkingDeps, state: Open, version: number, bytes: Bytes): NewStep {
  if (!isNews(state, version)) return stay(state);
  const slot = decode(slotMessageShape, bytes);
  if (slot.ok && slot.value.type === "closed" && state.stage === "joining") {
    return finish({ type: "LinkClosed" });
  }
  const place = { sender: "existing" as const, number: version };
  const opened =
    slot.ok && slot.value.type === "sealed" ? openMessage(state.channel, place, slot.value.sealed) : null;
  const message = opened?.ok ? opened.value : null;
  if (message?.type === "abort") return finish(errorOfAbort(message.reason));
  if (message === null || version !== state.version + 1) {
    // LK15: what is in place of our hello is somebody else's, or an answer to it.
    const isTaken = state.stage === "joining" && state.isDisturbed;
    return isTaken ? finish({ type: "LinkCodeUsed" }) : fail(deps, state, { type: "LinkTampered" });
  }
  return advance(deps, { ...state, version, isDisturbed: false }, message);
}

function advance(deps: LinkingDeps, state: Open, message: LinkMessage): NewStep {
  if (state.stage === "joining" && message.type === "account") {
    const { accountId, seq, head, name, nonce } = message;
    // LK16: it opened, so whoever showed the code sealed it for our key. Only now is there anything to show.
    return {
      state: { ...state, stage: "confirming", account: { accountId, seq, head }, existingNonce: nonce },
      effects: [{ type: "ask-account", name, accountId, origin: state.channel.code.origin }],
    };
  }
  if ((state.stage === "showing-digits" || state.stage === "signed") && message.type === "proposal") {
    return sign(deps, state, message.body);
  }
  if (state.stage === "signed" && message.type === "done") return linked(state, message.seq, message.head);
  return fail(deps, state, { type: "LinkTampered" });
}

function confirm(deps: LinkingDeps, state: Open): NewStep {
  if (state.stage !== "confirming") return stay(state);
  const digits = linkDigits(state.channel.transcript, state.existingNonce, state.nonce);
  const sent = send(
    deps,
    { ...state, stage: "showing-digits" as const },
    { type: "confirm", nonce: state.nonce },
  );
  return { state: sent.state, effects: [...sent.effects, { type: "show-digits", digits }] };
}

function sign(deps: LinkingDeps, state: Open & { stage: "showing-digits" | "signed" }, body: Bytes): NewStep {
  const hasSigned = state.stage === "signed";
  const proposals = (hasSigned ? state.proposals : 0) + 1;
  const next = { ...state, stage: "signing" as const, proposals, hasSigned };
  if (proposals > LINK_PROPOSALS_MAX || !isOurAddition(state, body)) {
    return fail(deps, next, { type: "WrongProposal" });
  }
  return { state: next, effects: [{ type: "sign", body }] };
}

/** Signs nothing but this very device joining the account the person confirmed (LK20). */
function isOurAddition(state: Met, bodyBytes: Bytes): boolean {
  const parsed = parseLinkBody(bodyBytes);
  if (!parsed.ok) return false;
  const { accountId, seq, prevHash, payload, signerId } = parsed.value;
  if (payload.type !== "device-add" || accountId !== state.account.accountId) return false;
  if (signerId === deviceSigner(ownId(state.device))) return false;
  const ours = encode(deviceRecordShape, state.device);
  if (!equalBytes(encode(deviceRecordShape, payload.device), ours)) return false;
  if (seq === state.account.seq + 1) return prevHash === state.account.head;
  return seq > state.account.seq + 1 && prevHash !== null;
}

function reverse(deps: LinkingDeps, state: Open, signature: Bytes): NewStep {
  if (state.stage !== "signing") return stay(state);
  const { hasSigned, ...met } = state;
  const sent = send(deps, { ...met, stage: "signed" as const }, { type: "reverse", signature });
  const watch: NewEffect = {
    type: "watch-chain",
    accountId: state.account.accountId,
    deviceId: ownId(state.device),
  };
  return { state: sent.state, effects: hasSigned ? sent.effects : [...sent.effects, watch] };
}

function linked(state: Open, seq: number, head: LinkHash): NewStep {
  if (!mayBeOnChain(state)) return stay(state);
  const pin = { accountId: state.account.accountId, seq, head };
  return finish({ type: "Linked", pin, origin: state.channel.code.origin });
}

/** Says whether a body we signed may have been appended. */
function mayBeOnChain(state: Open): state is Open & { stage: "signing" | "signed" } {
  return state.stage === "signed" || (state.stage === "signing" && state.hasSigned);
}

function send<S extends Open>(
  deps: LinkingDeps,
  state: S,
  message: LinkMessage,
): { readonly state: S; readonly effects: readonly NewEffect[] } {
  const number = state.version + 1;
  const sealed = sealMessage(deps.random, state.channel, { sender: "new", number }, message);
  return {
    state: { ...state, version: number },
    effects: [
      {
        type: "put",
        expectedVersion: state.version,
        message: encode(slotMessageShape, { type: "sealed", sealed }),
      },
      { type: "watch", afterVersion: number },
    ],
  };
}

/** Ends, and tells the other side why (LK23). Once this device has signed, only the chain knows (LK24). */
function fail(deps: LinkingDeps, state: Open, error: LinkingError): NewStep {
  const sealed = sealMessage(
    deps.random,
    state.channel,
    { sender: "new", number: ABORT_NUMBER },
    { type: "abort", reason: abortReasonOf(error) },
  );
  const message = encode(slotMessageShape, { type: "sealed", sealed });
  const ended = finish(
    mayBeOnChain(state)
      ? { type: "LinkUnconfirmed", accountId: state.account.accountId, deviceId: ownId(state.device) }
      : error,
  );
  return {
    state: ended.state,
    effects: [{ type: "leave", afterVersion: state.version, message }, ...ended.effects],
  };
}

function finish(outcome: NewOutcome): NewStep {
  return { state: { stage: "ended", outcome }, effects: [{ type: "ended", outcome }] };
}

/** Our message was not taken: look at what lies in its place, as the other side does. */
function disturbed(state: Open): NewStep {
  return {
    state: { ...state, isDisturbed: true },
    effects: [{ type: "watch", afterVersion: state.version - 1 }],
  };
}

function ownId(device: DeviceRecord): DeviceId {
  return deviceIdOf(device.signKey);
}

function stay(state: NewState): NewStep {
  return { state, effects: [] };
}
