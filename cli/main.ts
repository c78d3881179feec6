/** The command line's entry: runs the program on this process's streams and ends with its exit code. */
import process from "node:process";
import { keepCompiled } from "./platform/compiled-sources.ts";
import { hideLibraryWarnings } from "./platform/library-warnings.ts";

hideLibraryWarnings();
for (const stream of [process.stdout, process.stderr]) stream.on("error", endQuietly);
keepCompiled();
// Only what is imported from here on is kept.
const { runProgram } = await import("./program.ts");

const { exitCode, isServing } = await runProgram(
  { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env },
  process.argv.slice(2),
);

/** Whoever read has gone, as `| head` does: it is an end like Ctrl-C, and no fault. */
function endQuietly(fault: Error): void {
  if (!("code" in fault) || fault.code !== "EPIPE") throw fault;
  process.emit("SIGINT", "SIGINT");
}

if (!isServing) {
  process.exitCode = exitCode;
  // An idle connection or a terminal's input would keep the process; what was written leaves first.
  process.stdout.write("", () => process.stderr.write("", () => process.exit(exitCode)));
}
