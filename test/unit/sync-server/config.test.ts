import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { settingsHelp } from "../../../sync-server/config/config-help.ts";
import { FIRST_VALUE, type ProgramConfig, readConfig } from "../../../sync-server/config/read-config.ts";
import { showSize } from "../../../sync-server/config/setting.ts";
import { SETTINGS } from "../../../sync-server/config/settings.ts";
import { EMBED_ORIGINS_MAX } from "../../../sync-server/limits.ts";
import { DEFAULT_CONFIG } from "../../../sync-server/server.ts";
import { must, refusal } from "../../support/chain-world.ts";
import { createTemporaryFolder } from "../../support/temporary-folder.ts";

const folders: ReturnType<typeof createTemporaryFolder>[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder.discard();
});

/** A data folder with a configuration file. */
function folderWith(content: unknown, name = "server.json"): string {
  const folder = createTemporaryFolder();
  folders.push(folder);
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(join(folder.path, name), typeof content === "string" ? content : JSON.stringify(content));
  return folder.path;
}

function parse(args: readonly string[], env: Record<string, string> = {}): ProgramConfig {
  const read = must(readConfig(args, env));
  if (read === "help") throw new Error("asked for help");
  return read.config;
}

const mistakesOf = (args: readonly string[], env: Record<string, string> = {}) =>
  refusal(readConfig(args, env)).mistakes;
const rowOf = (config: ProgramConfig, name: string) => config.rows.find((row) => row.name === name);

