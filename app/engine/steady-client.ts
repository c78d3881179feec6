/**
 * A `Client` that stays while the engine behind it changes: another tab takes over, the profile is locked and unlocked.
 *
 * A call waits a moment for the engine. When the engine goes while a call is on its way, nobody knows whether it was done:
 * what changes nothing by being done twice is asked again of the next one; a message that was being sent is looked for first
 * and sent only if it is not there (WB6); everything else answers `OwnerGone`.
 */
import {
  createClientEvents,
  type Client,
  type ClientError,
  type ClientEvent,
  type ConnectionStatus,
  err,
  type MessageView,
  ok,
  type Result,
} from "@dovetail/core";

/** The next engine may have to load beside a worker that hangs and takes a processor for itself. */
const WAIT_MS = 30_000;
const ATTEMPTS_MAX = 4;
/** How far back an own message is looked for. */
const LOOK_BACK_MESSAGES = 50;
/** The clock may be set back a little between a call and its message. */
const CLOCK_SLACK_MS = 2_000;
const STOPPED: ClientError = { type: "ClientStopped" };

export interface SteadyClient {
  readonly client: Client;
  /** The connected client of the present engine; null while there is none. */
  use(client: Client | null): void;
}

type Method = Exclude<keyof Client, "status" | "start" | "stop" | "onEvent">;

/** Reading, and setting something to a value: the same when done twice. */
const REPEATABLE: ReadonlySet<string> = new Set<Method>([
  "account",
  "recoveryWords",
  "confirmRecoveryWords",
  "keepForPasskey",
  "devices",
  "deviceFrontiers",
  "alarms",
  "acknowledgeAlarm",
  "deviceNotices",
  "setDisplayName",
  "setDeviceName",
  // The server answers a second deletion as it did the first.
  "deleteAccount",
  "sync",
  "contactLink",
  "contacts",
  "setPetname",
  "setContactNotes",
  "contactDetails",
  "safetyNumber",
  "verifyContact",
  "forgetVerification",
  "conversations",
  "rooms",
  "roomHappenings",
  "roomLinks",
  "roomDocuments",
  "revokeRoomLink",
  "messages",
  "exportMessages",
  "markRead",
  "setArchived",
  "setMuted",
  "setStarred",
  "starred",
  "draft",
  "drafts",
  "setDraft",
  "search",
  "tags",
  "deleteTag",
  "setTagged",
  "tagRules",
  "deleteTagRule",
  "fingerprint",
]);

interface Sending {
  readonly conversationId: MessageView["conversationId"];
  readonly text: string;
  readonly calledAtMs: number;
}

