/** The page: installs the app, opens the engine; the screens over it come next. */
import { installApp } from "./engine/app-updates.ts";
import { openEngine } from "./engine/open-engine.ts";

const engine = openEngine();
const show = (): void => {
  document.body.dataset.state = engine.state().type;
};
engine.onState(show);
show();
installApp(() => {});
