/** Who listens to the events of a client. */
import type { ClientEvent } from "./client.ts";

export interface ClientEvents {
  emit(event: ClientEvent): void;
  /** Calls `listener` with each event from now on, first of all with how far is what is under way. */
  onEvent(listener: (event: ClientEvent) => void): () => void;
  isHeard(): boolean;
  /** What was under way is no more: who did it is gone. */
  endProgress(): void;
}

type Progress = Extract<ClientEvent, { readonly type: "progress" }>;

/** Starts with nobody listening. */
export function createClientEvents(): ClientEvents {
  const listeners = new Set<(event: ClientEvent) => void>();
  /** What has begun and not ended: who comes to listen meanwhile would hear of it only with its next step. */
  const underWay = new Map<Progress["phase"], Progress>();
  function emit(event: ClientEvent): void {
    if (event.type === "progress") {
      if (event.done < event.total) underWay.set(event.phase, event);
      else underWay.delete(event.phase);
    }
    for (const listener of listeners) listener(event);
  }
  return {
    emit,
    onEvent(listener) {
      listeners.add(listener);
      for (const progress of underWay.values()) listener(progress);
      return () => listeners.delete(listener);
    },
    isHeard: () => listeners.size > 0,
    endProgress() {
      for (const progress of [...underWay.values()]) emit({ ...progress, done: progress.total });
    },
  };
}
