import { expect, test } from "vitest";
import { createSteadyClient } from "../../../app/engine/steady-client.ts";
import { idFromBytes } from "../../../core/base/ids.ts";
import { createPlatformRandom } from "../../../core/base/random.ts";
import { err, ok } from "../../../core/base/result.ts";
import type { Client, ClientEvent } from "../../../core/client/client.ts";
import type { MessageView } from "../../../core/client/views/conversation-view.ts";

const random = createPlatformRandom();
const conversationId = idFromBytes("conversation", random.bytes(32));
const GONE = err({ type: "OwnerGone" as const });

function messageOf(text: string): MessageView {
  return {
    id: idFromBytes("op", random.bytes(32)),
    conversationId,
    author: idFromBytes("account", random.bytes(32)),
    isOwn: true,
    device: idFromBytes("device", random.bytes(16)),
    sentAtMs: Date.now(),
    text,
    state: "kept",
    isStarred: false,
  } as MessageView;
}

/** What two engines, one after the other, have stored; and a client of one of them. */
function clientOver(stored: MessageView[], changes: Partial<Client> = {}): Client {
  const client: Partial<Client> = {
    status: () => ({ state: "online", sinceMs: 0, lastError: null, pendingCount: 0 }),
    onEvent: () => () => {},
    send: async (_id, text) => {
      const message = messageOf(text);
      stored.unshift(message);
      return ok(message);
    },
    messages: async () => ok({ messages: [...stored], older: null }),
    ...changes,
  };
  return client as Client;
}

/** A client whose engine goes while `send` runs, before or after the message is stored. */
function dyingClient(stored: MessageView[], isStoredFirst: boolean, next: () => void): Client {
  return clientOver(stored, {
    send: async (_id, text) => {
      if (isStoredFirst) stored.unshift(messageOf(text));
      setTimeout(next, 0);
      return GONE;
    },
  });
}

test.each([true, false])(
  "[WB6] a message whose answer is lost is there once (stored before: %s)",
  async (isStored) => {
    const stored: MessageView[] = [];
    const steady = createSteadyClient();
    steady.use(dyingClient(stored, isStored, () => steady.use(clientOver(stored))));
    const sent = await steady.client.send(conversationId, "hello");
    expect(sent.ok).toBe(true);
    expect(stored.map(({ text }) => text)).toEqual(["hello"]);
    expect(sent.ok && sent.value.id).toBe(stored[0]?.id);
  },
);

test("[WB6] the same text sent twice at once is there twice, whatever was stored before the engine went", async () => {
  for (const isStored of [true, false]) {
    const stored: MessageView[] = [];
    const steady = createSteadyClient();
    steady.use(dyingClient(stored, isStored, () => steady.use(clientOver(stored))));
    const both = await Promise.all([
      steady.client.send(conversationId, "ok"),
      steady.client.send(conversationId, "ok"),
    ]);
    expect(both.map(({ ok: isOk }) => isOk)).toEqual([true, true]);
    expect(stored.length).toBe(2);
    expect(new Set(both.map((sent) => sent.ok && sent.value.id)).size).toBe(2);
  }
});

test("an older message with the same text is not taken for the one that is being sent", async () => {
  const stored = [{ ...messageOf("again"), sentAtMs: Date.now() - 60_000 }];
  const steady = createSteadyClient();
  steady.use(dyingClient(stored, false, () => steady.use(clientOver(stored))));
  expect((await steady.client.send(conversationId, "again")).ok).toBe(true);
  expect(stored.length).toBe(2);
});

test("reading is asked of the next engine; what must not be done twice is answered OwnerGone", async () => {
  const steady = createSteadyClient();
  const next = clientOver([], { tags: async () => ok([]) });
  const goes = async () => {
    setTimeout(() => steady.use(next), 0);
    return GONE;
  };
  steady.use(clientOver([], { tags: goes }));
  expect(await steady.client.tags()).toEqual(ok([]));
  steady.use(clientOver([], { createTag: goes }));
  expect(await steady.client.createTag("work")).toEqual(GONE);
});

test("a change of engine is told as a change of state, and the end of one is not shown as the end", () => {
  const steady = createSteadyClient();
  const events: ClientEvent["type"][] = [];
  steady.client.onEvent(({ type }) => events.push(type));
  let emit: (event: ClientEvent) => void = () => {};
  const client = clientOver([], {
    onEvent: (listener) => {
      emit = listener;
      return () => {};
    },
  });
  steady.use(client);
  expect(events).toEqual(["connection", "state"]);
  expect(steady.client.status().state).toBe("online");
  emit({
    type: "connection",
    status: { state: "stopped", sinceMs: 0, lastError: { type: "OwnerGone" }, pendingCount: 0 },
  });
  expect(steady.client.status().state).toBe("online");
});
