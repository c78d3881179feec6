/** What a person is told of contacts that is no fault: who asks for what, and which devices came to an account. */
import type { ContactView, DeviceNoticeView, RoomView } from "@dovetail/core";
import { quoteArgument } from "../commands/quote-argument.ts";
import { plainLine } from "../output/plain-text.ts";
import { shortId } from "./error-words.ts";

/** Somebody asks to write. */
export function describeRequest({ name, accountId }: ContactView): string {
  return `${plainLine(name)} wants to write to you: dovetail contact accept ${shortId(accountId)}`;
}

/** A contact let this account into a room, or wants to write over MLS. */
export function describeInvitation(
  { name, isOfTwo, invitedBy }: RoomView,
  contacts: readonly ContactView[],
): string {
  const by = contacts.find(({ accountId }) => accountId === invitedBy);
  const who = by === undefined ? "Somebody" : plainLine(by.name);
  const what = isOfTwo ? "wants to write to you over MLS too" : `let you into ${plainLine(name)}`;
  return `${who} ${what}: dovetail room accept ${quoteArgument(plainLine(name))}`;
}

/** A device that came to a contact's account. */
export function describeNotice({ how }: DeviceNoticeView, name: string): string {
  return how === "linked"
    ? `${name} linked a new device. One you already knew signed it; the safety number is the same.`
    : `${name} took the account back with the recovery key, on a new device. The safety number is the same; if you did not expect it, ask ${name}.`;
}
