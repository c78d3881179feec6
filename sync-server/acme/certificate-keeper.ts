/**
 * Keeps a certificate of an authority: has one made when there is none that fits, and anew when a third of its time is left.
 *
 * Certificate and key are one file, which is put in place at once: no crash leaves a pair that does not fit. Who serves with
 * it watches the file, as they would one that another program writes.
 */
import { X509Certificate } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { err, type Result, ok } from "@dovetail/core/base/result.ts";
import { explainTlsFault, readTlsPair, type TlsFault, type TlsPair } from "../http/tls-files.ts";
import { ACME_CHECK_MS, ACME_RETRY_MAX_MS, ACME_RETRY_MIN_MS } from "../limits.ts";
import type { AcmeFault, Authority, Challenge } from "./authority.ts";

/** Why there is no new certificate. `CertificateUnfit`: what came is not for these names, or has ended. */
export type CertificateFault =
  | AcmeFault
  | TlsFault
  | { readonly type: "CertificateUnfit" }
  | { readonly type: "CertificateNotStored"; readonly detail: string };

export interface KeeperOptions {
  /** Where certificate and key are, and beside it the key of the account. */
  readonly path: string;
  /** DNS names it has to be for. */
  readonly names: readonly string[];
  readonly authority: Authority;
  readonly clock: Clock;
  readonly logger: Logger;
  serve(challenge: Challenge): () => void;
  /** A new one is in the file. */
  onIssued(): void;
  /** An order failed; the next is made after `retryMs`. */
  onFault(fault: CertificateFault, retryMs: number): void;
}

export interface CertificateKeeper {
  /** Resolves when there is a certificate to serve with; orders go on until then. */
  ready(): Promise<void>;
  /** Orders nothing any more. */
  stop(): void;
}

/** File of certificate and key in a data folder. */
export function acmeCertificatePath(dataFolder: string): string {
  return join(dataFolder, "tls", "certificate.pem");
}

/** Begins to keep a certificate. */
export function keepCertificate(options: KeeperOptions): CertificateKeeper {
  const { path, names, clock, logger } = options;
  const usable = Promise.withResolvers<void>();
  let cancel: (() => void) | null = null;
  let isStopped = false;
  let retryMs = ACME_RETRY_MIN_MS;

  const next = (delayMs: number): void => {
    if (!isStopped) cancel = clock.schedule(delayMs, () => void look());
  };
  const look = async (): Promise<void> => {
    const current = readFitting(path, names);
    if (current !== null && clock.nowMs() < current.validToMs) usable.resolve();
    if (current !== null && !isDue(current, clock.nowMs())) return next(ACME_CHECK_MS);
    logger.log("info", "certificate-ordered", { names: names.length });
    const issued = await renew(options);
    if (isStopped) return;
    if (issued.ok) {
      retryMs = ACME_RETRY_MIN_MS;
      logger.log("info", "certificate-issued");
      usable.resolve();
      options.onIssued();
      return next(ACME_CHECK_MS);
    }
    logger.log("error", "certificate-not-issued", { fault: issued.error.type, retryS: retryMs / 1_000 });
    options.onFault(issued.error, retryMs);
    next(retryMs);
    retryMs = Math.min(retryMs * 2, ACME_RETRY_MAX_MS);
  };
  void look();
  return {
    ready: () => usable.promise,
    stop() {
      isStopped = true;
      cancel?.();
    },
  };
}

/** The pair of the file when it is for all of `names`. */
function readFitting(path: string, names: readonly string[]): TlsPair | null {
  const pair = readTlsPair({ certPath: path, keyPath: path });
  if (!pair.ok) return null;
  const certificate = new X509Certificate(pair.value.cert);
  return names.every((name) => certificate.checkHost(name) !== undefined) ? pair.value : null;
}

/** Authorities ask for renewal when a third is left, however long the whole is. */
function isDue({ validFromMs, validToMs }: TlsPair, nowMs: number): boolean {
  return nowMs >= validToMs - (validToMs - validFromMs) / 3;
}

async function renew({
  path,
  names,
  authority,
  clock,
  serve,
}: KeeperOptions): Promise<Result<void, CertificateFault>> {
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const accountPath = join(folder, "acme-account.pem");
    if (!existsSync(accountPath)) putInPlace(accountPath, await authority.makeAccountKey());
    const issued = await authority.order({ accountKey: readFileSync(accountPath, "utf8"), names, serve });
    if (!issued.ok) return issued;
    // What does not fit never takes the place of what does.
    const candidate = `${path}.new`;
    write(candidate, `${issued.value.key.trimEnd()}\n${issued.value.chain}`);
    const pair = readTlsPair({ certPath: candidate, keyPath: candidate });
    const fitting = readFitting(candidate, names);
    if (!pair.ok || fitting === null || fitting.validToMs <= clock.nowMs()) {
      rmSync(candidate, { force: true });
      return pair.ok ? err({ type: "CertificateUnfit" }) : pair;
    }
    renameSync(candidate, path);
    return ok();
  } catch (error) {
    const detail = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return err({ type: "CertificateNotStored", detail });
  }
}

function putInPlace(path: string, text: string): void {
  write(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Writes a file that only its owner may read, down to the disk. */
function write(path: string, text: string): void {
  rmSync(path, { force: true });
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** What went wrong with an order, and what to do. */
export function explainCertificateFault(fault: CertificateFault): {
  readonly text: string;
  readonly hint: string;
} {
  switch (fault.type) {
    case "AcmeUnreachable":
      return {
        text: `the certificate authority cannot be reached (${fault.detail})`,
        hint: "the server must be able to dial out; --acme names the authority",
      };
    case "AcmeTimedOut":
      return {
        text: "the certificate authority took too long",
        hint: "nothing is to be done when it comes right by itself; else look at its status page",
      };
    case "AcmeRefused":
      return {
        text: `the certificate authority gave no certificate: ${fault.detail}`,
        hint: "every --origin must lead to this machine in DNS, and port 80 there to --acme-listen",
      };
    case "CertificateUnfit":
      return {
        text: "the certificate that came is not for every --origin, or has ended",
        hint: "look at the clock of this machine, or ask the authority",
      };
    case "CertificateNotStored":
      return {
        text: `the certificate could not be stored (${fault.detail})`,
        hint: "the user the server runs as must be able to write to the folder tls in its data",
      };
    default:
      return { text: explainTlsFault(fault), hint: "look at the folder tls in the server's data" };
  }
}
