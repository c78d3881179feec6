/** Desktop notifications, by the program each system has for them; or a command of the person's own. */
import { spawn, spawnSync } from "node:child_process";
import { err, ok, type Result } from "@dovetail/core";

/** What is told. Texts reach a command in its environment, never as a part of what a shell reads. */
export interface Note {
  readonly title: string;
  readonly body: string;
  /** For a command: variables by name. */
  readonly env: Readonly<Record<string, string>>;
}

export type NotifierError =
  /** This system has no program for notifications that could be found. */
  | { readonly type: "NotifierMissing"; readonly program: string }
  /** It ended with something else than 0, or not in time. */
  | { readonly type: "NotifierFailed"; readonly program: string; readonly detail: string };

export interface Notifier {
  notify(note: Note): Promise<Result<void, NotifierError>>;
}

const TIME_MAX_MS = 10_000;
/** What unlocks a profile is nobody else's business. */
const NOT_HANDED_ON = [
  "DOVETAIL_PASSPHRASE",
  "DOVETAIL_NEW_PASSPHRASE",
  "DOVETAIL_BACKUP_PASSPHRASE",
] as const;

/** The system's own notifications. - Fails: `NotifierMissing`. */
export function createDesktopNotifier(platform: string = process.platform): Result<Notifier, NotifierError> {
  const program = platform === "darwin" ? "osascript" : "notify-send";
  const isThere = platform !== "win32" && spawnSync(program, ["--version"]).error === undefined;
  if (!isThere) return err({ type: "NotifierMissing", program });
  return ok({ notify: ({ title, body }) => runToEnd(program, argumentsFor(program, title, body), {}) });
}

function argumentsFor(program: string, title: string, body: string): readonly string[] {
  // Both texts are arguments, so that neither is read as a script or an option.
  if (program === "osascript")
    return [
      ...["-e", "on run argv"],
      ...["-e", "display notification (item 2 of argv) with title (item 1 of argv)"],
      ...["-e", "end run", "--", title, body],
    ];
  return ["--app-name=Dovetail", "--", title, escapeMarkup(body)];
}

/** Some desktops read a body as markup. */
function escapeMarkup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Runs `command` in the system's shell for each note. */
export function createCommandNotifier(command: string): Notifier {
  return { notify: ({ env }) => runToEnd(command, null, env) };
}

/** `args` null: a line for the shell. */
function runToEnd(
  program: string,
  args: readonly string[] | null,
  extraEnv: Readonly<Record<string, string>>,
): Promise<Result<void, NotifierError>> {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extraEnv };
  for (const name of NOT_HANDED_ON) delete env[name];
  return new Promise((resolve) => {
    const fail = (detail: string) => resolve(err({ type: "NotifierFailed", program, detail }));
    try {
      const child = spawn(program, args ?? [], {
        env,
        shell: args === null,
        stdio: ["ignore", "ignore", "inherit"],
        timeout: TIME_MAX_MS,
      });
      child.once("error", ({ message }) => fail(message));
      child.once("exit", (code, signal) =>
        code === 0 ? resolve(ok()) : fail(`ended with ${code ?? signal}`),
      );
    } catch (thrown) {
      // What a system takes no process for, as too long an argument, is thrown and no event.
      fail(thrown instanceof Error ? thrown.message : "did not start");
    }
  });
}
