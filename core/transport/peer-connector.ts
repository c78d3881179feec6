/** Port: streams of bytes between own devices on one network. An adapter exists where the platform has sockets. */
import type { Bytes } from "../base/bytes.ts";
import type { Result } from "../base/result.ts";

/** `detail` is the platform's word, without data. */
export interface PeerUnreachable {
  readonly type: "PeerUnreachable";
  readonly address: string;
  readonly detail: string;
}

export interface PeerHandlers {
  onBytes(bytes: Bytes): void;
  /** Called once, after the last bytes. */
  onClose(): void;
}

/** An open stream. Bytes arrive whole and in order, cut anywhere. */
export interface PeerSocket {
  send(bytes: Bytes): void;
  close(): void;
}

export interface PeerListener {
  /** Addresses others may dial: `host:port`. */
  readonly addresses: readonly string[];
  close(): void;
}

export interface PeerConnector {
  /** Dials `host:port`. */
  dial(address: string, handlers: PeerHandlers): Promise<Result<PeerSocket, PeerUnreachable>>;
  /** Listens on `host:port`; port 0 is any that is free. `accept` gets each stream and gives its handlers. */
  listen(
    address: string,
    accept: (socket: PeerSocket) => PeerHandlers,
  ): Promise<Result<PeerListener, PeerUnreachable>>;
}
