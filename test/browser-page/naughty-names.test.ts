/** The published naughty strings as names that people give themselves, rooms and tags, drawn by the app's own screens. */
import type { Client, ConversationId, RoomMemberView, RoomView, TagView } from "@dovetail/core";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import type { Engine } from "../../app/engine/engine.ts";
import { DtConversation } from "../../app/ui/conversation/dt-conversation.ts";
import { goTo, type Route } from "../../app/ui/session/route.ts";
import { Session } from "../../app/ui/session/session.ts";
import { DtShell } from "../../app/ui/shell/dt-shell.ts";
import { idFromBytes } from "../../core/base/ids.ts";
import { DISPLAY_NAME_BYTES_MAX, ROOM_NAME_BYTES_MAX, TAG_NAME_BYTES_MAX } from "../../core/base/limits.ts";
import { err, ok } from "../../core/base/result.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Empty where the list is not on the machine. */
    naughtyStrings: readonly string[];
  }
}

const ATTACKS = [
  '<img src=x onerror="globalThis.ran=1">',
  "<script>globalThis.ran=1</script>",
  "{{globalThis.ran=1}}",
];
const NAMES = [...new Set([...ATTACKS, ...inject("naughtyStrings")])].filter(
  (one) => one.trim() !== "" && one.isWellFormed(),
);
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
const within = (bytesMax: number): readonly string[] => NAMES.filter((one) => bytesOf(one) <= bytesMax);
const numbered = (number: number, length = 32): Uint8Array =>
  new Uint8Array(length).map((_, at) => [number, number >> 8][at] ?? 7);

const self = idFromBytes("account", numbered(60_000));
const member = (name: string, number: number): RoomMemberView => ({
  accountId: number === 0 ? self : idFromBytes("account", numbered(number)),
  name,
  role: "member",
  isSelf: number === 0,
  mutedUntilMs: null,
});
const idOf = (number: number): ConversationId => idFromBytes("conversation", numbered(number));

function room(name: string, number: number): RoomView {
  return {
    id: idOf(number),
    name,
    isOfTwo: false,
    about: name,
    lifetimeMs: null,
    history: null,
    earlier: null,
    state: "joined",
    role: "admin",
    members: number === 0 ? ["Nora", ...within(DISPLAY_NAME_BYTES_MAX)].map(member) : [member("Nora", 0)],
    former: [],
    invitedBy: null,
    sinceMs: number,
    pending: [],
    messageCount: 0,
    unreadCount: 0,
    starredCount: 0,
    lastMessage: null,
    tagIds: [],
    isArchived: false,
    isMuted: false,
  };
}

/** What a client says of an account that is called `displayName`, in these rooms and with these tags. */
function clientCalled(displayName: string, rooms: readonly string[], tagNames: readonly string[]): Client {
  const account = {
    ...{ accountId: self, deviceId: idFromBytes("device", numbered(1, 16)), origin: "https://one.example" },
    ...{ handle: null, displayName, epoch: 1, chainSeq: 1 },
  };
  const tags = tagNames.map((name, number): TagView => ({ id: String(number), name, conversationCount: 0 }));
  const lists: Readonly<Record<string, readonly unknown[]>> = {
    ...{ devices: [], conversations: [], contacts: [], tagRules: [], alarms: [], drafts: [], tags },
    ...{ roomHappenings: [], roomLinks: [], roomDocuments: [] },
    rooms: rooms.map(room),
  };
  const known: Partial<Client> = {
    status: () => ({ state: "online", sinceMs: 1, lastError: null, pendingCount: 0 }),
    onEvent: () => () => {},
    account: async () => ok(account),
    messages: async () => ok({ messages: [], older: null }),
  };
  return new Proxy(known, {
    get: (target, name) =>
      Reflect.get(target, name) ??
      (async () =>
        lists[String(name)] === undefined ? err({ type: "ClientStopped" }) : ok(lists[String(name)])),
  }) as Client;
}

const engine: Partial<Engine> = {
  state: () => ({
    type: "ready",
    protection: { hasPassphrase: false, hasPasskey: false } as never,
    role: "leader",
  }),
  onState: () => () => {},
  hasPasskeys: async () => false,
};

beforeEach(() => void Reflect.deleteProperty(globalThis, "ran"));
afterEach(() => {
  document.body.replaceChildren();
  expect(Reflect.get(globalThis, "ran")).toBeUndefined();
});

