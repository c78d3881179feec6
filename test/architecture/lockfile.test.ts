/** The lockfiles work on every machine, and name no registry. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { faultLines, listVersioned, ROOT } from "../support/checkout.ts";
import { findLockfileFaults } from "../support/lockfile.ts";

describe("the lockfiles", () => {
  const files = listVersioned().filter((path) => path.endsWith("package-lock.json"));

  test("there are some", () => {
    expect(files).toContain("package-lock.json");
  });
  test.each(files)("%s is complete and names no address", (file) => {
    expect(faultLines(findLockfileFaults(file, readFileSync(join(ROOT, file), "utf8")))).toEqual([]);
  });
});

describe("the check itself", () => {
  const sound = {
    "": { name: "workspace" },
    core: { version: "1.0.0" },
    "node_modules/core": { resolved: "core", link: true },
    "node_modules/tool": {
      version: "1.0.0",
      integrity: "sha512-x",
      optionalDependencies: { "tool-linux-x64": "1.0.0" },
    },
    "node_modules/tool-linux-x64": { version: "1.0.0", optional: true, os: ["linux"] },
  };
  const check = (packages: object): readonly string[] =>
    findLockfileFaults("package-lock.json", JSON.stringify({ packages })).map(({ why }) => why);

  test("finds nothing in a sound one", () => {
    expect(check(sound)).toEqual([]);
  });
  test("catches an address", () => {
    const planted = {
      ...sound,
      "node_modules/a": { integrity: "sha512-x", resolved: "https://packages.example/a.tgz" },
    };
    expect(check(planted)).toEqual(["node_modules/a names the address https://packages.example/a.tgz"]);
  });
  test("catches a missing package of another platform", () => {
    const { "node_modules/tool-linux-x64": _gone, ...planted } = sound;
    expect(check(planted)).toEqual(["tool-linux-x64 is missing; run node tools/complete-lockfile.mjs"]);
  });
  test("catches a package without a hash", () => {
    expect(check({ ...sound, "node_modules/a": { version: "1.0.0" } })).toEqual([
      "node_modules/a has no hash",
    ]);
  });
});
