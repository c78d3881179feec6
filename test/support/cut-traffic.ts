/** Two people in the middle of writing, cut off from the server again and again: what comes of it. */
import { createFriends, settle, stopAll, textsOf } from "./story.ts";
import type { Platform } from "@dovetail/core";
import { good } from "./client-world.ts";
import { createSwitchedConnector } from "./switched-connector.ts";

export interface CutPlan {
  readonly messages: number;
  readonly cuts: number;
  /** Where the devices keep what they have, connectors included. */
  readonly platforms: { readonly ada: Platform; readonly ben: Platform };
  readonly onProgress?: (cuts: number) => void;
}

/** What was found on both sides at the end. */
export interface CutReport {
  /** How often somebody was cut off while connected. */
  readonly cuts: number;
  /** Cuts at which something was on its way. */
  readonly busyCuts: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
}

/** Longest wait, in milliseconds, from the last message of a turn to the cut: some fall before it leaves, some after. */
const CUT_DELAY_MS_MAX = 12;

/**
 * Each turn both write, then one of them is cut off, the two in turn, and connects anew at once. At the end both come to rest
 * and hold what was written, or it is counted.
 */
export async function cutTraffic(
  origin: string,
  names: readonly [string, string],
  plan: CutPlan,
): Promise<CutReport> {
  const switches = [
    createSwitchedConnector(plan.platforms.ada.connector),
    createSwitchedConnector(plan.platforms.ben.connector),
  ] as const;
  const { ada, ben, conversationId } = await createFriends(origin, names, {
    ada: { ...plan.platforms.ada, connector: switches[0] },
    ben: { ...plan.platforms.ben, connector: switches[1] },
  });
  const sides = [ada, ben] as const;
  const written: [string[], string[]] = [[], []];
  let cuts = 0;
  let busyCuts = 0;
  for (const { client } of sides) client.start();
  for (let turn = 0; turn < plan.cuts; turn++) {
    const upto = Math.floor(((turn + 1) * plan.messages) / plan.cuts);
    while (written[0].length + written[1].length < upto) {
      const side = (written[0].length + written[1].length) % 2 === 0 ? 0 : 1;
      const text = `${side === 0 ? "ada" : "ben"} ${written[side].length}`;
      good(await sides[side].client.send(conversationId, text));
      written[side].push(text);
    }
    const cut = turn % 2 === 0 ? 0 : 1;
    const { client } = sides[cut];
    await waitFor(() => client.status().state === "online");
    await new Promise((resolve) => setTimeout(resolve, (turn * 7) % CUT_DELAY_MS_MAX));
    if (client.status().pendingCount > 0) busyCuts++;
    switches[cut].switch(false);
    switches[cut].switch(true);
    client.start();
    cuts++;
    plan.onProgress?.(cuts);
  }
  await settle(ada, ben);
  const found = [await textsOf(ada, conversationId), await textsOf(ben, conversationId)];
  await stopAll(ada, ben);
  const report = { lost: 0, doubled: 0, outOfOrder: 0 };
  for (const texts of found) {
    const counts = new Map<string, number>();
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
    for (const own of written) {
      for (const text of own) if (!counts.has(text)) report.lost++;
      const seen = texts.filter((text) => text.split(" ")[0] === own[0]?.split(" ")[0]);
      if (seen.some((text, index) => text !== own[index])) report.outOfOrder++;
    }
    for (const count of counts.values()) if (count > 1) report.doubled++;
  }
  return { cuts, busyCuts, ...report };
}

async function waitFor(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}
