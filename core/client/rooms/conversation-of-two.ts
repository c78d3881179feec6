/** A conversation of two over MLS: a room without a name, begun with a contact. Rule RM70. */
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { isOfTwo } from "../../messenger/room/room-context.ts";
import type { Client } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";
import { otherOf } from "./membership/room-info.ts";
import { chainBytes } from "./reading/room-evidence.ts";

/** Whether a contact can be let in anywhere. */
export async function checkInvitee(
  { contacts, tables }: Pick<Engine, "contacts" | "tables">,
  accountId: AccountId,
): Promise<Result<void, ClientError>> {
  const contact = await contacts.get(accountId);
  if (!contact.ok) return contact;
  if (contact.value?.state !== "accepted") return err({ type: "UnknownContact" });
  const weight = await chainBytes(tables, accountId);
  if (!weight.ok) return weight;
  return weight.value === null ? err({ type: "RoomTooLarge" }) : ok();
}

/** The part of a client that begins conversations of two. */
export function createConversationsOfTwo(engine: Engine): Pick<Client, "createConversationOfTwo"> {
  const { context, rooms, roomViews } = engine;
  const { serial, identity } = context;

  /** The one with a contact that is not over. */
  async function find(
    accountId: AccountId,
  ): Promise<Result<{ readonly roomId: ConversationId; readonly isInvited: boolean } | null, ClientError>> {
    const all = await rooms.book.all();
    if (!all.ok) return all;
    for (const [roomId, record] of all.value) {
      const { standing } = record.standing;
      const isOpen = standing === "invited" || standing === "joined";
      const isWithThem = otherOf(record, identity.accountId) === accountId;
      if (!isOpen || !isWithThem || record.info === null || !isOfTwo(record.info)) continue;
      const now = await rooms.contextOf(roomId);
      if (!now.ok) return now;
      const isAlone = now.value?.members.length === 1 && record.intents.length === 0;
      if (!isAlone) return ok({ roomId, isInvited: standing === "invited" });
    }
    return ok(null);
  }

  return {
    createConversationOfTwo: async (accountId) => {
      const mayCome = await checkInvitee(engine, accountId);
      if (!mayCome.ok) return mayCome;
      return serial.run(async () => {
        const there = await find(accountId);
        if (!there.ok) return there;
        const roomId = there.value?.roomId;
        if (roomId !== undefined) {
          const accepted = there.value?.isInvited === true ? await rooms.accept(roomId) : ok();
          return accepted.ok ? roomViews.room(roomId) : accepted;
        }
        const made = await rooms.create("", [{ type: "invite", accountId, role: "owner" }]);
        if (!made.ok) return made;
        rooms.kick(made.value);
        return roomViews.room(made.value);
      });
    },
  };
}
