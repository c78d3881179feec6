/**
 * Every table of a profile's TxStore in one place: its name, the parts of its keys, the shape of its values.
 *
 * | table | key parts | what |
 * |---|---|---|
 * | layout | | in which form these rows are written |
 * | profile | | the device and its account |
 * | enrolment | | the device an account is about to get, until its chain tells |
 * | nextKem | | the X-Wing key that is to replace this device's, until its chain names it |
 * | calendar | | how old the epoch and this device's X-Wing key are, as far as this device has seen |
 * | times | | counted time, and what the server last said the time is |
 * | padding | | how much this device hides of the length of what it seals; no row for PADMÉ |
 * | epoch | number | epoch secret |
 * | cut | device id | last place in the account log that counts for a revoked device |
 * | boxes | number | epoch boxes, for the day the server has lost them |
 * | kept | | up to which link boxes are kept |
 * | moving | | which handle was asked for at a server the account moves to |
 * | rebase | | this device has not compared what it holds with what this incarnation of the account log began with |
 * | chain | account id, seq | verified links, own and contacts' |
 * | reader | log id | how far a log was read |
 * | sibling | device id | last account entry of each own device |
 * | counted | device id | place of the last account entry of each sibling that counted when it was read |
 * | writer | log id | own counter in a log, last sealed entry |
 * | heads | document id | heads covered by the account log and `out` |
 * | out | number | document changes not yet read back from the account log |
 * | sealed | writerSeq | account entry on its way |
 * | journal | number | changes received, until their document is on disk |
 * | direct | number | changes a sibling brought directly, until they are in the account log |
 * | refused | seq | entries of the account log that did not open here |
 * | snapshot | | newest snapshot this device knows to be right |
 * | tail | | bytes of the account log that were read since then |
 * | restore | blob id | packs of a snapshot of which something is still to be loaded |
 * | unpacked | | seq up to which the account log may hold what is deleted |
 * | due | time, what, conversation, place | ops that go by themselves, and buckets that are to be looked at for such |
 * | dirty | conversation, device, index | buckets to be looked at for what is deleted |
 * | takenback | conversation, op id | messages taken back by their authors, while something here besides a bucket may have their text |
 * | forgotten | what, conversation, op or device | deletions whose rows are gone |
 * | packed | blob id | packs a snapshot has, or will have |
 * | alarm | number | what was found and has to be known, until it is over and read |
 * | dispute | account id, device id | devices of contacts that see other chains than this one |
 * | notice | account id, seq, device id | devices that came to a contact's account |
 * | noticed | account id | up to which link of a contact's chain notices were made |
 * | frontier | device id | what each own device last said of itself |
 * | op | conversation, hlc, device, op id of the first | pages of ops, in the order of the view |
 * | feed | conversation, device | which ops of a device are here, and the last of them |
 * | tally | conversation | how many messages there are, and the newest op |
 * | unread | conversation | how many messages are not read, as they were counted last |
 * | archive | op id | ops not yet known to be in the account log |
 * | session | account id, device id | ratchet sessions of a device pair |
 * | prekey | prekey id | private halves of prekeys |
 * | outbox | conversation, hlc, op id | own ops on their way to the other side |
 * | parcel | log id, writerSeq | sealed entry on its way to the other side |
 * | mark | conversation, reading account, author device | how many ops of a device have arrived there |
 * | unsent | conversation, author device | own ops that were not sent and will not be |
 * | ticket | account id | what lets a first contact in |
 * | asked | account id | when a contact was asked to send again what is set aside, and when it may be again |
 * | aside | log id, seq | entries this device could not open |
 * | search | number | texts and places of messages, for the search index |
 * | archived | entry id | entries whose ops a sibling has archived, until they are read here |
 * | replaced | entry id | entries whose ops a contact sent again in another that was read first, until they are read here |
 * | given | log id | inbound logs contacts had before: since when, and whether they are closed |
 * | shut | log id | logs of contacts that were found closed |
 * | deleted | account id | contacts whose server says that their account was deleted there |
 * | frontierLost | | what this device said last was lost with a damaged row |
 * | damage | | a row was found damaged: the next opening mends |
 * | mend | | what of a mending is still to be done |
 * | admission | | hash of the ticket the request log was last told |
 * | keypackage | hash of the key package | private halves of key packages |
 * | group | room | the group of a room: what its commits change |
 * | ratchet | room, epoch, part | ratchets of the group's present epoch and of past ones |
 * | epochfacts | room, epoch | past epochs, for what comes late |
 * | handshake | room | the last commit of the room's log, valid or not |
 * | commit | room | a commit on its way, and the group it makes |
 * | roompart | room, writer tag, index | what came of commits that take several entries, until they are whole |
 * | letter | room, writerSeq | messages of a room on their way, sealed |
 * | roomout | room, hlc, op id | own ops that wait to be sealed for a room |
 * | roomfailed | room, hlc, op id, why | own messages that never came into a room |
 * | roomsent | room, writerSeq | letters the room's log has, and what they carried |
 * | roomkeys | room | what opens the room's log where this device reads it |
 * | missed | room, seq, writer tag | letters of a room this device could not open |
 * | landmark | room | the states of the group after its last commits |
 * | joinask | op id | requests to come into a room by a link, until they are judged |
 * | invitation | op id | invitations that came and are not in the groups document yet |
 * | invitee | room, account id | whom a commit of ours let in, until they are told |
 * | departure | room, account id | who has left and is still to be taken out |
 * | rejoin | room, account id, device id | devices that ask to be added again |
 * | shared | room, document, op id | ops of shared documents, and where their rows are |
 * | sharedvoid | room, op id | own changes of shared documents that the room left out |
 * | history | room | what was written before this account came, as far as it was asked for |
 * | historyask | room, account id | who asks for what was written before, until it was answered |
 * | historyin | room, seq | history that somebody has handed on, until it is judged |
 * | roomplaced | room, op id | own ops that the room's log has, where others may ask for them |
 * | roompast | room, epoch | the last commits that were followed, for who missed them when the log begins anew |
 * | roomanew | room | how far a log that began anew has come |
 * | roombegun | room | what who began the log said first of it |
 * | roombring | room | a past commit that is brought again, on its way |
 * | roomplace | room, writerSeq | where own letters stand in the room's log |
 * | roomleaf | room | the key of this device's leaf, and since when it has it |
 * | roomrelease | room | of a room this account has founded: the last commit, and up to where its log is needed by nobody, since when |
 * | roomread | room, device | how far each device of such a room has read, by its commits |
 * | roomgap | room | what was gone of its log before this device, in the group, had read it, until it shows which key the log has |
 * | roomredo | room | the room as a group that was given up had it |
 * | roomdone | room | whom that had taken out and let in |
 * | roomcalled | room | who has called this device into the group it is in, and whose word on it is not gone by |
 * | roomunproven | room, account | whose chain nobody could give yet |
 * | roomwords | room, account, seq, number | what such an account wrote, until its chain is here |
 * | happening | room, epoch, number | what happened in a room, for people to read |
 */
