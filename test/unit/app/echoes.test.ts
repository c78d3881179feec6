import { expect, test } from "vitest";
import { type Echo, Echoes } from "../../../app/ui/session/echoes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import type { MessageView } from "../../../core/client/client.ts";

const NOW_MS = 1_000_000;

function message(number: number, text: string, changes: Partial<MessageView> = {}): MessageView {
  const bytes = new Uint8Array(32).fill(number);
  return {
    id: idFromBytes("op", bytes),
    conversationId: idFromBytes("conversation", bytes),
    author: idFromBytes("account", bytes),
    device: idFromBytes("device", bytes.slice(0, 16)),
    isOwn: true,
    sentAtMs: NOW_MS,
    text,
    isRedacted: false,
    state: "kept",
    failure: null,
    isStarred: false,
    ...changes,
  };
}

function added(echoes: Echoes, text: string, sentAtMs: number): Echo {
  const echo = { text, sentAtMs, stored: Promise.resolve(null) };
  echoes.add(echo);
  return echo;
}

test("an echo stands until its message is in the list, and one message ends one echo", () => {
  const echoes = new Echoes();
  const first = added(echoes, "same", NOW_MS);
  const second = added(echoes, "same", NOW_MS + 1);
  const before = message(1, "same", { sentAtMs: NOW_MS - 60_000 });
  expect(echoes.notIn([before])).toEqual([first, second]);
  const stored = message(2, "same");
  expect(echoes.notIn([before, stored])).toEqual([second]);
  expect(echoes.notIn([before, stored])).toEqual([second]);
  expect(echoes.notIn([before, stored, message(3, "same")])).toEqual([]);
});

test("what somebody else writes, or storing that failed, is told apart", () => {
  const echoes = new Echoes();
  const echo = added(echoes, "hello", NOW_MS);
  expect(echoes.notIn([message(1, "hello", { isOwn: false })])).toEqual([echo]);
  echoes.drop(echo);
  expect(echoes.notIn([])).toEqual([]);
});
