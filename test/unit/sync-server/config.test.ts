import { describe, expect, test } from "vitest";
import { HELP, parseConfig } from "../../../sync-server/config.ts";
import { DEFAULT_CONFIG } from "../../../sync-server/server.ts";
import { must, refusal } from "../../support/chain-world.ts";

const parse = (args: readonly string[], env: Record<string, string> = {}) => must(parseConfig(args, env));

describe("the server's options", () => {
  test("have first values", () => {
    expect(parse([])).toEqual({ server: DEFAULT_CONFIG, dataFolder: "data", isJson: false });
  });

  test("come from flags, or else from the environment", () => {
    const env = {
      DOVETAIL_PORT: "1",
      DOVETAIL_ORIGIN: "https://a.example, https://b.example",
      DOVETAIL_REGISTRATION: "closed",
      DOVETAIL_JSON: "1",
      DOVETAIL_DATA: "/d",
    };
    expect(parse([], env)).toMatchObject({
      server: { port: 1, origins: ["https://a.example", "https://b.example"], isRegistrationOpen: false },
      dataFolder: "/d",
      isJson: true,
    });
    const flags = ["--port", "0", "--origin", "https://c.example", "--open", "--data", "/e", "--trust-proxy"];
    expect(parse(flags, env)).toMatchObject({
      server: { port: 0, origins: ["https://c.example"], isRegistrationOpen: true, trustsProxy: true },
      dataFolder: "/e",
    });
    expect(parse(["--memory"], env)).toMatchObject({ dataFolder: null });
    expect(parse(["--help"])).toBe("help");
  });

  test.each([
    [["--port", "65536"], /--port/],
    [["--port", "x"], /--port/],
    [["--port", "-1"], /port/],
    [["--origin", "a.example"], /--origin a\.example/],
    [["--origin", "https://a.example/"], /without a path/],
    [["--open", "--closed"], /exclude/],
    [["--work-bits", "41"], /--work-bits/],
    [["--nonsense"], /nonsense/],
    [["stray"], /stray/],
  ] as const)("%j is refused with a reason", (args, why) => {
    expect(refusal(parseConfig(args, {})).message).toMatch(why);
  });

  test("are all in the help", () => {
    for (const flag of [
      "port",
      "host",
      "data",
      "memory",
      "origin",
      "open",
      "closed",
      "trust-proxy",
      "sockets-per-address",
      "rate-factor",
      "work-bits",
      "json",
      "help",
    ]) {
      expect(HELP).toContain(`--${flag}`);
    }
  });
});
