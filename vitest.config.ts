/**
 * One vitest project per folder of `test/`, so that a run says what kind of promise broke.
 *
 * Start it by `npm test -- <project>`: it must run on the workspace's own Node, for `node:sqlite`. `browser` drives Chromium
 * from Node; `browser-page` runs its tests inside a page of it.
 */
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { vectorSet } from "./test/support/vector-set.ts";
import { CHROMIUM_ARGS, findChromium } from "./tools/chromium.ts";

/**
 * Milliseconds after which a single test counts as hanging, by project. Several times what it takes on two idle cores: a
 * machine that has other work is no fault of the code.
 */
const TEST_TIMEOUT_MS_BY_PROJECT: Readonly<Record<string, number>> = {
  unit: 60_000,
  property: 300_000,
  vectors: 300_000,
  contract: 300_000,
  scenario: 240_000,
  architecture: 120_000,
  interop: 300_000,
  simulation: 300_000,
  browser: 240_000,
};

/** How long a poll or a wait of a test goes on. */
const WAIT_MS = 30_000;

/** Projects whose files change nothing that another one sees: they share what they have loaded, and the browser. */
const SHARES_MODULES = new Set(["unit", "browser"]);

/** What runs once before a project's first file. */
const GLOBAL_SETUP_BY_PROJECT: Readonly<Record<string, string | string[]>> = {
  vectors: "test/support/report-vectors.ts",
  scenario: "test/support/build-command-line.ts",
  interop: "test/support/install-deno.ts",
  browser: ["test/support/build-command-line.ts", "test/support/build-pages.ts"],
};

/** Long files first, the many short ones last, so that no core waits for the other at the end. */
const LONGEST_FIRST = ["contract", "property", "scenario", "interop", "vectors", "architecture", "unit"];

/** Long for their size, by which vitest goes where it has not seen them run. */
const LONG_FILES = ["test/browser/accessibility.test.ts"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = (file: TestSpecification): number => LONGEST_FIRST.indexOf(file.project.name);
    const isShort = (file: TestSpecification): boolean =>
      !LONG_FILES.some((name) => file.moduleId.endsWith(name));
    return sorted.sort((a, b) => rank(a) - rank(b) || Number(isShort(a)) - Number(isShort(b)));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      ...Object.entries(TEST_TIMEOUT_MS_BY_PROJECT).map(([name, testTimeout]) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          exclude: ["**/node_modules/**"],
          environment: "node",
          pool: "forks" as const,
          isolate: !SHARES_MODULES.has(name),
          expect: { poll: { timeout: WAIT_MS } },
          testTimeout,
          hookTimeout: testTimeout,
          teardownTimeout: 10_000,
          globalSetup: GLOBAL_SETUP_BY_PROJECT[name] ?? [],
        },
      })),
      {
        // Found before the first test: a library that is found later reloads the page in the middle of one.
        optimizeDeps: { entries: ["core/mod.ts", "test/browser-page/**/*.test.ts"] },
        test: {
          name: "browser-page",
          include: ["test/browser-page/**/*.test.ts"],
          // A page reads no files.
          provide: { naughtyStrings: (vectorSet("blns")?.json("blns.json") ?? []) as readonly string[] },
          testTimeout: 120_000,
          hookTimeout: 120_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { executablePath: findChromium() ?? "chromium", args: [...CHROMIUM_ARGS] },
            }),
            instances: [{ browser: "chromium" as const }],
          },
        },
      },
    ],
  },
});