describe("the server's settings", () => {
  test("have first values", () => {
    const config = parse([]);
    expect(config.server).toEqual(DEFAULT_CONFIG);
    expect(config).toMatchObject({
      dataFolder: "data",
      isJson: false,
      log: { format: "text", filter: { least: "info" }, isRedacted: false },
    });
    expect(config.rows.map(({ name }) => name).sort()).toEqual(
      Object.values(SETTINGS)
        .map(({ name }) => name)
        .sort(),
    );
    expect(rowOf(config, "port")).toEqual({ name: "port", value: "8787", source: FIRST_VALUE });
  });

  test("with an authority: the certificate is kept with the data, for the names of the origins", () => {
    const folder = createTemporaryFolder();
    folders.push(folder);
    const args = ["--data", folder.path, "--listen", "0.0.0.0:443", "--tls", "--acme", "letsencrypt"];
    const config = parse([...args, "--origin", "https://a.example", "--origin", "https://a.example:8443"]);
    const path = join(folder.path, "tls", "certificate.pem");
    expect(config.server.tls).toEqual({ certPath: path, keyPath: path });
    expect(config.acme).toEqual({
      directoryUrl: "https://acme-v02.api.letsencrypt.org/directory",
      listen: { host: "0.0.0.0", port: 80 },
      names: ["a.example"],
      path,
    });
    expect(rowOf(config, "acme-listen")).toMatchObject({ value: "0.0.0.0:80", source: "port 80 of --host" });
    const elsewhere = ["--acme-listen", "127.0.0.1:8080", "--origin", "https://a.example"];
    expect(parse([...args, ...elsewhere]).acme?.listen).toEqual({ host: "127.0.0.1", port: 8080 });
  });

  test("with an authority and what does not go with it are refused, each with what to do", () => {
    const listen = ["--listen", "0.0.0.0:443", "--data", "nowhere"];
    const named = ["--origin", "https://a.example"];
    const acme = ["--tls", "--acme", "letsencrypt-staging"];
    for (const [args, mistake] of [
      [[...listen, ...named, "--acme", "letsencrypt", "--trust-proxy"], /--acme is for --tls/],
      [[...listen, ...named, ...acme, "--cert", "c", "--key", "k"], /take one of them away/],
      [[...listen, ...acme], /--acme needs --origin/],
      [[...listen, ...acme, "--origin", "https://192.0.2.1"], /192\.0\.2\.1 is an address/],
      [[...listen, ...acme, "--origin", "https://[2001:db8::1]"], /is an address/],
      [["--listen", "0.0.0.0:443", ...named, ...acme, "--memory"], /take --memory away/],
      [
        [...listen, ...named, "--tls", "--acme", "http://ca.example/dir"],
        /https address of an ACME directory/,
      ],
      [[...listen, ...named, "--tls", "--acme", "somebody"], /--acme is letsencrypt/],
    ] as const)
      expect(mistakesOf(args).join("\n")).toMatch(mistake);
  });

  test("come from the file, above it the environment, above that the flags, and say so", () => {
    const data = folderWith({
      port: 1,
      "rate-factor": 2,
      "work-bits": 3,
      origin: ["https://a.example"],
      json: true,
    });
    const env = { DOVETAIL_DATA: data, DOVETAIL_RATE_FACTOR: "20", DOVETAIL_WORK_BITS: "30" };
    const config = parse(["--work-bits", "4", "--registration", "open"], env);
    expect(config.server).toMatchObject({
      port: 1,
      rateFactor: 20,
      admissionWorkBits: 4,
      origins: ["https://a.example"],
      isRegistrationOpen: true,
    });
    expect(config).toMatchObject({ dataFolder: data, isJson: true, log: { format: "json" } });
    const file = join(data, "server.json");
    expect(rowOf(config, "port")?.source).toBe(file);
    expect(rowOf(config, "rate-factor")?.source).toBe("DOVETAIL_RATE_FACTOR");
    expect(rowOf(config, "work-bits")?.source).toBe("flag");
    expect(rowOf(config, "log-format")?.source).toBe("--json");
  });

  test("come from the file that --config names, which may name the data folder", () => {
    const folder = folderWith({ data: "elsewhere", listen: "127.0.0.1:9" }, "mine.json");
    const config = parse(["--config", join(folder, "mine.json")]);
    expect(config).toMatchObject({ dataFolder: "elsewhere", server: { host: "127.0.0.1", port: 9 } });
    expect(mistakesOf(["--config", join(folder, "absent.json")])[0]).toMatch(/cannot read/);
    const inside = folderWith({ data: "elsewhere" });
    expect(mistakesOf(["--data", inside])[0]).toMatch(/cannot name another/);
  });

  test("send spans where our own words say, or else where OpenTelemetry's variables do, or else the file", () => {
    const data = folderWith({ "trace-endpoint": "http://file.example" });
    const variable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const env = { [variable]: "http://otel.example:4318" };
    const endpointOf = (args: readonly string[], more: Record<string, string> = {}) => {
      const config = parse([...args, "--data", data], more);
      return [config.traceEndpoint, rowOf(config, "trace-endpoint")?.source];
    };
    expect([parse([]).traceEndpoint, rowOf(parse([]), "trace-endpoint")]).toEqual([
      null,
      { name: "trace-endpoint", value: "none", source: FIRST_VALUE },
    ]);
    expect(endpointOf([])).toEqual(["http://file.example/v1/traces", join(data, "server.json")]);
    expect(endpointOf([], env)).toEqual(["http://otel.example:4318/v1/traces", variable]);
    const own = { ...env, DOVETAIL_TRACE_ENDPOINT: "http://own.example" };
    expect(endpointOf([], own)).toEqual(["http://own.example/v1/traces", "DOVETAIL_TRACE_ENDPOINT"]);
    const flag = ["--trace-endpoint", "https://flag.example/in"];
    expect(endpointOf(flag, own)).toEqual(["https://flag.example/in", "flag"]);
    const wrong = { [variable]: "nowhere", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
    expect(endpointOf(["--trace-endpoint", "none"], wrong)).toEqual([null, "flag"]);
    expect(mistakesOf([], wrong)).toEqual([expect.stringContaining(`${variable} is none or`)]);
    expect(mistakesOf(["--trace-endpoint", "c:4317"])).toEqual([
      expect.stringContaining("--trace-endpoint is none or the address of a collector"),
    ]);
  });

  test("[WB40] let no site show the server in its pages unless it is named", () => {
    expect(parse([]).server.embedOrigins).toEqual([]);
    const sites = [
      "https://shop.example",
      "https://b.example:8443",
      "http://127.0.0.1:5000",
      "http://localhost",
      "http://shop.localhost:5000",
    ];
    const flags = sites.flatMap((site) => ["--embed-origin", site]);
    expect(parse([...flags, "--embed-origin", "https://shop.example"]).server.embedOrigins).toEqual(sites);
    expect(parse([], { DOVETAIL_EMBED_ORIGIN: sites.join(", ") }).server.embedOrigins).toEqual(sites);
    const data = folderWith({ "embed-origin": sites });
    expect(parse(["--data", data]).server.embedOrigins).toEqual(sites);
    for (const wrong of [
      "http://shop.example",
      "https://*.shop.example",
      "https://shop.example/",
      "https://shop.example/path",
      "https://shop.example:443",
      "https://Shop.example",
      "https://a;script-src",
      "https://a b",
      "'self'",
      "*",
      "null",
      "http://127.0.0.1.shop.example",
      "http://localhost.shop.example",
      "https://[2001:db8::1]",
      "http://[::1]:5000",
    ])
      expect(mistakesOf(["--embed-origin", wrong]), wrong).toEqual([
        expect.stringContaining("--embed-origin is of the form https://host[:port]"),
      ]);
  });

  test.each([
    [EMBED_ORIGINS_MAX - 1, []],
    [EMBED_ORIGINS_MAX, []],
    [EMBED_ORIGINS_MAX + 1, [`--embed-origin names at most ${EMBED_ORIGINS_MAX} sites`]],
  ])("with %i sites: %j", (count, mistakes) => {
    const flags = Array.from({ length: count }, (_, at) => [
      "--embed-origin",
      `https://${at}.example`,
    ]).flat();
    const read = readConfig(flags, {});
    expect(read.ok ? [] : read.error.mistakes).toEqual(mistakes);
  });

  test("have short forms", () => {
    expect(parse(["--listen", "[::1]:7", "--closed"]).server).toMatchObject({
      host: "::1",
      port: 7,
      isRegistrationOpen: false,
    });
    expect(parse([], { DOVETAIL_ORIGIN: "https://a.example, https://b.example" }).server.origins).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
    expect(parse(["--memory"]).dataFolder).toBe(null);
    expect(readConfig(["--help"], {})).toEqual({ ok: true, value: "help" });
  });

  test("take quotas as sizes and rates by name", () => {
    const { server } = parse([
      "--quota-inbound",
      "3MiB",
      "--entries-request",
      "7",
      "--rate",
      "register=5/60000",
    ]);
    expect(server.quotas.byKind.inbound.bytesMax).toBe(3 * 1_048_576);
    expect(server.quotas.byKind.request.entriesMax).toBe(7);
    expect([...server.rates]).toEqual([["register", { burst: 5, refillMs: 60_000 }]]);
    expect(["4096", "1.5GiB", "12", "4GiB"].map((text) => SETTINGS.quotaTotal.parse([text]))).toEqual([
      4_096,
      null,
      12,
      4_294_967_296,
    ]);
    expect(showSize(4_294_967_296)).toBe("4GiB");
  });

  test("are open to anybody only where nobody else can come", () => {
    expect(parse([]).server.isRegistrationOpen).toBe(true);
    expect(parse(["--origin", "https://a.example"]).server.isRegistrationOpen).toBe(false);
    expect(
      // A CDN that dials the server over TLS.
      parse([
        ...["--listen", "0.0.0.0:1", "--trust-proxy", "--origin", "https://a.example"],
        ...["--tls", "--cert", "a", "--key", "b"],
      ]).server,
    ).toMatchObject({ trustsProxy: true, tls: { certPath: "a", keyPath: "b" } });
    expect(
      parse(["--listen", "0.0.0.0:1", "--trust-proxy", "--origin", "https://a.example"]).server,
    ).toMatchObject({
      isRegistrationOpen: false,
      trustsProxy: true,
    });
  });

  test("are all in the help", () => {
    for (const { name } of Object.values(SETTINGS)) expect(settingsHelp()).toContain(`--${name}`);
  });

  test.each([40, 60, 80, 96, 200])("fits a page of %i columns", (columns) => {
    const widest = Math.max(
      ...settingsHelp(columns)
        .split("\n")
        .map((line) => line.length),
    );
    expect(widest).toBeLessThanOrEqual(Math.min(columns, 96));
  });
});

describe("mistakes", () => {
  test.each([
    [["--port", "65536"], /--port .*65535.*"65536"/],
    [["--port", "-1"], /--port/],
    [["--port"], /needs a value/],
    [["--tls=yes"], /takes no value/],
    [["--origin", "a.example"], /--origin .*a\.example/],
    [["--origin", "https://a.example/"], /without a path/],
    [["--open", "--closed"], /exclude/],
    [["--listen", "127.0.0.1:1", "--port", "2"], /exclude/],
    [["--listen", "nowhere"], /HOST:PORT/],
    [["--work-bits", "41"], /--work-bits/],
    [["--quota-total", "4 gigs"], /512MiB/],
    [["--rate", "everything=1/1"], /register/],
    [["--log-level", "loud"], /a level as info/],
    [["--nonsense"], /nonsense/],
    [["--cert", "a"], /are for --tls/],
    [["--tls"], /needs --cert/],
    [["--tls", "--cert", "a", "--key", "b", "--origin", "http://a.example"], /https/],
  ] as const)("%j is one", (args, why) => {
    expect(mistakesOf(args).join("\n")).toMatch(why);
  });

  test("beyond loopback a server without TLS and without a proxy does not start", () => {
    for (const host of ["0.0.0.0", "::", "192.0.2.1", "chat.example", "::ffff:192.0.2.1"])
      expect(mistakesOf(["--host", host, "--origin", "https://a.example"]).join(), host).toMatch(
        /without TLS/,
      );
    for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "::1", "::ffff:127.0.0.1"])
      expect(readConfig(["--host", host], {}).ok, host).toBe(true);
    expect(mistakesOf(["--trust-proxy"]).join()).toMatch(/--origin/);
  });

  test("are named all at once, each with its source", () => {
    const data = folderWith({ prot: 1, "work-bits": 99, origin: [1] });
    const found = mistakesOf(["--data", data, "--port", "x", "--bogus"], { DOVETAIL_RATE_FACTOR: "none" });
    for (const part of [
      /"prot"/,
      /server\.json: "work-bits"/,
      /server\.json: "origin"/,
      /--port/,
      /--bogus/,
      /DOVETAIL_RATE_FACTOR/,
    ])
      expect(
        found.some((mistake) => part.test(mistake)),
        String(part),
      ).toBe(true);
    expect(found).toHaveLength(6);
    expect(mistakesOf(["--data", folderWith("{")])[0]).toMatch(/not a JSON object/);
    expect(mistakesOf(["--data", folderWith("[]")])[0]).toMatch(/not a JSON object/);
  });
});
