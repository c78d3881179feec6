/** An alarm that comes while a person types, in a real page: nothing that is typed goes to it, and no key reads it for them. */
import type { AlarmView } from "@dovetail/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import type { Session } from "../../app/ui/session/session.ts";
import { DtAlarm } from "../../app/ui/shell/dt-alarm.ts";

const alarmOf = (id: string): AlarmView =>
  ({
    id,
    alarm: { type: "RowsMended", rows: 1 },
    latest: { type: "RowsMended", rows: 1 },
    contact: null,
    disagreements: [],
    count: 1,
    rules: [],
    raisedAtMs: 1,
    seenAtMs: 1,
    acknowledgedAtMs: null,
    resolvedAtMs: null,
  }) as unknown as AlarmView;

// Only the clock of the pause: the page's own events run as they do.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => {
  vi.useRealTimers();
  document.body.replaceChildren();
});

/** A field that somebody may type in, and the alarms of a session over it. */
async function openPage() {
  const state = { unreadAlarms: [] as readonly AlarmView[] };
  let tell: () => void = () => {};
  const read: string[] = [];
  const raise = async (...ids: readonly string[]) => {
    state.unreadAlarms = ids.map(alarmOf);
    tell();
    await element.updateComplete;
  };
  const session = {
    get unreadAlarms() {
      return state.unreadAlarms;
    },
    views: { contacts: [] },
    client: {
      acknowledgeAlarm: (id: string) => {
        read.push(id);
        return raise(...state.unreadAlarms.map((one) => one.id).filter((one) => one !== id));
      },
    },
    tried: (acting: Promise<unknown>) => acting,
    onChange: (listener: () => void) => {
      tell = listener;
      return () => {};
    },
  };
  const element = new DtAlarm();
  element.session = session as unknown as Session;
  const host = document.createElement("div");
  const field = document.createElement("textarea");
  host.attachShadow({ mode: "open" }).append(field);
  document.body.append(host, element);
  await element.updateComplete;
  const dialog = () => element.renderRoot.querySelector("dialog");
  const focused = () => element.shadowRoot?.activeElement ?? host.shadowRoot?.activeElement ?? null;
  const pass = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    await element.updateComplete;
  };
  return { raise, read, field, dialog, focused, pass };
}

test("[WB32] waits for a pause in the typing, so that what is typed stays in its field", async () => {
  const { raise, field, dialog, pass } = await openPage();
  field.focus();
  await userEvent.keyboard("Half a");
  await raise("1");
  expect(dialog()).toBeNull();
  await pass(900);
  await userEvent.keyboard(" word");
  await pass(900);
  expect([dialog(), field.value]).toEqual([null, "Half a word"]);
  await pass(100);
  expect(dialog()?.open).toBe(true);
});

test("[WB32] is read by its button alone, each by itself, and gives the focus back to where one typed", async () => {
  const { raise, read, field, dialog, focused, pass } = await openPage();
  field.focus();
  await userEvent.keyboard("Half ");
  await pass(2_000);
  await raise("1", "2");
  expect(focused()?.id).toBe("title");
  await userEvent.keyboard("{Enter} x{Escape}");
  expect([read, dialog()?.open]).toEqual([[], true]);
  for (const id of ["1", "2"]) {
    expect(focused()?.id).toBe("title");
    await userEvent.keyboard("{Tab}{Enter}");
    await pass(0);
    expect(read.at(-1)).toBe(id);
  }
  expect([dialog(), focused()]).toEqual([null, field]);
  await userEvent.keyboard("a word");
  expect(field.value).toBe("Half a word");
});
