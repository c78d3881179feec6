/** The real server program in a process of its own. */
import { createInterface } from "node:readline";
import { join } from "node:path";
import { present } from "../../core/base/assert.ts";
import { ROOT } from "./checkout.ts";
import { type Runtime, startProgram, THIS_NODE } from "./start-program.ts";

export interface ServerProcess {
  readonly origin: string;
  readonly pid: number;
  /** The first line on its standard output that `accepts` takes. */
  line(accepts: (line: string) => boolean): Promise<string>;
  /** What it has logged. */
  log(): string;
  /** Ends it without a chance to finish anything. */
  kill(): Promise<void>;
  /** `http://127.0.0.1:port` of its metrics, when it was told to serve them. */
  readonly metricsOrigin: string | null;
  signal(name: "SIGTERM" | "SIGINT" | "SIGHUP"): void;
  readonly exited: Promise<number | null>;
  /** Asks it to stop and gives its exit code. */
  stop(): Promise<number | null>;
}

/** Starts `sync-server/main.ts` on a free port with its data in `folder`, by default on the Node that runs this. */
export async function startServer(
  folder: string,
  args: readonly string[] = [],
  runtime: Runtime = THIS_NODE,
): Promise<ServerProcess> {
  const main = join(ROOT, "sync-server", "main.ts");
  const port = args.includes("--port") ? [] : ["--port", "0"];
  const child = startProgram(main, [...port, "--data", folder, "--json", ...args], {
    runtime,
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: present(child.stdout, "it is a pipe") }).on("line", (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const line = (accepts: (line: string) => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find(accepts);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      void exited.then((code) => reject(new Error(`the server ended with ${code}: ${log}`)));
      look();
    });
  const said: { readonly origins: readonly string[]; readonly metricsPort?: number | null } = JSON.parse(
    await line((text) => text.includes("listening")),
  );
  const origin = said.origins[0] ?? "";
  const metricsPort = said.metricsPort ?? null;
  return {
    origin,
    pid: child.pid ?? 0,
    line,
    metricsOrigin: metricsPort === null ? null : `http://127.0.0.1:${metricsPort}`,
    signal: (name) => void child.kill(name),
    exited,
    log: () => log,
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
