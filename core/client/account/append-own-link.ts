/**
 * Appends a link to the own chain: built on the head, stored by compare-and-swap. Rules EP11, AR13, AR16.
 *
 * Who loses discards its epoch and builds again on the new head. When the answer is lost, the chain tells.
 */
import { err, ok, type Result } from "../../base/result.ts";
import type { LinkSigner } from "../../sigchain/create/sign-link.ts";
import { type NewEpoch, discardEpoch } from "../../sigchain/epoch/create-epoch.ts";
import type { ChainState } from "../../sigchain/chain-state.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { ClientError } from "../client-error.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { EngineContext } from "../engine-context.ts";
import type { HomeLink } from "../connection/home-link.ts";
import type { OwnAccount, TakenLink } from "./own-account.ts";

/** How often a lost compare-and-swap is tried again. */
const ATTEMPTS_MAX = 8;

/** What appending needs of a running engine. */
export interface ChainWriter {
  readonly context: EngineContext;
  readonly own: OwnAccount;
  readonly log: AccountLog;
  connected(): Promise<Result<Pick<HomeLink, "catchUp">, ClientError>>;
}

/** A link to append, with what is stored in the same act. */
export interface OwnLink {
  readonly link: Bytes;
  readonly state: ChainState;
  readonly epoch: NewEpoch | null;
}

export interface AppendPlan {
  /** Whether the account log is read to its end first, because the link says where it ends. */
  readonly isAfterLog: boolean;
  /** Builds on the chain as it is now; null when there is nothing left to do. */
  readonly build: () => Result<OwnLink | null, ClientError>;
}

/** Resolves once the link is on the chain, or `build` has found that none is needed. - Fails: only where it is not known to be there. */
export async function appendOwnLink(
  engine: ChainWriter,
  plan: AppendPlan,
): Promise<Result<void, ClientError>> {
  const { context, own } = engine;
  const { serial } = context;
  const { accountId, origin } = context.identity;
  const refresh = () => serial.run(() => context.refreshOwnChain());
  const linked = await engine.connected();
  if (!linked.ok) return linked;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const refreshed = await refresh();
    if (!refreshed.ok) return refreshed;
    const read = plan.isAfterLog ? await linked.value.catchUp() : ok();
    if (!read.ok) return read;
    const built = plan.build();
    if (!built.ok) return built;
    if (built.value === null) return ok();
    const { link, state, epoch } = built.value;
    const boxes = epoch?.boxes ?? null;
    const appended = await context.directory(origin).appendLink(accountId, { link, boxes, box: null });
    if (epoch !== null) discardEpoch(epoch);
    if (appended.ok) {
      await serial.run(() => followTaken(context, { link, state, boxes }));
      return ok();
    }
    if (appended.error.type !== "Refused" || appended.error.code !== "chain-conflict") {
      // The answer may be lost and the link there: the chain tells.
      const after = await refresh();
      return after.ok && own.chain().head === state.head ? ok() : appended;
    }
  }
  return err({ type: "Refused", code: "chain-conflict" });
}

/**
 * IN6: a server that is lost before a link is fetched may have shown it to others, and only who made it can give it back. A disk that
 * refuses, and a server that is away, change nothing: the link is on the chain, and is fetched with the next meeting at the latest. Runs
 * within the serial.
 */
export async function followTaken(context: EngineContext, taken: TakenLink): Promise<void> {
  await context.takeOwnLink(taken);
  await context.refreshOwnChain();
}

/** This device as who signs its links. */
export function ownSigner({ identity }: EngineContext): LinkSigner {
  return { signerId: identity.keys.signerId, sign: identity.keys.sign };
}

/** A link that its builder refuses is one that every reader would. */
export function asOwnLink<T>(
  { identity }: EngineContext,
  built: Result<T, { readonly type: string }>,
): Result<T, ClientError> {
  return built.ok
    ? built
    : err({ type: "ChainDistrusted", accountId: identity.accountId, rule: built.error.type });
}
