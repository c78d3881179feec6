/**
 * Linking as the existing device sees it: show a code, answer one device, ask for the digits, add it to the chain.
 * Rules LK14-LK28.
 *
 * A pure machine. It holds no key of the account: building, signing and appending the link are effects.
 */
import { unreachable } from "../../base/assert.ts";
import { type Bytes, equalBytes, toUtf8 } from "../../base/bytes.ts";
import type { LinkHash } from "../../base/ids.ts";
import { ACCOUNT_NAME_BYTES_MAX, LINK_PROPOSALS_MAX, RENDEZVOUS_TTL_MS } from "../../base/limits.ts";
import type { Random } from "../../base/random.ts";
import { decode, encode } from "../../codec/shape.ts";
import { agreementKeyPairFromSecret } from "../../crypto/agreement.ts";
import { LABEL } from "../../crypto/labels.ts";
import { equalSecret } from "../../crypto/secret.ts";
import { verifySignature } from "../../crypto/verify.ts";
import { deviceIdOf, deviceSigner } from "../link.ts";
import { checkKeys, deviceKeys } from "../verify-link.ts";
import {
  ABORT_NUMBER,
  CODE_DIGITS,
  commitNonce,
  linkDigits,
  type LinkChannel,
  openChannel,
  openMessage,
  sealMessage,
} from "./channel.ts";
import type {
  ExistingEffect,
  ExistingEvent,
  ExistingOutcome,
  ExistingState,
  ExistingStep,
  LinkingAccount,
} from "./existing-state.ts";
import { isNews } from "./linking-slot.ts";
import { formatLinkCode, type LinkCode } from "./link-code.ts";
import {
  clipText,
  LINK_NONCE_BYTES,
  type LinkMessage,
  type SlotMessage,
  slotMessageShape,
} from "./link-message.ts";
import { createOffer } from "./offer.ts";
import { createTypedSecret, formatTypedCode, meetingOf } from "./typed-code.ts";
import { abortReasonOf, errorOfAbort, type LinkingError } from "./linking-error.ts";

export interface LinkingDeps {
  readonly random: Random;
}

/**
 * Starts linking: creates the slot and shows the code.
 *
 * - Secrets: the state holds the ephemeral key until it ends; it is never stored.
 */
export function startExisting(deps: LinkingDeps, account: LinkingAccount, nowMs: number): ExistingStep {
  const ephemeral = agreementKeyPairFromSecret(deps.random.bytes(32));
  const secret = createTypedSecret(deps.random);
  const { origin } = account;
  const code: LinkCode = { key: ephemeral.publicKey, ...meetingOf(secret), origin };
  const expiresAtMs = nowMs + RENDEZVOUS_TTL_MS;
  const nonce = deps.random.bytes(LINK_NONCE_BYTES);
  const common = { account, code, expiresAtMs, version: 1, isDisturbed: false };
  return {
    state: { ...common, stage: "showing", ephemeral, nonce },
    effects: [
      { type: "put", expectedVersion: 0, message: createOffer(code) },
      { type: "watch", afterVersion: 1 },
      { type: "show-code", text: formatLinkCode(code), typed: formatTypedCode(secret), expiresAtMs },
    ],
  };
}

/** Advances the machine by one event; events that no longer matter change nothing. */
export function stepExisting(deps: LinkingDeps, state: ExistingState, event: ExistingEvent): ExistingStep {
  if (state.stage === "ended") return { state, effects: [] };
  // LK22: what is already on its way to the chain is waited for, whatever the clock says.
  // LK25
  if (state.stage !== "appending" && event.nowMs >= state.expiresAtMs) {
    return fail(deps, state, { type: "LinkExpired" });
  }
  switch (event.type) {
    case "received":
      return receive(deps, state, event.version, event.message);
    case "put-conflict":
      return disturbed(state);
    case "slot-gone":
      return state.stage === "appending" ? stay(state) : fail(deps, state, { type: "LinkExpired" });
    case "code-typed":
      return typeCode(deps, state, event.digits, event.hasReauthenticated);
    case "proposed":
      return propose(deps, state, event.body);
    case "proposal-refused":
      return state.stage === "proposing" ? fail(deps, state, { type: "BadNewDevice" }) : stay(state);
    case "appended":
      return finish(deps, state, event.seq, event.head);
    case "append-lost":
      return proposeAgain(deps, state);
    case "append-refused":
      return state.stage === "appending"
        ? fail(deps, state, { type: "LinkNotAppended", reason: event.reason })
        : stay(state);
    case "cancelled":
      return state.stage === "appending"
        ? stay(state)
        : fail(deps, state, { type: "LinkCancelled", by: "us" });
    case "tick":
      return stay(state);
    default:
      return unreachable(event);
  }
}