import {
  DEVICE_NAME_BYTES_MAX,
  DISPLAY_NAME_BYTES_MAX,
  FRONTIER_BYTES_MAX,
  GROUP_ADDS_PER_COMMIT_MAX,
  GROUP_CONTEXT_BYTES_MAX,
  GROUP_LEAVES_MAX,
  HANDLE_CHARS_MAX,
  KEY_PACKAGE_BYTES_MAX,
  LINK_BYTES_MAX,
  MESSAGE_TEXT_BYTES_MAX,
  OP_BYTES_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_HAPPENINGS_MAX,
  ROOM_HISTORY_EXCEPT_MAX,
  ROOM_HISTORY_RUNS_MAX,
  ROOM_INTENTS_MAX,
  ROOM_PAST_COMMIT_BYTES_MAX,
  ROOM_DOUBTED_MAX,
  ROOM_PAST_COMMITS_MAX,
  SEARCH_SEGMENT_OPS_MAX,
  SERVER_ORIGIN_CHARS_MAX,
  STORE_KEY_CHARS_MAX,
} from "../base/limits.ts";
import {
  bytes,
  flag,
  id,
  integer,
  list,
  nullable,
  oneOf,
  type Shape,
  type ShapeOf,
  struct,
  text,
} from "../codec/shape.ts";
import { CHANGE_BYTES_MAX, CHANGES_PER_ITEM_MAX } from "../log/account-entry.ts";
import { documentNameShape } from "../log/document-name.ts";
import { frontierContentShape } from "../log/frontier.ts";
import { packShape } from "../log/snapshot/pack.ts";
import { feedShape } from "../messenger/feed.ts";
import { HLC_MAX } from "../messenger/hlc.ts";
import { OPS_PER_BODY_MAX } from "../messenger/envelope.ts";
import {
  opRunShape,
  ROOM_LETTER_OPS_MAX,
  ROOM_PART_BYTES_MAX,
  ROOM_TOKEN_BYTES,
  roomDepartureShape,
} from "../messenger/room/room-entry.ts";
import { roomStateShape } from "../messenger/room/room-stand.ts";
import { BOX_BYTES_MAX } from "../protocol/directory.ts";
import { entryShape, logPointShape, placedEntryShape } from "../protocol/entry.ts";
import { BOXES_BYTES_MAX } from "../protocol/server-frame.ts";
import { createTable, type Table } from "../store/table.ts";
import type { TxStore } from "../store/tx-store.ts";
import { RECOVERY_KEY_BYTES } from "../sigchain/keys/recovery-key.ts";
import { alarmRow } from "./alarms/alarm-shape.ts";
import { profileShape } from "./devices/device-identity.ts";
import { opPageShape } from "./conversations/op-page-shape.ts";
import { happeningRow } from "./rooms/room-happening-shape.ts";

