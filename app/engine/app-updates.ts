/**
 * The app's installation in this browser: it loads without a network from the second visit on, and tells when a newer
 * version is there.
 *
 * Nothing is reloaded before the person has said so. Then every tab is, since two versions do not share one engine.
 */
import { serviceWorkerUrl } from "../platform/trusted-urls.ts";

/** How often a page that stays open looks for a newer version. */
const CHECK_EVERY_MS = 3_600_000;

/** How long a version that a person has said yes to has to take over before this page makes room for it. */
const TAKE_OVER_MAX_MS = 3_000;

/** A newer version that waits. */
export interface AppUpdate {
  /** Loads it, in all tabs. */
  apply(): void;
}

/** The app as this browser keeps it. */
export interface AppInstallation {
  /**
   * Asks the server for a newer version now; one that is found is offered as any other. Where the browser keeps no app,
   * the page is loaded again. Says whether there is anything newer.
   */
  look(): Promise<boolean>;
}

/**
 * Installs the app for use without a network, and calls `onUpdate` for each newer version. Does nothing where the browser
 * has no service workers; then the app needs the network to load.
 */
export function installApp(onUpdate: (update: AppUpdate) => void): AppInstallation {
  const { serviceWorker } = navigator;
  if (serviceWorker === undefined) return { look: reload };
  let hasOne = serviceWorker.controller !== null;
  serviceWorker.addEventListener("controllerchange", () => {
    // The first installation takes over pages that are of its own version; every later one is another.
    if (hasOne) location.reload();
    hasOne = true;
  });
  void serviceWorker
    .register(serviceWorkerUrl())
    .then((registration) => watch(registration, onUpdate))
    .catch(() => {
      // A browser that refuses it, as in some private windows, runs the app from the network.
    });
  return { look: () => (serviceWorker.controller === null ? reload() : lookNow()) };
}

async function lookNow(): Promise<boolean> {
  const registration = await navigator.serviceWorker.getRegistration();
  // A server that does not answer has nothing newer either.
  const found = await registration?.update().catch(() => undefined);
  return found !== undefined && (found.installing !== null || found.waiting !== null);
}

function reload(): Promise<boolean> {
  location.reload();
  return Promise.resolve(true);
}

function watch(registration: ServiceWorkerRegistration, onUpdate: (update: AppUpdate) => void): void {
  const offer = (worker: ServiceWorker | null): void => {
    if (worker === null || navigator.serviceWorker.controller === null) return;
    onUpdate({
      apply() {
        worker.postMessage("activate");
        // Chromium lets the old one stay for minutes while it counts a request of this page as not over; with the page it goes.
        setTimeout(() => location.reload(), TAKE_OVER_MAX_MS);
      },
    });
  };
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const { installing } = registration;
    installing?.addEventListener("statechange", () => {
      if (installing.state === "installed") offer(installing);
    });
  });
  setInterval(() => void registration.update().catch(() => {}), CHECK_EVERY_MS);
}
