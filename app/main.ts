/** The page: installs the app, opens the engine and shows the screens over it. */
import { installApp } from "./engine/app-updates.ts";
import { openEngine } from "./engine/open-engine.ts";
import { showApp } from "./ui/dt-app.ts";

const app = showApp(window, openEngine());
app.installation = installApp((update) => app.offer(update));
