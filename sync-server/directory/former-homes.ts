/** Where an account lived before it came here, as its own chain says. Rule GW12. */
import type { AccountId } from "@dovetail/core/base/ids.ts";
import { CHAIN_PAGE_LINKS_MAX } from "@dovetail/core/base/limits.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { ServerOrigin } from "@dovetail/core/base/server-origin.ts";
import { type LinkPayload, parseLink } from "@dovetail/core/sigchain/link.ts";
import { CHAIN_PAGE_BYTES_MAX } from "../limits.ts";
import type { DirectoryStore } from "../store/directory-store.ts";
import { type Refusal, refuse } from "../store/refusal.ts";

/**
 * Whether a link of the account's chain names `origin` as its home; null for an account that is not here.
 *
 * Links were verified before they were stored; this only reads them.
 *
 * - Fails: `rate-limited` when `mayRead`, asked before each page, says no: a chain has no limit, and who asks may have made it.
 */
export async function hasLivedAt(
  { store, mayRead }: { readonly store: Pick<DirectoryStore, "readChain">; readonly mayRead: () => boolean },
  accountId: AccountId,
  origin: ServerOrigin,
): Promise<Result<boolean | null, Refusal>> {
  for (let after = 0; ; ) {
    if (!mayRead()) return refuse("rate-limited");
    const page = await store.readChain(accountId, after, CHAIN_PAGE_LINKS_MAX, CHAIN_PAGE_BYTES_MAX);
    if (!page.ok) return page;
    if (page.value === null) return ok(null);
    const { links, headSeq } = page.value;
    for (const bytes of links) {
      const link = parseLink(bytes);
      if (!link.ok) return refuse("internal");
      if (homeNamedBy(link.value.body.payload) === origin) return ok(true);
    }
    after += links.length;
    if (links.length === 0 || after >= headSeq) return ok(false);
  }
}

function homeNamedBy(payload: LinkPayload): string | null {
  return payload.type === "service" || payload.type === "genesis" ? (payload.service?.origin ?? null) : null;
}
