/** `node tools/build-app.ts`: builds the web app into app/dist. */
import { join } from "node:path";
import { build } from "vite";
import { APP_FOLDER, appConfig } from "./app-build.ts";

await build(appConfig(join(APP_FOLDER, "dist")));
