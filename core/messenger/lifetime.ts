/**
 * How long a message of a room stays: until the time its author wrote into it, and never longer than the room allows where the
 * room's log has it. Pure; what was noted of the latter, and the time, the caller says. Rules RM34, RM35.
 */
import type { AccountId } from "../base/ids.ts";
import { ROOM_LIFETIME_SLACK_MS } from "../base/limits.ts";
import { hlcToMs } from "./hlc.ts";
import { directConversationId, type Op, OP_KIND } from "./op.ts";

/** When an op goes as its author says; null for one that stays. What is no message stays, and so is what a contact writes. */
export function perishesAtMs(op: Op, reader: AccountId): number | null {
  if (op.expire === null || (op.kind !== OP_KIND.message && op.kind !== OP_KIND.redaction)) return null;
  // What a contact says to this account goes when they take it back, which is told.
  const isDirect = op.author !== reader && op.conversationId === directConversationId(op.author, reader);
  return isDirect ? null : op.expire;
}

/**
 * Time that a message of this `hlc` carries in a room with this lifetime, written at `nowMs`. RM34
 *
 * An `hlc` is ahead where this clock is, or where somebody else's was: all readers would have to note that it goes earlier, of so
 * many of a device, and drop what is more.
 */
export function expiryOf(hlc: number, lifetimeMs: number, nowMs: number): number {
  const writtenMs = hlcToMs(hlc);
  // Half of what readers let pass: what is left is for what their clocks differ from the server's word here.
  return (writtenMs > nowMs + ROOM_LIFETIME_SLACK_MS / 2 ? nowMs : writtenMs) + lifetimeMs;
}

/**
 * When a message goes that says a later time than its room allows, or none; null when what it says will do. A time that lies ahead
 * of the reader's clock does not count. RM35
 */
export function limitAtPlace(
  op: Op,
  { lifetimeMs, nowMs }: { readonly lifetimeMs: number | null; readonly nowMs: number },
): number | null {
  if (lifetimeMs === null || op.kind !== OP_KIND.message) return null;
  const latestMs = Math.min(hlcToMs(op.hlc), nowMs + ROOM_LIFETIME_SLACK_MS) + lifetimeMs;
  return op.expire !== null && op.expire <= latestMs ? null : latestMs;
}
