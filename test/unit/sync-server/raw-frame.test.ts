/** Frames built by hand, read back by `ws`. */
import { afterAll, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { frameBinary } from "../../../sync-server/gateway/raw-frame.ts";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
afterAll(() => server.close());

test("[GW9] a frame of any length is one binary message to another implementation", async () => {
  const payloads = [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576].map((length) =>
    new Uint8Array(length).map((_, i) => i * 31),
  );
  server.on("connection", (_ws, { socket }) => {
    for (const payload of payloads) socket.write(frameBinary(payload));
  });
  const address = server.address();
  const client = new WebSocket(`ws://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, {
    perMessageDeflate: false,
  });
  const messages: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    client.on("error", reject).on("message", (data: Buffer, isBinary: boolean) => {
      expect(isBinary).toBe(true);
      messages.push(data);
      if (messages.length === payloads.length) resolve();
    });
  });
  for (const [index, payload] of payloads.entries())
    expect(Buffer.compare(messages[index] ?? Buffer.alloc(0), payload)).toBe(0);
  client.close();
});