/** A counter that the server's is taken for: far above any, and below what numbers hold exactly. */
export const COUNTER_UNKNOWN: number = 2 ** 52;
/** Own ops of which a mending remembers that they have to be sent again. */
export const MEND_ROWS_MAX = 4_096;

const STORED_BYTES_MAX = 16_777_216;
const SETTLES_MAX = 4_096;

/** `pin`: what the chain was when it was verified; `registration`: of an account made here; the names are for its settings. */
const enrolmentRow = struct({
  profile: profileShape,
  pin: nullable(struct({ seq: integer(1), head: id("link") })),
  displayName: nullable(text(DISPLAY_NAME_BYTES_MAX)),
  deviceName: nullable(text(DEVICE_NAME_BYTES_MAX)),
  registration: nullable(
    struct({
      genesis: bytes(1, LINK_BYTES_MAX),
      boxes: bytes(1, BOXES_BYTES_MAX),
      recoveryKey: bytes(RECOVERY_KEY_BYTES),
    }),
  ),
});

const calendarRow = struct({
  epoch: integer(1),
  kemSeq: integer(1),
  epochAgeMs: integer(0),
  kemAgeMs: integer(0),
  lookedAtMs: integer(0),
});

const timesRow = struct({
  steadyMs: integer(0),
  lookedAtMs: integer(0),
  told: nullable(struct({ serverMs: integer(0), atMs: integer(0), steadyMs: integer(0) })),
});

const readerRow = struct({
  point: logPointShape,
  /** Highest epoch a valid entry was of; older epochs are over from there on. */
  epochFloor: integer(0),
});

const writerRow = struct({
  writerSeq: integer(0),
  previous: nullable(id("entry")),
  receipt: nullable(logPointShape),
});

const changes = list(bytes(1, CHANGE_BYTES_MAX), CHANGES_PER_ITEM_MAX);

/** `settles` are keys of rows that have done their work once these changes are in the account log. */
const outRow = struct({ document: documentNameShape, changes, settles: list(text(256), SETTLES_MAX) });

