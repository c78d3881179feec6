/** `dovetail demo`: the whole story in a few processes of this machine. */
import type { Command } from "commander";
import { runDemo } from "../demo/run-demo.ts";
import type { RunCommand } from "../command-runner.ts";
import { addDemoOptions, type DemoFlags, demoOptions } from "../demo/demo-options.ts";

export function addDemoCommand(program: Command, run: RunCommand): void {
  const demo = program
    .command("demo")
    .description("two people, five devices, one server: real processes, checked to the byte");
  addDemoOptions(demo).action((flags: DemoFlags, command: Command) =>
    run(command, (context) => runDemo(context, demoOptions(flags))),
  );
}
