/** Messages that end with their number and the moment they were sent, on the clock that all processes of a machine share. */
import process from "node:process";

/** The seed of the account whose log is written to and listened to. */
export const FAN_OUT_ACCOUNT = "fan-out";
const STAMP_BYTES = 12;

/** `length` bytes that end with the moment and the number. */
export function stamped(length: number, number: number): Uint8Array {
  const bytes = Buffer.alloc(length, 7);
  bytes.writeBigUInt64BE(process.hrtime.bigint(), length - STAMP_BYTES);
  bytes.writeUInt32BE(number, length - 4);
  return new Uint8Array(bytes);
}

/** What a frame ends with; a frame ends with its last message. */
export function readStamp(frame: Buffer): { readonly number: number; readonly sentAtNs: bigint } {
  return {
    number: frame.readUInt32BE(frame.length - 4),
    sentAtNs: frame.readBigUInt64BE(frame.length - STAMP_BYTES),
  };
}
