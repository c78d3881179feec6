/** A port for a program that cannot say which one it took. */
import { createServer } from "node:net";

/** A port of loopback nobody listens on. */
export async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => void listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("a listener has a port");
  return address.port;
}
