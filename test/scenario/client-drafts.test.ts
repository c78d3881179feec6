/** Drafts on several devices. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MESSAGE_TEXT_BYTES_MAX } from "../../core/base/limits.ts";
import { bad, engineReady, good, linkedDevice } from "../support/client-world.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { createFriends, expectSameState, settle, stopAll } from "../support/story.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

describe("drafts", () => {
  const folder = createTemporaryFolder();
  let server: ServerProcess;

  beforeAll(async () => {
    await engineReady();
    server = await startServer(folder.path);
  });
  afterAll(async () => {
    await server.stop();
    folder.discard();
  });

  test("[DC40] are on all devices of a person and nobody else's, and none is lost", async () => {
    const { ada, ben, conversationId } = await createFriends(server.origin, ["ada", "ben"]);
    const phone = await linkedDevice(ada.client, "phone");
    expect(good(await ada.client.draft(conversationId))).toBeNull();
    good(await ada.client.setDraft(conversationId, "Dear Ben"));
    await settle(ada, phone, ben);
    expect(good(await phone.client.draft(conversationId))).toMatchObject({ text: "Dear Ben", textCount: 1 });
    expect(good(await ben.client.drafts())).toEqual([]);

    good(await ada.client.setDraft(conversationId, "Dear Ben, about Sunday"));
    good(await phone.client.setDraft(conversationId, "Never mind"));
    await settle(ada, phone);
    for (const device of [ada, phone])
      expect(good(await device.client.drafts())).toMatchObject([
        {
          conversationId,
          contact: { name: "ben" },
          text: "Dear Ben, about Sunday\n\nNever mind",
          textCount: 2,
        },
      ]);
    await expectSameState(ada, phone);

    good(await phone.client.setDraft(conversationId, ""));
    await settle(ada, phone);
    expect(good(await ada.client.draft(conversationId))).toBeNull();

    const text = "x".repeat(MESSAGE_TEXT_BYTES_MAX);
    good(await ada.client.setDraft(conversationId, text));
    expect(bad(await ada.client.setDraft(conversationId, `${text}x`))).toMatchObject({
      type: "MessageTooLong",
    });
    await stopAll(ada, phone, ben);
  });
});
