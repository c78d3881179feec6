/** A way to a server of loopback that notes how large each WebSocket message from the client is, as it crosses the wire. */
import { createWebConnector } from "../../core/transport/web-connector.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { startTcpTap } from "./tcp-tap.ts";

export interface FrameTap {
  /** Dials the tap, whatever server is asked for. */
  readonly connector: ServerConnector;
  /** Bytes of each binary message so far, oldest first. */
  sizes(): readonly number[];
  close(): Promise<void>;
}

const OPCODE_BINARY = 2;

/** A tap before the server of `origin`. */
export async function startFrameTap(origin: string): Promise<FrameTap> {
  const sizes: number[] = [];
  const tap = await startTcpTap(Number(new URL(origin).port), () => ({ sent: watchFrames(sizes) }));
  const tapped = `http://127.0.0.1:${tap.port}`;
  const web = createWebConnector();
  return {
    connector: {
      connect: (_origin, handlers) => web.connect(tapped, handlers),
      request: (_origin, request) => web.request(tapped, request),
    },
    sizes: () => sizes,
    close: () => tap.close(),
  };
}

/** Takes what one connection sends, and notes its frames once it is a WebSocket. */
function watchFrames(sizes: number[]): (chunk: Buffer) => void {
  let seen: Buffer = Buffer.alloc(0);
  let isUpgraded = false;
  return (chunk) => {
    seen = Buffer.concat([seen, chunk]);
    if (!isUpgraded) {
      // Requests may have gone over the same connection before.
      const asked = seen.toString("latin1").search(/^upgrade: websocket/im);
      const end = asked === -1 ? -1 : seen.indexOf("\r\n\r\n", asked);
      if (end === -1) return;
      isUpgraded = true;
      seen = seen.subarray(end + 4);
    }
    seen = takeFrames(seen, sizes);
  };
}

/** Notes whole frames at the start of `bytes` (RFC 6455, section 5.2), and gives what is left. */
function takeFrames(bytes: Buffer, sizes: number[]): Buffer {
  let rest = bytes;
  for (;;) {
    if (rest.length < 2) return rest;
    const short = rest.readUInt8(1) & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const head = 2 + lengthBytes + 4;
    if (rest.length < head) return rest;
    const length =
      lengthBytes === 0 ? short : lengthBytes === 2 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    if (rest.length < head + length) return rest;
    if ((rest.readUInt8(0) & 0x0f) === OPCODE_BINARY) sizes.push(length);
    rest = rest.subarray(head + length);
  }
}
