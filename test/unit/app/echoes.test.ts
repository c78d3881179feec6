import { expect, test } from "vitest";
import type { Drafts } from "../../../app/ui/session/drafts.ts";
import { type Echo, Echoes, Sender } from "../../../app/ui/session/echoes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import type { MessageView } from "../../../core/client/views/conversation-view.ts";

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

test("[WB33] an echo whose message is stored waits for the lists that are open, and goes where there is none", () => {
  const echoes = new Echoes();
  const hideFirst = echoes.show();
  const hideSecond = echoes.show();
  const stored = added(echoes, "stored", NOW_MS);
  const storing = added(echoes, "storing", NOW_MS);
  echoes.end(stored);
  hideFirst();
  expect(echoes.waiting).toEqual([stored, storing]);
  hideSecond();
  expect(echoes.waiting).toEqual([storing]);
  echoes.end(storing);
  expect(echoes.waiting).toEqual([]);
});

test("[WB33] what is sent and left before it is stored is held until then: stored by the engine, or the draft again", async () => {
  const kept: (string | null)[] = [];
  const drafts = {
    beginSending: () => {},
    endSending: (_id: unknown, text: string | null) => kept.push(text),
  };
  const answers = [{ value: message(1, "taken") }, null];
  const sender = new Sender(drafts as unknown as Drafts, async () => answers.shift() ?? null);
  const { conversationId } = message(1, "");
  for (const text of ["taken", "refused"]) {
    const { stored } = sender.send(conversationId, text);
    expect(sender.echoesOf(conversationId).waiting.map((echo) => echo.text)).toEqual([text]);
    await stored;
    expect(sender.echoesOf(conversationId).waiting).toEqual([]);
  }
  expect(kept).toEqual([null, "refused"]);
});
