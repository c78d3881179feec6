/** A way to a server that changes what the server says or hears, and is otherwise the real one. */
import type { ClientFrame } from "../../core/protocol/client-frame.ts";
import { type ServerFrame, serverFrameShape } from "../../core/protocol/server-frame.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { createWebConnector } from "../../core/transport/web-connector.ts";
import { createFrameStyle, readFrame } from "./read-frame.ts";

/** What becomes of one frame of the server: other frames in its place, or it as it is. */
export type Lie = (frame: ServerFrame) => readonly ServerFrame[];

/** Answers in the server's place, which then does not hear the frame; or null to let it through. */
export type Deafness = (frame: ClientFrame) => readonly ServerFrame[] | null;

export interface LyingServer {
  readonly connector: ServerConnector;
  /** Null: the truth. */
  lie: Lie | null;
  deaf: Deafness | null;
  /** Cuts every connection that is open. */
  cut(): void;
}

/** A connector whose frames from the server go through `lie`. */
export function createLyingServer(): LyingServer {
  const inner = createWebConnector();
  const open = new Set<() => void>();
  const server: LyingServer = {
    lie: null,
    deaf: null,
    cut: () => {
      for (const close of open) close();
    },
    connector: {
      request: inner.request,
      async connect(origin, handlers) {
        const style = createFrameStyle();
        const opened = await inner.connect(origin, {
          onFrame: (bytes) => {
            const frame = readFrame(serverFrameShape, bytes);
            if (!frame.ok || server.lie === null) return handlers.onFrame(bytes);
            for (const said of server.lie(frame.value)) handlers.onFrame(style.write(said));
          },
          onClose: handlers.onClose,
        });
        if (!opened.ok) return opened;
        open.add(opened.value.close);
        const send = (bytes: Uint8Array) => {
          const frame = style.heard(bytes);
          const answers = frame.ok ? (server.deaf?.(frame.value) ?? null) : null;
          if (answers === null) return opened.value.send(bytes);
          for (const answer of answers) handlers.onFrame(style.write(answer));
        };
        return { ok: true, value: { ...opened.value, send } };
      },
    },
  };
  return server;
}
