/** When a message of a room goes: by its own word, and by that of its room where it is. */
import { expect, test } from "vitest";
import { ROOM_LIFETIME_SLACK_MS } from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { HLC_TICKS_PER_MS } from "../../../core/messenger/hlc.ts";
import { expiryOf, limitAtPlace, perishesAtMs } from "../../../core/messenger/lifetime.ts";
import { directConversationId, OP_KIND } from "../../../core/messenger/op.ts";
import { accountOf, opFields } from "../../support/messages.ts";

await cryptoReady();

const NOW_MS = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const HLC = NOW_MS * HLC_TICKS_PER_MS + 7;
const [ada, ben] = [accountOf(1), accountOf(2)];
const written = opFields({
  author: ada,
  kind: OP_KIND.message,
  hlc: HLC,
  expire: expiryOf(HLC, DAY_MS, NOW_MS),
});

test("[RM34] a message goes at the time its author wrote into it; what is no message stays", () => {
  expect(perishesAtMs(written, ben)).toBe(NOW_MS + DAY_MS);
  expect(perishesAtMs({ ...written, kind: OP_KIND.redaction }, ben)).toBe(NOW_MS + DAY_MS);
  for (const kind of [OP_KIND.introduction, OP_KIND.mark, OP_KIND.sharedChange, 999])
    expect(perishesAtMs({ ...written, kind }, ben), String(kind)).toBe(null);
  expect(perishesAtMs({ ...written, expire: null }, ben)).toBe(null);
});

test("[RM34] what a contact writes to somebody does not go by itself: it is taken back, or there", () => {
  const conversationId = directConversationId(ada, ben);
  expect(perishesAtMs({ ...written, conversationId }, ben)).toBe(null);
});

test("[RM35] a room that lets messages stay as long as they say, or for ever, notes nothing", () => {
  const limit = (lifetimeMs: number | null, expire: number | null = written.expire) =>
    limitAtPlace({ ...written, expire }, { lifetimeMs, nowMs: NOW_MS });
  expect(limit(DAY_MS)).toBe(null);
  expect(limit(null, null)).toBe(null);
  expect(limit(2 * DAY_MS)).toBe(null);
  expect(limit(DAY_MS, NOW_MS + DAY_MS + 1)).toBe(NOW_MS + DAY_MS);
  expect(limit(DAY_MS / 2)).toBe(NOW_MS + DAY_MS / 2);
  expect(limit(DAY_MS, null)).toBe(NOW_MS + DAY_MS);
});

test("[RM35] a time that lies ahead of the reader's clock makes nothing stay longer, but for what clocks differ", () => {
  const limit = (aheadMs: number) => {
    const hlc = (NOW_MS + aheadMs) * HLC_TICKS_PER_MS;
    return limitAtPlace(
      { ...written, hlc, expire: NOW_MS + aheadMs + DAY_MS },
      { lifetimeMs: DAY_MS, nowMs: NOW_MS },
    );
  };
  const latestMs = NOW_MS + ROOM_LIFETIME_SLACK_MS + DAY_MS;
  expect([0, ROOM_LIFETIME_SLACK_MS].map(limit)).toEqual([null, null]);
  expect([ROOM_LIFETIME_SLACK_MS + 1, 400 * DAY_MS].map(limit)).toEqual([latestMs, latestMs]);
});

test("[RM34] a message dated ahead, by this clock or somebody else's, carries a time that nobody has to note", () => {
  const hlc = (NOW_MS + DAY_MS) * HLC_TICKS_PER_MS;
  const expire = expiryOf(hlc, DAY_MS, NOW_MS);
  expect(expire).toBe(NOW_MS + DAY_MS);
  expect(limitAtPlace({ ...written, hlc, expire }, { lifetimeMs: DAY_MS, nowMs: NOW_MS })).toBe(null);
  const half = ROOM_LIFETIME_SLACK_MS / 2;
  expect(
    [half, half + 1].map((ms) => expiryOf(HLC + ms * HLC_TICKS_PER_MS, DAY_MS, NOW_MS) - NOW_MS),
  ).toEqual([half + DAY_MS, DAY_MS]);
  // One that was written behind goes by its own time.
  expect(expiryOf(HLC, DAY_MS, NOW_MS + DAY_MS)).toBe(NOW_MS + DAY_MS);
});

test("[RM35] changes of shared documents, and other ops that are no message, are let be", () => {
  for (const kind of [OP_KIND.sharedChange, OP_KIND.redaction])
    expect(limitAtPlace({ ...written, kind, expire: null }, { lifetimeMs: DAY_MS, nowMs: NOW_MS })).toBe(
      null,
    );
});
