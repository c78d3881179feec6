/** Frames built by hand, read back by `ws`. */
import { afterAll, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { padFrame } from "../../../core/protocol/frame-padding.ts";
import { frameBinary } from "../../../sync-server/gateway/raw-frame.ts";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
afterAll(() => server.close());

test("[GW9] [GW15] a frame of any length, padded or not, is one binary message to another implementation", async () => {
  const bytesOf = (length: number) => new Uint8Array(length).map((_, i) => i * 31);
  const bare = [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576].map(
    (length) => [bytesOf(length), "off"] as const,
  );
  const padded = (["padme", "fixed"] as const).flatMap((padding) =>
    [0, 250, 255, 256, 6_143, 6_144, 1_048_575].map((length) => [bytesOf(length), padding] as const),
  );
  const frames = [...bare, ...padded];
  server.on("connection", (_ws, { socket }) => {
    for (const [payload, padding] of frames) socket.write(frameBinary(payload, padding));
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
      if (messages.length === frames.length) resolve();
    });
  });
  for (const [index, [payload, padding]] of frames.entries())
    expect(Buffer.compare(messages[index] ?? Buffer.alloc(0), padFrame(payload, padding))).toBe(0);
  client.close();
});
