/**
 * `dovetail server …`: a sync server and what its operator does.
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
import { addServerAccountCommands } from "./server-account.ts";

const SERVER_PROGRAM = new URL("../../sync-server/main.ts", import.meta.url);

/** Options that both programs have. */
interface SharedOptions {
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly redactLogs?: boolean;
  readonly logFormat?: string;
}

interface HandedOn {
  readonly name: string;
  readonly description: string;
  readonly examples: readonly (readonly [line: string, what: string])[];
}

const COMMANDS: readonly HandedOn[] = [
  {
    name: "start",
    description: "run the server in this process until Ctrl-C",
    examples: [
      ["dovetail server start --port 8787 --data ./dovetail-data", "for trials on this machine"],
      [
        "dovetail server start --listen 0.0.0.0:443 --origin https://chat.example.org --tls --cert chain.pem --key key.pem",
        "with a certificate of its own",
      ],
      ["dovetail server start --origin https://chat.example.org --trust-proxy", "behind a proxy with TLS"],
    ],
  },
  {
    name: "config",
    description: "show the settings in force, and where each came from",
    examples: [["dovetail server config --data ./dovetail-data", "file, environment and flags together"]],
  },
  {
    name: "check",
    description: "look at settings, permissions, room on disk, certificate, database and clock",
    examples: [["dovetail server check --data ./dovetail-data", "ends with 1 when something has to be done"]],
  },
  {
    name: "invite",
    description: "make an invitation; `invite list` and `invite revoke NUMBER` for those that are out",
    examples: [
      ["dovetail server invite --uses 5 --expires 7d", "for five accounts, for a week"],
      ["dovetail server invite revoke 3", "take one back"],
    ],
  },
  {
    name: "accounts",
    description: "`accounts delete ID` and `accounts release-handle HANDLE`",
    examples: [["dovetail server accounts delete 4f1c…", "with all that is kept for it; asks first"]],
  },
  {
    name: "metrics",
    description: "print what the running server has counted, as Prometheus reads it",
    examples: [
      ["dovetail server metrics --data ./dovetail-data", "histograms of appends and commits among them"],
    ],
  },
  {
    name: "backup",
    description: "copy the database, checked and with its SHA-256; the server may run",
    examples: [["dovetail server backup ./2026-11-21.backup", "of the server with data in ./data"]],
  },
  {
    name: "restore",
    description: "put a backup in place of a stopped server's database",
    examples: [
      ["dovetail server restore ./2026-11-21.backup --verify", "only check it"],
      ["dovetail server restore ./2026-11-21.backup --replace", "the present database is moved aside"],
    ],
  },
  {
    name: "stats",
    description: "show how much the server keeps; it names nobody",
    examples: [["dovetail server stats --json", "for a program"]],
  },
];

/** `onServing` is called when the server's program has the process: it ends it. */
export function addServerCommands(program: Command, run: RunCommand, onServing: () => void): void {
  const server = program
    .command("server")
    .alias("ops")
    .description("a sync server of your own, and its operator's commands; the same as `ops`");
  addServerAccountCommands(server, run);
  for (const { name, description, examples } of COMMANDS) {
    const command = server
      .command(name)
      .description(description)
      .usage("[options of the server]")
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(async (_options: unknown, self: Command) => {
        const path = fileURLToPath(SERVER_PROGRAM);
        if (!existsSync(path)) {
          return run(self, async () =>
            err({ type: "ServerProgramFailed", detail: "sync-server is not installed" }),
          );
        }
        // This program has taken these from the line already.
        const given = self.optsWithGlobals<SharedOptions>();
        const shared = [
          ...(given.json === true ? ["--json"] : []),
          ...(given.yes === true ? ["--yes"] : []),
          ...(given.redactLogs === true ? ["--redact-logs"] : []),
          ...(given.logFormat === undefined ? [] : ["--log-format", given.logFormat]),
        ];
        process.argv = [process.execPath, path, name, ...self.args, ...shared];
        onServing();
        await import(SERVER_PROGRAM.href);
      });
    addExamples(command, examples);
  }
}
