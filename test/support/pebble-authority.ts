/** A real ACME authority for tests: Pebble, which asks for its challenges at a port of this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { present } from "../../core/base/assert.ts";
import { findPebble } from "../../tools/pebble.ts";
import { freePort } from "./free-port.ts";
import { makeCertificate } from "./test-certificate.ts";

export interface PebbleAuthority {
  readonly directoryUrl: string;
  /** The port at which it asks for challenges. */
  readonly challengePort: number;
  /** File of the certificate that its own address has. */
  readonly ownCertificate: string;
  /** File of the root certificate that those it issues lead to. */
  readonly rootCertificate: string;
  /** How many certificates it has issued. */
  issuedCount(): number;
  stop(): Promise<void>;
}

const STARTS_MAX = 5;
/** Ends with the test's process, however that does: the pipe at its third descriptor closes. */
const WHILE_READ = '(cat <&3 >/dev/null; kill $$) & exec "$0" -config "$1"';

/** Starts an authority with its files in `folder`. */
export async function startPebble(folder: string): Promise<PebbleAuthority> {
  const { cert, key } = makeCertificate(folder, "authority");
  for (let start = 1; ; start += 1) {
    const [port, managementPort, challengePort] = [await freePort(), await freePort(), await freePort()];
    const config = join(folder, "pebble.json");
    writeFileSync(
      config,
      JSON.stringify({
        pebble: {
          listenAddress: `127.0.0.1:${port}`,
          managementListenAddress: `127.0.0.1:${managementPort}`,
          certificate: cert,
          privateKey: key,
          httpPort: challengePort,
          tlsPort: challengePort,
          // As short as any authority's: what counts in whole days would call it over.
          certificateValidityPeriod: 86_400,
        },
      }),
    );
    const pebble = present(findPebble(), "the test looked for it");
    const child = spawn("sh", ["-c", WHILE_READ, pebble, config], {
      // By itself it waits for seconds before it asks.
      env: { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_AUTHZREUSE: "0" },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    let log = "";
    const isUp = await new Promise<boolean>((resolve) => {
      const read = (chunk: Buffer): void => {
        log += String(chunk);
        if (log.includes("ACME directory available")) resolve(true);
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", () => resolve(false));
    });
    if (!isUp) {
      // Somebody took a port in between.
      if (start < STARTS_MAX) continue;
      throw new Error(`pebble ended: ${log}`);
    }
    const rootCertificate = join(folder, "root.pem");
    writeFileSync(rootCertificate, await download(new URL("roots/0", `https://127.0.0.1:${managementPort}`)));
    return {
      directoryUrl: `https://localhost:${port}/dir`,
      challengePort,
      ownCertificate: cert,
      rootCertificate,
      issuedCount: () => log.split("Issued certificate").length - 1,
      async stop() {
        child.kill("SIGTERM");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        child.stdio[3]?.destroy();
      },
    };
  }
}

/** Text at an address whose certificate is the test's own. */
function download(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { rejectUnauthorized: false }, (response) => resolve(text(response))).once("error", reject);
  });
}