/** Starts without a client. */
export function createSteadyClient(): SteadyClient {
  const events = createClientEvents();
  const waiting = new Set<(client: Client) => void>();
  const ownMessageIds = new Set<string>();
  let present: Client | null = null;
  let stopListening: () => void = () => {};
  let lastSent: Promise<void> = Promise.resolve();
  let status: ConnectionStatus = {
    state: "connecting",
    sinceMs: Date.now(),
    lastError: null,
    pendingCount: 0,
  };

  function use(client: Client | null): void {
    if (client === present) return;
    stopListening();
    events.endProgress();
    stopListening = client?.onEvent(emit) ?? (() => {});
    present = client;
    if (client === null) {
      // What the engine that went last said of the server is no longer known.
      emit({
        type: "connection",
        status: { ...status, state: "connecting", sinceMs: Date.now(), lastError: null },
      });
      return;
    }
    for (const take of [...waiting]) take(client);
    emit({ type: "connection", status: client.status() });
    // What happened while nobody listened has to be read.
    emit({ type: "state" });
  }

  function emit(event: ClientEvent): void {
    if (event.type === "connection") {
      // An engine that ends is followed by another one: the page does not show it as the end.
      if (event.status.state === "stopped") return;
      status = event.status;
    }
    events.emit(event);
  }

  function whenPresent(): Promise<Client | null> {
    if (present !== null) return Promise.resolve(present);
    return new Promise((resolve) => {
      const take = (client: Client | null): void => {
        clearTimeout(timer);
        waiting.delete(take);
        resolve(client);
      };
      const timer = setTimeout(() => take(null), WAIT_MS);
      waiting.add(take);
    });
  }

  /** The port tells that the other side is gone a moment before the finder has the next one. */
  function leave(client: Client): void {
    if (present === client) use(null);
  }

  async function call(name: string, args: readonly unknown[]): Promise<Result<unknown, ClientError>> {
    for (let attempt = 1; ; attempt++) {
      const client = await whenPresent();
      if (client === null) return err(STOPPED);
      const result = await invoke(client, name, args);
      if (!isOwnerGone(result)) return result;
      leave(client);
      if (!REPEATABLE.has(name) || attempt === ATTEMPTS_MAX) return result;
    }
  }

  /** One after the other, so that a message that is looked for is never another one that is just being sent. */
  function send(
    conversationId: Sending["conversationId"],
    text: string,
  ): Promise<Result<MessageView, ClientError>> {
    const sent = lastSent.then(() => sendNow({ conversationId, text, calledAtMs: Date.now() }));
    // Only that it ended: a promise holds what it was fulfilled with.
    lastSent = sent.then(
      () => {},
      () => {},
    );
    return sent;
  }

  async function sendNow(sending: Sending): Promise<Result<MessageView, ClientError>> {
    const { conversationId, text } = sending;
    for (let attempt = 1; ; attempt++) {
      const client = await whenPresent();
      if (client === null) return err(STOPPED);
      const found = attempt === 1 ? ok(null) : await findWritten(client, sending);
      const result =
        found.ok && found.value === null ? await client.send(conversationId, text) : presentOf(found);
      if (result.ok) ownMessageIds.add(result.value.id);
      if (!isOwnerGone(result) || attempt === ATTEMPTS_MAX) return result;
      leave(client);
    }
  }

  /** The message a call has written whose answer was lost. WB6 */
  async function findWritten(
    client: Client,
    { conversationId, text, calledAtMs }: Sending,
  ): Promise<Result<MessageView | null, ClientError>> {
    const page = await client.messages(conversationId, { limit: LOOK_BACK_MESSAGES });
    if (!page.ok) return page;
    const found = page.value.messages.find(
      (message) =>
        message.isOwn &&
        message.text === text &&
        message.sentAtMs >= calledAtMs - CLOCK_SLACK_MS &&
        !ownMessageIds.has(message.id),
    );
    return ok(found ?? null);
  }

  const own: Partial<Client> = {
    status: () => status,
    // The engine connects by itself; this makes it try now.
    start: () => present?.start(),
    stop: async () => ok(),
    onEvent: events.onEvent,
    send,
  };
  // Every other method of `Client`, those to come too, is one that is called on the present engine's client.
  const client = new Proxy(own, {
    get(target, name) {
      if (typeof name !== "string" || name === "then") return undefined;
      return Reflect.get(target, name) ?? ((...args: readonly unknown[]) => call(name, args));
    },
  }) as Client;
  return { client, use };
}

/** The method is one of `Client`: the type of the proxy says so, and the service's table has it. */
async function invoke(
  client: Client,
  name: string,
  args: readonly unknown[],
): Promise<Result<unknown, ClientError>> {
  const method = Reflect.get(client, name) as (
    ...values: readonly unknown[]
  ) => Promise<Result<unknown, ClientError>>;
  return method(...args);
}

function isOwnerGone(result: Result<unknown, ClientError>): boolean {
  return !result.ok && result.error.type === "OwnerGone";
}

function presentOf(found: Result<MessageView | null, ClientError>): Result<MessageView, ClientError> {
  if (!found.ok) return found;
  return found.value === null ? err(STOPPED) : ok(found.value);
}
