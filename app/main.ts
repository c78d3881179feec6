/** The page: opens the engine; the screens over it come next. */
import { openEngine } from "./engine/open-engine.ts";

const engine = openEngine();
const show = (): void => {
  document.body.dataset.state = engine.state().type;
};
engine.onState(show);
show();
