/**
 * The one Trusted Types policy of ours: scripts that the page starts as workers. It names two of our own and no other.
 */
import engineWorkerUrl from "../engine/engine-worker.ts?worker&url";

/** Where tools/build-app.ts puts the service worker; its scope is the folder it lies in. */
const SERVICE_WORKER_URL = "/service-worker.js";

interface ScriptUrlPolicy {
  createScriptURL(url: string): string;
}

interface TrustedTypes {
  createPolicy(name: string, rules: ScriptUrlPolicy): ScriptUrlPolicy;
}

const policy: ScriptUrlPolicy = createPolicy({
  createScriptURL(url) {
    if (url !== engineWorkerUrl && url !== SERVICE_WORKER_URL) throw new TypeError("no script of ours");
    return url;
  },
});

/** The worker of this tab. */
export function startEngineWorker(): Worker {
  return new Worker(policy.createScriptURL(engineWorkerUrl), { type: "module", name: "dovetail" });
}

/** The service worker's address, as the browser wants it. */
export function serviceWorkerUrl(): string {
  return policy.createScriptURL(SERVICE_WORKER_URL);
}

/** Browsers without Trusted Types take the text as it is. */
function createPolicy(rules: ScriptUrlPolicy): ScriptUrlPolicy {
  const trustedTypes: unknown = Reflect.get(globalThis, "trustedTypes");
  return isTrustedTypes(trustedTypes) ? trustedTypes.createPolicy("dovetail", rules) : rules;
}

function isTrustedTypes(value: unknown): value is TrustedTypes {
  return typeof value === "object" && value !== null && "createPolicy" in value;
}
