/** Who the page around the frame names, as far as this account knows. */
import { type AccountView, type ContactView, parseServerOrigin, readContactLink } from "@dovetail/core";

export type AskedContact =
  /** No contact link, no handle. */
  | { readonly type: "nobody" }
  | { readonly type: "self" }
  /** There is a conversation, or a request. */
  | { readonly type: "known"; readonly contact: ContactView }
  | { readonly type: "new"; readonly name: string; readonly server: string };

interface Known {
  readonly account: Pick<AccountView, "accountId" | "origin" | "handle">;
  readonly contacts: readonly ContactView[];
}

const NAME = /^[a-z0-9][a-z0-9._-]{1,31}$/;

/** Looks `asked` up; nothing is asked of any server. */
export function judgeAsked(asked: string, { account, contacts }: Known): AskedContact {
  const link = readContactLink(asked);
  if (link.ok) {
    const { accountId, origin } = link.value;
    if (accountId === account.accountId) return { type: "self" };
    const contact = contacts.find((one) => one.accountId === accountId);
    return found(contact, { type: "new", name: accountId.slice(0, 8), server: hostOf(origin) });
  }
  const handle = asked.replace(/^@/, "");
  const [name = "", host, ...rest] = handle.split("@");
  const origin = host === undefined ? account.origin : `https://${host}`;
  if (rest.length > 0 || !NAME.test(name) || !parseServerOrigin(origin).ok) return { type: "nobody" };
  if (name === account.handle && origin === account.origin) return { type: "self" };
  const contact = contacts.find((one) => one.handle?.split("@")[0] === name && one.origin === origin);
  return found(contact, { type: "new", name, server: hostOf(origin) });
}

/** Somebody who came in from a file was not asked yet. */
function found(contact: ContactView | undefined, asked: AskedContact): AskedContact {
  if (contact === undefined) return asked;
  if (contact.state !== "known") return { type: "known", contact };
  return { type: "new", name: contact.name, server: hostOf(contact.origin) };
}

function hostOf(origin: string): string {
  return new URL(origin).host;
}
