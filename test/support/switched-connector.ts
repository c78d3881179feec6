/** The way to servers with a switch: while it is off nothing answers, and what was open is cut. */
import type { FrameSocket, ServerConnector } from "../../core/transport/server-connector.ts";
import { err, ok } from "../../core/base/result.ts";

export interface SwitchedConnector extends ServerConnector {
  switch(isOn: boolean): void;
  isOn(): boolean;
}

export function createSwitchedConnector(inner: ServerConnector): SwitchedConnector {
  const sockets = new Set<FrameSocket>();
  let isOn = true;
  const off = (origin: string) => err({ type: "ServerUnreachable" as const, origin, detail: "off" });
  return {
    async connect(origin, handlers) {
      if (!isOn) return off(origin);
      const opened = await inner.connect(origin, handlers);
      if (!opened.ok) return opened;
      sockets.add(opened.value);
      return ok(opened.value);
    },
    request: async (origin, request) => (isOn ? inner.request(origin, request) : off(origin)),
    isOn: () => isOn,
    switch(wanted) {
      isOn = wanted;
      if (isOn) return;
      for (const socket of sockets) socket.close();
      sockets.clear();
    },
  };
}
