/** `dovetail alarm`: what this device found and you have to know, and that you have read it. */
import type { Command } from "commander";
import { type AlarmView, type Client, err, ok, type Result } from "@dovetail/core";
import { withClient } from "../../client-session.ts";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import { adviseOnAlarm, describeAlarm, describeFound, isOfMoment } from "../../errors/alarm-text.ts";
import type { CliError } from "../../errors/command-error.ts";
import { count } from "../../errors/error-words.ts";
import { localTime } from "../../output/local-time.ts";
import type { Page } from "../../output/output.ts";
import { plainLine } from "../../output/plain-text.ts";
import { wrapText } from "../../output/text-width.ts";
import { addExamples } from "../examples.ts";

export function addAlarmCommands(program: Command, run: RunCommand): void {
  const alarm = program
    .command("alarm")
    .description("what this device found and you have to know: a server or a chain that contradicts itself");
  addExamples(alarm, [
    ["dovetail alarm list", "what is open, why, and what to do"],
    ["dovetail alarm read 3", "you have read number 3"],
    ["dovetail alarm list --all", "with what is over or was read"],
  ]);

  alarm
    .command("list")
    .description("alarms that are open or not read, newest first")
    .option("--all", "also those that are over and read")
    .action((options: { readonly all?: boolean }, command: Command) =>
      run(command, (context) => list(context, options.all === true)),
    );

  alarm
    .command("read")
    .description("note that you have read alarms; what they stop stays stopped until it is over")
    .argument("[numbers...]", "their numbers in `dovetail alarm list`; without any, all")
    .action((numbers: readonly string[], _options: unknown, command: Command) =>
      run(command, (context) => read(context, numbers)),
    );
}

/** What a person still has to look at. */
export function needsAttention({ alarm, acknowledgedAtMs, resolvedAtMs }: AlarmView): boolean {
  return acknowledgedAtMs === null || (resolvedAtMs === null && !isOfMoment(alarm));
}

/** What a person is told of alarms beside something else: a wrong clock in words, because it spoils what is shown, and how many others there are. */
export function attentionLines(alarms: readonly AlarmView[]): readonly string[] {
  const open = alarms.filter(needsAttention);
  const clocks = open.filter(
    ({ alarm, resolvedAtMs }) => alarm.type === "ClockDiffers" && resolvedAtMs === null,
  );
  const sentences = clocks.map(
    ({ alarm }) => `${capital(describeAlarm(alarm))}. What to do: dovetail alarm list`,
  );
  const others = open.length - clocks.length;
  return others === 0
    ? sentences
    : [...sentences, `${count(others, "alarm")} to look at: dovetail alarm list`];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

async function list(context: CommandContext, isAll: boolean): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const alarms = await client.alarms();
    if (!alarms.ok) return alarms;
    const shown = alarms.value.filter((alarm) => isAll || needsAttention(alarm));
    return ok({
      json: { alarms: shown },
      text: (page: Page) => shown.flatMap((alarm) => layOutAlarm(alarm, page)),
      messages: shown.length === 0 ? ["No alarms."] : [],
    });
  });
}

function layOutAlarm(view: AlarmView, { width }: Page): readonly string[] {
  const { id, alarm, contact, raisedAtMs, acknowledgedAtMs, resolvedAtMs } = view;
  const unread = isOfMoment(alarm) ? "not read" : "open";
  const read = isOfMoment(alarm) ? "read" : "read, still open";
  const state = resolvedAtMs !== null ? "over" : acknowledgedAtMs !== null ? read : unread;
  const who = contact === null ? "" : ` · ${plainLine(contact.name)}`;
  const advice = resolvedAtMs === null ? adviseOnAlarm(alarm) : null;
  const paragraph = (text: string) => wrapText(text, width - 2).map((line) => `  ${line}`);
  return [
    `${id} · ${localTime(raisedAtMs)} · ${state}${who}`,
    ...paragraph(describeFound(view)),
    ...(advice === null ? [] : paragraph(advice)),
  ];
}

async function read(context: CommandContext, numbers: readonly string[]): Promise<Result<Outcome, CliError>> {
  return withClient(context, async (client) => {
    const wanted = numbers.length > 0 ? ok(numbers) : await unread(client);
    if (!wanted.ok) return wanted;
    for (const id of wanted.value) {
      const done = await client.acknowledgeAlarm(id);
      if (!done.ok) return err(done.error);
    }
    return ok({
      json: { read: wanted.value },
      messages: [
        wanted.value.length === 0 ? "Nothing was unread." : `${count(wanted.value.length, "alarm")} read.`,
      ],
    });
  });
}

async function unread(client: Client): Promise<Result<readonly string[], CliError>> {
  const alarms = await client.alarms();
  if (!alarms.ok) return alarms;
  return ok(alarms.value.filter(({ acknowledgedAtMs }) => acknowledgedAtMs === null).map(({ id }) => id));
}
