/** What a notification's program gets: texts of others as data, whatever they hold and however long they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import type { MessageView } from "@dovetail/core";
import { composeNote } from "../../../cli/commands/notify.ts";
import { createCommandNotifier } from "../../../cli/platform/notifier.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const folder = createTemporaryFolder();
afterAll(() => {
  vi.unstubAllEnvs();
  folder.discard();
});

function messageOf(text: string, conversationId = "place"): MessageView {
  const of = { conversationId, author: "them", id: "op", device: "device" };
  return JSON.parse(JSON.stringify({ ...of, text, isOwn: false, sentAtMs: 0, state: "received" }));
}

test("a command reads names and texts in its environment, where no shell reads them, and no passphrase", async () => {
  vi.stubEnv("DOVETAIL_PASSPHRASE", "secret");
  const [told, ran] = [join(folder.path, "told"), join(folder.path, "ran")];
  const notifier = createCommandNotifier(
    `echo "$DOVETAIL_FROM|$DOVETAIL_TEXT|$DOVETAIL_PASSPHRASE" > ${told}`,
  );
  const from = `$(touch ${ran})"; touch ${ran}; \``;
  const note = composeNote(new Map([["place", from]]), [messageOf("$HOME `id`")], true);
  expect(await notifier.notify(note)).toMatchObject({ ok: true });
  expect(readFileSync(told, "utf8")).toBe(`${from}|$HOME \`id\`|\n`);
  expect(existsSync(ran)).toBe(false);
});

test("a text is in a note only when it is asked for", () => {
  const note = composeNote(new Map([["place", "Ada"]]), [messageOf("for nobody's screen")], false);
  expect(note).toEqual({
    title: "Ada",
    body: "1 new message",
    env: { DOVETAIL_FROM: "Ada", DOVETAIL_COUNT: "1" },
  });
});

test("the longest text and a thousand names fit what a system takes; what does not is a failure that is told", async () => {
  const names = new Map(Array.from({ length: 1_000 }, (_, at) => [`${at}`, "n".repeat(250) + at] as const));
  const longest = "\u001b".repeat(32_768);
  const news = [...names.keys()].map((place) => messageOf(place === "999" ? longest : "", place));
  const note = composeNote(names, news, true);
  expect(await createCommandNotifier("exit 0").notify(note)).toEqual({ ok: true, value: undefined });
  const tooLong = { ...note, env: { DOVETAIL_TEXT: "x".repeat(4_000_000) } };
  expect(await createCommandNotifier("exit 0").notify(tooLong)).toMatchObject({
    ok: false,
    error: { type: "NotifierFailed" },
  });
});
