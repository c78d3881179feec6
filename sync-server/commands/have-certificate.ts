/** A server's certificate by ACME: had before it serves, and renewed while it does. */
import { existsSync } from "node:fs";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import { createAuthority } from "../acme/authority.ts";
import { explainCertificateFault, keepCertificate } from "../acme/certificate-keeper.ts";
import { listenForChallenges } from "../acme/challenge-listener.ts";
import { showDuration } from "../config/duration.ts";
import type { AcmeConfig, ProgramConfig } from "../config/read-config.ts";
import type { ListenError, RunningServer } from "../server.ts";
import { fail, print, say } from "./command.ts";

export interface KeptCertificate {
  /** Has `server` take each new one. */
  use(server: RunningServer): void;
  close(): Promise<void>;
}

/** Waits until there is a certificate of the authority, and keeps it from then on. */
export async function haveCertificate(
  acme: AcmeConfig,
  config: ProgramConfig,
  clock: Clock,
  logger: Logger,
): Promise<Result<KeptCertificate, ListenError>> {
  const listener = await listenForChallenges(acme.listen, config.server.origins[0] ?? "");
  if (!listener.ok) return listener;
  let server: RunningServer | null = null;
  const keeper = keepCertificate({
    path: acme.path,
    names: acme.names,
    authority: createAuthority(acme.directoryUrl),
    clock,
    logger,
    serve: listener.value.serve,
    onIssued: () => server?.reloadCertificate(),
    onFault(fault, retryMs) {
      const { text, hint } = explainCertificateFault(fault);
      if (config.isJson)
        return print(JSON.stringify({ event: "certificate-not-issued", text, hint, retryMs }));
      fail(text, `${hint}. It is tried again in ${showDuration(retryMs)}`);
    },
  });
  if (!config.isJson && !existsSync(acme.path))
    say(`Asking ${new URL(acme.directoryUrl).host} for a certificate for ${acme.names.join(", ")} …`);
  await keeper.ready();
  return ok({
    use(running) {
      server = running;
    },
    close() {
      keeper.stop();
      return listener.value.close();
    },
  });
}
