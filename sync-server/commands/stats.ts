/** `stats`: how much the server keeps. Sums only; it names nobody. */
import { showSize } from "../config/setting.ts";
import { askServer, EXIT, failRefused, print, type ServerCommand } from "./command.ts";

export const statsCommand: ServerCommand = {
  name: "stats",
  usage: "",
  help: "accounts, logs, entries, bytes",
  options: {},
  positionals: 0,
  async run(context) {
    const answer = await askServer(context, { type: "figures" });
    if (answer === null) return EXIT.failed;
    if (answer.type !== "figures") return failRefused(answer);
    const { figures } = answer;
    if (context.config.isJson) {
      print(JSON.stringify(figures));
      return EXIT.ok;
    }
    const rows: readonly (readonly [string, string])[] = [
      [
        "server",
        figures.connections === null ? "not running" : `running, ${figures.connections} connections`,
      ],
      ["accounts", String(figures.accounts)],
      ...figures.logs.map(
        ({ kind, logs, entries, bytes }) =>
          [`${kind} logs`, `${logs}, ${entries} entries, ${roundSize(bytes)}`] as const,
      ),
      ["blobs", roundSize(figures.blobBytes)],
      ["largest account", roundSize(figures.largestAccountBytes)],
      [
        "database",
        `${roundSize(figures.databaseBytes)}, ${roundSize(figures.freeBytes)} of it free for new entries`,
      ],
      ["being erased", figures.erasures === 0 ? "nothing" : `${figures.erasures} logs of deleted accounts`],
    ];
    for (const [name, value] of rows) print(`${name.padEnd(16)} ${value}`);
    return EXIT.ok;
  },
};

export const metricsCommand: ServerCommand = {
  name: "metrics",
  usage: "",
  help: "what the running server has counted, as Prometheus reads it",
  options: {},
  positionals: 0,
  async run(context) {
    const answer = await askServer(context, { type: "metrics" });
    if (answer === null) return EXIT.failed;
    if (answer.type !== "text") return failRefused(answer);
    print(answer.text.trimEnd());
    return EXIT.ok;
  },
};

/** Bytes to three digits or so. */
export function roundSize(bytes: number): string {
  const unit = [1_073_741_824, 1_048_576, 1_024].find((each) => bytes >= each) ?? 1;
  const count = bytes / unit;
  if (unit === 1 || Number.isInteger(count)) return showSize(bytes);
  return `${count.toFixed(count < 10 ? 2 : count < 100 ? 1 : 0)}${showSize(unit).slice(1)}`;
}
