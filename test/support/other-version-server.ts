/** A server of another protocol version: it greets, and nobody of this version can go on. */
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { encode } from "../../core/codec/shape.ts";
import { serverFrameShape } from "../../core/protocol/server-frame.ts";
import { GATEWAY_SUBPROTOCOL } from "../../core/protocol/version.ts";

export interface OtherVersionServer {
  /** How many clients it has greeted. */
  greeted(): number;
  close(): Promise<void>;
}

/** Listens on `port` of loopback and speaks the versions from `versionMin` to `versionMax`. */
export async function startOtherVersionServer(
  port: number,
  versions: { readonly versionMin: number; readonly versionMax: number },
): Promise<OtherVersionServer> {
  let greeted = 0;
  const http = createServer((_request, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ server: http, handleProtocols: () => GATEWAY_SUBPROTOCOL });
  const challenge = encode(serverFrameShape, {
    type: "challenge",
    ...versions,
    serverNonce: new Uint8Array(32).fill(7),
  });
  sockets.on("connection", (socket) => {
    greeted += 1;
    socket.send(challenge);
  });
  http.listen(port, "127.0.0.1");
  await once(http, "listening");
  return {
    greeted: () => greeted,
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
