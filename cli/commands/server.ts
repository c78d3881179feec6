/**
 * `dovetail server start`: the sync server, in this process.
 *
 * The server is a program of its own and takes its arguments from the command line; this hands them on. It is found
 * beside this one, not imported: what it may reach is decided by its own imports.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { err } from "@dovetail/core";
import type { RunCommand } from "../command-runner.ts";
import { addExamples } from "./examples.ts";

const SERVER_PROGRAM = new URL("../../sync-server/main.ts", import.meta.url);

/** `onServing` is called when the server has the process: it ends it. */
export function addServerCommands(program: Command, run: RunCommand, onServing: () => void): void {
  const server = program.command("server").description("a sync server of your own");
  const start = server
    .command("start")
    .description("run the server in this process until Ctrl-C; all options go to it (--help lists them)")
    .usage("[options of the server]")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_options: unknown, command: Command) => {
      const path = fileURLToPath(SERVER_PROGRAM);
      if (!existsSync(path)) {
        return run(command, async () =>
          err({ type: "ServerProgramFailed", detail: "sync-server is not installed" }),
        );
      }
      const isJson = command.optsWithGlobals<{ readonly json?: boolean }>().json === true;
      process.argv = [process.execPath, path, ...command.args, ...(isJson ? ["--json"] : [])];
      onServing();
      await import(SERVER_PROGRAM.href);
    });
  addExamples(start, [
    ["dovetail server start --port 8787 --data ./dovetail-data", "for trials on this machine"],
    ["dovetail server start --origin https://chat.example.org --host 0.0.0.0", "behind a proxy with TLS"],
  ]);
}
