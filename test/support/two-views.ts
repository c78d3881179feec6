/** A server that shows some of its readers another chain of an account than it shows everybody else. */
import { decode, encode } from "../../core/codec/shape.ts";
import type { AccountId } from "../../core/base/ids.ts";
import { chainPageShape } from "../../core/protocol/directory.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";

/** Links that only those see who go through the connector, behind those the server has. */
export interface TwoViews {
  readonly connector: ServerConnector;
  show(accountId: AccountId, links: readonly Uint8Array[]): void;
}

export function createTwoViews(inner: ServerConnector): TwoViews {
  const linksByAccount = new Map<AccountId, readonly Uint8Array[]>();
  const request: ServerConnector["request"] = async (origin, asked) => {
    const answer = await inner.request(origin, asked);
    const [, account, after] = /^\/v1\/accounts\/([^/]+)\/chain\?after=([0-9]+)$/.exec(asked.path) ?? [];
    const ghosts = linksByAccount.get(account as AccountId);
    if (ghosts === undefined || !answer.ok || answer.value.status !== 200) return answer;
    const page = decode(chainPageShape, answer.value.body);
    if (!page.ok) return answer;
    const { links, headSeq } = page.value;
    const unseen = Math.max(0, Number(after) - headSeq);
    const shown = { links: [...links, ...ghosts.slice(unseen)], headSeq: headSeq + ghosts.length };
    return { ok: true, value: { ...answer.value, body: encode(chainPageShape, shown) } };
  };
  return {
    connector: { connect: inner.connect, request },
    show: (accountId, links) => void linksByAccount.set(accountId, links),
  };
}
