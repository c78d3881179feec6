/** Rooms as faces show them. Nothing here changes anything. */
import type { AccountId, ConversationId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { RoomIntent, RoomRecord } from "../../document/schema/groups.ts";
import { isOfTwo } from "../../messenger/room/room-context.ts";
import type { RoomHistoryPolicy } from "../../messenger/room/room-history.ts";
import type {
  RoomHappeningView,
  RoomMemberView,
  RoomPending,
  RoomState,
  RoomView,
} from "../views/room-view.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "../contacts/contact-book.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Views } from "../conversations/views.ts";
import { shownName } from "./membership/room-info.ts";
import { happeningsIn } from "./room-happenings.ts";
import type { Rooms } from "./rooms.ts";

export interface RoomViews {
  rooms(): Promise<Result<readonly RoomView[], ClientError>>;
  room(roomId: ConversationId): Promise<Result<RoomView, ClientError>>;
  happenings(roomId: ConversationId): Promise<Result<readonly RoomHappeningView[], ClientError>>;
}

export interface RoomViewsDeps {
  readonly context: EngineContext;
  readonly contacts: ContactBook;
  readonly rooms: Rooms;
  readonly views: Views;
}

export function createRoomViews({ context, contacts, rooms, views }: RoomViewsDeps): RoomViews {
  const self = context.identity.accountId;

  async function viewOf(roomId: ConversationId, record: RoomRecord): Promise<Result<RoomView, ClientError>> {
    const summary = await views.summaryOf(roomId);
    if (!summary.ok) return summary;
    const known = await contacts.all();
    if (!known.ok) return known;
    const now = await rooms.contextOf(roomId);
    if (!now.ok) return now;
    const earlier = await rooms.histories.earlier(roomId);
    if (!earlier.ok) return earlier;
    const { standing, info, intents } = record;
    const nameOf = new Map(known.value.map((contact) => [contact.accountId, views.contact(contact).name]));
    const listed = now.value?.members ?? info?.members ?? [];
    const members = listed.map(({ accountId, name, role, mutedUntilMs }): RoomMemberView => {
      const isSelf = accountId === self;
      return { accountId, name: nameOf.get(accountId) ?? name, role, isSelf, mutedUntilMs };
    });
    members.sort((a, b) => (a.name === b.name ? compare(a.accountId, b.accountId) : compare(a.name, b.name)));
    const state: RoomState =
      standing.standing === "joined" && now.value === null ? "joining" : standing.standing;
    return ok({
      id: roomId,
      name: now.value?.name || shownName(record, self, (accountId) => nameOf.get(accountId)),
      isOfTwo: now.value === null ? info !== null && isOfTwo(info) : isOfTwo(now.value),
      about: now.value?.about ?? info?.about ?? "",
      lifetimeMs: now.value === null ? record.lifetimeMs : now.value.lifetimeMs,
      history: policyOf(now.value === null ? record.history : now.value.history),
      earlier: earlier.value,
      state,
      role: state === "joined" || state === "joining" ? (roleIn(members) ?? null) : null,
      members,
      former: (now.value?.history?.former ?? []).map(({ accountId, name }) => ({
        accountId,
        name: nameOf.get(accountId) ?? name,
      })),
      invitedBy: standing.by,
      sinceMs: standing.atMs,
      pending: intents.map(({ intent }) => pendingOf(intent)),
      ...summary.value,
    });
  }

  /** What people are called here, else in the room. */
  async function namesIn(
    roomId: ConversationId,
    { info }: RoomRecord,
  ): Promise<Result<(accountId: AccountId) => string | undefined, ClientError>> {
    const known = await contacts.all();
    if (!known.ok) return known;
    const now = await rooms.contextOf(roomId);
    if (!now.ok) return now;
    const names = new Map<AccountId, string>();
    for (const { accountId, name } of now.value?.members ?? info?.members ?? []) names.set(accountId, name);
    for (const contact of known.value) names.set(contact.accountId, views.contact(contact).name);
    return ok((accountId) => names.get(accountId));
  }

  return {
    async rooms() {
      const all = await rooms.book.all();
      if (!all.ok) return all;
      const list: RoomView[] = [];
      for (const [roomId, record] of all.value) {
        const view = await viewOf(roomId, record);
        if (!view.ok) return view;
        list.push(view.value);
      }
      const timeOf = (room: RoomView) => room.lastMessage?.sentAtMs ?? room.sinceMs;
      return ok(list.sort((a, b) => timeOf(b) - timeOf(a) || compare(a.id, b.id)));
    },
    async room(roomId) {
      const record = await rooms.book.get(roomId);
      if (!record.ok) return record;
      return record.value === null ? err({ type: "UnknownRoom" }) : viewOf(roomId, record.value);
    },
    async happenings(roomId) {
      const record = await rooms.book.get(roomId);
      if (!record.ok) return record;
      if (record.value === null) return err({ type: "UnknownRoom" });
      const rows = await happeningsIn(context.tables, roomId);
      if (!rows.ok) return rows;
      const nameOf = await namesIn(roomId, record.value);
      if (!nameOf.ok) return nameOf;
      return ok(
        rows.value.map(({ id, by, atMs, happening }) => ({
          id,
          atMs,
          by,
          byName: by === null ? null : (nameOf.value(by) ?? null),
          happening:
            "accountId" in happening
              ? { ...happening, name: nameOf.value(happening.accountId) ?? happening.name }
              : happening,
        })),
      );
    },
  };
}

function roleIn(members: readonly RoomMemberView[]): RoomMemberView["role"] | undefined {
  return members.find(({ isSelf }) => isSelf)?.role;
}

function policyOf(history: RoomHistoryPolicy | null): RoomHistoryPolicy | null {
  return history && { days: history.days };
}

function pendingOf(intent: RoomIntent): RoomPending {
  if (intent.type === "name" || intent.type === "about") return { type: intent.type, accountId: null };
  if (intent.type === "lifetime" || intent.type === "history") return { type: intent.type, accountId: null };
  const accountId: AccountId = intent.accountId;
  return { type: intent.type, accountId };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
