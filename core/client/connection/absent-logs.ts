/**
 * Which logs of this account its server does not have. To open one counts as a failed proof there, of which a connection has eight: a
 * device asks first, because of the logs its contacts could have, most were never made. Rules GW3, DM17.
 */
import type { LogId } from "../../base/ids.ts";
import { SUBSCRIPTIONS_PER_CONNECTION_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Gateway, ServerError } from "./gateway.ts";

export interface AbsentLogs {
  /** Asks which of these are not there, of each once a connection. */
  ask(logIds: readonly LogId[]): Promise<Result<void, ServerError>>;
  has(logId: LogId): boolean;
  /** What a refusal said, or that it was made. */
  note(logId: LogId, isThere: boolean): void;
}

/** For one connection of a signed-in device. */
export function createAbsentLogs(gateway: Pick<Gateway, "call">): AbsentLogs {
  const isThere = new Map<LogId, boolean>();
  return {
    async ask(logIds) {
      const unknown = logIds.filter((logId) => !isThere.has(logId));
      for (let from = 0; from < unknown.length; from += SUBSCRIPTIONS_PER_CONNECTION_MAX) {
        const some = unknown.slice(from, from + SUBSCRIPTIONS_PER_CONNECTION_MAX);
        const found = await gateway.call("heads", { type: "heads", logIds: some });
        if (!found.ok) return found;
        for (const { logId, head } of found.value.heads) isThere.set(logId, head !== null);
      }
      return ok();
    },
    has: (logId) => isThere.get(logId) === false,
    note: (logId, isMade) => void isThere.set(logId, isMade),
  };
}
