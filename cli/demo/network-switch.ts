/** A cable that can be pulled: a connector whose sockets break and whose requests fail while it is off. */
import { err, type FrameSocket, ok, type ServerConnector } from "@dovetail/core";

export interface NetworkSwitch {
  readonly connector: ServerConnector;
  /** Off closes what is open, without a word to either side's program. */
  setOn(isOn: boolean): void;
}

export function createNetworkSwitch(inner: ServerConnector): NetworkSwitch {
  let isOn = true;
  const sockets = new Set<FrameSocket>();
  const off = (origin: string) => err({ type: "ServerUnreachable", origin, detail: "cable-pulled" } as const);
  return {
    connector: {
      async connect(origin, handlers) {
        if (!isOn) return off(origin);
        let opened: FrameSocket | null = null;
        const result = await inner.connect(origin, {
          onFrame: (frame) => {
            if (isOn) handlers.onFrame(frame);
          },
          onClose: () => {
            if (opened !== null) sockets.delete(opened);
            handlers.onClose();
          },
        });
        if (!result.ok) return result;
        const socket = result.value;
        opened = socket;
        sockets.add(socket);
        if (!isOn) socket.close();
        return ok({ ...socket, send: (frame) => isOn && socket.send(frame) });
      },
      async request(origin, request) {
        if (!isOn) return off(origin);
        const response = await inner.request(origin, request);
        // An answer that comes after the cable was pulled does not come.
        return isOn ? response : off(origin);
      },
    },
    setOn(next) {
      isOn = next;
      if (!next) for (const socket of sockets) socket.close();
    },
  };
}
