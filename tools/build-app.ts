/** `node tools/build-app.ts`: builds the web app into app/dist. */
import { APP_DIST, buildApp } from "./app-build.ts";

await buildApp({ outFolder: APP_DIST });
