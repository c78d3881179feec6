/**
 * One device of the demo: a real client on a real profile folder, told what to do by lines on standard input.
 *
 * `node device-process.ts <home> <profile>`. It ends when its input does, so it never outlives the demo.
 */
import { createInterface } from "node:readline";
import process from "node:process";
import {
  assert,
  type Client,
  createAccount,
  createWebConnector,
  err,
  joinAccount,
  type LinkingGuest,
  type LinkingHost,
  ok,
  openClient,
  parseId,
  type Platform,
  present,
  type Result,
} from "@dovetail/core";
import { createNodePlatform } from "../platform/node-platform.ts";
import { prepareEngine } from "../platform/prepare-engine.ts";
import { openProfile, type Profile } from "../platform/profile-folder.ts";
import type {
  DeviceFailure,
  DeviceLine,
  DeviceMethod,
  DeviceParams,
  DeviceRequest,
  DeviceValue,
  TranscriptMessage,
} from "./device-protocol.ts";
import { createNetworkSwitch } from "./network-switch.ts";

type Handlers = {
  readonly [M in DeviceMethod]: (params: DeviceParams<M>) => Promise<Result<DeviceValue<M>, DeviceFailure>>;
};

const TRANSCRIPT_PAGE = 500;

const [home = "", name = ""] = process.argv.slice(2);
const network = createNetworkSwitch(createWebConnector());
let client: Client | null = null;
let guest: LinkingGuest | null = null;
let host: LinkingHost | null = null;

await main();

async function main(): Promise<void> {
  const opened = await openProfile({ home, name }, { create: true });
  assert(opened.ok, "a fresh profile of the demo opens");
  const profile: Profile = opened.value;
  const created = createNodePlatform(profile, { connector: network.connector });
  assert(created.ok, "the store of a fresh profile opens");
  await prepareEngine();
  const handlers = createHandlers(created.value);
  write({ type: "ready" });
  for await (const line of createInterface({ input: process.stdin })) {
    // Requests are answered in any order: waiting for digits must not keep others waiting.
    void serve(handlers, JSON.parse(line) as DeviceRequest);
  }
  await client?.stop();
  profile.release();
  process.exit(0);
}

function write(line: DeviceLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function serve<M extends DeviceMethod>(
  handlers: Handlers,
  { id, method, params }: DeviceRequest<M>,
): Promise<void> {
  try {
    const result = await handlers[method](params);
    write(
      result.ok
        ? { type: "answer", id, value: result.value ?? null }
        : { type: "failure", id, error: result.error },
    );
  } catch (thrown) {
    const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    write({ type: "failure", id, error: { type: "DeviceBroken", detail } });
  }
}

function use(opened: Client): Client {
  client = opened;
  opened.onEvent((event) => {
    if (event.type === "alarm") write({ type: "alarm", alarm: event.alarm });
  });
  opened.start();
  return opened;
}

function current(): Client {
  return present(client, "the device has an account");
}

function accountIdOf(text: string) {
  const id = parseId("account", text);
  assert(id.ok, "the demo passes on ids it was given");
  return id.value;
}

function conversationIdOf(text: string) {
  const id = parseId("conversation", text);
  assert(id.ok, "the demo passes on ids it was given");
  return id.value;
}

async function nothing<E>(doing: Promise<Result<unknown, E>>): Promise<Result<null, E>> {
  const done = await doing;
  return done.ok ? ok(null) : done;
}

function createHandlers(platform: Platform): Handlers {
  return {
    async createAccount(params) {
      const created = await createAccount(platform, { ...params, invitation: null });
      if (!created.ok) return created;
      const account = await use(created.value.client).account();
      if (!account.ok) return account;
      const { accountId, deviceId } = account.value;
      return ok({ accountId, deviceId, recoveryWords: created.value.recoveryWords });
    },
    async join(params) {
      const joined = await joinAccount(platform, params);
      if (!joined.ok) return joined;
      guest = joined.value;
      return ok({ accountName: guest.accountName });
    },
    acceptJoin: () => present(guest, "joining has begun").accept(),
    async finishJoin() {
      const linked = await present(guest, "joining has begun").whenLinked();
      if (!linked.ok) return linked;
      const opened = await openClient(platform);
      if (!opened.ok) return opened;
      use(present(opened.value, "a linked profile has an account"));
      return linked;
    },
    async hostLink() {
      const hosting = await current().linkDevice();
      if (!hosting.ok) return hosting;
      host = hosting.value;
      return ok({ code: host.code });
    },
    awaitAnswer: () => present(host, "linking has begun").whenAnswered,
    confirmLink: ({ digits }) => present(host, "linking has begun").confirm(digits),
    async setNetwork({ isOn }) {
      network.setOn(isOn);
      return ok(null);
    },
    sync: () => current().sync(),
    contactLink: () => current().contactLink(),
    addContact: ({ address, ...options }) => current().addContact(address, options),
    contacts: () => current().contacts(),
    acceptContact: ({ accountId }) => current().acceptContact(accountIdOf(accountId)),
    setPetname: ({ accountId, petname }) => nothing(current().setPetname(accountIdOf(accountId), petname)),
    safetyNumber: ({ accountId }) => current().safetyNumber(accountIdOf(accountId)),
    conversations: () => current().conversations(),
    async sendTexts({ conversationId, texts }) {
      for (const text of texts) {
        const sent = await current().send(conversationIdOf(conversationId), text);
        if (!sent.ok) return sent;
      }
      return ok({ sent: texts.length });
    },
    transcript: ({ conversationId }) => readTranscript(conversationId),
    star: ({ conversationId, messageId }) => {
      const id = parseId("op", messageId);
      assert(id.ok, "the demo passes on ids it was given");
      return nothing(
        current().setStarred({ conversationId: conversationIdOf(conversationId), id: id.value }, true),
      );
    },
    setArchived: ({ conversationId, isArchived }) =>
      nothing(current().setArchived(conversationIdOf(conversationId), isArchived)),
    markRead: ({ conversationId }) => nothing(current().markRead(conversationIdOf(conversationId))),
    createTag: ({ name: tagName }) => current().createTag(tagName),
    tags: () => current().tags(),
    setTagged: ({ conversationId, tagId }) =>
      nothing(current().setTagged(conversationIdOf(conversationId), tagId, true)),
    createTagRule: ({ accountId, tagId }) => nothing(current().createTagRule(accountIdOf(accountId), tagId)),
    fingerprint: () => current().fingerprint(),
    stop: () => nothing(current().stop()),
  };
}

async function readTranscript(
  conversationId: string,
): Promise<Result<readonly TranscriptMessage[], DeviceFailure>> {
  const id = parseId("conversation", conversationId);
  if (!id.ok) return err({ type: "UnknownConversation" });
  const messages: TranscriptMessage[] = [];
  for (let before: string | null | undefined; before !== null; ) {
    const page = await current().messages(id.value, {
      limit: TRANSCRIPT_PAGE,
      ...(before === undefined ? {} : { before }),
    });
    if (!page.ok) return page;
    messages.push(
      ...page.value.messages.map(({ id: messageId, author, device, text, isStarred }) => ({
        id: messageId,
        author,
        device,
        text,
        isStarred,
      })),
    );
    before = page.value.older;
  }
  return ok(messages.reverse());
}
