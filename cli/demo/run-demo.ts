/**
 * Two people, five devices, one server: real processes, sockets and files, real texts, checked to the byte.
 *
 * It fails with a sentence for everything that differs. Whatever happens, the processes end and the folder goes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { err, type Result } from "@dovetail/core";
import { interruption } from "../client-session.ts";
import type { CommandContext, Outcome } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { type Chapters, compare, inspect, meet, writeToEachOther } from "./chapters.ts";
import { DemoFailure } from "./demo-failure.ts";
import type { DemoOptions } from "./demo-options.ts";
import { createDemoProcesses } from "./demo-processes.ts";
import { conclude } from "./demo-report.ts";
import { linkThirdDevice } from "./meet.ts";
import { createStoryTeller } from "./story-teller.ts";
import { loadStoryTexts } from "./story-texts.ts";
import { settle } from "./write-to-each-other.ts";

/** Runs the whole story. - Fails: `DemoFailed` with what differs; `Interrupted`. */
export async function runDemo(
  context: CommandContext,
  options: DemoOptions,
): Promise<Result<Outcome, CliError>> {
  const folder = mkdtempSync(join(tmpdir(), "dovetail-demo-"));
  const processes = createDemoProcesses(folder);
  const story = createStoryTeller(context.output);
  const kept = options.keepsFolder ? folder : null;
  try {
    const told = await Promise.race([
      tell({ story, processes, folder, checks: [] }, context, options),
      interruption(context),
    ]);
    if (!told.ok) return told;
    if (kept !== null) context.output.say(`The files are in ${kept}.`);
    return told;
  } catch (thrown) {
    if (!(thrown instanceof DemoFailure)) throw thrown;
    return err({ type: "DemoFailed", failures: [thrown.message], folder: kept });
  } finally {
    processes.endAll();
    if (kept === null) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function tell(
  base: Omit<Chapters, "texts">,
  context: CommandContext,
  options: DemoOptions,
): Promise<Result<Outcome, CliError>> {
  const { story, processes, folder, checks } = base;
  const { texts, source } = loadStoryTexts(options.messageCount);
  if (texts.length === 0)
    throw new DemoFailure("there are no texts: neither the shared data set nor a commit");
  const chapters: Chapters = { ...base, texts };
  const server = await story.step(
    "server",
    () => processes.startServer(),
    (it) => `A server runs (process ${it.pid}, ${it.origin}), with an empty database.`,
  );
  const world = await meet(chapters, server);
  await writeToEachOther(chapters, world, source);
  const early = await compare(chapters, world, "comparing");
  checks.push(...early.map(({ name, failures }) => ({ name: `before the third device: ${name}`, failures })));
  await story.step(
    "third device",
    () => linkThirdDevice(processes, world.ada),
    () => "A third device of Ada's is linked. It has nothing but what the server gives it.",
  );
  await story.step(
    "catching up",
    () => settle(world, () => {}),
    ({ rounds }) => `It has fetched everything, in ${rounds} round${rounds === 1 ? "" : "s"}.`,
  );
  checks.push(...(await compare(chapters, world, "comparing with the third device")));
  const tables = await inspect(chapters, world, server);
  return conclude({ ...chapters, checks }, context, {
    tables,
    source,
    folder: options.keepsFolder ? folder : null,
  });
}
