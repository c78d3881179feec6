/** The end of the demo: tables, checks, and one object for `--json`. */
import { err, ok, type Result } from "@dovetail/core";
import type { CommandContext, Outcome } from "../command-runner.ts";
import type { CliError } from "../errors/command-error.ts";
import { layOutTable } from "../output/columns.ts";
import type { Page } from "../output/output.ts";
import { wrapText } from "../output/text-width.ts";
import type { Chapters } from "./chapters.ts";
import type { Check } from "./check-world.ts";
import type { TableSize } from "./inspect-files.ts";

const CHECK_INDENT = " ".repeat(7);

/** The report of a whole run. - Fails: `DemoFailed` when a check does not hold. */
export function conclude(
  { story, checks, texts }: Chapters,
  { output }: CommandContext,
  found: { readonly tables: readonly TableSize[]; readonly source: string; readonly folder: string | null },
): Result<Outcome, CliError> {
  const failures = checks.flatMap(({ failures: some }) => some);
  const durationMs = story.elapsedMs();
  const json = {
    demo: {
      isOk: failures.length === 0,
      texts: texts.length,
      source: found.source,
      durationMs,
      steps: story.steps,
      checks,
      tables: found.tables,
    },
  };
  const text = (page: Page): readonly string[] => [
    "",
    ...layOutTables(found.tables, page),
    "",
    ...layOutChecks(checks, page),
  ];
  if (failures.length > 0) {
    output.report({ json, text });
    return err({ type: "DemoFailed", failures, folder: found.folder });
  }
  return ok({
    json,
    text,
    messages: [`All ${checks.length} checks hold, in ${(durationMs / 1000).toFixed(1)} s.`],
  });
}

function layOutTables(tables: readonly TableSize[], page: Page): readonly string[] {
  return layOutTable(
    [{ title: "ON THE SERVER" }, { title: "ROWS", align: "end" }, { title: "KiB", align: "end" }],
    tables.map(({ table, rows, bytes }) => [
      { text: table },
      { text: rows.toLocaleString("en") },
      { text: Math.ceil(bytes / 1024).toLocaleString("en") },
    ]),
    page,
  );
}

function layOutChecks(checks: readonly Check[], { paint, width }: Page): readonly string[] {
  const wrapped = (text: string): readonly string[] => wrapText(text, width - CHECK_INDENT.length);
  return checks.flatMap(({ name, failures }) => {
    const [first = "", ...rest] = wrapped(name);
    const word = failures.length === 0 ? paint("holds", "good") : paint("FAILS", "bad");
    return [
      `${word}  ${first}`,
      ...[...rest, ...failures.flatMap(wrapped)].map((line) => CHECK_INDENT + line),
    ];
  });
}
