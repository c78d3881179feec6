/** What a person asks for when something is to go: taken back for everyone, or deleted on the own devices. Rules DE1, DE4-DE6. */
import type { ConversationId, OpId } from "../../base/ids.ts";
import { DELETED_MESSAGES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { encode } from "../../codec/shape.ts";
import { INBOX } from "../../document/schema/inbox.ts";
import { clearField } from "../../document/schema/state-field.ts";
import { isRedacted, type NamedOp, OP_KIND, redactionPayloadShape } from "../../messenger/op.ts";
import { timelineMessage } from "../../messenger/timeline.ts";
import type { Client } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Correspondent } from "../conversations/conversation-ports.ts";
import type { Engine } from "../engine.ts";

type DeletionActs = Pick<Client, "redact" | "deleteMessages" | "deleteConversation">;

const SCAN_PAGE_OPS = 1_000;

export interface DeletionPlaces {
  /** Whom a redaction goes to. */
  to(conversationId: ConversationId): Promise<Result<Correspondent, ClientError>>;
  /** Whether there is such a conversation. */
  exists(conversationId: ConversationId): Promise<Result<void, ClientError>>;
}

/** The acts of a client. */
export function createDeletionActs(engine: Engine, places: DeletionPlaces): DeletionActs {
  const { context, conversations, forgetting, lifetimes, log, ops, outbox } = engine;
  const { serial, identity } = context;

  async function find(
    conversationId: ConversationId,
    ids: readonly OpId[],
  ): Promise<Result<readonly NamedOp[], ClientError>> {
    const wanted = new Set(ids);
    const found: NamedOp[] = [];
    for (let before: string | undefined; wanted.size > 0; ) {
      const page = await ops.page(conversationId, SCAN_PAGE_OPS, before);
      if (!page.ok) return page;
      for (const { op } of page.value)
        if (timelineMessage(op) !== null && wanted.delete(op.id)) found.push(op);
      before = page.value.at(-1)?.key;
      if (page.value.length < SCAN_PAGE_OPS) break;
    }
    return wanted.size > 0 ? err({ type: "UnknownMessage" }) : ok(found);
  }

  const redact: DeletionActs["redact"] = ({ conversationId, id }) =>
    serial.run(async (): Promise<Result<void, ClientError>> => {
      const to = await places.to(conversationId);
      if (!to.ok) return to;
      const found = await find(conversationId, [id]);
      if (!found.ok) return found;
      const message = found.value[0];
      if (message === undefined) return err({ type: "UnknownMessage" });
      if (message.op.author !== identity.accountId) return err({ type: "NotYourMessage" });
      if (isRedacted(message)) return ok();
      const { device, deviceSeq, hlc } = message.op;
      const payload = encode(redactionPayloadShape, { device, deviceSeq, hlc });
      const written = await conversations.write(to.value, OP_KIND.redaction, payload, {
        target: id,
        expire: lifetimes.perishesAtMs(message),
      });
      return written.ok ? ok() : written;
    });

  const deleteMessages: DeletionActs["deleteMessages"] = (conversationId, ids) =>
    serial.run(async () => {
      if (ids.length > DELETED_MESSAGES_MAX)
        return err({ type: "TooManyMessages", count: ids.length, countMax: DELETED_MESSAGES_MAX });
      const found = await find(conversationId, ids);
      if (!found.ok) return found;
      const starless = await log.edit({ type: "inbox" }, (draft) => {
        for (const id of ids) clearField(draft, INBOX.starred, [conversationId, id] as const);
      });
      if (!starless.ok) return starless;
      const removed = await forgetting.removeOps(found.value);
      if (!removed.ok) return removed;
      // Last: of a message that stays where the disk refused this it would be said that it has arrived.
      const failed = await outbox.dropFailed(ids);
      return failed.ok ? ok({ deletedMessages: found.value.length }) : failed;
    });

  const deleteConversation: DeletionActs["deleteConversation"] = (conversationId) =>
    serial.run(async () => {
      const known = await places.exists(conversationId);
      if (!known.ok) return known;
      // What is not here yet could not be named, and would show up later.
      if (!engine.isHistoryComplete()) return err({ type: "HistoryIncomplete" });
      const tally = await ops.tally(conversationId);
      if (!tally.ok) return tally;
      const unset = await log.edit({ type: "inbox" }, (draft) => {
        clearField(draft, INBOX.draft, conversationId);
        const { starred } = draft;
        const keys = typeof starred === "object" && starred !== null ? Object.keys(starred) : [];
        for (const key of keys) {
          const parsed = INBOX.starred.key.parse(key);
          if (parsed?.[0] === conversationId) clearField(draft, INBOX.starred, parsed);
        }
      });
      if (!unset.ok) return unset;
      const cleared = await forgetting.clear(conversationId);
      if (!cleared.ok) return cleared;
      const failed = await outbox.dropFailed(outbox.opsOf(conversationId));
      return failed.ok ? ok({ deletedMessages: tally.value.messageCount }) : failed;
    });

  return { redact, deleteMessages, deleteConversation };
}
