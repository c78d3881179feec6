/** The page: starts the engine's worker first, so that it loads beside the screens and not after them. */
import "./engine/own-worker.ts";

void import("./screens.ts");