const sealedRow = struct({ entry: entryShape, outs: list(integer(0), SETTLES_MAX) });

/** `from` and `upto` are seqs between which the changes came. */
const journalRow = struct({
  document: documentNameShape,
  changes,
  from: integer(0),
  upto: integer(0),
});

/** Epoch boxes as the server had them, with those added for later devices in the order of their links. */
const boxesRow = struct({
  boxes: bytes(1, BOXES_BYTES_MAX),
  added: list(bytes(1, BOX_BYTES_MAX), 4_096),
});

/** The newest snapshot this device has made, endorsed or loaded. */
const snapshotRow = struct({ id: id("snapshot"), upto: logPointShape });

/** They are found in what happened, of which no more is kept. */
const roomDoneRow = struct({
  gone: list(id("account"), ROOM_HAPPENINGS_MAX),
  came: list(id("account"), ROOM_HAPPENINGS_MAX),
});

const tailRow = struct({ bytes: integer(0) });

/** `missedAtMs`: when the account log was first read to its end without them. */
const directRow = struct({ document: documentNameShape, changes, missedAtMs: nullable(integer(0)) });

const disputeRow = struct({
  ownSeq: integer(0),
  isOwnSame: flag,
  theirSeq: integer(0),
  isTheirsSame: flag,
});

/** `wasVerified`: the safety number had been compared when the device came. */
const noticeRow = struct({ seq: integer(1), isRecovery: flag, wasVerified: flag, atMs: integer(0) });

const frontierRow = struct({ content: frontierContentShape, frontier: bytes(1, FRONTIER_BYTES_MAX) });

const feedRow = struct({ feed: feedShape, last: nullable(id("op")) });

const tallyRow = struct({ opCount: integer(0), messageCount: integer(0), newestHlc: integer(0) });

/** `top` is the key of the newest op there was. */
const unreadRow = struct({
  readUpTo: integer(0),
  opCount: integer(0),
  top: text(STORE_KEY_CHARS_MAX),
  count: integer(0),
});

/** Where an op came from, so that the entry can be acknowledged once the op is in the account log. */
const archiveRow = struct({
  op: bytes(1, OP_BYTES_MAX),
  source: nullable(struct({ logId: id("log"), seq: integer(1), entry: id("entry") })),
});

/** `kept` waits; `sealed` is in a parcel; `sent` has the server's receipt; `failed` was refused for good. */
const outboxRow = struct({
  conversationId: id("conversation"),
  contact: id("account"),
  opId: id("op"),
  op: bytes(1, OP_BYTES_MAX),
  state: oneOf("kept", "sealed", "sent", "failed"),
  reason: nullable(text(64)),
  replaces: list(id("entry"), 64),
});

const parcelRow = struct({
  contact: id("account"),
  entry: entryShape,
  entryId: id("entry"),
  outboxKeys: list(text(256), OPS_PER_BODY_MAX),
  recipients: list(id("device"), 64),
  isRequest: flag,
  isAccepted: flag,
});

/** `waiting` holds what is opened once the sender's chain is here; otherwise nothing would open the bytes. */
const deletedRow = struct({ origin: text(SERVER_ORIGIN_CHARS_MAX), sinceMs: integer(0) });

const asideRow = struct({
  contact: id("account"),
  device: id("device"),
  entryId: id("entry"),
  reason: text(64),
  setAsideAtMs: integer(0),
  waiting: nullable(struct({ origin: text(SERVER_ORIGIN_CHARS_MAX), entry: placedEntryShape })),
});

/** The epoch a commit makes, as core/group stores it. What came before is in the rows of the group by then. */
const groupParts = {
  epoch: bytes(1, STORED_BYTES_MAX),
  ratchets: list(struct({ number: integer(0), part: bytes(1, STORED_BYTES_MAX) }), GROUP_LEAVES_MAX),
};

/** `generation`: the epoch of the group they began in. */
const roomKeysFields = { generation: integer(0), accessSeed: bytes(32), roomKey: bytes(32) };
const roomKeysRow = struct(roomKeysFields);

