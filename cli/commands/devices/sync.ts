/** `dovetail sync`: send and fetch once, or stay and show what comes. */
import type { Command } from "commander";
import {
  type Client,
  type ClientEvent,
  type ConnectionStatus,
  type ContactView,
  err,
  ok,
  type Result,
  type RoomView,
  type SyncReport,
  unreachable,
} from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandBody, CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { describeAlarm, exitCodeOfAlarms } from "../../errors/alarm-text.ts";
import type { CliError } from "../../errors/command-error.ts";
import { describeError } from "../../errors/error-text.ts";
import { describeInvitation, describeNotice, describeRequest } from "../../errors/notice-text.ts";
import { count } from "../../errors/error-words.ts";
import { EXIT } from "../../errors/exit-code.ts";
import { METRICS_LISTEN_HELP, metricsListenOf } from "../../metrics-listen.ts";
import { localTime } from "../../output/local-time.ts";
import type { Output } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { showProgress } from "../../output/progress.ts";
import { LABEL_BY_PHASE, syncWithProgress } from "../../send-off.ts";
import { TRACE_ENDPOINT_HELP, traceEndpointOf } from "../../trace-endpoint.ts";
import { createDirectTeller } from "./direct.ts";
import { addExamples } from "../examples.ts";
import { describeFrontiers, layOutFrontiers } from "./frontier-table.ts";
import { layOutMessage } from "../inbox/inbox-layout.ts";

export function addSyncCommand(program: Command, run: RunCommand): void {
  const sync = program
    .command("sync")
    .description("send what waits and fetch what is there")
    .option("--verify", "then show which of your devices holds what, by its own signed word")
    .option("--watch", "stay connected and show what comes, until Ctrl-C")
    .option("--trace-endpoint <url>", TRACE_ENDPOINT_HELP)
    .option("--metrics-listen <address>", METRICS_LISTEN_HELP)
    .action((options: SyncOptions, command: Command) => run(command, bodyOf(options)));
  addExamples(sync, [
    ["dovetail sync", "once"],
    [
      "dovetail sync --verify",
      "then show what each of your devices lacks; exit code 11 when one lacks something",
    ],
    ["dovetail sync --watch", "stay, print messages as they come, and serve other dovetail commands"],
    ["dovetail sync --watch --json", "the same for programs: one event a line"],
    [
      "dovetail sync --watch --metrics-listen 127.0.0.1:9465",
      "stay, and tell programs of this machine how it does",
    ],
  ]);
}

interface SyncOptions {
  readonly watch?: boolean;
  readonly verify?: boolean;
  readonly traceEndpoint?: string;
  readonly metricsListen?: string;
}

function bodyOf(options: SyncOptions): CommandBody {
  const forOneThatStays =
    options.traceEndpoint !== undefined
      ? "--trace-endpoint"
      : options.metricsListen !== undefined
        ? "--metrics-listen"
        : null;
  if (options.watch !== true && forOneThatStays !== null) return async () => err(notOnce(forOneThatStays));
  if (options.watch !== true) return options.verify === true ? syncAndVerify : syncOnce;
  if (options.verify !== true) return (context) => watch(context, options);
  return async () =>
    err({
      type: "Usage",
      message: "--verify looks once, and --watch stays",
      hint: "leave one of the two out",
    });
}

async function syncAndVerify(context: CommandContext): Promise<Result<Outcome, CliError>> {
  if (context.isOffline) return err(OFFLINE);
  return withClient(context, async (client) => {
    const synced = await syncWithProgress(context, client, ["notice"]);
    if (!synced.ok) return synced;
    const report = await client.deviceFrontiers();
    if (!report.ok) return report;
    const asked = await askedLines(client);
    if (!asked.ok) return asked;
    const ofAlarms = exitCodeOfAlarms(synced.value.alarms);
    const exitCode = ofAlarms === EXIT.ok && !report.value.isSynced ? EXIT.incomplete : ofAlarms;
    return ok({
      json: { sync: synced.value, frontiers: report.value },
      text: (page) => [...layOutFrontiers(report.value, page), ""],
      messages: [describeSync(synced.value), ...asked.value, describeFrontiers(report.value)],
      exitCode,
    });
  });
}

