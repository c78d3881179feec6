/** Brings the parts of an engine to where their rows say they were, in the one order that is right. */
import { ok, type Result } from "../base/result.ts";
import { isDamage } from "../document/document-error.ts";
import { isBucket } from "../log/document-name.ts";
import type { AccountLog } from "./account-log/account-log.ts";
import type { Findings } from "./alarms/findings.ts";
import type { Times } from "./calendar/times.ts";
import type { ClientError } from "./client-error.ts";
import type { ContactBook } from "./contacts/contact-book.ts";
import type { Conversations } from "./conversations/conversations.ts";
import type { DeletedContacts } from "./contacts/deleted-contacts.ts";
import type { DeletionState } from "./deletion/deletion-state.ts";
import type { Forgetting } from "./deletion/forgetting.ts";
import type { Lifetimes } from "./deletion/lifetimes.ts";
import type { EngineContext } from "./engine-context.ts";
import type { Frontiers } from "./frontiers/frontiers.ts";
import { finishMending } from "./mend/finish-mending.ts";
import type { OpStore } from "./conversations/op-store.ts";
import type { Outbox } from "./conversations/outbox.ts";
import type { RoomMissed } from "./rooms/reading/room-missed.ts";
import type { RoomOutbox } from "./rooms/room-outbox.ts";
import type { Snapshots } from "./snapshot/snapshots.ts";

export interface StartedParts {
  readonly context: EngineContext;
  readonly findings: Findings;
  readonly deletedContacts: DeletedContacts;
  readonly times: Times;
  readonly snapshots: Snapshots;
  readonly log: AccountLog;
  readonly frontiers: Frontiers;
  readonly outbox: Outbox;
  readonly roomOutbox: RoomOutbox;
  readonly roomMissed: RoomMissed;
  readonly deletions: DeletionState;
  readonly lifetimes: Lifetimes;
  readonly conversations: Conversations;
  readonly contacts: ContactBook;
  readonly ops: OpStore;
  readonly forgetting: Forgetting;
}

/** - Fails: with the first part that cannot start; what is only damaged is mended later. */
export async function startParts(parts: StartedParts): Promise<Result<void, ClientError>> {
  const { snapshots, log, conversations, forgetting } = parts;
  const ahead = await startEach([parts.findings, parts.deletedContacts, parts.times]);
  if (!ahead.ok) return ahead;
  // Before the log: what a snapshot has is no change of this device.
  const snapshotsStarted = await snapshots.start();
  if (!snapshotsStarted.ok) return snapshotsStarted;
  const logStarted = await log.start();
  if (!logStarted.ok) return logStarted;
  const sending = await startEach([parts.frontiers, parts.outbox, parts.roomOutbox, parts.roomMissed]);
  if (!sending.ok) return sending;
  // What is deleted is known before anything of it could be taken up again.
  const read = await parts.deletions.refresh();
  if (!read.ok && !isDamage(read.error)) return read;
  const limited = await parts.lifetimes.refresh();
  if (!limited.ok && !isDamage(limited.error)) return limited;
  const conversationsStarted = await conversations.start();
  if (!conversationsStarted.ok) return conversationsStarted;
  // AR7: the power may have gone between the change of a bucket and the rows of its ops. What a snapshot still brings is history; it does
  // not bring a bucket that was written anew since.
  const untold = logStarted.value.filter((name) => !isBucket(name) || !log.isExpected(name));
  const adopted = await conversations.adopt(untold);
  if (!adopted.ok && !isDamage(adopted.error)) return adopted;
  const mended = await finishMending(parts);
  if (!mended.ok) return mended;
  const forgettingStarted = await forgetting.start();
  return forgettingStarted.ok ? parts.lifetimes.sweep() : forgettingStarted;
}

async function startEach(
  parts: readonly { start(): Promise<Result<void, ClientError>> }[],
): Promise<Result<void, ClientError>> {
  for (const part of parts) {
    const started = await part.start();
    if (!started.ok) return started;
  }
  return ok();
}
