/**
 * How linking ended, in words.
 *
 * The engine gives a fixed word, not a union, so a word that is new to this program gets a general sentence and shows.
 */
import { plainLine } from "../output/plain-text.ts";
import { type ErrorText, say } from "./error-words.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";

const SHOW_NEW = "show a new code with `dovetail device link`";

const ENDS: Readonly<Record<string, readonly [ExitCode, text: string, hint: string]>> = {
  // The code
  ContactLinkIsNotALinkCode: [
    EXIT.usage,
    "that is somebody's contact link; it links no device",
    "add them with `dovetail contact add`; a linking code comes from `dovetail device link` on your own device",
  ],
  NotALinkCode: [
    EXIT.usage,
    "that is no linking code",
    "it begins with dovetail-link: and is one line, or has 20 letters and digits to type",
  ],
  MalformedLinkCode: [
    EXIT.usage,
    "the linking code is damaged",
    "it begins with dovetail-link: and is one line; copy all of it",
  ],
  MistypedCode: [
    EXIT.usage,
    "the code is mistyped",
    "it has 20 letters and digits; compare them with the other device. There is no I, L, O or U in it",
  ],
  TypedCodeNeedsServer: [
    EXIT.usage,
    "a code that is typed does not say of which server it is",
    "name the server that the other device shows below it: --server https://host",
  ],
  TypedCodeUnknown: [
    EXIT.notFound,
    "no device shows this code at that server now",
    `a code works once, for five minutes; check the server, or ${SHOW_NEW}`,
  ],
  UnsupportedLinkCode: [
    EXIT.usage,
    "a newer Dovetail made this linking code",
    "update Dovetail on this device",
  ],
  // The talk
  LinkCancelled: [EXIT.failure, "linking was cancelled; nothing was linked", SHOW_NEW],
  LinkExpired: [EXIT.failure, "the code is older than five minutes; nothing was linked", SHOW_NEW],
  LinkCodeUsed: [
    EXIT.conflict,
    "another device has answered this code already; nothing was linked from here",
    `${SHOW_NEW}; if it was no device of yours, someone else saw the code`,
  ],
  LinkClosed: [EXIT.failure, "the other device gave up; nothing was linked", SHOW_NEW],
  WrongCode: [
    EXIT.distrusted,
    "wrong code; nothing was linked",
    "if you read it right, someone else may be answering; show a new code where nobody else sees it",
  ],
  AccountDeclined: [
    EXIT.failure,
    "the new device said that this is not its account; nothing was linked",
    SHOW_NEW,
  ],
  LinkTampered: [
    EXIT.distrusted,
    "what the server brought is not from the device that showed the code; nothing was linked",
    "show a new code; if it happens again, the server or the network changes messages",
  ],
  BadNewDevice: [
    EXIT.distrusted,
    "the new device's keys cannot be on an account; nothing was linked",
    "update Dovetail on the new device",
  ],
  WrongProposal: [
    EXIT.distrusted,
    "the other device asked to sign something else than this link; nothing was linked",
    SHOW_NEW,
  ],
  BadReverseSignature: [
    EXIT.distrusted,
    "the new device's signature does not verify; nothing was linked",
    SHOW_NEW,
  ],
  LinkNotAppended: [
    EXIT.refused,
    "the server did not take the new device; nothing was linked",
    "a device linked less than 24 hours ago cannot link others: use your first one, or wait",
  ],
  LinkUnconfirmed: [
    EXIT.failure,
    "the connection ended before anyone said whether this device was added",
    "see `dovetail device list` on the other device; if this one is not there, begin again",
  ],
};

/** The end of linking named by `rule`. */
export function describeLinkingRule(rule: string): ErrorText {
  const end = Object.hasOwn(ENDS, rule) ? ENDS[rule] : undefined;
  return end === undefined
    ? say(EXIT.failure, `nothing was linked (${plainLine(rule)})`, SHOW_NEW)
    : say(...end);
}
