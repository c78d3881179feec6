/** `dovetail room lifetime`: how long messages of a room stay. */
import type { Command } from "commander";
import { err, type Result } from "@dovetail/core";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { changeRoom, ROOM_ARGUMENT } from "./change-room.ts";
import { addExamples } from "../examples.ts";
import { parseDuration } from "../parse-duration.ts";

export function addRoomLifetimeCommand(room: Command, run: RunCommand): void {
  const lifetime = room
    .command("lifetime")
    .description(
      "let messages go by themselves, from all devices of everybody in a room, so long after they were written; takes an admin. " +
        "It holds for what is written from then on, and does not reach what somebody has copied",
    )
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<time>", "such as 12h, 7d or 90d, an hour at least; off for ever")
    .action((query: string, time: string, _options: unknown, command: Command) =>
      run(command, (context) => setLifetime(context, query, time)),
    );
  addExamples(lifetime, [
    ["dovetail room lifetime Garden 7d", "what is written from now on goes after a week"],
    ["dovetail room lifetime Garden off", "what is written from now on stays"],
  ]);
}

function setLifetime(
  context: CommandContext,
  query: string,
  time: string,
): Promise<Result<Outcome, CliError>> {
  const lifetimeMs = time === "off" ? null : parseDuration(time);
  if (lifetimeMs === null && time !== "off") {
    const error: CliError = {
      type: "Usage",
      message: `${plainLine(time)} is no time`,
      hint: "a number and h or d, such as 12h or 7d; or off",
    };
    return Promise.resolve(err(error));
  }
  const done =
    lifetimeMs === null
      ? "What is written from now on stays for ever"
      : `What is written from now on goes ${lifetimeText(lifetimeMs)} later, from all devices of everybody in the room`;
  return changeRoom(context, query, (client, { id }) => client.setRoomLifetime(id, lifetimeMs), done);
}

const HOUR_MS = 3_600_000;

/** A lifetime in words. */
export function lifetimeText(lifetimeMs: number): string {
  const hours = Math.round(lifetimeMs / HOUR_MS);
  const [count, unit] = hours % 24 === 0 ? [hours / 24, "day"] : [hours, "hour"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
