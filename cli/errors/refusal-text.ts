/** Why a server refused, in words. A reason that is new in the protocol does not compile until it stands here. */
import type { ClientError } from "@dovetail/core";
import { count, type ErrorText, say } from "./error-words.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";

export type RefusalCode = Extract<ClientError, { readonly type: "Refused" }>["code"];

interface Refusal {
  readonly text: string;
  readonly hint: string;
  readonly exitCode?: ExitCode;
}

const LATER = "try again later; what you wrote is kept here";
const VERSIONS = "update Dovetail here, or ask whoever runs the server to update it";
const REPORT = "try again; if it stays so, report it with the output of `dovetail status --json`";

const REFUSALS: Readonly<Record<RefusalCode, Refusal>> = {
  malformed: { text: "the server could not read what this device sent", hint: VERSIONS },
  "unsupported-version": { text: "the server speaks another version of the protocol", hint: VERSIONS },
  replaced: {
    text: "another copy of this profile has just connected in its place",
    hint: "use a profile in one place only: stop the other copy, then run `dovetail sync`; if you made none, see `dovetail alarm list`",
  },
  "not-signed-in": { text: "the server asks this device to sign in again", hint: "try again" },
  forbidden: { text: "the server does not allow this", hint: "ask whoever runs it" },
  "bad-signature": {
    text: "the server does not accept this device's signature",
    hint: "check this machine's clock and the server's address: signatures name the address that was dialled",
  },
  "unknown-account": {
    text: "the server does not know this account",
    hint: "everything is still here; if this is your server and it lost its data, put your account back: dovetail server reseed",
    exitCode: EXIT.notFound,
  },
  "unknown-device": {
    text: "the server does not know this device",
    hint: "check with `dovetail device list` on another device of yours whether it was revoked",
    exitCode: EXIT.deviceLost,
  },
  "revoked-device": {
    text: "this device was revoked: what it holds it keeps, and it gets nothing new",
    hint: "link it anew in another profile, from a device that is still active",
    exitCode: EXIT.deviceLost,
  },
  "unknown-log": {
    text: "the server has no such log",
    hint: "the other side may have moved; it tells your devices where",
    exitCode: EXIT.notFound,
  },
  "log-exists": { text: "the server has this log already", hint: REPORT, exitCode: EXIT.conflict },
  "log-reseeded": {
    text: "another device of yours has just put the account back on this server",
    hint: "try again",
  },
  "log-closed": {
    text: "not sent: the other side closed this conversation",
    hint: "it is kept here; reach them another way",
  },
  "unknown-channel": { text: "the server lost track of this connection", hint: "try again" },
  "entry-too-large": { text: "one entry is larger than the server takes", hint: "send it in parts" },
  "batch-too-large": { text: "too much at once for the server", hint: "try again" },
  "writer-seq": {
    text: "the server has newer entries of this device than this profile does: it was restored from a copy, or is in use twice",
    hint: "end every other copy; then link this device anew in another profile",
    exitCode: EXIT.deviceLost,
  },
  "wrong-writer": { text: "the server takes this entry from another device only", hint: REPORT },
  "stale-epoch": {
    text: "this device was behind its account's keys",
    hint: "try again: it catches up first",
  },
  "expect-mismatch": { text: "another device was faster", hint: "try again", exitCode: EXIT.conflict },
  "not-admitted": {
    text: "the other side's server did not let the request in",
    hint: "ask for a new contact link: each lets one first message in",
  },
  quota: { text: "the server keeps no more for this account", hint: "ask whoever runs it for more room" },
  "rate-limited": { text: "too many requests from this address", hint: LATER },
  "too-many-subscriptions": { text: "this connection follows too many logs", hint: "try again" },
  "chain-conflict": {
    text: "another device changed the account at the same moment",
    hint: "try again",
    exitCode: EXIT.conflict,
  },
  "bad-link": { text: "the server does not accept this change of the account", hint: VERSIONS },
  "device-on-hold": {
    text: "this device was linked less than 24 hours ago and cannot link or revoke others yet",
    hint: "do it from your first device, or wait",
  },
  "handle-taken": {
    text: "that handle is taken",
    hint: "choose another, or leave it out",
    exitCode: EXIT.conflict,
  },
  "bad-handle": {
    text: "the server does not accept that handle",
    hint: "use 2 to 32 of a-z, 0-9 and single dots, dashes or underscores between them",
  },
  "registration-closed": {
    text: "this server takes new accounts by invitation only",
    hint: "ask whoever runs it, and give the invitation with --invitation",
  },
  "bad-invitation": {
    text: "the server does not know this invitation: it was used up, taken back, has expired, or has a mistake in it",
    hint: "compare it with what you were given, or ask whoever runs the server for another",
  },
  "account-deleted": {
    text: "this account was deleted on its server, with everything the server kept for it",
    hint: "what this device holds stays here; make a new account in another profile: dovetail account create --profile NAME",
    exitCode: EXIT.deviceLost,
  },
  "no-prekeys": {
    text: "none of their devices can be written to yet",
    hint: "the message is kept here; it goes when one of them was online",
  },
  "rendezvous-conflict": {
    text: "another device has answered this code already",
    hint: "show a new one with `dovetail device link`",
    exitCode: EXIT.conflict,
  },
  "rendezvous-gone": {
    text: "this code was used or is too old: it works once, for five minutes",
    hint: "show a new one with `dovetail device link`",
    exitCode: EXIT.notFound,
  },
  "resume-expired": { text: "the connection was away too long to go on", hint: "try again" },
  "seq-out-of-range": {
    text: "the server has less of the log than this device has read",
    hint: "the server may have been restored from a copy: ask whoever runs it",
    exitCode: EXIT.distrusted,
  },
  "log-trimmed": {
    text: "the server has packed this part of the history into a snapshot",
    hint: "try again: this device loads the snapshot first",
  },
  "snapshot-conflict": {
    text: "another device has just packed the history",
    hint: "nothing is to be done: this device goes on from there",
    exitCode: EXIT.conflict,
  },
  "unknown-snapshot": { text: "the snapshot was replaced by a newer one meanwhile", hint: "try again" },
  "blob-missing": {
    text: "a part of a snapshot is not on the server any more",
    hint: "try again: this device sends it anew",
  },
  overloaded: { text: "the server has too much to do", hint: LATER },
  "storage-full": {
    text: "the server's disk is full",
    hint: "tell whoever runs it; what you wrote is kept here",
  },
  internal: { text: "the server failed", hint: "tell whoever runs it; what you wrote is kept here" },
};

/** A refusal in words; with the wait the server asked for. */
export function describeRefusal(code: RefusalCode, retryAfterMs: number | undefined): ErrorText {
  const { text, hint, exitCode = EXIT.refused } = REFUSALS[code];
  if (retryAfterMs === undefined) return say(exitCode, text, hint);
  return say(
    exitCode,
    text,
    `try again in ${count(Math.ceil(retryAfterMs / 1000), "second")}; what you wrote is kept here`,
  );
}