const commitRow = struct({
  entry: entryShape,
  entryId: id("entry"),
  writerSeq: integer(1),
  ...groupParts,
  invitees: list(id("account"), ROOM_ACCOUNTS_MAX),
  added: list(id("device"), GROUP_ADDS_PER_COMMIT_MAX),
  /** The log's key from then on, when it changes. */
  rekey: nullable(bytes(32)),
  /** Keys of the intents it carries out. */
  carried: list(text(64), ROOM_INTENTS_MAX),
});

/** `commit` is its `roomCommitShape`; it replaced the first keys by the second, or they are the same. */
const roomPastRow = struct({
  commit: bytes(1, ROOM_PAST_COMMIT_BYTES_MAX),
  before: roomKeysRow,
  after: roomKeysRow,
});

/**
 * `logEpoch`: the epoch of the group to which the commits in this incarnation lead, null while none is known; `upto`: what this device
 * had read before it, null for nothing; `isTold`: the others know.
 */
const roomAnewRow = struct({
  incarnation: integer(1),
  logEpoch: nullable(integer(0)),
  upto: nullable(logPointShape),
  isTold: flag,
});

const roomBegunRow = struct({
  incarnation: integer(1),
  epoch: integer(0),
  commits: list(bytes(32), ROOM_PAST_COMMITS_MAX),
});

/** `by`: who has called this device into its group with the commit at that place, null where nobody has; `doubted`: whose groups it has left. */
const roomCalledRow = struct({
  by: nullable(id("account")),
  incarnation: integer(0),
  seq: integer(0),
  doubted: list(struct({ accountId: id("account"), atMs: integer(0) }), ROOM_DOUBTED_MAX),
});

const roomBringRow = struct({
  entry: entryShape,
  entryId: id("entry"),
  writerSeq: integer(1),
  rekey: nullable(bytes(32)),
});

const letterRow = struct({
  entry: entryShape,
  entryId: id("entry"),
  /** Keys of the rows in `roomout` that it carries. */
  outKeys: list(text(256), ROOM_LETTER_OPS_MAX),
  /** Of the group, when it was sealed. */
  epoch: integer(0),
});

/** `asks`: how often its author was asked for it. */
const missedRow = struct({
  entryId: id("entry"),
  sinceMs: integer(0),
  asks: integer(0),
  askedAtMs: integer(0),
});

const keyPackageRow = struct({
  published: bytes(1, KEY_PACKAGE_BYTES_MAX),
  secret: bytes(1, 1_024),
  isLastResort: flag,
  createdAtMs: integer(0),
  expiresAtMs: integer(0),
  /** When it was replaced, after which it may still be in a Welcome on its way. */
  retiredAtMs: nullable(integer(0)),
});

const token = bytes(ROOM_TOKEN_BYTES);

/** `quietAtMs`: when something was last heard; `by` is whose device asked last; `told` who answered lately, `ended` who has no more. */
const historyRow = struct({
  since: integer(0),
  isDone: flag,
  asks: integer(0),
  by: nullable(id("device")),
  quietAtMs: integer(0),
  ask: nullable(
    struct({
      token,
      except: list(id("account"), ROOM_HISTORY_EXCEPT_MAX),
      answeredBy: nullable(id("device")),
      letters: integer(0),
    }),
  ),
  told: list(id("account"), ROOM_HISTORY_EXCEPT_MAX),
  ended: list(id("account"), ROOM_HISTORY_EXCEPT_MAX),
  received: integer(0),
  left: integer(0),
  newestHlc: integer(0, HLC_MAX),
});

/** `ask` is the last one that nobody has answered whole; `cursor` the row down to which this device has. */
const historyAskRow = struct({
  since: integer(0),
  count: integer(0),
  ask: nullable(
    struct({
      token,
      except: list(id("account"), ROOM_HISTORY_EXCEPT_MAX),
      dueAtMs: integer(0),
      have: list(opRunShape, ROOM_HISTORY_RUNS_MAX),
      letters: integer(0),
      looked: integer(0),
      cursor: nullable(text(STORE_KEY_CHARS_MAX)),
    }),
  ),
});

