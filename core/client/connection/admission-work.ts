/** Work that admits an entry to a request log without a ticket. Rules FC3, LG12. */
import type { Bytes } from "../../base/bytes.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import { idBytes, type LogId } from "../../base/ids.ts";
import { hash } from "../../crypto/hash.ts";
import { LABEL } from "../../crypto/labels.ts";

/** The most work this device does to be let into a request log. A server that asks for more lets nobody in. */
export const ADMISSION_WORK_BITS_MAX = 24;

/** Hashes between two turns of whatever else this device does: a few milliseconds. */
const HASHES_PER_TURN = 4_096;

/**
 * Finds 8 bytes under which the entry's stamp has `bits` leading zero bits.
 *
 * In turns, so that nothing waits for it: a browser's worker has one thread for everything.
 *
 * - Cost: about `2 ** bits` hashes.
 */
export async function findAdmissionWork(
  clock: Clock,
  { logId, entryId }: { readonly logId: LogId; readonly entryId: Bytes },
  bits: number,
): Promise<Bytes> {
  const nonce = new Uint8Array(8);
  const view = new DataView(nonce.buffer);
  for (let counter = 0; ; counter++) {
    if (counter % HASHES_PER_TURN === HASHES_PER_TURN - 1) await sleep(clock, 0);
    view.setUint32(0, Math.floor(counter / 0x1_0000_0000));
    view.setUint32(4, counter >>> 0);
    const found = hash(LABEL.powStamp, idBytes(logId), entryId, nonce);
    if (leadingZeroBits(found) >= bits) return nonce;
  }
}

function leadingZeroBits(bytes: Bytes): number {
  let bits = 0;
  for (const byte of bytes) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}
