/** How much of a text goes into one message, and into a note of a room. */
import { MESSAGE_TEXT_BYTES_MAX, SHARED_NOTE_BYTES_MAX } from "@dovetail/core";

const utf8 = new TextEncoder();

/** Bytes of `text` beyond what one message takes; zero or less when it fits. */
export function bytesOver(text: string): number {
  return utf8.encode(text).length - MESSAGE_TEXT_BYTES_MAX;
}

/** Bytes of `text` beyond what a note takes. */
export function bytesOverNote(text: string): number {
  return utf8.encode(text).length - SHARED_NOTE_BYTES_MAX;
}

export function fitsOneMessage(text: string): boolean {
  return bytesOver(text) <= 0;
}