const historyInRow = struct({
  by: id("account"),
  ops: list(bytes(1, OP_BYTES_MAX), ROOM_LETTER_OPS_MAX),
});

export type HistoryRow = ShapeOf<typeof historyRow>;
export type HistoryAskRow = ShapeOf<typeof historyAskRow>;
export type RoomPastRow = ShapeOf<typeof roomPastRow>;
export type RoomAnewRow = ShapeOf<typeof roomAnewRow>;
export type RoomCalledRow = ShapeOf<typeof roomCalledRow>;
export type RoomBegunRow = ShapeOf<typeof roomBegunRow>;
export type CommitRow = ShapeOf<typeof commitRow>;
export type RoomKeysRow = ShapeOf<typeof roomKeysRow>;
export type MissedRow = ShapeOf<typeof missedRow>;
export type LetterRow = ShapeOf<typeof letterRow>;
export type KeyPackageRow = ShapeOf<typeof keyPackageRow>;
export type EnrolmentRow = ShapeOf<typeof enrolmentRow>;
/** Columns of one length: `ids` has 32 bytes each, the middle four count into the lists; a text is null for what is no message. */
const searchRow = struct({
  conversations: list(id("conversation"), SEARCH_SEGMENT_OPS_MAX),
  authors: list(id("account"), SEARCH_SEGMENT_OPS_MAX),
  devices: list(id("device"), SEARCH_SEGMENT_OPS_MAX),
  ids: bytes(0, 32 * SEARCH_SEGMENT_OPS_MAX),
  conversation: list(integer(0), SEARCH_SEGMENT_OPS_MAX),
  author: list(integer(0), SEARCH_SEGMENT_OPS_MAX),
  device: list(integer(0), SEARCH_SEGMENT_OPS_MAX),
  hlcs: list(integer(0), SEARCH_SEGMENT_OPS_MAX),
  texts: list(nullable(text(MESSAGE_TEXT_BYTES_MAX)), SEARCH_SEGMENT_OPS_MAX),
});

export type SearchRow = ShapeOf<typeof searchRow>;
export type DeletedRow = ShapeOf<typeof deletedRow>;
export type AsideRow = ShapeOf<typeof asideRow>;
export type FeedRow = ShapeOf<typeof feedRow>;
export type TallyRow = ShapeOf<typeof tallyRow>;
export type UnreadRow = ShapeOf<typeof unreadRow>;
export type OutboxRow = ShapeOf<typeof outboxRow>;
export type ParcelRow = ShapeOf<typeof parcelRow>;
export type NoticeRow = ShapeOf<typeof noticeRow>;
/** That a row was found damaged. */
const damageRow = struct({});

/** What mending has still to do once the documents are at hand; `rows` is how many were damaged. */
const mendRow = struct({
  conversations: list(id("conversation"), MEND_ROWS_MAX),
  unsent: list(struct({ conversationId: id("conversation"), hlc: integer(0), id: id("op") }), MEND_ROWS_MAX),
  rows: integer(0),
});

export type MendRow = ShapeOf<typeof mendRow>;
export type FrontierRow = ShapeOf<typeof frontierRow>;
export type ReaderRow = ShapeOf<typeof readerRow>;
export type WriterRow = ShapeOf<typeof writerRow>;
export type OutRow = ShapeOf<typeof outRow>;
export type JournalRow = ShapeOf<typeof journalRow>;
export type DirectRow = ShapeOf<typeof directRow>;
export type ArchiveRow = ShapeOf<typeof archiveRow>;

const stored: Shape<Uint8Array> = bytes(1, STORED_BYTES_MAX);

