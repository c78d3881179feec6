/** `npm run demo`: the demo as a program of its own. See demo/run-demo.ts. */
import process from "node:process";
import { runProgram } from "./program.ts";

const { exitCode } = await runProgram(
  { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env },
  ["demo", ...process.argv.slice(2)],
);
process.exitCode = exitCode;
process.stdout.write("", () => process.stderr.write("", () => process.exit(exitCode)));
