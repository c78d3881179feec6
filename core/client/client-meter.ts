/** Port: what a client counts of its traffic with servers. Sizes, counts and words of the wire: no id, name, text or address. */
import type { FailureCode } from "../protocol/failure.ts";

export interface ClientMeter {
  /** Sealed bytes of an entry that was handed to a server, or came from one. */
  entry(direction: "sent" | "received", sealedBytes: number): void;
  /** Entries that were read of a log before it was up to date. */
  replayed(entries: number): void;
  /** A server knows how far this device is done with a log. */
  acked(): void;
  /** A server refused: a request, an entry, or the connection. */
  refused(code: FailureCode): void;
}
