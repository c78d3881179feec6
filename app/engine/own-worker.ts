/**
 * The worker of this tab. The first one starts as soon as this module runs, beside the loading of the page: it has more to
 * load than the page has, and waits for its order.
 */
import { startEngineWorker } from "../platform/trusted-urls.ts";

let first: Worker | null = startEngineWorker();

/** The worker that was started with the page; later on another one. */
export function nextWorker(): Worker {
  const worker = first ?? startEngineWorker();
  first = null;
  return worker;
}
