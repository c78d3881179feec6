/** The peer of the fan-out benchmark: `ws` alone, in memory, sending what one socket says to all others. Nothing is kept. */
import process from "node:process";
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
server.on("connection", (ws) => {
  ws.on("message", (data: Buffer) => {
    for (const client of server.clients) if (client !== ws) client.send(data);
    ws.send(data.subarray(data.length - 4));
  });
});
server.on("listening", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : 0}\n`);
});
process.on("SIGTERM", () => process.exit(0));
