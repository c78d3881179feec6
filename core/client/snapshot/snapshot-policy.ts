/** When snapshots are made and used. Numbers of this device alone: another one may have others. */

/** A snapshot is made when so many entries have come since the last one. */
export const SNAPSHOT_TAIL_ENTRIES = 512;
/** A device that is this far behind goes by the snapshot and not by the entries. */
export const PACKED_ABOVE_ENTRIES = 2_000;