/** The tables of one profile. */
export function createTables(store: TxStore) {
  return {
    layout: createTable(store, "layout", struct({ version: integer(1) })),
    profile: createTable(store, "profile", profileShape),
    enrolment: createTable(store, "enrolment", enrolmentRow),
    nextKem: createTable(store, "nextKem", struct({ seed: bytes(32) })),
    calendar: createTable(store, "calendar", calendarRow),
    times: createTable(store, "times", timesRow),
    padding: createTable(store, "padding", struct({ padding: oneOf("padme", "fixed", "off") })),
    epoch: createTable(store, "epoch", struct({ secret: bytes(32) })),
    boxes: createTable(store, "boxes", boxesRow),
    kept: createTable(store, "kept", struct({ chainSeq: integer(0) })),
    cut: createTable(store, "cut", logPointShape),
    vouched: createTable(store, "vouched", struct({})),
    chain: createTable(store, "chain", struct({ link: bytes(1, STORED_BYTES_MAX) })),
    reader: createTable(store, "reader", readerRow),
    sibling: createTable(store, "sibling", struct({ last: id("entry") })),
    counted: createTable(store, "counted", logPointShape),
    writer: createTable(store, "writer", writerRow),
    heads: createTable(store, "heads", struct({ document: documentNameShape, heads: list(text(64), 4_096) })),
    out: createTable(store, "out", outRow),
    sealed: createTable(store, "sealed", sealedRow),
    journal: createTable(store, "journal", journalRow),
    direct: createTable(store, "direct", directRow),
    refused: createTable(store, "refused", struct({})),
    snapshot: createTable(store, "snapshot", snapshotRow),
    tail: createTable(store, "tail", tailRow),
    restore: createTable(store, "restore", packShape),
    packed: createTable(store, "packed", packShape),
    alarm: createTable(store, "alarm", alarmRow),
    dispute: createTable(store, "dispute", disputeRow),
    notice: createTable(store, "notice", noticeRow),
    noticed: createTable(store, "noticed", struct({ seq: integer(0) })),
    rebase: createTable(store, "rebase", struct({ incarnation: integer(1) })),
    moving: createTable(
      store,
      "moving",
      struct({ origin: text(SERVER_ORIGIN_CHARS_MAX), handle: text(HANDLE_CHARS_MAX) }),
    ),
    frontier: createTable(store, "frontier", frontierRow),
    unpacked: createTable(store, "unpacked", struct({ seq: integer(0) })),
    due: createTable(store, "due", struct({})),
    dirty: createTable(store, "dirty", struct({})),
    takenback: createTable(store, "takenback", struct({})),
    forgotten: createTable(store, "forgotten", struct({ next: integer(0) })),
    op: createTable(store, "op", opPageShape),
    feed: createTable(store, "feed", feedRow),
    tally: createTable(store, "tally", tallyRow),
    unread: createTable(store, "unread", unreadRow),
    archive: createTable(store, "archive", archiveRow),
    session: createTable(store, "session", struct({ sessions: stored })),
    prekey: createTable(store, "prekey", struct({ record: stored })),
    outbox: createTable(store, "outbox", outboxRow),
    search: createTable(store, "search", searchRow),
    parcel: createTable(store, "parcel", parcelRow),
    mark: createTable(store, "mark", struct({ next: integer(0) })),
    unsent: createTable(store, "unsent", feedShape),
    ticket: createTable(store, "ticket", struct({ secret: bytes(16) })),
    asked: createTable(store, "asked", struct({ atMs: integer(0), delayMs: integer(0) })),
    aside: createTable(store, "aside", asideRow),
    archived: createTable(store, "archived", struct({})),
    replaced: createTable(store, "replaced", struct({ by: id("account") })),
    given: createTable(store, "given", struct({ sinceMs: integer(0), isClosed: flag })),
    shut: createTable(store, "shut", struct({})),
    deleted: createTable(store, "deleted", deletedRow),
    keypackage: createTable(store, "keypackage", keyPackageRow),
    group: createTable(store, "group", struct({ epoch: bytes(1, STORED_BYTES_MAX) })),
    ratchet: createTable(store, "ratchet", struct({ part: bytes(1, STORED_BYTES_MAX) })),
    epochfacts: createTable(store, "epochfacts", struct({ facts: bytes(1, STORED_BYTES_MAX) })),
    commit: createTable(store, "commit", commitRow),
    letter: createTable(store, "letter", letterRow),
    roompart: createTable(
      store,
      "roompart",
      struct({ writerSeq: integer(1), from: logPointShape, bytes: bytes(1, ROOM_PART_BYTES_MAX) }),
    ),
    roomout: createTable(
      store,
      "roomout",
      struct({ op: bytes(1, OP_BYTES_MAX), replaces: nullable(id("entry")) }),
    ),
    roomfailed: createTable(store, "roomfailed", struct({})),
    roomsent: createTable(
      store,
      "roomsent",
      struct({ entryId: id("entry"), outKeys: list(text(256), ROOM_LETTER_OPS_MAX), epoch: integer(0) }),
    ),
    roomkeys: createTable(store, "roomkeys", roomKeysRow),
    roompast: createTable(store, "roompast", roomPastRow),
    roomanew: createTable(store, "roomanew", roomAnewRow),
    roombegun: createTable(store, "roombegun", roomBegunRow),
    roombring: createTable(store, "roombring", roomBringRow),
    roomplace: createTable(store, "roomplace", struct({ incarnation: integer(0), seq: integer(1) })),
    roomrelease: createTable(
      store,
      "roomrelease",
      struct({ incarnation: integer(0), lastSeq: integer(0), upto: integer(0), sinceMs: integer(0) }),
    ),
    roomread: createTable(store, "roomread", struct({ incarnation: integer(0), seq: integer(0) })),
    roomgap: createTable(store, "roomgap", struct({ expectedSeq: integer(1), seq: integer(1) })),
    roomredo: createTable(
      store,
      "roomredo",
      struct({ epoch: integer(0), context: bytes(1, GROUP_CONTEXT_BYTES_MAX) }),
    ),
    roomdone: createTable(store, "roomdone", roomDoneRow),
    roomleaf: createTable(store, "roomleaf", struct({ key: bytes(32), sinceMs: integer(0) })),
    missed: createTable(store, "missed", missedRow),
    roomcalled: createTable(store, "roomcalled", roomCalledRow),
    roomunproven: createTable(store, "roomunproven", struct({})),
    roomwords: createTable(
      store,
      "roomwords",
      struct({ op: bytes(1, OP_BYTES_MAX), entry: id("entry"), dueMs: nullable(integer(0)) }),
    ),
    landmark: createTable(store, "landmark", struct({ places: list(roomStateShape, 64) })),
    joinask: createTable(store, "joinask", struct({ by: id("account"), payload: bytes(1, OP_BYTES_MAX) })),
    invitation: createTable(
      store,
      "invitation",
      struct({ by: id("account"), payload: bytes(1, OP_BYTES_MAX) }),
    ),
    invitee: createTable(
      store,
      "invitee",
      struct({ ...roomKeysFields, from: logPointShape, sinceEpoch: integer(0) }),
    ),
    handshake: createTable(store, "handshake", struct({ last: id("entry") })),
    departure: createTable(store, "departure", struct({ departure: roomDepartureShape })),
    rejoin: createTable(store, "rejoin", struct({})),
    shared: createTable(store, "shared", struct({ hlc: integer(0, HLC_MAX), device: id("device") })),
    sharedvoid: createTable(store, "sharedvoid", struct({})),
    history: createTable(store, "history", historyRow),
    historyask: createTable(store, "historyask", historyAskRow),
    historyin: createTable(store, "historyin", historyInRow),
    roomplaced: createTable(store, "roomplaced", struct({})),
    happening: createTable(store, "happening", happeningRow),
    frontierLost: createTable(store, "frontierLost", struct({})),
    damage: createTable(store, "damage", damageRow),
    mend: createTable(store, "mend", mendRow),
    admission: createTable(store, "admission", struct({ ticketHash: bytes(32) })),
  } as const satisfies Record<string, Table<never> | Table<unknown>>;
}

export type Tables = ReturnType<typeof createTables>;
