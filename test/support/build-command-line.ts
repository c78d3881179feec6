/** Runs once before stories with command lines: what they start is one file, as after `npm run setup`. */
import { buildCli } from "../../tools/build-cli.ts";

export function setup(): Promise<void> {
  return buildCli();
}
