/** When snapshots are made and used, and how they are packed. Numbers of this device alone: another one may have others. */

/** A snapshot is made when so many entries have come since the last one. */
export const SNAPSHOT_TAIL_ENTRIES = 512;
/** Or so many bytes of them: a new device reads what came since before it shows anything newer. */
export const SNAPSHOT_TAIL_BYTES = 524_288;
/** A device that is this far behind goes by the snapshot and not by the entries. */
export const PACKED_ABOVE_ENTRIES = 2_000;
/** A pack is made anew when one of its documents changes, so that it should be small; a blob has its price, so not too small. */
export const PACK_BYTES_MIN = 65_536;
/** Packs grow beyond `PACK_BYTES_MIN` when there would be more of them than this. */
export const PACKS_AIMED_AT = 2_048;
/** When there are more packs than this that are less than half full, they are joined. */
export const SMALL_PACKS_MAX = 32;