type Open = Exclude<ExistingState, { stage: "ended" }>;

function receive(deps: LinkingDeps, state: Open, version: number, bytes: Bytes): ExistingStep {
  if (!isNews(state, version)) return stay(state);
  // LK22: too late to stop what is being appended; the new device knows that it has signed.
  if (state.stage === "appending") return stay(state);
  const slot = decode(slotMessageShape, bytes);
  const isNext = version === state.version + 1;
  if (state.stage === "showing") {
    return slot.ok && slot.value.type === "hello" && isNext
      ? meet(deps, state, slot.value)
      : fail(deps, state, { type: "LinkTampered" });
  }
  const message = slot.ok ? openSlot(state.channel, version, slot.value) : null;
  if (message?.type === "abort") return fail(deps, state, errorOfAbort(message.reason));
  if (message === null || !isNext) return fail(deps, state, { type: "LinkTampered" });
  if (state.stage === "answered" && message.type === "confirm") return ask(deps, state, message.nonce);
  if (state.stage === "awaiting-reverse" && message.type === "reverse") {
    return append(deps, state, message.signature);
  }
  return fail(deps, state, { type: "LinkTampered" });
}

function openSlot(channel: LinkChannel, version: number, slot: SlotMessage): LinkMessage | null {
  if (slot.type !== "sealed") return null;
  const opened = openMessage(channel, { sender: "new", number: version }, slot.sealed);
  return opened.ok ? opened.value : null;
}

/** The first to answer is the only one (LK15). */
function meet(
  deps: LinkingDeps,
  state: Open & { stage: "showing" },
  slot: SlotMessage & { type: "hello" },
): ExistingStep {
  const channel = openChannel(state.code, { side: "existing", own: state.ephemeral, theirKey: slot.key });
  if (!channel.ok) return fail(deps, state, { type: "LinkTampered" });
  const opened = openMessage(channel.value, { sender: "new", number: 2 }, slot.sealed);
  if (!opened.ok || opened.value.type !== "hello") return fail(deps, state, { type: "LinkTampered" });
  const { device, nonceCommit, platform } = opened.value.hello;
  const { account, code, expiresAtMs, nonce } = state;
  const met = { account, code, expiresAtMs, isDisturbed: false, channel: channel.value, device };
  const next: ExistingState = { ...met, stage: "answered", version: 2, nonce, nonceCommit };
  if (!checkKeys(account.seq + 1, deviceKeys(device)).ok) return fail(deps, next, { type: "BadNewDevice" });
  const { accountId, seq, head } = account;
  const name = clipText(account.name, ACCOUNT_NAME_BYTES_MAX);
  const sent = send(deps, next, { type: "account", accountId, seq, head, name, nonce });
  return { state: sent.state, effects: [...sent.effects, { type: "device-found", platform }] };
}

/** The new device's person has confirmed the account; only now are digits asked for (LK17). */
function ask(deps: LinkingDeps, state: Open & { stage: "answered" }, newNonce: Bytes): ExistingStep {
  const { transcript } = state.channel;
  if (!equalBytes(commitNonce(transcript, newNonce), state.nonceCommit)) {
    return fail(deps, state, { type: "LinkTampered" }); // LK12
  }
  const { account, code, expiresAtMs, channel, device } = state;
  const digits = linkDigits(transcript, state.nonce, newNonce);
  const met = { account, code, expiresAtMs, channel, device, version: state.version + 1, isDisturbed: false };
  return { state: { ...met, stage: "asking-code", digits }, effects: [{ type: "ask-digits" }] };
}

