/** Sizes of files in words. */
import { inDigits } from "./say.ts";

const KIB_BYTES = 1_024;
const MIB_BYTES = 1_048_576;

export function describeSize(sizeBytes: number): string {
  return sizeBytes < MIB_BYTES
    ? `${inDigits(Math.ceil(sizeBytes / KIB_BYTES))} KiB`
    : `${inDigits(Math.round((sizeBytes / MIB_BYTES) * 10) / 10)} MiB`;
}
