/** What the tab key does in bash itself. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BASH_COMPLETION } from "../../../cli/help/bash-completion.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

/** What bash offers for a line, when the program offers these lines. */
function offered(words: readonly string[], lines: readonly string[]): { reply: string; ran: boolean } {
  const folder = createTemporaryFolder();
  try {
    const program = join(folder.path, "dovetail");
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")}\n`);
    chmodSync(program, 0o755);
    const script = [
      BASH_COMPLETION,
      // A second time, as when a person reads their settings again.
      BASH_COMPLETION,
      'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); __dovetail_complete',
      `printf '%s|' "\${COMPREPLY[@]}"`,
    ].join("\n");
    const env = { PATH: `${folder.path}:${process.env.PATH ?? ""}`, HOME: folder.path };
    const args = ["--norc", "--noprofile", "-c", script, "bash", ...words];
    const reply = execFileSync("bash", args, { env, cwd: folder.path, encoding: "utf8" });
    return { reply, ran: existsSync(join(folder.path, "ran")) };
  } finally {
    folder.discard();
  }
}

test("offers what begins as the word that is typed, without the explanation, and no package is needed", () => {
  const lines = ["inbox\tconversations", "invite\tpeople", "send\ta message", ":4"];
  expect(offered(["dovetail", "in"], lines).reply).toBe("inbox|invite|");
  expect(offered(["dovetail", ""], lines).reply).toBe("inbox|invite|send|");
  expect(offered(["dovetail", "x"], lines).reply).toBe("|");
});

test("runs nothing that stands on the line", () => {
  const { ran } = offered(["dovetail", "send", "$(touch ran)", "`touch ran`", ""], ["Ben", ":4"]);
  expect(ran).toBe(false);
});
