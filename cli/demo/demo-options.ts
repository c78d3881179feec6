/** The options of the demo, the same for `npm run demo` and `dovetail demo`. */
import { type Command, InvalidArgumentError } from "commander";

/** As commander gives them. */
export interface DemoFlags {
  readonly messages: number;
  readonly keep?: boolean;
}

export interface DemoOptions {
  readonly messageCount: number;
  readonly keepsFolder: boolean;
}

const MESSAGES_DEFAULT = 2_000;
const MESSAGES_MIN = 20;
const MESSAGES_MAX = 100_000;

export function addDemoOptions(command: Command): Command {
  return command
    .option(
      "--messages <n>",
      `how many texts, ${MESSAGES_MIN} to ${MESSAGES_MAX}`,
      parseCount,
      MESSAGES_DEFAULT,
    )
    .option("--keep", "keep the folder with the server's and the devices' files");
}

export function demoOptions(flags: DemoFlags): DemoOptions {
  return { messageCount: flags.messages, keepsFolder: flags.keep === true };
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= MESSAGES_MIN && count <= MESSAGES_MAX) return count;
  throw new InvalidArgumentError(`It is a whole number from ${MESSAGES_MIN} to ${MESSAGES_MAX}.`);
}
