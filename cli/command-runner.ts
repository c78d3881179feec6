/**
 * Runs the body of a command and turns its end into output and an exit code. The composition root of the command line.
 */
import type { Command } from "commander";
import {
  createLineLogger,
  createSystemClock,
  err,
  InvariantError,
  type Logger,
  ok,
  parseLogFilter,
  type Result,
  silentLogger,
} from "@dovetail/core";
import type { CliError } from "./errors/command-error.ts";
import { describeError } from "./errors/error-text.ts";
import { say } from "./errors/error-words.ts";
import { EXIT, type ExitCode } from "./errors/exit-code.ts";
import { createOutput, type Output, type OutputStreams, type Report } from "./output/output.ts";
import { DEFAULT_PROFILE, dovetailHome, type ProfileChoice } from "./platform/profile-folder.ts";
import { createPassphrases, type Passphrases } from "./passphrases.ts";
import { createPrompts, type Prompts, type PromptStreams } from "./prompts.ts";

export type ProgramStreams = OutputStreams & PromptStreams;

/** What every command has at hand. */
export interface CommandContext {
  readonly output: Output;
  readonly prompts: Prompts;
  readonly passphrases: Passphrases;
  readonly choice: ProfileChoice;
  readonly logger: Logger;
  readonly env: ProgramStreams["env"];
  /** Does not ask the server, even where the command usually would. */
  readonly isOffline: boolean;
  /** Answers every question with yes. */
  readonly isYes: boolean;
  /** Aborted by Ctrl-C, or when the program is told to end. */
  readonly interrupted: AbortSignal;
}

/** A command's outcome: a report, with an exit code where success has several. */
export type Outcome = Report & { readonly exitCode?: ExitCode };
export type CommandBody = (context: CommandContext) => Promise<Result<Outcome, CliError>>;
export type RunCommand = (command: Command, body: CommandBody) => Promise<void>;

interface GlobalOptions {
  readonly profile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
  readonly offline?: boolean;
  readonly log?: string;
  readonly logFormat?: "text" | "json";
  readonly redactLogs?: boolean;
  readonly yes?: boolean;
  readonly passphraseFd?: string;
  readonly newPassphraseFd?: string;
  readonly backupPassphraseFd?: string;
}

/** Runs commands on `streams`; `setExitCode` gets the code of the one that ran. */
export function createCommandRunner(
  streams: ProgramStreams,
  setExitCode: (code: number) => void,
): RunCommand {
  return async (command, body) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const output = createOutput(streams, {
      isJson: options.json === true,
      isQuiet: options.quiet === true,
      hasColor: options.color !== false,
    });
    const prompts = createPrompts(streams);
    const interruption = listenForInterrupt();
    const { env } = streams;
    const passphrases = createPassphrases({
      env,
      descriptor: options.passphraseFd,
      nextDescriptor: options.newPassphraseFd,
      backupDescriptor: options.backupPassphraseFd,
      prompts,
      say: output.say,
      interrupted: interruption.signal,
    });
    const name =
      options.profile ??
      (env.DOVETAIL_PROFILE === undefined || env.DOVETAIL_PROFILE === ""
        ? DEFAULT_PROFILE
        : env.DOVETAIL_PROFILE);
    const logger = createLogger(streams, options);
    const context: CommandContext = {
      output,
      prompts,
      passphrases,
      choice: { name, home: dovetailHome(env) },
      logger: logger.ok ? logger.value : silentLogger,
      env,
      isOffline: options.offline === true,
      isYes: options.yes === true,
      interrupted: interruption.signal,
    };
    try {
      setExitCode(finish(output, logger.ok ? await body(context) : logger));
    } catch (thrown) {
      if (!(thrown instanceof Error)) throw thrown;
      const why = thrown instanceof InvariantError ? thrown.message : `${thrown.name}: ${thrown.message}`;
      output.fail(
        { type: "InternalFault" },
        say(
          EXIT.failure,
          `Dovetail made a mistake: ${why}`,
          "what was acknowledged is on disk; report this line",
        ),
      );
      if (env.DOVETAIL_LOG !== undefined) streams.stderr.write(`${thrown.stack}\n`);
      setExitCode(EXIT.failure);
    } finally {
      output.live(null);
      passphrases.wipe();
      prompts.close();
      interruption.stop();
    }
  };
}

function finish(output: Output, result: Result<Outcome, CliError>): number {
  if (!result.ok) {
    const text = describeError(result.error);
    output.fail(result.error, text);
    return text.exitCode;
  }
  const { exitCode = EXIT.ok, ...report } = result.value;
  output.report(report);
  return exitCode;
}

/** The first signal asks the command to end; a second one ends the program as usual. */
function listenForInterrupt(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  const abort = (): void => {
    controller.abort();
    stop();
  };
  const stop = (): void => {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  };
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  return { signal: controller.signal, stop };
}

/** `--log` or `DOVETAIL_LOG` shows the engine's operational lines on standard error. They hold no texts and no names. */
function createLogger({ env, stderr }: ProgramStreams, options: GlobalOptions): Result<Logger, CliError> {
  const wanted = options.log ?? env.DOVETAIL_LOG ?? "";
  if (wanted === "") return ok(silentLogger);
  const filter = parseLogFilter(wanted);
  if (filter === null)
    return err({
      type: "Usage",
      message: `${JSON.stringify(wanted)} is no log filter`,
      hint: "debug, info, warn or error, and parts after it: --log warn,room=debug",
    });
  const format = options.logFormat ?? "text";
  const lines = { format, filter, isRedacted: options.redactLogs === true };
  return ok(createLineLogger(createSystemClock(), lines, (line) => void stderr.write(line)));
}
