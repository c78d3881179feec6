/** A certificate for this machine, made by the system's openssl; Node cannot make one. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Tells whether certificates can be made here. */
export function hasOpenSsl(): boolean {
  return spawnSync("openssl", ["version"]).status === 0;
}

/** Makes a self-signed certificate for `address` and localhost, as files in `folder`. */
export function makeCertificate(
  folder: string,
  name: string,
  days = 30,
  address = "127.0.0.1",
): TestCertificate {
  const cert = join(folder, `${name}-cert.pem`);
  const key = join(folder, `${name}-key.pem`);
  const made = spawnSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", key, "-out", cert, "-days", String(days), "-subj", `/CN=${name}`],
      ...["-addext", `subjectAltName=IP:${address},DNS:localhost`],
    ],
    { encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
  return { cert, key };
}
