/** The rendezvous port of linking over a server's directory. */
import { err, ok } from "../../base/result.ts";
import type { Rendezvous, RendezvousError } from "../../sigchain/linking/rendezvous.ts";
import type { DirectoryClient } from "../connection/directory-client.ts";
import type { ServerError } from "../connection/gateway.ts";

/** Slots of the server behind `directory`. */
export function createRendezvous(directory: DirectoryClient): Rendezvous {
  return {
    async put(id, expectedVersion, message) {
      const put = await directory.putRendezvous(id, expectedVersion, message);
      return put.ok ? ok({ version: put.value.version }) : err(rendezvousError(put.error, expectedVersion));
    },
    async get(id, afterVersion) {
      const state = await directory.getRendezvous(id, afterVersion);
      return state.ok ? ok(state.value) : err(rendezvousError(state.error, afterVersion));
    },
  };
}

function rendezvousError(error: ServerError, version: number): RendezvousError {
  if (error.type !== "Refused") return { type: "RendezvousUnavailable" };
  if (error.code === "rendezvous-conflict") return { type: "RendezvousConflict", version };
  return error.code === "rendezvous-gone" ? { type: "RendezvousGone" } : { type: "RendezvousUnavailable" };
}
