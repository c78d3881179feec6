/** What this account has told a contact of a room it let them into, by whichever device: the conversation with them has it. Rule RM13. */
import type { AccountId, ConversationId } from "../../../base/ids.ts";
import type { Bytes } from "../../../base/bytes.ts";
import { ok, type Result } from "../../../base/result.ts";
import { decode } from "../../../codec/shape.ts";
import { OP_KIND, parseOp } from "../../../messenger/op.ts";
import { roomConversationId } from "../../../messenger/room/room-context.ts";
import { roomInvitationPayloadShape } from "../../../messenger/room/room-invitation.ts";
import type { StoreError } from "../../../store/tx-store.ts";
import type { ContactRecord } from "../../contacts/contact-book.ts";
import type { Tables } from "../../tables.ts";

/** The epoch of the latest membership that `self` has offered a contact in a room; null for none. */
export async function lastInvitedTo(
  tables: Pick<Tables, "op">,
  roomId: ConversationId,
  { conversationId }: Pick<ContactRecord, "conversationId">,
  self: AccountId,
): Promise<Result<number | null, StoreError>> {
  const pages = await tables.op.scan({ under: [conversationId] });
  if (!pages.ok) return pages;
  const since = pages.value.flatMap(({ value }) => value.flatMap(({ op }) => offeredBy(op, roomId, self)));
  return ok(since.length === 0 ? null : Math.max(...since));
}

function offeredBy(bytes: Bytes, roomId: ConversationId, self: AccountId): readonly number[] {
  const op = parseOp(bytes);
  if (!op.ok || op.value.op.kind !== OP_KIND.roomInvitation || op.value.op.author !== self) return [];
  const told = decode(roomInvitationPayloadShape, op.value.op.payload);
  const isOfRoom = told.ok && roomConversationId(told.value.keys.logId) === roomId;
  return isOfRoom ? [told.value.sinceEpoch] : [];
}
