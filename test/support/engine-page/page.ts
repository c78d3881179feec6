/** A page with the engine of the app and no screens, for tests that drive it from outside. */
import { type AppUpdate, installApp } from "../../../app/engine/app-updates.ts";
import type { Engine, EngineState } from "../../../app/engine/engine.ts";
import { openEngine } from "../../../app/engine/open-engine.ts";

/** What a test reaches as `globalThis.world`. */
export interface PageWorld {
  readonly engine: Engine;
  readonly states: EngineState[];
  readonly updates: AppUpdate[];
  /** Violations of the page's policy. */
  readonly violations: string[];
}

const violations: string[] = [];
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  violations.push(`${violatedDirective} ${blockedURI}`);
});
const engine = openEngine();
const states: EngineState[] = [];
engine.onState((state) => states.push(state));
const updates: AppUpdate[] = [];
installApp((update) => updates.push(update));
const world: PageWorld = { engine, states, updates, violations };
Reflect.set(globalThis, "world", world);