function notOnce(option: string): CliError {
  return {
    type: "Usage",
    message: `${option} is for a process that stays`,
    hint: "add --watch, or use dovetail daemon start",
  };
}

const OFFLINE: CliError = {
  type: "Usage",
  message: "sync asks the server, and --offline forbids it",
  hint: "leave one of the two out",
};

async function syncOnce(context: CommandContext): Promise<Result<Outcome, CliError>> {
  if (context.isOffline) return err(OFFLINE);
  return withClient(context, async (client) => {
    const synced = await syncWithProgress(context, client, ["notice"]);
    if (!synced.ok) return synced;
    const asked = await askedLines(client);
    if (!asked.ok) return asked;
    return ok({
      json: { sync: synced.value },
      messages: [describeSync(synced.value), ...asked.value],
      exitCode: exitCodeOfAlarms(synced.value.alarms),
    });
  });
}

/** Who asks for what, and waits for an answer: who asked just now, too. */
async function askedLines(client: Client): Promise<Result<readonly string[], CliError>> {
  const people = await loadPeople(client);
  if (!people.ok) return people;
  return ok([
    ...people.value.contacts.filter(({ state }) => state === "incoming").map(describeRequest),
    ...invitationsIn(people.value).map(({ line }) => line),
  ]);
}

function describeSync({ receivedMessages, sentMessages, waitingMessages }: SyncReport): string {
  const waiting =
    waitingMessages === 0
      ? "nothing waits"
      : `${count(waitingMessages, "message")} ${waitingMessages === 1 ? "waits" : "wait"} for the other side`;
  return `${count(receivedMessages, "message")} came, ${sentMessages.toLocaleString("en")} went, ${waiting}.`;
}

async function watch(
  context: CommandContext,
  { traceEndpoint, metricsListen }: SyncOptions,
): Promise<Result<Outcome, CliError>> {
  const traces = traceEndpointOf(traceEndpoint, context.env);
  if (!traces.ok) return traces;
  const metrics = metricsListenOf(metricsListen, context.env);
  if (!metrics.ok) return metrics;
  const body = async (client: Client): Promise<Result<Outcome, CliError>> => {
    const people = await loadPeople(client);
    if (!people.ok) return people;
    const names = new Map(namesIn(people.value));
    const tellInvitations = createInvitationTeller(context.output);
    const lost: LostAt = { sinceMs: null };
    const ended = Promise.withResolvers<Result<Outcome, CliError>>();
    const tellDirect = createDirectTeller(client, context.output);
    const take = (event: ClientEvent): void => {
      if (context.output.isJson) context.output.stream({ event });
      else if (event.type === "direct") tellDirect(event);
      else showEvent(context.output, names, lost, event);
      const end = endOfWatch(event);
      if (end !== null) ended.resolve(err(end));
      if (event.type === "state")
        void loadPeople(client).then((fresh) => {
          if (!fresh.ok) return;
          names.clear();
          for (const [id, name] of namesIn(fresh.value)) names.set(id, name);
          tellInvitations(fresh.value);
        });
    };
    const stopListening = client.onEvent(take);
    const interrupt = (): void =>
      ended.resolve(ok({ json: { event: { type: "stopped" } }, messages: ["Stopped."] }));
    if (context.interrupted.aborted) interrupt();
    context.interrupted.addEventListener("abort", interrupt, { once: true });
    tellInvitations(people.value);
    client.start();
    // Where another process has the profile there may be a connection already, of which no event tells.
    if (client.status().state === "online") take({ type: "connection", status: client.status() });
    const result = await ended.promise;
    stopListening();
    return result;
  };
  return withClient({ ...context, interrupted: new AbortController().signal }, body, {
    isServing: true,
    traceEndpoint: traces.value,
    metricsListen: metrics.value,
  });
}

