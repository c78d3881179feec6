/**
 * Which logs of this account its server does not have. To open one counts as a failed proof there, of which a connection has eight: a
 * device asks first, because of the logs its contacts could have, most were never made. Rules GW3, DM17.
 */
import type { LogId } from "../../base/ids.ts";
import { SUBSCRIPTIONS_PER_CONNECTION_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Gateway, ServerError } from "./gateway.ts";

export interface AbsentLogs {
  /** Asks which of these are not there. */
  ask(logIds: readonly LogId[]): Promise<Result<void, ServerError>>;
  has(logId: LogId): boolean;
  add(logId: LogId): void;
  /** It was made. */
  delete(logId: LogId): void;
}

/** For one connection of a signed-in device. */
export function createAbsentLogs(gateway: Pick<Gateway, "call">): AbsentLogs {
  const absent = new Set<LogId>();
  return {
    async ask(logIds) {
      for (let from = 0; from < logIds.length; from += SUBSCRIPTIONS_PER_CONNECTION_MAX) {
        const some = logIds.slice(from, from + SUBSCRIPTIONS_PER_CONNECTION_MAX);
        const found = await gateway.call("heads", { type: "heads", logIds: some });
        if (!found.ok) return found;
        for (const { logId, head } of found.value.heads)
          if (head === null) absent.add(logId);
          else absent.delete(logId);
      }
      return ok();
    },
    has: (logId) => absent.has(logId),
    add: (logId) => void absent.add(logId),
    delete: (logId) => void absent.delete(logId),
  };
}
