/**
 * Which inbound log each contact should have, and which it had before. Rules DM1, DM17, CO1, CO2.
 *
 * A contact's log is replaced when either side revokes a device, because the revoked one knew its keys, and when a
 * block is lifted, because the old log stays closed. Rotating by the calendar replaces no log: nobody left.
 */
import type { AccountId, LogId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import { generationOf, inboundKeys, type InboundPlace } from "../../messenger/inbound-keys.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactRecord, OwnLog } from "./contact-book.ts";
import type { EngineContext } from "../engine-context.ts";

/** Of the revocations of either side, how many are gone back through for logs that may hold something unread. */
const REVOCATIONS_FOLLOWED = 4;
/** The same for a log that was followed when there had been fewer, and has something that waited for the chain since. */
export const REVOCATIONS_SEARCHED = 64;

export interface ContactLogs {
  /** The log this contact should write to now, in this turn or the one given; null without the epoch's secret. */
  target(contact: Known, turn?: number): Promise<Result<OwnLog | null, ClientError>>;
  /** Logs it had before, newest first: all that are known of with the chain as it is stored here. */
  earlier(contact: Located): Promise<Result<readonly OwnLog[], ClientError>>;
  /** The log of this id, if it is or was this contact's. */
  find(contact: Located, logId: LogId): Promise<Result<OwnLog | null, ClientError>>;
  /** Whose chain tells of more logs than are known here, and where it is: a sibling has seen it and this device has not. */
  chainsBehind(): ReadonlyMap<AccountId, string>;
  /** That chain was fetched. The logs are looked for once more, whatever came. */
  chainFetched(accountId: AccountId): void;
}

type Known = Pick<ContactRecord, "accountId" | "own">;
type Located = Pick<ContactRecord, "accountId" | "origin" | "own">;

export function createContactLogs(context: EngineContext): ContactLogs {
  const behind = new Map<AccountId, string>();

  function logAt(contact: Known, place: InboundPlace): OwnLog | null {
    const secret = context.epochSecret(place.epoch);
    return secret === null ? null : { ...place, ...inboundKeys(secret, contact.accountId, place) };
  }

  async function target(
    contact: Known,
    turn = contact.own?.turn ?? 0,
  ): Promise<Result<OwnLog | null, ClientError>> {
    const chain = await context.storedChain(contact.accountId);
    if (!chain.ok) return chain;
    const theirCutSeq = Math.max(contact.own?.theirCutSeq ?? 0, cutSeqs(chain.value).at(-1) ?? 0);
    return ok(logAt(contact, { epoch: cutEpochs(context.chain()).at(-1) ?? 1, theirCutSeq, turn }));
  }

  const earlier: ContactLogs["earlier"] = (contact) => logsBefore(contact, REVOCATIONS_FOLLOWED);

  async function logsBefore(
    contact: Located,
    revocations: number,
  ): Promise<Result<readonly OwnLog[], ClientError>> {
    const { own } = contact;
    if (own === null) return ok([]);
    const chain = await context.storedChain(contact.accountId);
    if (!chain.ok) return chain;
    const epochs = cutEpochs(context.chain()).filter((epoch) => epoch <= own.epoch);
    const theirs = cutSeqs(chain.value).filter((seq) => seq <= own.theirCutSeq);
    if (!theirs.includes(own.theirCutSeq)) {
      theirs.push(own.theirCutSeq);
      behind.set(contact.accountId, contact.origin);
    }
    const logs: OwnLog[] = [];
    for (const epoch of epochs.slice(-revocations))
      for (const theirCutSeq of theirs.slice(-revocations)) {
        const log = logAt(contact, { epoch, theirCutSeq, turn: own.turn });
        if (log !== null && log.logId !== own.logId) logs.push(log);
      }
    const closed = own.turn === 0 ? null : logAt(contact, { ...own, turn: own.turn - 1 });
    return ok([
      ...logs.sort((a, b) => generationOf(b) - generationOf(a)),
      ...(closed === null ? [] : [closed]),
    ]);
  }

  async function find(contact: Located, logId: LogId): Promise<Result<OwnLog | null, ClientError>> {
    if (contact.own?.logId === logId) return ok(contact.own);
    for (const revocations of [REVOCATIONS_FOLLOWED, REVOCATIONS_SEARCHED]) {
      const before = await logsBefore(contact, revocations);
      if (!before.ok) return before;
      const log = before.value.find((one) => one.logId === logId);
      if (log !== undefined) return ok(log);
    }
    return ok(null);
  }

  return {
    target,
    earlier,
    find,
    chainsBehind: () => behind,
    chainFetched: (accountId) => void behind.delete(accountId),
  };
}

/** Epochs that began because somebody had to go, and the first. */
function cutEpochs(chain: ChainState): readonly number[] {
  return [1, ...chain.cuts.map((cut) => cut.epoch)];
}

/** Seqs of the revocations of a chain, and 0 for none. */
function cutSeqs(chain: ChainState | null): number[] {
  return [0, ...(chain?.cuts ?? []).map((cut) => cut.seq)];
}
