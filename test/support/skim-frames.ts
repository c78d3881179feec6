/** Reads a connection's frames without opening them: a thousand of these cost less than one client that does. */
import type { Socket } from "node:net";
import type { Bytes } from "../../core/base/bytes.ts";

const BINARY = 0x2;
const PING = 0x9;
const FIN_PONG = 0x8a;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const NOTHING = Buffer.alloc(0);

/** What was skimmed so far. */
export interface SkimmedFrames {
  /** The end of the last whole frame, at most `tailBytes`. */
  tail(): Bytes;
}

/** Takes the socket of a WebSocket client over (RFC 6455, section 5.2). It still answers pings, and nothing else. */
export function skimFrames(socket: Socket, tailBytes: number): SkimmedFrames {
  let rest: Buffer = NOTHING;
  let tail: Buffer = NOTHING;
  socket.removeAllListeners("data");
  socket.on("data", (chunk: Buffer) => {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (;;) {
      const frame = frameAt(data, at);
      if (frame === null) break;
      if (frame.opcode === BINARY)
        tail = data.subarray(Math.max(frame.start, frame.end - tailBytes), frame.end);
      if (frame.opcode === PING) socket.write(pong(data.subarray(frame.start, frame.end)));
      at = frame.end;
    }
    rest = at === data.length ? NOTHING : data.subarray(at);
  });
  return { tail: () => new Uint8Array(tail) };
}

interface Frame {
  readonly opcode: number;
  /** Of its payload in the data. */
  readonly start: number;
  readonly end: number;
}

/** The whole frame that begins at `at`, or null while its end is to come. */
function frameAt(data: Buffer, at: number): Frame | null {
  const left = data.length - at;
  if (left < 2) return null;
  const short = data.readUInt8(at + 1);
  const headerBytes = short < LENGTH_16 ? 2 : short === LENGTH_64 ? 10 : 4;
  if (left < headerBytes) return null;
  const length =
    headerBytes === 2
      ? short
      : headerBytes === 4
        ? data.readUInt16BE(at + 2)
        : Number(data.readBigUInt64BE(at + 2));
  const start = at + headerBytes;
  return start + length > data.length
    ? null
    : { opcode: data.readUInt8(at) & 0xf, start, end: start + length };
}

/** A client masks what it sends; a mask of zeros changes nothing. */
function pong(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([FIN_PONG, MASKED | payload.length, 0, 0, 0, 0]), payload]);
}
