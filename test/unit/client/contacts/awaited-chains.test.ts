/** Chains that others' servers do not give: asked for again, less and less often, and never two at once too many. */
import { describe, expect, test } from "vitest";
import type { AccountId } from "../../../../core/base/ids.ts";
import { createAwaitedChains } from "../../../../core/client/contacts/awaited-chains.ts";
import type { ContactBook } from "../../../../core/client/contacts/contact-book.ts";
import type { ContactLogs } from "../../../../core/client/contacts/contact-logs.ts";
import type { EngineContext } from "../../../../core/client/engine-context.ts";
import type { Inbound } from "../../../../core/client/conversations/inbound.ts";
import { createSerial } from "../../../../core/client/serial.ts";
import type { SetAside } from "../../../../core/client/conversations/set-aside.ts";
import type { ChainState } from "../../../../core/sigchain/chain-state.ts";
import { createManualClock } from "../../../support/manual-clock.ts";
import { accountOf } from "../../../support/messages.ts";

/** Accounts whose chains are wanted; `answer` says what their servers do. */
function createWants(accounts: readonly AccountId[], answer: (account: AccountId) => Promise<boolean>) {
  const clock = createManualClock();
  const wanted = new Set(accounts);
  const behind = new Map<AccountId, string>();
  const asked: AccountId[] = [];
  const atOnce = { now: 0, most: 0 };
  const context = {
    clock,
    serial: createSerial(),
    storedChain: async () => ({ ok: true, value: null }),
    contactChain: async (account: AccountId) => {
      asked.push(account);
      atOnce.most = Math.max(atOnce.most, ++atOnce.now);
      const isThere = await answer(account);
      atOnce.now--;
      if (isThere) wanted.delete(account);
      return isThere
        ? { ok: true, value: {} as ChainState }
        : { ok: false, error: { type: "ServerUnreachable" } };
    },
  } as unknown as EngineContext;
  const setAside = {
    chainsWanted: () => new Map([...wanted].map((account) => [account, "https://x.example"])),
    waitingFor: async () => ({ ok: true, value: [] }),
  } as unknown as SetAside;
  const inbound = {
    quotesAhead: () => new Map(),
    checkQuotes: async () => ({ ok: true, value: undefined }),
  } as unknown as Inbound;
  const chains = createAwaitedChains({
    context,
    inbound,
    setAside,
    contacts: {} as ContactBook,
    contactLogs: {
      chainsBehind: () => behind,
      chainFetched: (account: AccountId) => void behind.delete(account),
    } as unknown as ContactLogs,
    take: async () => ({ ok: true, value: undefined }),
  });
  return { clock, chains, asked, atOnce, wanted, behind };
}

describe("[DM5] a chain that is waited for", () => {
  test("is asked for again after one second, two, four, by itself", async () => {
    const { clock, chains, asked } = createWants([accountOf(1)], async () => false);
    await chains.run();
    const counts: number[] = [];
    for (const ms of [999, 1, 1_999, 1, 3_999, 1]) {
      await clock.advance(ms);
      counts.push(asked.length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 3, 4]);
    await chains.run();
    expect(asked.length).toBe(4);
  });

  test("is asked for with each new connection, also where nothing new has come since the program was started", async () => {
    let isThere = false;
    const { clock, chains, asked, wanted } = createWants([accountOf(1)], async () => isThere);
    await chains.run();
    await clock.advance(300_000);
    const before = asked.length;
    isThere = true;
    chains.begin();
    await expect.poll(() => wanted.size).toBe(0);
    expect([before > 3, asked.length - before]).toEqual([true, 1]);
  });

  test("is asked for not less than once an hour", async () => {
    const { clock, chains, asked } = createWants([accountOf(1)], async () => false);
    await chains.run();
    await clock.advance(3 * 3_600_000);
    const before = asked.length;
    await clock.advance(3_600_000);
    expect(asked.length - before).toBe(1);
  });

  test("[DM17] is asked for until it was shown, also where only logs wait for it", async () => {
    let isThere = false;
    const { clock, chains, asked, behind } = createWants([], async () => isThere);
    behind.set(accountOf(1), "https://x.example");
    await chains.run();
    await clock.advance(1_000);
    isThere = true;
    await clock.advance(2_000);
    expect([asked.length, behind.size]).toEqual([3, 0]);
    await clock.advance(3_600_000);
    expect(asked.length).toBe(3);
  });

  test("is not waited for any more once it has come, or after a stop", async () => {
    let isThere = false;
    const { clock, chains, asked, wanted } = createWants(
      [accountOf(1), accountOf(2)],
      async (account) => isThere && account === accountOf(1),
    );
    await chains.run();
    isThere = true;
    await clock.advance(1_000);
    expect([...wanted]).toEqual([accountOf(2)]);
    chains.stop();
    const before = asked.length;
    await clock.advance(3_600_000);
    await chains.run();
    expect([asked.length, clock.scheduledCount()]).toEqual([before, 0]);
  });

  test("of many accounts is asked for at four servers at once, each account once", async () => {
    const accounts = Array.from({ length: 11 }, (_, i) => accountOf(i));
    const { chains, asked, atOnce } = createWants(
      accounts,
      () => new Promise((resolve) => setTimeout(() => resolve(false), 1)),
    );
    await Promise.all([chains.run(), chains.run()]);
    expect([[...asked].sort(), atOnce.most]).toEqual([[...accounts].sort(), 4]);
  });
});
