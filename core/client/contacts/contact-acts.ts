/** Blocking, verifying and describing contacts: what a face asks for, over the engine. Rules CO1-CO6. */
import type { AccountId } from "../../base/ids.ts";
import { CONTACT_NOTES_BYTES_MAX, DISPLAY_NAME_BYTES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { toUtf8 } from "../../base/bytes.ts";
import { hlcToMs } from "../../messenger/hlc.ts";
import { activeDevices } from "../../sigchain/chain-state.ts";
import { parseContactLink } from "../../sigchain/contact/contact-link.ts";
import { safetyNumber } from "../../sigchain/contact/safety-number.ts";
import type { Client } from "../client.ts";
import type { ContactDetails, ContactView, LastSeen } from "../views/contact-view.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactPatch, ContactRecord } from "./contact-book.ts";
import type { Engine } from "../engine.ts";

const DAY_MS = 86_400_000;
const SAFETY_DIGITS = 60;
const SCAN_PAGE_OPS = 256;

/** The part of a client that is about single contacts. */
export type ContactActs = Pick<
  Client,
  | "setPetname"
  | "setContactNotes"
  | "safetyNumber"
  | "verifyContact"
  | "forgetVerification"
  | "blockContact"
  | "unblockContact"
  | "contactDetails"
>;

export function createContactActs(engine: Engine): ContactActs {
  const { context, contacts, introductions, ops, views } = engine;
  const { serial, identity, clock } = context;

  async function contactOf(accountId: AccountId): Promise<Result<ContactRecord, ClientError>> {
    const record = await contacts.get(accountId);
    if (!record.ok) return record;
    return record.value === null ? err({ type: "UnknownContact" }) : ok(record.value);
  }

  /** Changes a contact and gives it as it is then. */
  function change(
    accountId: AccountId,
    act: (record: ContactRecord) => Promise<Result<unknown, ClientError>>,
  ): Promise<Result<ContactView, ClientError>> {
    return serial.run(async () => {
      const record = await contactOf(accountId);
      if (!record.ok) return record;
      const done = await act(record.value);
      if (!done.ok) return done;
      const after = await contactOf(accountId);
      return after.ok ? ok(views.contact(after.value)) : after;
    });
  }

  const set = (accountId: AccountId, patch: ContactPatch) =>
    change(accountId, () => contacts.set(accountId, patch));

  async function block(record: ContactRecord): Promise<Result<void, ClientError>> {
    if (record.state === "blocked") return ok();
    // CO3: first, because who is blocked already is not blocked again, where the disk refused the second.
    const replaced = await engine.ticket.replace();
    // CO1, FC7: from here on nothing of theirs is shown; the logs close with the next connection.
    return replaced.ok ? contacts.set(record.accountId, { state: "blocked" }) : replaced;
  }

  /** CO2: what was closed stays closed; they are told of another log, or may be accepted again. */
  async function unblock(record: ContactRecord): Promise<Result<unknown, ClientError>> {
    const { accountId, own, theirs, state } = record;
    if (state !== "blocked") return err({ type: "NotBlocked" });
    // Without a log of theirs there was no request: the block came in from a file.
    if (own === null) return contacts.set(accountId, { state: theirs === null ? "known" : "incoming" });
    const isAccept = theirs !== null;
    // What came while they were blocked was dropped (FC7); what they had sent before is asked for.
    if (isAccept) engine.conversations.askForMissing(accountId);
    return introductions.introduce(accountId, {
      isAccept,
      patch: { state: isAccept ? "accepted" : "requested" },
      turn: own.turn + 1,
    });
  }

  /** CO5: a contact link names the account itself; digits are compared with the number of both. */
  function compare(accountId: AccountId, shown: string): Result<void, ClientError> {
    const link = parseContactLink(shown.trim());
    if (link.ok)
      return link.value.accountId === accountId ? ok() : err({ type: "SafetyNumberDiffers", accountId });
    const digits = shown.replace(/[\s.-]/g, "");
    if (!/^[0-9]+$/.test(digits) || digits.length !== SAFETY_DIGITS)
      return err({ type: "BadSafetyNumber", digitsMin: SAFETY_DIGITS });
    return digits === safetyNumber(identity.accountId, accountId).join("")
      ? ok()
      : err({ type: "SafetyNumberDiffers", accountId });
  }

  /** The time of their last op, acknowledgements too: what they let us see, not when they were connected. */
  async function lastSeen(record: ContactRecord): Promise<Result<LastSeen, ClientError>> {
    const nowMs = context.times.likelyMs();
    let before: string | undefined;
    for (;;) {
      const page = await ops.page(record.conversationId, SCAN_PAGE_OPS, before);
      if (!page.ok) return page;
      for (const { key, op } of page.value) {
        before = key;
        if (op.op.author !== record.accountId) continue;
        return ok(bucketOf(nowMs - hlcToMs(op.op.hlc)));
      }
      if (page.value.length < SCAN_PAGE_OPS) return ok("never");
    }
  }

  async function contactDetails(accountId: AccountId): Promise<Result<ContactDetails, ClientError>> {
    const record = await contactOf(accountId);
    if (!record.ok) return record;
    const chain = await context.storedChain(accountId);
    if (!chain.ok) return chain;
    const seen = await lastSeen(record.value);
    if (!seen.ok) return seen;
    return ok({
      contact: views.contact(record.value),
      notes: record.value.notes,
      safetyNumber: safetyNumber(identity.accountId, accountId).join(" "),
      lastSeen: seen.value,
      deviceCount: chain.value === null ? null : activeDevices(chain.value).length,
    });
  }

  return {
    setPetname: async (accountId, petname) => {
      const tooLong = checkText(petname, DISPLAY_NAME_BYTES_MAX);
      if (tooLong !== null) return err(tooLong);
      const changed = await set(accountId, { petname });
      return changed.ok ? ok() : changed;
    },
    setContactNotes: async (accountId, notes) => {
      const tooLong = checkText(notes, CONTACT_NOTES_BYTES_MAX);
      return tooLong === null ? set(accountId, { notes }) : err(tooLong);
    },
    safetyNumber: async (accountId) => {
      const record = await contactOf(accountId);
      return record.ok ? ok(safetyNumber(identity.accountId, accountId).join(" ")) : record;
    },
    verifyContact: async (accountId, shown) => {
      const same = compare(accountId, shown);
      return same.ok ? set(accountId, { verifiedAtMs: Math.max(0, clock.nowMs()) }) : same;
    },
    forgetVerification: (accountId) => set(accountId, { verifiedAtMs: null }),
    blockContact: async (accountId) => {
      const blocked = await change(accountId, block);
      engine.kickContacts();
      return blocked;
    },
    unblockContact: async (accountId) => {
      const unblocked = await change(accountId, unblock);
      engine.kickContacts();
      return unblocked;
    },
    contactDetails,
  };
}

function bucketOf(agoMs: number): LastSeen {
  if (agoMs < DAY_MS) return "day";
  if (agoMs < 7 * DAY_MS) return "week";
  return agoMs < 30 * DAY_MS ? "month" : "longer";
}

function checkText(text: string | null, sizeBytesMax: number): ClientError | null {
  if (text === null) return null;
  const sizeBytes = toUtf8(text).length;
  return sizeBytes > sizeBytesMax || sizeBytes === 0
    ? { type: "NameTooLong", sizeBytes, sizeBytesMax }
    : null;
}
