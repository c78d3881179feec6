/** Answers the operator's requests over a store, in the server's process or in a command's. */
import { unreachable } from "@dovetail/core/base/assert.ts";
import type { Clock } from "@dovetail/core/base/clock.ts";
import type { Logger } from "@dovetail/core/base/logger.ts";
import type { Random } from "@dovetail/core/base/random.ts";
import { createInvitation, invitationHash } from "../directory/invitation.ts";
import type { Refusal } from "../store/refusal.ts";
import type { ServerStore } from "../store/server-store.ts";
import type { OperatorAnswer, OperatorRequest } from "./operator-request.ts";

export interface OperatorDeskDeps {
  readonly store: ServerStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What the server adds to what its store knows; null when none runs. */
  readonly server: DeskServer | null;
}

export interface DeskServer {
  readonly origin: string;
  connectionCount(): number;
  /** What `/metrics` says. */
  metricsText(): Promise<string>;
}

export type OperatorDesk = (request: OperatorRequest) => Promise<OperatorAnswer>;

/** A desk over `deps.store`. */
export function createOperatorDesk(deps: OperatorDeskDeps): OperatorDesk {
  const { store, clock, server } = deps;
  return async (request) => {
    switch (request.type) {
      case "invite":
        return invite(deps, request);
      case "listInvitations": {
        const found = await store.listInvitations(clock.nowMs());
        return found.ok ? { type: "invitations", invitations: found.value } : refused(found.error);
      }
      case "revokeInvitation": {
        const revoked = await store.revokeInvitation(request.number);
        if (!revoked.ok) return refused(revoked.error);
        return revoked.value ? { type: "done" } : { type: "refused", reason: "unknown", detail: "" };
      }
      case "figures": {
        const figures = await store.figures();
        if (!figures.ok) return refused(figures.error);
        return {
          type: "figures",
          figures: { ...figures.value, connections: server?.connectionCount() ?? null },
        };
      }
      case "deleteAccount": {
        const deleted = await store.deleteAccount(request.accountId);
        if (!deleted.ok) return refused(deleted.error);
        deps.logger.log("info", "account-deleted");
        const erased = await store.erased();
        return erased.ok ? { type: "done" } : refused(erased.error);
      }
      case "releaseHandle": {
        const released = await store.releaseHandle(request.handle);
        if (!released.ok) return refused(released.error);
        return released.value ? { type: "done" } : { type: "refused", reason: "unknown", detail: "" };
      }
      case "backup": {
        const copied = await store.backup(request.path);
        deps.logger.log(copied.ok ? "info" : "error", "backup", { isDone: copied.ok });
        return copied.ok ? { type: "done" } : refused(copied.error);
      }
      case "metrics":
        if (server === null) return { type: "refused", reason: "no-metrics", detail: "" };
        return { type: "text", text: await server.metricsText() };
      default:
        return unreachable(request);
    }
  };
}

async function invite(
  { store, clock, random, logger, server }: OperatorDeskDeps,
  { uses, ttlMs }: { readonly uses: number; readonly ttlMs: number },
): Promise<OperatorAnswer> {
  const invitation = createInvitation(random);
  const hash = invitationHash(invitation);
  if (hash === null) return { type: "refused", reason: "storage", detail: "" };
  const createdAtMs = clock.nowMs();
  const expiresAtMs = createdAtMs + ttlMs;
  const added = await store.addInvitation({ hash, usesMax: uses, createdAtMs, expiresAtMs });
  if (!added.ok) return refused(added.error);
  logger.log("info", "invitation-made", { uses });
  return { type: "invited", number: added.value, invitation, expiresAtMs, origin: server?.origin ?? null };
}

function refused({ code }: Refusal): OperatorAnswer {
  if (code === "quota") return { type: "refused", reason: "too-many", detail: "" };
  if (code === "unknown-account") return { type: "refused", reason: "unknown", detail: "" };
  return { type: "refused", reason: "storage", detail: code };
}
