/** Opens the engine, shows the screens over it, and installs the app. */
import { installApp } from "./engine/app-updates.ts";
import { openEngine } from "./engine/open-engine.ts";
import { showApp } from "./ui/dt-app.ts";

const app = showApp(window, openEngine());
app.installation = installApp((update) => app.offer(update));