async function shellOf(displayName: string, rooms: readonly string[] = [], tags: readonly string[] = []) {
  const session = new Session(clientCalled(displayName, rooms, tags), () => {});
  const shell = new DtShell();
  Object.assign(shell, { session, engine });
  document.body.append(shell);
  await expect.poll(() => session.isLoaded).toBe(true);
  const go = async (route: Partial<Route>) => {
    goTo(window, route);
    await settled(document.body);
  };
  await settled(document.body);
  return { session, shell, go };
}

/** Waits until all that stands in `root` has been drawn. */
async function settled(root: ParentNode): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const one of deepAll(root)) await Reflect.get(one, "updateComplete");
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Every element in `root`, in shadow roots too. */
function deepAll(root: ParentNode): readonly Element[] {
  const all = [...root.querySelectorAll("*")];
  return all.flatMap((one) => (one.shadowRoot === null ? [one] : [one, ...deepAll(one.shadowRoot)]));
}

/** The texts of all `selector` that the elements called `host` draw. */
const textsIn = (root: ParentNode, host: string, selector: string): readonly string[] =>
  deepAll(root)
    .filter((one) => one.matches(host))
    .flatMap((one) => [...(one.shadowRoot?.querySelectorAll(selector) ?? [])])
    .map((one) => one.textContent ?? "");

/** Nothing of a name has become a part of the page. */
function expectNoMarkup(root: ParentNode): void {
  const parts = 'img, script, iframe, object, embed, style, svg:not([aria-hidden], [role="img"]), bdi *';
  const found = deepAll(root).filter(
    (one) => one.matches(parts) || one.getAttributeNames().some((name) => /^on/.test(name)),
  );
  expect(found.map((one) => one.outerHTML.slice(0, 120))).toEqual([]);
}

test("as names of rooms and of people in one, each stands as it is in the list, over its messages and in its details", async () => {
  const { shell, go, session } = await shellOf("Nora", within(ROOM_NAME_BYTES_MAX));
  expect(textsIn(document.body, "dt-inbox", "a.row .nm bdi").toSorted()).toEqual(
    within(ROOM_NAME_BYTES_MAX).toSorted(),
  );
  expectNoMarkup(document.body);
  await go({ section: "inbox", conversationId: idOf(0) });
  shell.layer = "details";
  await settled(document.body);
  expect(textsIn(document.body, "dt-room-member", "b bdi").toSorted()).toEqual(
    within(DISPLAY_NAME_BYTES_MAX).toSorted(),
  );
  expectNoMarkup(document.body);
  shell.remove();
  const open = new DtConversation();
  Object.assign(open, { session });
  document.body.append(open);
  for (const [number, name] of within(ROOM_NAME_BYTES_MAX).entries()) {
    open.conversationId = idOf(number);
    await open.updateComplete;
    expect(open.shadowRoot?.querySelector("h2 bdi")?.textContent).toBe(name);
  }
  expectNoMarkup(document.body);
  session.close();
});

test("as names of tags, each stands as it is beside the list and where tags are made", async () => {
  const { go, session } = await shellOf("Nora", [], within(TAG_NAME_BYTES_MAX));
  await go({ section: "tags" });
  for (const [host, place] of [
    ["dt-nav", ".tags a bdi"],
    ["dt-tags", "ul.rows li bdi"],
  ] as const)
    expect(textsIn(document.body, host, place).toSorted()).toEqual(within(TAG_NAME_BYTES_MAX).toSorted());
  expectNoMarkup(document.body);
  session.close();
});

test("as one's own name, each stands as it is in the frame and in the field that changes it", async () => {
  goTo(window, { section: "settings" });
  const [first = "", ...others] = within(DISPLAY_NAME_BYTES_MAX);
  const { session } = await shellOf(first);
  for (const name of [first, ...others]) {
    const { views } = session;
    if (views.account === null) throw new Error("it has been read");
    session.views = { ...views, account: { ...views.account, displayName: name } };
    session.drafts.set(idOf(0), name);
    await settled(document.body);
    expect(textsIn(document.body, "dt-nav", ".acct bdi")).toEqual([name]);
    const field = deepAll(document.body).find((one) => one.matches("#name"));
    expect(field instanceof HTMLInputElement && field.value).toBe(name.replace(/[\r\n]/g, ""));
    expectNoMarkup(document.body);
  }
  session.close();
});
