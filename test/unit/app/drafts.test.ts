/** Where a text is that a person typed: in the draft, on its way, or a message; at no time nowhere. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type DraftClient, Drafts } from "../../../app/ui/session/drafts.ts";
import { Sender } from "../../../app/ui/session/echoes.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { MESSAGE_TEXT_BYTES_MAX } from "../../../core/base/limits.ts";
import { err, ok } from "../../../core/base/result.ts";
import type { ClientError } from "../../../core/client/client-error.ts";
import type { DraftView, MessageView } from "../../../core/client/views/conversation-view.ts";

const conversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));
const STOPPED: ClientError = { type: "ClientStopped" };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Drafts over what an engine keeps; `kept` is what it has, `fault` what it answers instead. */
function openDrafts() {
  const engine: { kept: string; fault: ClientError | null; beforeWrite: () => void } = {
    kept: "",
    fault: null,
    beforeWrite: () => {},
  };
  const view = (): DraftView => ({ conversationId, text: engine.kept, textCount: 1 }) as DraftView;
  const answer = <T>(value: () => T) => (engine.fault === null ? ok(value()) : err(engine.fault));
  const client: DraftClient = {
    draft: async () => answer(() => (engine.kept === "" ? null : view())),
    drafts: async () => answer(() => (engine.kept === "" ? [] : [view()])),
    setDraft: async (_id, text: string) => {
      engine.beforeWrite();
      if (engine.fault === null) engine.kept = text;
      return answer(() => undefined);
    },
  };
  const errors: ClientError[] = [];
  const drafts = new Drafts(
    client,
    (error) => errors.push(error),
    () => {},
  );
  const stored: string[] = [];
  const ends: ((isStored: boolean) => void)[] = [];
  const sender = new Sender(drafts, async (_id, text) => {
    const isStored = await new Promise<boolean>((resolve) => ends.push(resolve));
    if (isStored) stored.push(text);
    return isStored ? { value: { text } as MessageView } : null;
  });
  const echoed = () => sender.echoesOf(conversationId).waiting.map(({ text }) => text);
  const send = async (text: string) => {
    sender.send(conversationId, text);
    await vi.advanceTimersByTimeAsync(0);
  };
  const end = async (isStored: boolean) => {
    ends.shift()?.(isStored);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { drafts, engine, errors, stored, send, end, echoed, shown: () => drafts.textOf(conversationId) };
}

const pause = () => vi.advanceTimersByTimeAsync(1_000);

test("what is typed is only in the page until it is kept, and says so", async () => {
  const { drafts, engine, shown } = openDrafts();
  expect(drafts.isKept).toBe(true);
  drafts.set(conversationId, "On my way");
  expect([drafts.isKept, engine.kept, shown()]).toEqual([false, "", "On my way"]);
  await pause();
  expect([drafts.isKept, engine.kept, shown()]).toEqual([true, "On my way", "On my way"]);
});

test("[WB31] while a text is being stored its draft stays kept, and goes once it is a message", async () => {
  const { drafts, engine, send, end, shown, stored } = openDrafts();
  drafts.set(conversationId, "On my way");
  await pause();
  await send("On my way");
  await pause();
  expect([engine.kept, shown(), drafts.isKept]).toEqual(["On my way", "", false]);
  await end(true);
  expect([engine.kept, shown(), drafts.isKept]).toEqual(["", "", true]);
  expect(stored).toEqual(["On my way"]);
});

test("[WB31] a text is echoed before its draft is empty; refused, it stands above what was typed since", async () => {
  const { drafts, engine, send, end, shown, echoed } = openDrafts();
  await send("First");
  expect([echoed(), shown()]).toEqual([["First"], ""]);
  drafts.set(conversationId, "Typed on");
  await end(false);
  expect([echoed(), shown()]).toEqual([[], "First\n\nTyped on"]);
  await pause();
  expect(engine.kept).toBe("First\n\nTyped on");
});

test("several that are refused come back in their order, and one that was stored does not", async () => {
  const { send, end, shown, stored } = openDrafts();
  for (const text of ["One", "Two", "Three"]) await send(text);
  await end(false);
  await end(true);
  await end(false);
  expect([shown(), stored]).toEqual(["One\n\nThree", ["Two"]]);
});

test("what another device wrote is kept below what is typed, also where it is typed on in the midst of it", async () => {
  const { drafts, engine, shown } = openDrafts();
  drafts.set(conversationId, "Mine");
  engine.kept = "Theirs";
  engine.beforeWrite = () => {
    engine.beforeWrite = () => {};
    drafts.set(conversationId, `Mine, and more${shown().slice("Mine".length)}`);
  };
  await pause();
  await pause();
  expect([shown(), engine.kept]).toEqual(["Mine, and more\n\nTheirs", "Mine, and more\n\nTheirs"]);
});

test("what another device wrote while the answer was on its way is not lost to what is typed on", async () => {
  const { drafts, engine, shown } = openDrafts();
  drafts.set(conversationId, "Mine");
  engine.kept = "Theirs";
  const writing = drafts.flush();
  drafts.set(conversationId, "Mine, and more");
  await writing;
  await pause();
  expect([shown(), engine.kept]).toEqual(["Mine, and more\n\nTheirs", "Mine, and more\n\nTheirs"]);
});

test("two texts that are too long for one message together are both there: one shown below the other, theirs kept", async () => {
  const { drafts, engine, shown } = openDrafts();
  const theirs = "b".repeat(MESSAGE_TEXT_BYTES_MAX - 10);
  drafts.set(conversationId, "Mine, longer than what is left");
  engine.kept = theirs;
  await pause();
  expect(shown()).toBe(`Mine, longer than what is left\n\n${theirs}`);
  expect([engine.kept, drafts.isKept]).toEqual([theirs, false]);
  drafts.set(conversationId, "Mine alone");
  await pause();
  expect([engine.kept, drafts.isKept]).toEqual(["Mine alone", true]);
});

test("what no engine was there to keep is kept when there is one again; what it refuses is said", async () => {
  const { drafts, engine, errors, shown } = openDrafts();
  engine.fault = STOPPED;
  drafts.set(conversationId, "Typed meanwhile");
  await pause();
  expect([shown(), drafts.isKept, errors]).toEqual(["Typed meanwhile", false, []]);
  engine.fault = null;
  await drafts.read();
  await pause();
  expect([engine.kept, drafts.isKept]).toEqual(["Typed meanwhile", true]);
  engine.fault = { type: "StoreUnavailable", detail: "full" };
  drafts.set(conversationId, "No room");
  await pause();
  expect([shown(), engine.kept, errors.length]).toEqual(["No room", "Typed meanwhile", 1]);
});
