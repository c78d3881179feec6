/** What an open conversation shows while messages come faster than they are read. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Timeline, type TimelineSource } from "../../../app/ui/session/timeline.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { ok } from "../../../core/base/result.ts";
import type { MessageView } from "../../../core/client/views/conversation-view.ts";

const PAGE_MESSAGES = 100;
const conversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));

// No reading begins by itself.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function message(number: number, sentAtMs: number): MessageView {
  const bytes = new Uint8Array(32).fill(2);
  new DataView(bytes.buffer).setUint32(0, number);
  return {
    id: idFromBytes("op", bytes),
    conversationId,
    author: idFromBytes("account", bytes),
    device: idFromBytes("device", bytes.slice(0, 16)),
    isOwn: false,
    sentAtMs,
    text: `message ${number}`,
    isRedacted: false,
    state: "kept",
    failure: null,
    isStarred: false,
  };
}

/** A conversation of messages with these times, open, and readings that end when they are let. */
async function openConversation(times: readonly number[]) {
  const stored = times.map((time, number) => message(number, time));
  const ends: (() => void)[] = [];
  const source: TimelineSource = {
    client: {
      messages: async (_id, { limit = PAGE_MESSAGES } = {}) => {
        const messages = stored.slice(-limit).toReversed();
        const older = stored.length > limit ? "there are" : null;
        await new Promise<void>((resolve) => ends.push(resolve));
        return ok({ messages, older });
      },
    },
  };
  const timeline = new Timeline(source, conversationId, () => {});
  const read = async () => {
    const reading = timeline.refresh();
    ends.shift()?.();
    await reading;
  };
  await read();
  const come = (sentAtMs: number) => {
    const one = message(stored.length, sentAtMs);
    stored.push(one);
    return timeline.take(one);
  };
  /** Whether what is shown is an unbroken run of what is stored. */
  const isUnbroken = () => {
    const at = stored.findIndex(({ id }) => id === timeline.messages[0]?.id);
    return timeline.messages.every(({ id }, index) => id === stored[at + index]?.id);
  };
  const store = (at: number, one: MessageView) => stored.splice(at, 1, one);
  return { timeline, come, read, ends, isUnbroken, store };
}

test("a burst in which several messages have one time leaves no gap", async () => {
  const { timeline, come, read, isUnbroken } = await openConversation([1, 2, 3]);
  expect(come(4)).toBe(true);
  // Whether the second of a time belongs below or above the first is not known: nothing more is shown before it is read.
  expect(come(4)).toBe(false);
  for (let at = 5; at < PAGE_MESSAGES; at++) for (let count = 0; count < 3; count++) come(at);
  expect(isUnbroken()).toBe(true);
  await read();
  expect(isUnbroken()).toBe(true);
  expect(timeline.messages).toHaveLength(PAGE_MESSAGES);
  expect(come(PAGE_MESSAGES)).toBe(true);
  timeline.close();
});

test("what comes while the newest page is read may not be in it: what comes next waits for the next reading", async () => {
  const { timeline, come, read, ends, isUnbroken } = await openConversation([1, 2, 3]);
  const reading = timeline.refresh();
  expect(come(4)).toBe(true);
  ends.shift()?.();
  await reading;
  expect(come(5)).toBe(false);
  expect(isUnbroken()).toBe(true);
  await read();
  expect(timeline.messages).toHaveLength(5);
  expect(come(6)).toBe(true);
  timeline.close();
});

test("what is read again and says the same stays the same object, so that it is not drawn again", async () => {
  const { timeline, read, store } = await openConversation([1, 2, 3]);
  const [first, second, third] = timeline.messages;
  store(0, { ...message(0, 1) });
  store(1, { ...message(1, 2), isStarred: true });
  await read();
  expect(timeline.messages[0]).toBe(first);
  expect(timeline.messages[1]).not.toBe(second);
  expect(timeline.messages[1]?.isStarred).toBe(true);
  expect(timeline.messages[2]).toBe(third);
  timeline.close();
});
