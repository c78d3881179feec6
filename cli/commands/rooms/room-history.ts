/** `dovetail room history`: what those see of before who come to a room later. */
import type { Command } from "commander";
import { err, type Result, type RoomView } from "@dovetail/core";
import type { CommandContext, Outcome, RunCommand } from "../../command-runner.ts";
import type { CliError } from "../../errors/command-error.ts";
import { plainLine } from "../../output/plain-text.ts";
import { changeRoom, ROOM_ARGUMENT } from "./change-room.ts";
import { addExamples } from "../examples.ts";

const DAYS = /^([0-9]{1,5})d$/;

export function addRoomHistoryCommand(room: Command, run: RunCommand): void {
  const history = room
    .command("history")
    .description(
      "say what those see of before who come later; takes an admin. It holds for what is written from then on: each message and change of a note then carries " +
        "a proof of who wrote it, which can be shown to anybody. Notes and lists made from then on come whole, however few the days",
    )
    .argument("<room>", ROOM_ARGUMENT)
    .argument("<what>", "none; the last days, such as 7d; or all")
    .action((query: string, what: string, _options: unknown, command: Command) =>
      run(command, (context) => setHistory(context, query, what)),
    );
  addExamples(history, [
    ["dovetail room history Garden 30d", "who comes later sees the last 30 days, from now on"],
    [
      "dovetail room history Garden none",
      "who comes later sees nothing of before; messages prove nothing to others",
    ],
  ]);
}

function setHistory(
  context: CommandContext,
  query: string,
  what: string,
): Promise<Result<Outcome, CliError>> {
  const history = parseHistory(what);
  if (history === "unknown") {
    const error: CliError = {
      type: "Usage",
      message: `${plainLine(what)} is not what newcomers may see`,
      hint: "none, a number of days such as 7d, or all",
    };
    return Promise.resolve(err(error));
  }
  const done =
    history === null
      ? "Who comes later sees nothing of before, and what is written from now on proves nothing to others"
      : `Who comes later sees ${history.days === null ? "everything" : historyText(history)}, of what is written from now on; each message and change of a note carries a proof of who wrote it, which can be shown to anybody`;
  return changeRoom(context, query, (client, { id }) => client.setRoomHistory(id, history), done);
}

function parseHistory(what: string): RoomView["history"] | "unknown" {
  if (what === "none") return null;
  if (what === "all") return { days: null };
  const days = DAYS.exec(what)?.[1];
  return days === undefined ? "unknown" : { days: Number(days) };
}

/** What newcomers see, in words. */
export function historyText(history: RoomView["history"]): string {
  if (history === null) return "nothing of before";
  if (history.days === null) return "everything since that was allowed";
  return history.days === 1 ? "the last day" : `the last ${history.days} days`;
}

/** How far what was written before has come; null when there is nothing to tell. */
export function earlierText({ earlier }: RoomView): string | null {
  if (earlier === null || (earlier.state === "done" && earlier.received === 0)) return null;
  const count = `${earlier.received} message${earlier.received === 1 ? "" : "s"}`;
  if (earlier.state === "asked")
    return "what was written before is asked for; it comes once a member's device is there";
  if (earlier.state === "done") return `${count} of before you came`;
  return `${count} of before you came, ${earlier.left === 0 ? "more may follow" : `${earlier.left} or more to come`}`;
}
