/** A way to a server on which some frames wait at a gate, so that what happens meanwhile is not left to chance. */
import { ENTRY_KIND, type EntryKind, parseEntryHeader } from "../../core/protocol/entry.ts";
import type { ClientFrame } from "../../core/protocol/client-frame.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { createFrameStyle } from "./read-frame.ts";

export interface FrameGate {
  /** A device's way to its servers. */
  connector(): ServerConnector;
  close(): void;
  /** Lets go what waits, in the order in which it came. */
  open(): void;
  /** How many frames wait. */
  waiting(): number;
}

/** Frames that `isHeld` names wait while it is closed; the others go past them. */
export function createFrameGate(isHeld: (frame: ClientFrame) => boolean): FrameGate {
  const inner = createWebConnector();
  let held: (() => void)[] | null = null;
  return {
    close: () => {
      held ??= [];
    },
    open: () => {
      const released = held ?? [];
      held = null;
      for (const send of released) send();
    },
    waiting: () => held?.length ?? 0,
    connector: () => ({
      request: inner.request,
      async connect(origin, handlers) {
        const style = createFrameStyle();
        const opened = await inner.connect(origin, handlers);
        if (!opened.ok) return opened;
        const send = (bytes: Uint8Array) => {
          const frame = style.heard(bytes);
          if (held !== null && frame.ok && isHeld(frame.value)) held.push(() => opened.value.send(bytes));
          else opened.value.send(bytes);
        };
        return { ok: true, value: { ...opened.value, send } };
      },
    }),
  };
}

/** Whether a frame brings a commit of a room. */
export const isCommit = (frame: ClientFrame): boolean => brings(frame, ENTRY_KIND.roomHandshake);

/** Whether a frame brings something to a contact's log. */
export const isLetter = (frame: ClientFrame): boolean => brings(frame, ENTRY_KIND.message);

function brings(frame: ClientFrame, kind: EntryKind): boolean {
  const entries =
    frame.type === "append" ? frame.entries : frame.type === "appendAndRekey" ? [frame.entry] : [];
  return entries.some(({ header }) => {
    const fields = parseEntryHeader(header);
    return fields.ok && fields.value.kind === kind;
  });
}
