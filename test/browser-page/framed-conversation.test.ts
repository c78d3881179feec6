/** A conversation in a frame of another site's page, where what is clicked might be led astray and what is shown might be hidden. */
import type { Client, MessageView, RoomView } from "@dovetail/core";
import { afterEach, expect, test } from "vitest";
import { DtConversation } from "../../app/ui/conversation/dt-conversation.ts";
import { Session } from "../../app/ui/session/session.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { err, ok } from "../../core/base/result.ts";

const conversationId = idFromBytes("conversation", new Uint8Array(32).fill(1));
const message: MessageView = {
  id: idFromBytes("op", new Uint8Array(32).fill(2)),
  conversationId,
  author: idFromBytes("account", new Uint8Array(32).fill(3)),
  device: idFromBytes("device", new Uint8Array(16).fill(4)),
  isOwn: false,
  sentAtMs: 1,
  text: "Come early.",
  isRedacted: false,
  state: "received",
  failure: null,
  isStarred: false,
};
const room: RoomView = {
  ...{ id: conversationId, name: "Shop", about: "", lifetimeMs: null, history: null, earlier: null },
  ...{ state: "joined", role: "member", members: [], former: [], invitedBy: null, sinceMs: 1, pending: [] },
  ...{ messageCount: 1, unreadCount: 1, starredCount: 0, lastMessage: message, tagIds: [] },
  ...{ isArchived: false, isMuted: false, isOfTwo: false },
};

/** What was asked of the client to change anything. */
const changes: string[] = [];
const client = new Proxy({} as Partial<Client>, {
  get(_target, name) {
    if (name === "status") return () => ({ state: "online", sinceMs: 1, lastError: null, pendingCount: 0 });
    if (name === "onEvent") return () => () => {};
    if (name === "messages") return async () => ok({ messages: [message], older: null });
    if (name === "rooms") return async () => ok([room]);
    return async () => {
      if (["markRead", "deleteMessages", "redact"].includes(String(name))) changes.push(String(name));
      return err({ type: "ClientStopped" });
    };
  },
}) as Client;

/** Whether a person has clicked or typed in this page, as the browser would say. */
function setActive(hasBeenActive: boolean): void {
  Object.defineProperty(navigator, "userActivation", { configurable: true, value: { hasBeenActive } });
}

afterEach(() => {
  document.body.replaceChildren();
  Reflect.deleteProperty(navigator, "userActivation");
  changes.splice(0);
});

async function show(framed: boolean): Promise<DtConversation> {
  const session = new Session(client, () => {});
  const conversation = new DtConversation();
  Object.assign(conversation, { session, conversationId, framed });
  conversation.style.blockSize = "400px";
  document.body.append(conversation);
  await expect
    .poll(() => conversation.renderRoot.querySelector(".m .t")?.textContent)
    .toContain("Come early.");
  await conversation.updateComplete;
  return conversation;
}

test("[WB43] what is shown in a frame is read once a person was in it, and not before; elsewhere at once", async () => {
  setActive(false);
  await show(false);
  await expect.poll(() => changes).toContain("markRead");
  document.body.replaceChildren();
  changes.splice(0);
  const framed = await show(true);
  // As when it is looked at again, and as when views were read anew.
  document.dispatchEvent(new Event("visibilitychange"));
  framed.session.refresh();
  await expect.poll(() => framed.session.isLoaded).toBe(true);
  await new Promise((resolve) => requestAnimationFrame(resolve));
  expect(changes).toEqual([]);
  setActive(true);
  framed.dispatchEvent(new PointerEvent("pointerup"));
  expect(changes).toEqual(["markRead"]);
});

test("[WB44] in a frame no message is deleted, by the key for it either: that is done elsewhere", async () => {
  const framed = await show(true);
  let elsewhere = 0;
  framed.addEventListener("dt-elsewhere", () => {
    elsewhere += 1;
  });
  const row = framed.renderRoot.querySelector<HTMLElement>(".m");
  row?.dispatchEvent(new KeyboardEvent("keydown", { key: "Delete", bubbles: true, composed: true }));
  await framed.updateComplete;
  expect(elsewhere).toBe(1);
  expect(framed.renderRoot.querySelector("dt-delete-message")).toBe(null);
});
