/**
 * Messages out with their proof and in by it. Rules EX3, EX4, EX6-EX8.
 *
 * Only what a device of this account wrote into an export comes back, and then it is what it was: the same op, in the
 * same place, on all devices. Everything else is refused, so no text stands in a conversation on a file's word.
 */
import { IMPORT_MESSAGES_MAX } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { checkFact, type ProofFault, proveFact } from "../../messenger/exported/export-proof.ts";
import { isRedacted, type NamedOp, parseOp } from "../../messenger/op.ts";
import { timelineMessage } from "../../messenger/timeline.ts";
import type { Client, ImportMessage, MessagesImport } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";

export type MessageTransfer = Pick<Client, "exportMessages" | "importMessages">;

export function createMessageTransfer(engine: Engine): MessageTransfer {
  const { context, contacts, conversations, ops, views } = engine;
  const self = context.identity.accountId;

  const exportMessages: Client["exportMessages"] = async (conversationId, page = {}) => {
    const shown = await views.messagesWithOps(conversationId, page);
    if (!shown.ok) return shown;
    const { messages, older } = shown.value;
    return ok({
      messages: messages.map(({ message, op }) => ({
        message,
        op: op.bytes,
        // A message that is to disappear is brought back by nothing.
        proof:
          op.op.expire === null && !isRedacted(op)
            ? proveFact(context, { type: "message", op: op.bytes })
            : null,
      })),
      older,
    });
  };

  const importMessages: Client["importMessages"] = async (messages, { isDryRun = false } = {}) => {
    if (messages.length > IMPORT_MESSAGES_MAX)
      return err({ type: "ExportTooLarge", lines: messages.length, linesMax: IMPORT_MESSAGES_MAX });
    return context.serial.run(async (): Promise<Result<MessagesImport, ClientError>> => {
      const proven: NamedOp[] = [];
      for (const [index, message] of messages.entries()) {
        const op = provenOp(message);
        // EX7: all of it, or nothing.
        if (!op.ok) return err({ type: "ImportUnproven", index, rule: op.error });
        proven.push(op.value);
      }
      const placed = await placedOps(proven);
      if (!placed.ok) return placed;
      const strangers = proven.length - placed.value.length;
      if (!isDryRun) {
        const restored = await conversations.restore(placed.value);
        if (!restored.ok) return restored;
        return ok({ added: restored.value, known: placed.value.length - restored.value, strangers });
      }
      let known = 0;
      for (const op of placed.value) {
        const has = await ops.has(op);
        if (!has.ok) return has;
        if (has.value) known++;
      }
      return ok({ added: placed.value.length - known, known, strangers });
    });
  };

  function provenOp({ op: bytes, proof }: ImportMessage): Result<NamedOp, ProofFault> {
    const checked = checkFact(context, { type: "message", op: bytes }, proof);
    if (!checked.ok) return checked;
    const op = parseOp(bytes);
    const isMessage = op.ok && timelineMessage(op.value)?.isRedacted === false;
    return isMessage && op.value.op.expire === null ? op : err("not-proven");
  }

  /** Those of conversations that are here, by one of the two who are in it. */
  async function placedOps(proven: readonly NamedOp[]): Promise<Result<readonly NamedOp[], ClientError>> {
    const all = await contacts.all();
    if (!all.ok) return all;
    const others = new Map(all.value.map((contact) => [contact.conversationId, contact.accountId]));
    return ok(
      proven.filter(({ op }) => {
        const other = others.get(op.conversationId);
        return other !== undefined && (op.author === self || op.author === other);
      }),
    );
  }

  return { exportMessages, importMessages };
}
