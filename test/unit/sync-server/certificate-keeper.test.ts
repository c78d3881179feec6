/** A certificate of an authority: when it is ordered, and that what does not fit never takes the place of what does. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import { silentLogger } from "../../../core/base/logger.ts";
import { err, ok } from "../../../core/base/result.ts";
import type { Authority } from "../../../sync-server/acme/authority.ts";
import {
  acmeCertificatePath,
  type CertificateFault,
  type CertificateKeeper,
  explainCertificateFault,
  keepCertificate,
} from "../../../sync-server/acme/certificate-keeper.ts";
import { ACME_CHECK_MS, ACME_RETRY_MAX_MS, ACME_RETRY_MIN_MS } from "../../../sync-server/limits.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";
import { hasOpenSsl, makeCertificate } from "../../support/test-certificate.ts";

const isPossible = hasOpenSsl();
const DAY_MS = 86_400_000;
const made = createTemporaryFolder();
const folders: (typeof made)[] = [];
const keepers: CertificateKeeper[] = [];
afterEach(() => {
  for (const keeper of keepers.splice(0)) keeper.stop();
  for (const folder of folders.splice(0)) folder.discard();
});
afterAll(() => made.discard());

interface Pem {
  readonly chain: string;
  readonly key: string;
}

const pems = new Map<string, Pem>();
beforeAll(() => {
  if (!isPossible) return;
  for (const [name, days] of [
    ["first", 9],
    ["second", 18],
  ] as const) {
    const { cert, key } = makeCertificate(made.path, name, days);
    pems.set(name, { chain: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") });
  }
});
const pem = (name: string): Pem => present(pems.get(name), "it was made");

/** A keeper whose authority gives what `next` holds, in order, and then refuses. */
async function keeping(next: (Pem | CertificateFault)[], names = ["localhost"], data = folder()) {
  const clock = createManualClock(Date.now() + 1_000);
  const seen: { orders: number; issued: number; faults: string[]; retries: number[] } = {
    orders: 0,
    issued: 0,
    faults: [],
    retries: [],
  };
  const authority: Authority = {
    makeAccountKey: async () => "ACCOUNT KEY",
    async order({ accountKey }) {
      expect(accountKey).toBe("ACCOUNT KEY");
      seen.orders += 1;
      const given = next.shift() ?? { type: "AcmeRefused", detail: "no more" };
      if ("chain" in given) return ok(given);
      if (given.type !== "AcmeRefused" && given.type !== "AcmeUnreachable") throw new Error("a test's fault");
      return err(given);
    },
  };
  const path = acmeCertificatePath(data);
  const keeper = keepCertificate({
    ...{ path, names, authority, clock, logger: silentLogger, serve: () => () => {} },
    onIssued() {
      seen.issued += 1;
    },
    onFault(fault, retryMs) {
      seen.faults.push(fault.type);
      seen.retries.push(retryMs);
    },
  });
  keepers.push(keeper);
  // Whatever it orders at once it has ordered when something is scheduled.
  await expect.poll(() => clock.scheduledCount(), { interval: 1 }).toBe(1);
  const advance = async (byMs: number) => {
    await clock.advance(byMs);
    await expect.poll(() => clock.scheduledCount(), { interval: 1 }).toBe(1);
  };
  return { keeper, seen, path, advance, data };
}

function folder(): string {
  const made = createTemporaryFolder();
  folders.push(made);
  return made.path;
}

