/** A port of loopback that forwards to another one, and shows what crosses it. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What is shown of one connection. */
export interface TapWatch {
  /** Bytes to the port behind. */
  readonly sent?: (chunk: Buffer) => void;
  /** Bytes from there. */
  readonly received?: (chunk: Buffer) => void;
}

export interface TcpTap {
  readonly port: number;
  /** Ends the connections too. */
  close(): Promise<void>;
}

/** Forwards a free port to `targetPort`; `watch` is asked for each connection. */
export async function startTcpTap(targetPort: number, watch: () => TapWatch): Promise<TcpTap> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(targetPort, "127.0.0.1");
    const { sent, received } = watch();
    if (sent !== undefined) near.on("data", sent);
    if (received !== undefined) far.on("data", received);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("a listener has a port");
  return {
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
