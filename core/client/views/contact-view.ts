/** Contacts, as a program shows them. */
import type { AccountId, ConversationId } from "../../base/ids.ts";

/** `known`: brought in from a file; nobody has asked anybody anything yet. */
export type ContactState = "known" | "requested" | "incoming" | "accepted" | "declined" | "blocked";

/** How long ago somebody was last heard of: within a day, a week, a month, or longer. Coarse on purpose. */
export type LastSeen = "day" | "week" | "month" | "longer" | "never";

/** A contact with all there is to it. */
export interface ContactDetails {
  readonly contact: ContactView;
  readonly notes: string | null;
  readonly safetyNumber: string;
  /** By what came from them, acknowledgements included; it says nothing about when they were connected. */
  readonly lastSeen: LastSeen;
  /** Active devices on their chain as far as it is known here; null when it is not. */
  readonly deviceCount: number | null;
}

export interface ContactView {
  readonly accountId: AccountId;
  /** What to call them: the petname given here, else the name they gave, else their handle, else the start of their id. */
  readonly name: string;
  readonly petname: string | null;
  readonly displayName: string | null;
  readonly handle: string | null;
  readonly origin: string;
  readonly state: ContactState;
  readonly conversationId: ConversationId;
  readonly addedAtMs: number;
  /** When the safety number was compared and was the same; null while it was not. */
  readonly verifiedAtMs: number | null;
  /** Nothing is sent to them until an alarm about their devices is over; what is written waits. See `alarms`. */
  readonly isStopped: boolean;
  /** Since when their server says that their account was deleted there; null when it does not. What is written waits. */
  readonly deletedSinceMs: number | null;
}

/** What an import took of a contact, or would not. */
export type ContactImportField = "petname" | "notes" | "verified";

export interface ContactImport {
  readonly accountId: AccountId;
  readonly name: string;
  readonly outcome: "new" | "changed" | "unchanged" | "self";
  readonly isBlocked: boolean;
  readonly taken: readonly ContactImportField[];
  /** Fields for which the file says something else than what is here, and stays. */
  readonly kept: readonly ContactImportField[];
  /** The file says they were verified, and nothing proves that this account did it: they are not verified by it. */
  readonly isClaimedVerified: boolean;
}

export interface ContactsImport {
  /** One for each account in the file. */
  readonly contacts: readonly ContactImport[];
  readonly isDryRun: boolean;
}

/** Where something stands: in the conversation with a contact, or, without one, in a room. `name` is what it is called. */
export interface PlaceView {
  readonly contact: ContactView | null;
  readonly name: string;
}
