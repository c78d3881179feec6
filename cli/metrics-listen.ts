/** Where a process that stays connected tells how it does: the option, then our variable. Only this machine reaches it. */
import { isIP } from "node:net";
import { err, ok, type Result } from "@dovetail/core";
import type { CliError } from "./errors/command-error.ts";

export interface MetricsAddress {
  /** 127.0.0.0/8 or ::1, as digits. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** Of the option, wherever a command has it. */
export const METRICS_LISTEN_HELP =
  "serve /health, /ready and /metrics there, which name nobody, to this machine; none for nowhere";

const VARIABLE = "DOVETAIL_METRICS_LISTEN";
const NOWHERE = "none";

/** The address, or null for nowhere. - Fails: `Usage` when it is none, or one that other machines reach. */
export function metricsListenOf(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Result<MetricsAddress | null, CliError> {
  const given = option ?? env[VARIABLE] ?? "";
  if (given === NOWHERE || (given === "" && option === undefined)) return ok(null);
  const name = option === undefined ? VARIABLE : "--metrics-listen";
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(given) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  const isAddress = isIP(host) === (bracketed === undefined ? 4 : 6);
  if (!isAddress || port > 65_535)
    return unclear(`${name} is none, or an address of this machine with a port, as 127.0.0.1:9465`);
  if (!isLoopbackAddress(host)) return unclear(`${name} is for this machine alone, and others reach ${host}`);
  return ok({ host, port });
}

/** Tells whether only this machine reaches `host`, which is an address as digits. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function unclear(message: string): Result<never, CliError> {
  return err({ type: "Usage", message, hint: "--metrics-listen 127.0.0.1:9465, or [::1]:9465" });
}
