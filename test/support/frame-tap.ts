/** A way to a server of loopback that notes how large each WebSocket message is, as it crosses the wire. */
import { createWebConnector } from "../../core/transport/web-connector.ts";
import type { ServerConnector } from "../../core/transport/server-connector.ts";
import { startTcpTap } from "./tcp-tap.ts";

export interface FrameTap {
  /** Dials the tap, whatever server is asked for. */
  readonly connector: ServerConnector;
  /** Bytes of each binary message of the client so far, oldest first, without the `hello` of each connection. */
  sizes(): readonly number[];
  /** As much of the server, without its `challenge`. */
  receivedSizes(): readonly number[];
  close(): Promise<void>;
}

const OPCODE_BINARY = 2;

/** A tap before the server of `origin`. */
export async function startFrameTap(origin: string): Promise<FrameTap> {
  const sizes: number[] = [];
  const receivedSizes: number[] = [];
  const tap = await startTcpTap(Number(new URL(origin).port), () => ({
    sent: watchFrames(sizes, /^upgrade: websocket/im),
    received: watchFrames(receivedSizes, /HTTP\/1.1 101 /),
  }));
  const tapped = `http://127.0.0.1:${tap.port}`;
  const web = createWebConnector();
  return {
    connector: {
      connect: (_origin, handlers) => web.connect(tapped, handlers),
      request: (_origin, request) => web.request(tapped, request),
    },
    sizes: () => sizes,
    receivedSizes: () => receivedSizes,
    close: () => tap.close(),
  };
}

/** Takes what one side of a connection sends, and notes its frames once it is a WebSocket: from what stands in the head. */
function watchFrames(sizes: number[], beginning: RegExp): (chunk: Buffer) => void {
  let seen: Buffer = Buffer.alloc(0);
  let isUpgraded = false;
  let isGreeted = false;
  return (chunk) => {
    seen = Buffer.concat([seen, chunk]);
    if (!isUpgraded) {
      // Requests may have gone over the same connection before.
      const asked = seen.toString("latin1").search(beginning);
      const end = asked === -1 ? -1 : seen.indexOf("\r\n\r\n", asked);
      if (end === -1) return;
      isUpgraded = true;
      seen = seen.subarray(end + 4);
    }
    const taken: number[] = [];
    seen = takeFrames(seen, taken);
    sizes.push(...(isGreeted ? taken : taken.slice(1)));
    isGreeted ||= taken.length > 0;
  };
}

/** Notes whole frames at the start of `bytes` (RFC 6455, section 5.2), and gives what is left. */
function takeFrames(bytes: Buffer, sizes: number[]): Buffer {
  let rest = bytes;
  for (;;) {
    if (rest.length < 2) return rest;
    const short = rest.readUInt8(1) & 0x7f;
    const maskBytes = rest.readUInt8(1) >= 0x80 ? 4 : 0;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const head = 2 + lengthBytes + maskBytes;
    if (rest.length < head) return rest;
    const length =
      lengthBytes === 0 ? short : lengthBytes === 2 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    if (rest.length < head + length) return rest;
    if ((rest.readUInt8(0) & 0x0f) === OPCODE_BINARY) sizes.push(length);
    rest = rest.subarray(head + length);
  }
}