/** What makes staying connected pointless; null for all else. */
export function endOfWatch(event: ClientEvent): CliError | null {
  if (
    event.type === "alarm" &&
    (event.alarm.type === "DeviceRevoked" || event.alarm.type === "DeviceRolledBack")
  )
    return event.alarm;
  const lastError = event.type === "connection" ? event.status.lastError : null;
  if (lastError?.type === "OwnerGone") return lastError;
  return lastError !== null && describeError(lastError).exitCode === EXIT.deviceLost ? lastError : null;
}

/** By conversation, and in rooms by `room/author`. */
type NamesByConversation = Map<string, string>;

interface People {
  readonly contacts: readonly ContactView[];
  readonly rooms: readonly RoomView[];
}

async function loadPeople(client: Client): Promise<Result<People, CliError>> {
  const contacts = await client.contacts();
  if (!contacts.ok) return contacts;
  const rooms = await client.rooms();
  return rooms.ok ? ok({ contacts: contacts.value, rooms: rooms.value }) : rooms;
}

function namesIn({ contacts, rooms }: People): readonly (readonly [string, string])[] {
  return [
    ...contacts.map(({ conversationId, name }) => [conversationId, plainLine(name)] as const),
    ...rooms.flatMap(({ id, name, members }) =>
      members.map(
        (member) => [`${id}/${member.accountId}`, `${plainLine(member.name)} in ${plainLine(name)}`] as const,
      ),
    ),
  ];
}

function invitationsIn({
  contacts,
  rooms,
}: People): readonly { readonly id: string; readonly line: string }[] {
  return rooms
    .filter(({ state }) => state === "invited")
    .map((room) => ({ id: room.id, line: describeInvitation(room, contacts) }));
}

/** Says each invitation once for as long as it waits; programs read it from the state. */
function createInvitationTeller(output: Output): (people: People) => void {
  let told: ReadonlySet<string> = new Set();
  return (people) => {
    if (output.isJson) return;
    const waiting = invitationsIn(people);
    for (const { id, line } of waiting) if (!told.has(id)) output.say(line);
    told = new Set(waiting.map(({ id }) => id));
  };
}

function showEvent(output: Output, names: NamesByConversation, lost: LostAt, event: ClientEvent): void {
  switch (event.type) {
    case "message": {
      const { conversationId, author } = event.message;
      const name = names.get(`${conversationId}/${author}`) ?? names.get(conversationId) ?? "somebody";
      output.print(layOutMessage(event.message, name, output.page));
      break;
    }
    case "request":
      output.say(describeRequest(event.contact));
      break;
    case "connection":
      showConnection(output, lost, event.status);
      break;
    case "progress":
      showProgress(output, LABEL_BY_PHASE[event.phase], event.done, event.total);
      break;
    case "alarm":
      output.warn(describeAlarm(event.alarm));
      break;
    case "notice": {
      const name = names.get(event.notice.conversationId) ?? "somebody";
      output.say(describeNotice(event.notice, name));
      break;
    }
    // Told by who looks up the device's name.
    case "direct":
    case "delivered":
    case "deleted":
    case "state":
      break;
    default:
      unreachable(event);
  }
}

/** When the connection was lost, to be said once; null while there is one. */
type LostAt = { sinceMs: number | null };

function showConnection(
  output: Output,
  lost: LostAt,
  { state, sinceMs, lastError, pendingCount }: ConnectionStatus,
): void {
  const waiting = pendingCount === 0 ? "" : ` ${count(pendingCount, "change")} to send.`;
  if (state === "online") {
    if (lost.sinceMs !== null) output.say("The server answers again.");
    lost.sinceMs = null;
    output.live(`Connected since ${localTime(sinceMs)}.${waiting}`);
  }
  if (state !== "offline" || lastError === null) return;
  if (lost.sinceMs === null) output.say(`Not connected: ${describeError(lastError).text}.`);
  // Each attempt begins a new state of the connection; what a person wants to know is since when there is none.
  lost.sinceMs ??= sinceMs;
  output.live(`No server since ${localTime(lost.sinceMs)}. You can keep writing.${waiting}`);
}
