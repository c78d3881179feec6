/** What happened in a world, as one hash: the same seed gives the same one, or something came from outside the world. */
import { createHash } from "node:crypto";
import { clientFrameShape } from "../../../core/protocol/client-frame.ts";
import { serverFrameShape } from "../../../core/protocol/server-frame.ts";
import { readFrame } from "../../support/read-frame.ts";

export interface Trace {
  note(what: string, bytes?: Uint8Array): void;
  /** Bytes that passed the network, for whoever looks for secrets in them. */
  readonly carried: Uint8Array[];
  /** Lines go to this one too from now on; null: to nobody. */
  watch(onLine: ((line: string) => void) | null): void;
  digest(): string;
}

/** An empty trace; `nowMs` stands on every line of it. */
export function createTrace(nowMs: () => number, onLine: ((line: string) => void) | null = null): Trace {
  const hash = createHash("sha256");
  let watcher: ((line: string) => void) | null = null;
  return {
    carried: [],
    watch: (next) => {
      watcher = next;
    },
    note(what, bytes) {
      const line = `${nowMs().toFixed(3)} ${what} ${bytes?.length ?? ""}`;
      hash.update(line);
      if (bytes !== undefined) hash.update(bytes);
      if (onLine === null && watcher === null) return;
      const named = `${line} ${bytes === undefined ? "" : nameOf(bytes)}`;
      onLine?.(named);
      watcher?.(named);
    },
    digest: () => hash.copy().digest("hex").slice(0, 32),
  };
}

/** What a frame is, for a person who reads along. */
function nameOf(bytes: Uint8Array): string {
  for (const shape of [serverFrameShape, clientFrameShape]) {
    const frame = readFrame<{ readonly type: string; readonly code?: string }>(shape, bytes);
    if (frame.ok) return `${frame.value.type} ${frame.value.code ?? ""}`;
  }
  return "";
}
