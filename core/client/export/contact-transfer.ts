/**
 * Contacts out to a file and in from one. Rules EX1-EX5.
 *
 * Out: whom the account knows, with what it noted about them; no keys, no logs, no tickets. In: somebody who is not here
 * becomes `known`, whom nobody has asked anything; of somebody who is here only what is empty is filled in.
 */
import { toUtf8 } from "../../base/bytes.ts";
import type { AccountId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import {
  type ContactsFile,
  type FileContact,
  formatContactsFile,
  parseContactsFile,
} from "../../messenger/exported/contacts-file.ts";
import { checkFact, proveFact } from "../../messenger/exported/export-proof.ts";
import { safetyNumber } from "../../sigchain/contact/safety-number.ts";
import type { Client } from "../client.ts";
import type { ContactImport, ContactImportField, ContactsImport } from "../views/contact-view.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactPatch, ContactRecord } from "../contacts/contact-book.ts";
import type { Engine } from "../engine.ts";
import { isDialable } from "../conversations/inbound.ts";

/** What the texts of contacts that are stored in one change may weigh, with what their ids and names of fields add. */
const CHANGE_TEXT_BYTES_MAX = 98_304;
const CONTACT_OVERHEAD_BYTES = 1_024;

export type ContactTransfer = Pick<Client, "exportContacts" | "importContacts">;

interface PlannedContact {
  readonly report: ContactImport;
  readonly accountId: AccountId;
  readonly patch: ContactPatch;
}

export function createContactTransfer(engine: Engine): ContactTransfer {
  const { context, contacts, introductions } = engine;
  const { identity, serial, clock } = context;
  const self = identity.accountId;
  const nowMs = () => Math.max(0, clock.nowMs());

  async function exportContacts(): Promise<Result<string, ClientError>> {
    const name = await introductions.displayName();
    if (!name.ok) return name;
    const all = await contacts.all();
    if (!all.ok) return all;
    const sorted = [...all.value].sort((a, b) => (a.accountId < b.accountId ? -1 : 1));
    const head = { account: self, name: name.value, exportedAtMs: nowMs() };
    return ok(formatContactsFile(head, sorted.map(toFile)));
  }

  function toFile(record: ContactRecord): FileContact {
    const { accountId, origin, handle, givenName, petname, notes, state, addedAtMs, verifiedAtMs } = record;
    const verified =
      verifiedAtMs === null
        ? null
        : {
            atMs: verifiedAtMs,
            safetyNumber: safetyNumber(self, accountId).join(" "),
            proof: proveFact(context, { type: "verified", contact: accountId, atMs: verifiedAtMs }),
          };
    return { accountId, origin, handle, name: givenName, petname, notes, state, addedAtMs, verified };
  }

  async function importContacts(
    text: string,
    { isDryRun = false }: { readonly isDryRun?: boolean } = {},
  ): Promise<Result<ContactsImport, ClientError>> {
    const file = parseContactsFile(text);
    if (!file.ok) return file;
    return serial.run(async () => {
      const planned = await plan(file.value);
      if (!planned.ok) return planned;
      const report = { contacts: planned.value.map((one) => one.report), isDryRun };
      if (isDryRun) return ok(report);
      for (const part of partsOf(planned.value)) {
        const written = await contacts.setAll(new Map(part.map((one) => [one.accountId, one.patch])));
        if (!written.ok) return written;
      }
      engine.emit({ type: "state" });
      return ok(report);
    });
  }

  async function plan(file: ContactsFile): Promise<Result<readonly PlannedContact[], ClientError>> {
    const merged = new Map<AccountId, FileContact>();
    for (const { line, contact } of file.contacts) {
      // FC8: a file is somebody's word too.
      if (!isDialable(contact.origin, identity.origin))
        return err({ type: "BadExportLine", line, field: "origin", rule: "not-an-address" });
      const before = merged.get(contact.accountId);
      merged.set(contact.accountId, before === undefined ? contact : mergeLines(before, contact));
    }
    const planned: PlannedContact[] = [];
    for (const contact of merged.values()) {
      const here = await contacts.get(contact.accountId);
      if (!here.ok) return here;
      planned.push(here.value === null ? planNew(contact) : planKnown(contact, here.value));
    }
    return ok(planned);
  }

  function planNew(contact: FileContact): PlannedContact {
    const { accountId, petname, notes, handle, origin, name } = contact;
    const isSelf = accountId === self;
    const isProven = !isSelf && isVerifiedHere(contact);
    const taken: ContactImportField[] = [
      ...(petname === null ? [] : ["petname" as const]),
      ...(notes === null ? [] : ["notes" as const]),
      ...(isProven ? ["verified" as const] : []),
    ];
    const report = {
      accountId,
      name: nameOf(contact),
      outcome: isSelf ? ("self" as const) : ("new" as const),
      isBlocked: contact.state === "blocked",
      taken: isSelf ? [] : taken,
      kept: [],
      isClaimedVerified: !isSelf && contact.verified !== null && !isProven,
    };
    const patch: ContactPatch = {
      // Who was blocked stays so; nobody else is asked anything by an import.
      state: contact.state === "blocked" ? "blocked" : "known",
      petname,
      notes,
      handle,
      origin,
      ...(name === null ? {} : { givenName: name }),
      addedAtMs: nowMs(),
      ...(isProven && contact.verified !== null ? { verifiedAtMs: contact.verified.atMs } : {}),
    };
    return { report, accountId, patch: isSelf ? {} : patch };
  }

  /** What is here stands; the file fills in what is empty. A withdrawn verification does not come back this way. */
  function planKnown(contact: FileContact, here: ContactRecord): PlannedContact {
    const taken: ContactImportField[] = [];
    const kept: ContactImportField[] = [];
    const patch: { petname?: string; notes?: string } = {};
    for (const field of ["petname", "notes"] as const) {
      const value = contact[field];
      if (value === null || value === here[field]) continue;
      if (here[field] !== null) kept.push(field);
      else {
        taken.push(field);
        patch[field] = value;
      }
    }
    const report = {
      accountId: contact.accountId,
      name: here.petname ?? nameOf(contact),
      outcome: taken.length === 0 ? ("unchanged" as const) : ("changed" as const),
      isBlocked: here.state === "blocked",
      taken,
      kept,
      isClaimedVerified: contact.verified !== null && here.verifiedAtMs === null,
    };
    return { report, accountId: contact.accountId, patch };
  }

  /** EX5: our own mark, by proof, and of the number that still is the number of both. */
  function isVerifiedHere({ accountId, verified }: FileContact): boolean {
    if (verified === null || verified.proof === null) return false;
    if (verified.safetyNumber !== safetyNumber(self, accountId).join(" ")) return false;
    const fact = { type: "verified" as const, contact: accountId, atMs: verified.atMs };
    return checkFact(context, fact, verified.proof).ok;
  }

  return { exportContacts, importContacts };
}

/** Of two lines about one account the first stands, and the second fills in what it lacks. A block in either holds. */
function mergeLines(first: FileContact, second: FileContact): FileContact {
  return {
    ...first,
    handle: first.handle ?? second.handle,
    name: first.name ?? second.name,
    petname: first.petname ?? second.petname,
    notes: first.notes ?? second.notes,
    verified: first.verified ?? second.verified,
    state: second.state === "blocked" ? "blocked" : first.state,
  };
}

function nameOf({ petname, name, handle, accountId }: FileContact): string {
  return petname ?? name ?? handle ?? accountId.slice(0, 8);
}

/** Parts that each fit one change; a contact is never in two. */
function partsOf(planned: readonly PlannedContact[]): readonly (readonly PlannedContact[])[] {
  const parts: PlannedContact[][] = [];
  let size = 0;
  for (const one of planned) {
    const { outcome } = one.report;
    if (outcome === "unchanged" || outcome === "self") continue;
    const texts = [
      one.patch.petname,
      one.patch.notes,
      one.patch.givenName,
      one.patch.origin,
      one.patch.handle,
    ];
    const weight = CONTACT_OVERHEAD_BYTES + toUtf8(texts.join("")).length;
    const part = parts.at(-1);
    if (part === undefined || size + weight > CHANGE_TEXT_BYTES_MAX) {
      parts.push([one]);
      size = weight;
    } else {
      part.push(one);
      size += weight;
    }
  }
  return parts;
}
