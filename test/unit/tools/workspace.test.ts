/** When a command of a fresh or changed checkout installs, and when it leaves node_modules alone. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isInstallStale } from "../../../tools/workspace.mjs";

const LOCKED = {
  "": { name: "workspace" },
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/a-win32-x64": { version: "1.0.0", optional: true, os: ["win32"] },
};
const INSTALLED = { "node_modules/a": LOCKED["node_modules/a"] };

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dovetail-workspace-"));
  mkdirSync(join(folder, "node_modules"));
  writePackages("package-lock.json", LOCKED);
  writePackages("node_modules/.package-lock.json", INSTALLED);
});
afterEach(() => rmSync(folder, { recursive: true }));

test("what the lockfile names is installed: nothing to do, whatever other platforms need", () => {
  expect(isInstallStale(folder)).toBe(false);
});

test("without node_modules the install is stale", () => {
  rmSync(join(folder, "node_modules"), { recursive: true });
  expect(isInstallStale(folder)).toBe(true);
});

test.each([
  ["another version", { "node_modules/a": { version: "2.0.0", integrity: "sha512-a" } }],
  ["other bytes of the same version", { "node_modules/a": { version: "1.0.0", integrity: "sha512-b" } }],
  ["a new package", { ...LOCKED, "node_modules/b": { version: "1.0.0", integrity: "sha512-b" } }],
])("a lockfile that names %s makes the install stale", (_name, packages) => {
  writePackages("package-lock.json", packages);
  expect(isInstallStale(folder)).toBe(true);
});

test("a checkout without a readable lockfile says so", () => {
  writeFileSync(join(folder, "package-lock.json"), "<<<<<<< conflict");
  expect(() => isInstallStale(folder)).toThrow(/package-lock\.json is missing or broken/);
});

function writePackages(file: string, packages: object): void {
  writeFileSync(join(folder, file), JSON.stringify({ lockfileVersion: 3, packages }));
}
