/** `dovetail room describe`: what a room is for. */
import type { Command } from "commander";
import { err, type Result } from "@dovetail/core";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { changeRoom, ROOM_ARGUMENT } from "./change-room.ts";
import { addExamples } from "../examples.ts";

interface DescribeOptions {
  readonly none?: boolean;
}

export function addRoomDescribeCommand(room: Command, run: RunCommand): void {
  const describe = room
    .command("describe")
    .description("say what a room is for, to everybody in it; takes an admin")
    .argument("<room>", ROOM_ARGUMENT)
    .argument("[text...]", "the description")
    .option("--none", "take the description away")
    .action((query: string, words: readonly string[], options: DescribeOptions, command: Command) =>
      run(command, (context) => describeRoom(context, query, { words, isNone: options.none === true })),
    );
  addExamples(describe, [
    ["dovetail room describe Garden Who waters when", "room show tells it"],
    ["dovetail room describe Garden --none", "without a description"],
  ]);
}

function describeRoom(
  context: CommandContext,
  query: string,
  { words, isNone }: { readonly words: readonly string[]; readonly isNone: boolean },
): Promise<Result<Outcome, CliError>> {
  const about = words.join(" ");
  if (isNone === (about.trim() !== "")) {
    const error: CliError = {
      type: "Usage",
      message: isNone ? "--none takes no text" : "there is no text",
      hint: "dovetail room describe ROOM TEXT, or dovetail room describe ROOM --none",
    };
    return Promise.resolve(err(error));
  }
  const done = isNone ? "It has no description now" : "Described";
  return changeRoom(context, query, (client, { id }) => client.describeRoom(id, about), done);
}
