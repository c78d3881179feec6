/**
 * Certificate and key of a server that speaks TLS itself: read at the start, and again when they change.
 *
 * What tools renew certificates with writes or links the files anew, so they are compared by content once a minute and
 * at SIGHUP. A pair that does not fit together is not taken: the one in use stays.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { err, ok, type Result } from "@dovetail/core/base/result.ts";

export interface TlsPaths {
  readonly certPath: string;
  readonly keyPath: string;
}

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Names the certificate is for, as it lists them. */
  readonly names: string;
}

/** Why there is no pair. `detail` is the system's or the library's word; it holds nothing of the key. */
export type TlsFault =
  | { readonly type: "TlsFileUnreadable"; readonly path: string; readonly detail: string }
  | { readonly type: "TlsPairUnusable"; readonly path: string; readonly detail: string };

/** Where a pair is used: an HTTPS server. */
export interface TlsUser {
  setSecureContext(options: SecureContextOptions): void;
}

const CHECK_MS = 60_000;
/** Anything older is refused by clients of today, and broken. */
export const TLS_VERSION_MIN = "TLSv1.2";

/** Reads a certificate and its key and checks that they fit. */
export function readTlsPair({ certPath, keyPath }: TlsPaths): Result<TlsPair, TlsFault> {
  const cert = readFile(certPath);
  if (!cert.ok) return cert;
  const key = readFile(keyPath);
  if (!key.ok) return key;
  try {
    createSecureContext({ cert: cert.value, key: key.value });
    const parsed = new X509Certificate(cert.value);
    return ok({
      cert: cert.value,
      key: key.value,
      validFromMs: Date.parse(parsed.validFrom),
      validToMs: Date.parse(parsed.validTo),
      names: parsed.subjectAltName ?? "",
    });
  } catch (error) {
    const detail = error instanceof Error ? error.message : "unknown";
    return err({ type: "TlsPairUnusable", path: certPath, detail });
  }
}

function readFile(path: string): Result<Buffer, TlsFault> {
  try {
    return ok(readFileSync(path));
  } catch (error) {
    const detail = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return err({ type: "TlsFileUnreadable", path, detail });
  }
}

/** What went wrong with the files, with what to do. */
export function explainTlsFault(fault: TlsFault): string {
  return fault.type === "TlsFileUnreadable"
    ? `cannot read ${fault.path} (${fault.detail}): the user the server runs as must be able to`
    : `${fault.path} and its key cannot be used together (${fault.detail}): --cert is the chain in PEM, --key its private key in PEM`;
}

/** Takes new files into use. */
export interface TlsWatch {
  /** Looks now. True when a new pair was taken. */
  check(): boolean;
  stop(): void;
}

/** Gives `user` what changes in the files of `paths`, beginning from `inUse`. */
export function watchTlsFiles(
  { paths, inUse, logger }: { readonly paths: TlsPaths; readonly inUse: TlsPair; readonly logger: Logger },
  user: TlsUser,
): TlsWatch {
  let current = inUse;
  let lastFault: string | null = null;
  const check = (): boolean => {
    const read = readTlsPair(paths);
    if (!read.ok) {
      // Said once: the check comes every minute.
      if (read.error.detail !== lastFault)
        logger.log("error", "certificate-not-taken", { fault: read.error.type });
      lastFault = read.error.detail;
      return false;
    }
    lastFault = null;
    if (read.value.cert.equals(current.cert) && read.value.key.equals(current.key)) return false;
    user.setSecureContext({ cert: read.value.cert, key: read.value.key, minVersion: TLS_VERSION_MIN });
    current = read.value;
    logger.log("info", "certificate-taken", { daysLeft: daysUntil(current.validToMs) });
    return true;
  };
  const timer = setInterval(check, CHECK_MS);
  timer.unref();
  return { check, stop: () => clearInterval(timer) };
}

function daysUntil(timeMs: number): number {
  return Math.floor((timeMs - Date.now()) / 86_400_000);
}
