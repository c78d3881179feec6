/** What each sort of row of a profile needs when one of it is damaged. Rules ST60-ST62. */
import type { Tables } from "../tables.ts";

/**
 * - `none`: nothing else keeps it; the device has to be linked anew.
 * - `layout`: taken for this version's: if it is not, other rows do not decode.
 * - `drop`: it comes back by itself, or nothing is lost with it.
 * - `renew`: its key says all there is to it.
 * - `reread`: the account log, from its start or behind a snapshot, brings it back.
 * - `resend`: as `reread`, and documents are sent again as far as nothing tells that the log has them.
 * - `redelete`: what was deleted is deleted again.
 * - `conversation`: rows of the conversation are made again from its buckets.
 * - the others: see where they are handled.
 */
export type Cure =
  | "none"
  | "layout"
  | "drop"
  | "renew"
  | "reread"
  | "resend"
  | "redelete"
  | "conversation"
  | "chain"
  | "counter"
  | "position"
  | "archive"
  | "roomout"
  | "outbox"
  | "parcel"
  | "frontier"
  | "dispute";

/** By table. A new table does not compile until it says how its rows come back. */
export const CURE_BY_TABLE: { readonly [T in keyof Tables]: Cure } = {
  layout: "layout",
  profile: "none",
  enrolment: "drop",
  // Boxes on the server hold them for this device, and with them the cuts.
  epoch: "drop",
  // Fetched again with the next link, or when one is found missing at the start.
  boxes: "drop",
  kept: "drop",
  cut: "drop",
  vouched: "drop",
  chain: "chain",
  reader: "position",
  sibling: "reread",
  // Read again, the log tells what counts by the chain as it is now; what is held beyond that is sent again.
  counted: "resend",
  writer: "counter",
  heads: "reread",
  out: "resend",
  // A hole in what is on its way is found when the server tells its counter (AR8).
  sealed: "drop",
  journal: "reread",
  // Whoever brought it sends it too.
  direct: "drop",
  refused: "renew",
  snapshot: "reread",
  // A snapshot comes a little later.
  tail: "drop",
  restore: "reread",
  packed: "reread",
  op: "conversation",
  feed: "conversation",
  tally: "conversation",
  // Counted again.
  unread: "drop",
  unsent: "conversation",
  archive: "archive",
  // A session begins anew, and what did not open is sent again (DM15).
  session: "drop",
  prekey: "drop",
  outbox: "outbox",
  search: "drop",
  parcel: "parcel",
  mark: "drop",
  ticket: "drop",
  aside: "position",
  archived: "renew",
  // What it names is asked for once more.
  replaced: "drop",
  given: "drop",
  shut: "renew",
  // Asked again with the next message.
  deleted: "drop",
  admission: "drop",
  nextKem: "drop",
  calendar: "drop",
  times: "drop",
  padding: "drop",
  // What an incarnation lacks is sent whether or not this says so.
  rebase: "resend",
  // The person chooses a handle again.
  moving: "drop",
  frontier: "frontier",
  frontierLost: "renew",
  // Found again where it goes on.
  alarm: "drop",
  dispute: "dispute",
  notice: "drop",
  noticed: "drop",
  asked: "drop",
  unpacked: "redelete",
  due: "renew",
  dirty: "renew",
  takenback: "renew",
  forgotten: "redelete",
  // A device whose group is damaged has to be added to the room again; what of its own was not sealed yet is kept.
  group: "drop",
  ratchet: "drop",
  epochfacts: "drop",
  handshake: "drop",
  commit: "drop",
  letter: "drop",
  roompart: "drop",
  roomout: "roomout",
  roomfailed: "renew",
  roomsent: "drop",
  roomkeys: "drop",
  // Of a log that begins anew: who misses a commit asks to come back, and what was sent is sent again for nothing.
  roompast: "drop",
  roomanew: "drop",
  // Nothing more is followed there before this device is back in the group by a Welcome.
  roombegun: "drop",
  roombring: "drop",
  roomplace: "drop",
  roomredo: "drop",
  roomdone: "drop",
  // The log is kept for longer.
  roomrelease: "drop",
  roomread: "drop",
  // Counted from then on.
  roomleaf: "drop",
  missed: "drop",
  roomcalled: "drop",
  roomgap: "drop",
  roomunproven: "renew",
  // Siblings have it, or who wrote it is not known.
  roomwords: "drop",
  landmark: "drop",
  keypackage: "drop",
  invitation: "drop",
  joinask: "drop",
  invitee: "drop",
  departure: "drop",
  rejoin: "renew",
  shared: "conversation",
  sharedvoid: "renew",
  // Asked again, unless a sibling has noted that all has come.
  history: "drop",
  historyask: "drop",
  historyin: "drop",
  roomplaced: "renew",
  happening: "drop",
  damage: "drop",
  mend: "resend",
};

/** The cure for a row by the first part of its key. Rows of a name nobody reads may be others with a damaged key. */
export function cureOf(table: string): Cure {
  const known = Object.entries(CURE_BY_TABLE).find(([name]) => name === table);
  return known?.[1] ?? "resend";
}
