/** Rows of a conversation in a real page: the lines of the days, and what is offered where a message was not sent. */
import type { DeliveryFailure, MessageView } from "@dovetail/core";
import { html, render } from "lit";
import { expect, test } from "vitest";
import { messageRow, type RowContext } from "../../app/ui/conversation/message-row.ts";
import { idFromBytes } from "../../core/base/ids.ts";

const TODAY_MS = new Date(2026, 2, 5).getTime();
const HOUR_MS = 3_600_000;
const host = document.createElement("div");
document.body.append(host);

const message = (number: number, over: Partial<MessageView>): MessageView => ({
  id: idFromBytes("op", new Uint8Array(32).fill(number)),
  conversationId: idFromBytes("conversation", new Uint8Array(32)),
  author: idFromBytes("account", new Uint8Array(32)),
  device: idFromBytes("device", new Uint8Array(16)),
  isOwn: true,
  sentAtMs: TODAY_MS,
  text: `message ${number}`,
  isRedacted: false,
  state: "sent",
  failure: null,
  isStarred: false,
  ...over,
});

const context = (over: Partial<RowContext>): RowContext => ({
  name: "Ines",
  todayMs: TODAY_MS,
  kind: "person",
  waitsFor: "server",
  authorOf: () => "Ines",
  hasLinks: true,
  firstNewId: null,
  focusedId: null,
  setSize: 1,
  copy: () => {},
  sendAgain: () => {},
  star: () => {},
  remove: () => {},
  hasOlder: false,
  lines: [],
  foundId: null,
  actingId: null,
  act: () => {},
  ...over,
});

function show(messages: readonly MessageView[], over: Partial<RowContext> = {}): void {
  const rows = messages.map((one, at) =>
    messageRow(one, { before: messages[at - 1], after: messages[at + 1] }, at + 1, context(over)),
  );
  render(html`${rows}`, host);
}

test("each day begins with its line, also where the clock was put ahead or back, and only once", () => {
  const at = (day: number, hour: number) => new Date(2026, 2, day, hour).getTime();
  const times = [at(1, 23), at(4, 0), at(4, 23), at(5, 0), at(5, 9)];
  show(times.map((sentAtMs, number) => message(number, { sentAtMs })));
  const shown = [...host.querySelectorAll(".day, .m .t")].map((one) => one.textContent);
  expect(shown).toEqual([
    "Sunday 1 March",
    "message 0",
    "Yesterday",
    "message 1",
    "message 2",
    "Today",
    "message 3",
    "message 4",
  ]);
  show([message(0, { sentAtMs: TODAY_MS - 400 * 24 * HOUR_MS })]);
  expect(host.querySelector(".day")?.textContent).toBe("29 January 2025");
});

test("a message that was not sent is sent once more where it may go then, and nowhere else", () => {
  const sent: MessageView[] = [];
  const offered = (failure: DeliveryFailure | null, waitsFor: RowContext["waitsFor"] = "server") => {
    show([message(1, { state: "failed", failure })], { waitsFor, sendAgain: (one) => sent.push(one) });
    return [...host.querySelectorAll<HTMLButtonElement>(".st.bad button")];
  };
  const names = (buttons: readonly HTMLButtonElement[]) => buttons.map((one) => one.textContent?.trim());
  for (const failure of ["refused", "outside", null] as const)
    expect(names(offered(failure))).toEqual(["Copy", "Send again", "Delete"]);
  offered("refused")[1]?.click();
  expect(sent.map(({ text }) => text)).toEqual(["message 1"]);
  expect(names(offered("closed"))).toEqual(["Copy", "Delete"]);
  expect(names(offered("outside", "nothing"))).toEqual(["Copy", "Delete"]);
});
