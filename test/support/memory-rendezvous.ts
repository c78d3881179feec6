/** A rendezvous in memory with a clock of its own: the honest server, and the hooks a dishonest one needs. */
import { type Bytes, equalBytes } from "../../core/base/bytes.ts";
import type { RendezvousId } from "../../core/base/ids.ts";
import { RENDEZVOUS_BYTES_MAX, RENDEZVOUS_TTL_MS } from "../../core/base/limits.ts";
import { err, ok, type Result } from "../../core/base/result.ts";
import type { Rendezvous, RendezvousError, RendezvousState } from "../../core/sigchain/linking/rendezvous.ts";

interface Slot {
  readonly createdAtMs: number;
  version: number;
  message: Bytes;
}

export interface MemoryRendezvous {
  /** The port, answering at once. */
  readonly port: Rendezvous;
  nowMs: number;
  /** Everything ever put, in order. */
  readonly seen: Bytes[];
  /** What a dishonest server makes of a message on its way in. */
  tamper: (version: number, message: Bytes) => Bytes;
  put(
    id: RendezvousId,
    expectedVersion: number,
    message: Bytes,
  ): Result<{ readonly version: number }, RendezvousError>;
  get(id: RendezvousId, afterVersion: number): Result<RendezvousState, RendezvousError>;
  /** Writes over the slot, as a server can. */
  overwrite(id: RendezvousId, version: number, message: Bytes): void;
}

export function createMemoryRendezvous(): MemoryRendezvous {
  const slots = new Map<RendezvousId, Slot>();
  const live = (id: RendezvousId): Slot | undefined => {
    const slot = slots.get(id);
    return slot !== undefined && rendezvous.nowMs < slot.createdAtMs + RENDEZVOUS_TTL_MS ? slot : undefined;
  };
  const rendezvous: MemoryRendezvous = {
    nowMs: 1_800_000_000_000,
    seen: [],
    tamper: (_version, message) => message,
    port: {
      put: async (id, expectedVersion, message) => rendezvous.put(id, expectedVersion, message),
      get: async (id, afterVersion) => rendezvous.get(id, afterVersion),
    },
    put(id, expectedVersion, message) {
      const slot = live(id);
      if (message.length > RENDEZVOUS_BYTES_MAX) return err({ type: "RendezvousUnavailable" });
      if (slot === undefined) {
        if (expectedVersion !== 0 || slots.has(id)) return err({ type: "RendezvousGone" });
        rendezvous.seen.push(message);
        slots.set(id, { createdAtMs: rendezvous.nowMs, version: 1, message: rendezvous.tamper(1, message) });
        return ok({ version: 1 });
      }
      const version = expectedVersion + 1;
      if (slot.version === version && equalBytes(slot.message, message)) return ok({ version });
      if (slot.version !== expectedVersion) return err({ type: "RendezvousConflict", version: slot.version });
      rendezvous.seen.push(message);
      slot.version = version;
      slot.message = rendezvous.tamper(version, message);
      return ok({ version });
    },
    get(id, afterVersion) {
      const slot = live(id);
      if (slot === undefined) return err({ type: "RendezvousGone" });
      return ok({ version: slot.version, message: slot.version > afterVersion ? slot.message : null });
    },
    overwrite(id, version, message) {
      const slot = live(id);
      if (slot === undefined) return;
      slot.version = version;
      slot.message = message;
    },
  };
  return rendezvous;
}
