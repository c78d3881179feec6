import { expect, test } from "vitest";
import type { AccountId, ConversationId } from "../../../core/base/ids.ts";
import { parseServerOrigin } from "../../../core/base/server-origin.ts";
import type { ContactView } from "../../../core/client/views/contact-view.ts";
import { formatContactLink } from "../../../core/sigchain/contact/contact-link.ts";
import { judgeAsked } from "../../../app/ui/embed/asked-contact.ts";
import { must } from "../../support/chain-world.ts";

const idOf = (digit: string) => digit.repeat(64) as AccountId;
const linkOf = (accountId: AccountId, origin = "https://far.example") =>
  formatContactLink({ accountId, origin: must(parseServerOrigin(origin)), ticket: null });

const account = { accountId: idOf("a"), origin: "https://chat.example", handle: "nora" };

function contactOf(changes: Partial<ContactView>): ContactView {
  return {
    accountId: idOf("b"),
    name: "Ben",
    petname: null,
    displayName: null,
    handle: null,
    origin: "https://far.example",
    state: "accepted",
    conversationId: "c".repeat(64) as ConversationId,
    addedAtMs: 1,
    verifiedAtMs: null,
    isStopped: false,
    deletedSinceMs: null,
    ...changes,
  };
}

test("who a page names by a link is shown by the start of their id and their server, until they are a contact", () => {
  const link = linkOf(idOf("b"));
  expect(judgeAsked(link, { account, contacts: [] })).toEqual({
    type: "new",
    name: "bbbbbbbb",
    server: "far.example",
  });
  for (const state of ["accepted", "requested", "incoming", "blocked", "declined"] as const) {
    const contact = contactOf({ state });
    expect(judgeAsked(link, { account, contacts: [contact] })).toEqual({ type: "known", contact });
  }
  const known = contactOf({ state: "known" });
  expect(judgeAsked(link, { account, contacts: [known] })).toMatchObject({ type: "new", name: "Ben" });
});

test("a handle is one of the own server unless it names another", () => {
  const near = contactOf({ handle: "ben", origin: "https://chat.example" });
  const far = contactOf({ handle: "ben@far.example" });
  const contacts = [near, far];
  expect(judgeAsked("@ben", { account, contacts })).toEqual({ type: "known", contact: near });
  expect(judgeAsked("ben@far.example", { account, contacts })).toEqual({ type: "known", contact: far });
  expect(judgeAsked("ben@third.example", { account, contacts })).toEqual({
    type: "new",
    name: "ben",
    server: "third.example",
  });
});

test("oneself, and what is neither link nor handle, is nobody to write to", () => {
  for (const asked of [linkOf(account.accountId), "nora", "@nora@chat.example"])
    expect(judgeAsked(asked, { account, contacts: [] })).toEqual({ type: "self" });
  for (const asked of [
    "dovetail-link:AbCd",
    "dovetail-contact:",
    "dovetail-contact:AbCd",
    "0123456789ABCDEFGHJK",
    "Ben",
    "b",
    "ben@far.example@x",
    "ben@far.example/path",
    "javascript:alert(1)",
    "<b>ben</b>",
  ])
    expect(judgeAsked(asked, { account, contacts: [] }), asked).toEqual({ type: "nobody" });
});
