/** A way to a port of loopback that counts what comes from there: the bytes of answers as they cross the wire, headers included. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface CountingProxy {
  readonly origin: string;
  /** Bytes so far, towards the browser. */
  bytes(): number;
  close(): Promise<void>;
}

/** Forwards a free port to `targetPort`. */
export async function startCountingProxy(targetPort: number): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  let bytes = 0;
  const server = createServer((near) => {
    const far = connect(targetPort, "127.0.0.1");
    far.on("data", (chunk) => {
      bytes += chunk.length;
    });
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
    origin: `http://localhost:${address.port}`,
    bytes: () => bytes,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
