/** Runs once before the browser tests: the app and the engine's page for tests, as a server hands them out. */
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { APP_FOLDER, buildApp } from "../../tools/app-build.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** Folders of built pages. Tests read them; who wants another page copies one. */
export interface BuiltPages {
  readonly app: string;
  readonly engine: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    readonly builtPages: BuiltPages;
  }
}

const ENGINE_PAGE = join(import.meta.dirname, "engine-page");

export async function setup(project: TestProject): Promise<() => void> {
  const folder = createTemporaryFolder();
  const builtPages = { app: join(folder.path, "app"), engine: join(folder.path, "engine") };
  await buildApp({ outFolder: builtPages.app, root: APP_FOLDER, isCompressed: false });
  await buildApp({ outFolder: builtPages.engine, root: ENGINE_PAGE, isCompressed: false });
  project.provide("builtPages", builtPages);
  return folder.discard;
}