describe.skipIf(!isPossible)("a kept certificate", () => {
  test("is ordered where there is none, and is its owner's only", async () => {
    const { keeper, seen, path } = await keeping([pem("first")]);
    await keeper.ready();
    expect(seen).toMatchObject({ orders: 1, issued: 1, faults: [] });
    expect(readFileSync(path, "utf8")).toBe(`${pem("first").key}${pem("first").chain}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  });

  test("is ordered anew when a third of its time is left, and not before", async () => {
    const { seen, path, advance } = await keeping([pem("first"), pem("second")]);
    await advance(6 * DAY_MS - 2 * ACME_CHECK_MS);
    expect(seen.orders).toBe(1);
    await advance(3 * ACME_CHECK_MS);
    expect(seen).toMatchObject({ orders: 2, issued: 2 });
    expect(readFileSync(path, "utf8")).toContain(pem("second").chain);
  });

  test("that is in the file already is served, and not ordered again", async () => {
    const { data } = await keeping([pem("first")]);
    const again = await keeping([], ["localhost"], data);
    await again.keeper.ready();
    expect(again.seen).toMatchObject({ orders: 0, issued: 0 });
  });

  test("is ordered when it is not for every name", async () => {
    const { data, path } = await keeping([pem("first")]);
    const { seen } = await keeping([pem("second")], ["localhost", "other.example"], data);
    // What came is not for them either: it never takes the place of the other.
    expect(seen).toMatchObject({ orders: 1, issued: 0, faults: ["CertificateUnfit"] });
    expect(readFileSync(path, "utf8")).toContain(pem("first").chain);
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  test("whose key does not fit is not taken", async () => {
    const { seen, path } = await keeping([{ chain: pem("first").chain, key: pem("second").key }]);
    expect(seen).toMatchObject({ issued: 0, faults: ["TlsPairUnusable"] });
    expect(existsSync(path)).toBe(false);
  });

  test("that was broken on disk, or half written, is ordered again", async () => {
    const data = folder();
    const path = acmeCertificatePath(data);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, pem("first").chain.slice(0, 300));
    writeFileSync(`${path}.new`, "left over");
    const { seen } = await keeping([pem("second")], ["localhost"], data);
    expect(seen).toMatchObject({ orders: 1, issued: 1 });
  });

  test("is asked for again, later each time, while the authority refuses; a good one ends that", async () => {
    const refused = { type: "AcmeRefused", detail: "no" } as const;
    const { keeper, seen, advance } = await keeping([...Array(9).fill(refused), pem("first")]);
    let isReady = false;
    void keeper.ready().then(() => {
      isReady = true;
    });
    for (let count = 1; count < 9; count += 1) await advance(present(seen.retries.at(-1), "it failed"));
    expect(seen.retries.slice(0, 3)).toEqual([1, 2, 4].map((each) => each * ACME_RETRY_MIN_MS));
    expect(seen.retries.at(-1)).toBe(ACME_RETRY_MAX_MS);
    expect(isReady).toBe(false);
    await advance(ACME_RETRY_MAX_MS);
    await keeper.ready();
    expect(seen).toMatchObject({ orders: 10, issued: 1 });
  });

  test("goes on being served while the next is refused, until it ends", async () => {
    const { keeper, seen, advance, path } = await keeping([pem("first")]);
    await advance(6.5 * DAY_MS);
    await keeper.ready();
    expect(seen.orders).toBeGreaterThan(1);
    expect(readFileSync(path, "utf8")).toContain(pem("first").chain);
  });

  test("that cannot be stored is said, with what to do", async () => {
    const data = folder();
    writeFileSync(`${data}/tls`, "a file where the folder has to be");
    const { seen } = await keeping([pem("first")], ["localhost"], data);
    expect(seen.faults).toEqual(["CertificateNotStored"]);
  });
});

test("every fault of a certificate says what to do", () => {
  const faults: readonly CertificateFault[] = [
    { type: "AcmeUnreachable", detail: "ECONNREFUSED" },
    { type: "AcmeRefused", detail: "no such name" },
    { type: "AcmeTimedOut", detail: "" },
    { type: "CertificateUnfit" },
    { type: "CertificateNotStored", detail: "EACCES" },
    { type: "TlsPairUnusable", path: "tls/certificate.pem", detail: "mismatch" },
  ];
  for (const fault of faults) {
    const { text, hint } = explainCertificateFault(fault);
    expect(text.length).toBeGreaterThan(20);
    expect(hint.length).toBeGreaterThan(20);
    if ("detail" in fault) expect(text).toContain(fault.detail);
  }
});