/** One attempt (LK18), and only after the person has unlocked the device again (LK19). */
function typeCode(deps: LinkingDeps, state: Open, typed: string, hasReauthenticated: boolean): ExistingStep {
  if (state.stage !== "asking-code") return stay(state);
  if (!hasReauthenticated) return { state, effects: [{ type: "ask-reauthentication" }] };
  const digits = typed.replace(/\s/gu, "");
  if (digits.length !== CODE_DIGITS || !/^[0-9]+$/u.test(digits)) {
    return { state, effects: [{ type: "digits-incomplete" }] };
  }
  if (!equalSecret(toUtf8(digits), toUtf8(state.digits))) return fail(deps, state, { type: "WrongCode" });
  const { digits: _, ...met } = state;
  const effect: ExistingEffect = { type: "propose", device: state.device };
  return { state: { ...met, stage: "proposing", proposals: 0 }, effects: [effect] };
}

function propose(deps: LinkingDeps, state: Open, body: Bytes): ExistingStep {
  if (state.stage !== "proposing") return stay(state);
  const next = { ...state, stage: "awaiting-reverse" as const, body, proposals: state.proposals + 1 };
  return send(deps, next, { type: "proposal", body });
}

function append(
  deps: LinkingDeps,
  state: Open & { stage: "awaiting-reverse" },
  signature: Bytes,
): ExistingStep {
  const { device, body } = state;
  // LK20
  if (!verifySignature(device.signKey, LABEL.signLink, body, signature).ok) {
    return fail(deps, state, { type: "BadReverseSignature" });
  }
  const reverse = { signerId: deviceSigner(deviceIdOf(device.signKey)), signature };
  return {
    state: { ...state, stage: "appending", version: state.version + 1, isDisturbed: false },
    effects: [{ type: "append", body, device, reverse }],
  };
}

/** The chain moved on under us: a new body on the new head, and the new device signs again (LK21). */
function proposeAgain(deps: LinkingDeps, state: Open): ExistingStep {
  if (state.stage !== "appending") return stay(state);
  if (state.proposals >= LINK_PROPOSALS_MAX) {
    return fail(deps, state, { type: "LinkNotAppended", reason: "chain-conflict" });
  }
  const { body: _, ...adding } = state;
  return { state: { ...adding, stage: "proposing" }, effects: [{ type: "propose", device: state.device }] };
}

function finish(deps: LinkingDeps, state: Open, seq: number, head: LinkHash): ExistingStep {
  if (state.stage !== "appending") return stay(state);
  const sent = send(deps, state, { type: "done", seq, head });
  const outcome: ExistingOutcome = { type: "Linked", device: state.device, seq, head };
  const put = sent.effects.filter((effect) => effect.type === "put");
  return { state: { stage: "ended", outcome }, effects: [...put, { type: "ended", outcome }] };
}

function send<S extends Exclude<Open, { stage: "showing" }>>(
  deps: LinkingDeps,
  state: S,
  message: LinkMessage,
): { readonly state: S; readonly effects: readonly ExistingEffect[] } {
  const number = state.version + 1;
  const sealed = sealMessage(deps.random, state.channel, { sender: "existing", number }, message);
  return {
    state: { ...state, version: number, isDisturbed: false },
    effects: [
      { type: "put", expectedVersion: state.version, message: encodeSealed(sealed) },
      { type: "watch", afterVersion: number },
    ],
  };
}

/** Ends without a link, and tells the other side why (LK23). */
function fail(deps: LinkingDeps, state: Open, error: LinkingError): ExistingStep {
  const reason = abortReasonOf(error);
  const message =
    state.stage === "showing"
      ? encode(slotMessageShape, { type: "closed" })
      : encodeSealed(
          sealMessage(
            deps.random,
            state.channel,
            { sender: "existing", number: ABORT_NUMBER },
            { type: "abort", reason },
          ),
        );
  return {
    state: { stage: "ended", outcome: error },
    effects: [
      { type: "leave", afterVersion: state.version, message },
      { type: "ended", outcome: error },
    ],
  };
}

/**
 * Our message was not taken: look at what lies in its place before deciding. An answer to it further on shows that it
 * was taken after all and only the server's word was lost (LK7).
 */
function disturbed(state: Open): ExistingStep {
  return {
    state: { ...state, isDisturbed: true },
    effects: [{ type: "watch", afterVersion: state.version - 1 }],
  };
}

function encodeSealed(sealed: Bytes): Bytes {
  return encode(slotMessageShape, { type: "sealed", sealed });
}

function stay(state: ExistingState): ExistingStep {
  return { state, effects: [] };
}
