/** The processes of the demo: a server and devices. They are ended by their ids, whatever happens. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Alarm } from "@dovetail/core";
import { DemoFailure } from "./demo-failure.ts";
import type {
  DeviceFailure,
  DeviceLine,
  DeviceMethod,
  DeviceParams,
  DeviceRequest,
  DeviceValue,
} from "./device-protocol.ts";

const SERVER_PROGRAM = join(import.meta.dirname, "..", "..", "sync-server", "main.ts");
const DEVICE_PROGRAM = join(import.meta.dirname, "..", "demo", "device-process.ts");
const START_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 10_000;

export interface DemoServer {
  readonly pid: number;
  readonly origin: string;
  readonly dataFolder: string;
  readonly logPath: string;
  stop(): Promise<void>;
}

export interface DemoDevice {
  readonly name: string;
  readonly pid: number;
  /** What the device was alarmed by; the demo expects nothing. */
  readonly alarms: readonly Alarm[];
  /** - Fails: throws `DemoFailure` with the device's error, which ends the demo. */
  call<M extends DeviceMethod>(method: M, params: DeviceParams<M>): Promise<DeviceValue<M>>;
  stop(): Promise<void>;
}

export interface DemoProcesses {
  startServer(): Promise<DemoServer>;
  /** `profile` names its folder, `name` is for people; `runtime` is what runs it, this Node unless it is named. */
  startDevice(profile: string, name: string, runtime?: readonly string[]): Promise<DemoDevice>;
  /** Ends all that still run. */
  endAll(): void;
}

/** Processes whose files are in `folder`. */
export function createDemoProcesses(folder: string): DemoProcesses {
  const children = new Set<ChildProcess>();
  const start = (
    program: string,
    args: readonly string[],
    [command = process.execPath, ...first]: readonly string[] = [],
  ): ChildProcess => {
    const child = spawn(command, [...first, program, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    children.add(child);
    child.once("exit", () => children.delete(child));
    return child;
  };
  return {
    async startServer() {
      const dataFolder = join(folder, "server");
      const logPath = join(folder, "server.log");
      const child = start(SERVER_PROGRAM, ["--port", "0", "--data", dataFolder, "--json"]);
      const log = createWriteStream(logPath, { mode: 0o600 });
      child.stdout?.pipe(log, { end: false });
      child.stderr?.pipe(log, { end: false });
      const origin = await withTimeout(readOrigin(child), START_TIMEOUT_MS, "the server did not start");
      return { pid: child.pid ?? 0, origin, dataFolder, logPath, stop: () => stopServer(child, log) };
    },
    async startDevice(profile, name, runtime) {
      const child = start(DEVICE_PROGRAM, [folder, profile], runtime);
      return withTimeout(attachDevice(child, name), START_TIMEOUT_MS, `${name} did not start`);
    },
    endAll() {
      for (const child of children) child.kill("SIGKILL");
    },
  };
}

function readOrigin(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let errors = "";
    child.stderr?.on("data", (part: Buffer) => {
      errors += part.toString("utf8");
    });
    child.once("exit", (code) => reject(new DemoFailure(`the server ended with ${code}: ${errors}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).once("line", (line) => {
      const said: unknown = JSON.parse(line);
      const origins = typeof said === "object" && said !== null && "origins" in said ? said.origins : null;
      if (Array.isArray(origins) && typeof origins[0] === "string") resolve(origins[0]);
      else reject(new DemoFailure("the server did not say where it listens"));
    });
  });
}

async function stopServer(child: ChildProcess, log: WriteStream): Promise<void> {
  await endByItself(child, () => child.kill("SIGTERM"));
  await new Promise<void>((resolve) => void log.end(resolve));
}

async function attachDevice(child: ChildProcess, name: string): Promise<DemoDevice> {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: DemoFailure): void }>();
  const alarms: Alarm[] = [];
  const ready = Promise.withResolvers<void>();
  let ended: DemoFailure | null = null;
  let nextId = 1;
  let errors = "";
  child.stderr?.on("data", (part: Buffer) => {
    errors += part.toString("utf8");
  });
  child.once("exit", (code) => {
    ended = new DemoFailure(`${name} ended with ${code}. ${errors}`);
    ready.reject(ended);
    for (const { reject } of waiting.values()) reject(ended);
  });
  const hear = (line: DeviceLine): void => {
    if (line.type === "ready") ready.resolve();
    else if (line.type === "alarm") alarms.push(line.alarm);
    else {
      const call = waiting.get(line.id);
      waiting.delete(line.id);
      if (line.type === "answer") call?.resolve(line.value);
      else call?.reject(new DemoFailure(`${name}: ${describeFailure(line.error)}`));
    }
  };
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (text) => hear(JSON.parse(text) as DeviceLine));
  }
  await ready.promise;
  return {
    name,
    pid: child.pid ?? 0,
    alarms,
    call<M extends DeviceMethod>(method: M, params: DeviceParams<M>): Promise<DeviceValue<M>> {
      if (ended !== null) return Promise.reject(ended);
      const request: DeviceRequest<M> = { id: nextId++, method, params };
      const answer = new Promise<DeviceValue<M>>((resolve, reject) => {
        // The other end is of the same types; see device-protocol.ts.
        waiting.set(request.id, { resolve: (value) => resolve(value as DeviceValue<M>), reject });
      });
      child.stdin?.write(`${JSON.stringify(request)}\n`);
      const late = `${name} did not answer ${method} in ${CALL_TIMEOUT_MS / 1000} s`;
      return withTimeout(answer, CALL_TIMEOUT_MS, late);
    },
    stop: () => endByItself(child, () => child.stdin?.end()),
  };
}

/** The error as it is: the demo is for those who want to know. */
function describeFailure(error: DeviceFailure): string {
  return error.type === "DeviceBroken" ? error.detail : JSON.stringify(error);
}

async function endByItself(child: ChildProcess, ask: () => unknown): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  ask();
  await withTimeout(exited, STOP_TIMEOUT_MS, `process ${child.pid} did not end`);
}

function withTimeout<T>(work: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DemoFailure(message)), timeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
