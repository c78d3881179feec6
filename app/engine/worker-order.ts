/** What a page and its own worker tell each other; everything else goes over the channels of the tabs. */

export type WorkerOrder =
  /** Once, at the beginning. `worker` is the name by which this tab knows its worker. */
  | { readonly type: "start"; readonly profile: string; readonly worker: string }
  /** Nobody answers for the engine: take the profile over, whoever holds its lock. */
  | { readonly type: "take-over" };

/** An order, or null for anything else. */
export function parseWorkerOrder(message: unknown): WorkerOrder | null {
  if (typeof message !== "object" || message === null || !("type" in message)) return null;
  const { type, profile, worker } = message as Readonly<Record<string, unknown>>;
  if (type === "take-over") return { type };
  return type === "start" && typeof profile === "string" && typeof worker === "string"
    ? { type, profile, worker }
    : null;
}

/** What a worker tells its page: the engine's parts could not be loaded. It goes on trying. */
export interface WorkerReport {
  readonly type: "broken";
  readonly detail: string;
}

/** A report, or null for anything else. */
export function parseWorkerReport(message: unknown): WorkerReport | null {
  if (typeof message !== "object" || message === null || !("type" in message)) return null;
  const { type, detail } = message as Readonly<Record<string, unknown>>;
  return type === "broken" && typeof detail === "string" ? { type, detail } : null;
}
