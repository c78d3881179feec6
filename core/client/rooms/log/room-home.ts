/**
 * Where a room's log is. It is its founder's: it lives where their account lives, and only their devices begin it anew. Rules RM61, IN3.
 */
import type { Bytes } from "../../../base/bytes.ts";
import type { AccountId, ConversationId, LogId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import type { RoomRecord } from "../../../document/schema/groups.ts";
import { judgeReseed } from "../../../log/judge-reseed.ts";
import type { RoomContext } from "../../../messenger/room/room-context.ts";
import { ownerClaimed, type ReseedContent } from "../../../protocol/reseed.ts";
import { isRoomLogOf } from "../../../protocol/room-log-id.ts";
import type { ChainState } from "../../../sigchain/chain-state.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import type { EngineContext } from "../../engine-context.ts";
import { isDialable } from "../../conversations/inbound.ts";
import type { LogChannel } from "../../connection/log-channel.ts";

/** How often the server of somebody who is no contact is asked whether they have moved. */
const LOOK_INTERVAL_MS = 3_600_000;
/** How soon it is asked again when their room is not there. */
const LOOK_AGAIN_MS = 60_000;

export interface RoomHome {
  /** Null when it is not known: this device is in no group of the room, or its founder has left. */
  readonly founder: AccountId | null;
  readonly origin: string;
}

export interface RoomHomes {
  /** Runs within the serial. */
  of(room: RoomRecord, now: RoomContext | null): Promise<Result<RoomHome, ClientError>>;
  /** Asks whether the founder has moved, at most so often. True when it was asked. */
  look(home: RoomHome, why: "routine" | "absent" | "told"): Promise<boolean>;
  /** What the log's owner says of its incarnation; null for what is not theirs. */
  judge(
    home: RoomHome,
    channel: Pick<LogChannel, "logId" | "head" | "reseed">,
  ): Promise<Result<ReseedContent | null, ClientError>>;
}

/** Who founded a room: they have been in it since its first epoch. */
export function founderOf(now: RoomContext | null): AccountId | null {
  return now?.members.find(({ sinceEpoch }) => sinceEpoch === 0)?.accountId ?? null;
}

/** Whom a reseed names, if the id of the log says that it is theirs (LG22): it is still to be judged. */
export function ownerNamedIn(logId: LogId, reseed: Bytes | null): AccountId | null {
  const named = reseed === null ? null : ownerClaimed(reseed);
  return named !== null && isRoomLogOf(logId, named) ? named : null;
}

/** What knowing needs of a running client. */
export type HomesContext = Pick<
  EngineContext,
  "clock" | "serial" | "chain" | "refreshOwnChain" | "storedChain" | "contactChain"
> & { readonly identity: Pick<EngineContext["identity"], "accountId" | "origin"> };

export function createRoomHomes(
  context: HomesContext,
  contacts: Pick<ContactBook, "get" | "set">,
): RoomHomes {
  const { identity, clock } = context;
  const lookedAtMs = new Map<AccountId, number>();

  const of: RoomHomes["of"] = async (room, now) => {
    // Who is in the group sees who has left it; what was noted may be older.
    const founder = now === null ? (room.home?.founder ?? null) : founderOf(now);
    const stated = room.home?.origin ?? room.keys.origin;
    if (founder === null) return ok({ founder, origin: stated });
    if (founder === identity.accountId) return ok({ founder, origin: identity.origin });
    const contact = await contacts.get(founder);
    if (!contact.ok) return contact;
    const chain = await context.storedChain(founder);
    if (!chain.ok) return chain;
    const isContact = contact.value?.state === "accepted";
    // IN11: of a contact an introduction may know more than the chain.
    const origin = (isContact ? contact.value?.origin : chain.value?.service?.origin) ?? stated;
    return ok({ founder, origin: isDialable(origin, identity.origin) ? origin : stated });
  };

  const look: RoomHomes["look"] = async ({ founder, origin }, why) => {
    if (founder === null || founder === identity.accountId) return false;
    const contact = await context.serial.run(() => contacts.get(founder));
    if (why === "routine" && (!contact.ok || contact.value?.state === "accepted")) return false;
    const nowMs = clock.nowMs();
    const last = lookedAtMs.get(founder);
    const intervalMs = { routine: LOOK_INTERVAL_MS, absent: LOOK_AGAIN_MS, told: 0 }[why];
    if (last !== undefined && Math.abs(nowMs - last) < intervalMs) return false;
    lookedAtMs.set(founder, nowMs);
    // What does not answer is asked again; a chain that does not hold has raised its alarm.
    const chain = await context.contactChain(founder, origin, true);
    const home = chain.ok ? (chain.value.service?.origin ?? null) : null;
    if (home === null || !contact.ok || contact.value === null || home === contact.value.origin) return true;
    if (!isDialable(home, identity.origin)) return true;
    await context.serial.run(() => contacts.set(founder, { origin: home }));
    return true;
  };

  async function chainOf(
    { founder, origin }: RoomHome,
    isFresh: boolean,
  ): Promise<Result<ChainState | null, ClientError>> {
    if (founder === null) return ok(null);
    if (founder !== identity.accountId) return context.contactChain(founder, origin, isFresh);
    const refreshed = isFresh ? await context.refreshOwnChain() : ok();
    return refreshed.ok ? ok(context.chain()) : refreshed;
  }

  const judge: RoomHomes["judge"] = async (home, { logId, head, reseed }) => {
    // A device that was added since may have signed it.
    for (const isFresh of [false, true]) {
      const chain = await chainOf(home, isFresh);
      if (!chain.ok) return chain;
      if (chain.value === null) return ok(null);
      const judged = judgeReseed(chain.value, { logId, incarnation: head.incarnation, reseed });
      if (judged.ok) return judged;
    }
    return ok(null);
  };

  return { of, look, judge };
}

/** The part of the groups document that tells own devices. */
export function homePart(
  room: RoomRecord,
  { founder, origin }: RoomHome,
  incarnation: number,
): ReadonlyMap<string, { type: "home"; founder: AccountId; origin: string; incarnation: number }> {
  const isKnown = founder === null || (room.home?.incarnation ?? 0) >= incarnation;
  return new Map(isKnown ? [] : [["home", { type: "home", founder, origin, incarnation }]]);
}

/** A room and where its log is. */
export interface PlacedRoom {
  readonly roomId: ConversationId;
  readonly room: RoomRecord;
  readonly home: RoomHome;
}
