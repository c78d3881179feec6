/** A device of a large room that has the group's state: writes and commits, opens all that comes, and says what was wrong with it. */
import { present } from "../../core/base/assert.ts";
import { concatBytes, toHex } from "../../core/base/bytes.ts";
import type { LogId } from "../../core/base/ids.ts";
import type { SignKeyPair } from "../../core/crypto/sign.ts";
import type { Group } from "../../core/group/group.ts";
import { openGroupMessage, sealGroupMessage } from "../../core/group/group-message.ts";
import { receiveCommit } from "../../core/group/receive-commit.ts";
import {
  cutRoomCommit,
  joinRoomCommit,
  openRoomEntry,
  type RoomBody,
  sealRoomEntry,
} from "../../core/messenger/room/room-entry.ts";
import {
  ENTRY_KIND,
  encodeEntryHeader,
  parseEntryHeader,
  type PlacedEntry,
} from "../../core/protocol/entry.ts";
import { good } from "./client-world.ts";
import type { GroupWorld } from "./crowd.ts";
import { connectRaw, createWriter, expectFrame, openRequest } from "./raw-client.ts";
import { TAIL_BYTES } from "./room-listeners.ts";

/** The log all of them write to, and who is told what. */
export interface CrowdLog {
  readonly origin: string;
  readonly logId: LogId;
  readonly access: SignKeyPair;
  readonly roomKey: Uint8Array;
  readonly world: GroupWorld;
  /** An entry, by its header, is about to be sent. */
  onSent(header: string): void;
  /** It has come to one of them. */
  onCome(header: string): void;
  fault(words: string): void;
}

/** One of them. What it does, it does one after the other. */
export interface CrowdMember {
  readonly group: Group;
  /** How many messages it has written. */
  readonly written: number;
  /** How many came of each, by their place among the members. */
  readonly opened: readonly number[];
  readonly lastSeq: number;
  /** The end of what came last, in hex. */
  readonly tail: string;
  readonly hasCommitOnItsWay: boolean;
  write(): void;
  commit(): void;
  /** Resolves when it has nothing left to do. */
  idle(): Promise<void>;
  end(): void;
}

const TEXT_BYTES = 100;

/** Connects the `place`th of `count` members, which follows the log from its beginning. */
export async function createCrowdMember(
  log: CrowdLog,
  start: { readonly group: Group; readonly place: number; readonly count: number },
): Promise<CrowdMember> {
  const { origin, logId, access, roomKey, world } = log;
  const writer = createWriter(logId, world.random.bytes(32));
  const opened = Array.from({ length: start.count }, () => 0);
  const appends = new Set<Promise<void>>();
  let { group } = start;
  let pending: Group | null = null;
  let isCommitting = false;
  let written = 0;
  let lastSeq = 0;
  let tail = "";
  let done = Promise.resolve();
  const later = (work: () => Promise<void>): void => {
    done = done.then(work);
  };

  const client = await connectRaw(origin, {
    onDelivered(_, entries) {
      for (const entry of entries) {
        if (entry.seq !== lastSeq + 1) log.fault(`seq ${entry.seq} came after ${lastSeq}`);
        lastSeq = entry.seq;
        tail = toHex(entry.sealed.slice(-TAIL_BYTES));
        log.onCome(toHex(entry.header));
        later(() => read(entry));
      }
    },
  });
  expectFrame(await client.call(openRequest(client, 1, logId, { capability: access, writer })), "opened");
  expectFrame(await client.call({ type: "subscribe", channel: 1, after: 0 }), "done");

  /** Seals and appends; what comes next does not wait for the answer. */
  function append(body: RoomBody, kind: 4 | 5): void {
    writer.seq += 1;
    const place = { kind, writerTag: writer.tag, writerSeq: writer.seq, epoch: null, expect: null };
    const header = encodeEntryHeader({ version: 1, ...place });
    const sealed = good(sealRoomEntry(world.random, roomKey, { logId, header }, body));
    log.onSent(toHex(header));
    const request = { type: "append", channel: 1, entries: [{ header, sealed }], admission: null } as const;
    const answered = client.call(request).then((answer) => {
      const [result] = expectFrame(answer, "appended").results;
      if (result?.type === "refused") log.fault(`an append was refused: ${result.code}`);
      appends.delete(answered);
    });
    appends.add(answered);
  }

  async function read({ header, sealed }: PlacedEntry): Promise<void> {
    const { writerTag } = good(parseEntryHeader(header));
    const isOwn = writerTag === writer.tag;
    const body = openRoomEntry(roomKey, { logId, header }, sealed);
    if (body?.type === "commit")
      await follow(present(joinRoomCommit([body.bytes]), "a commit in one entry").commit, isOwn);
    else if (body?.type !== "message") log.fault("an entry does not open");
    else if (!isOwn) await open(body.sealed);
  }

  async function follow(commit: Uint8Array, isOwn: boolean): Promise<void> {
    if (isOwn) {
      const next = present(pending, "an own commit is on its way");
      // What was read since it was made counts.
      group = { ...next, past: new Map(next.past).set(...endedEpoch(group, next)) };
      pending = null;
      isCommitting = false;
      return;
    }
    const received = await receiveCommit(world.deps, group, commit, world.judge);
    if (received.ok) group = received.value.next;
    else log.fault(`a commit was refused: ${received.error.rule}`);
  }

  async function open(message: Uint8Array): Promise<void> {
    const found = await openGroupMessage(world.deps, group, message);
    if (!found.ok) return log.fault(`a message does not open: ${found.error.rule}`);
    group = found.value.next;
    const { plaintext } = found.value;
    const [author, number] = readWords(plaintext);
    const before = opened[author] ?? Number.NaN;
    if (number !== before + 1) log.fault(`message ${number} of ${author} came after ${before}`);
    opened[author] = number;
  }

  return {
    get group() {
      return group;
    },
    get written() {
      return written;
    },
    opened,
    get lastSeq() {
      return lastSeq;
    },
    get tail() {
      return tail;
    },
    get hasCommitOnItsWay() {
      return isCommitting;
    },
    write() {
      written += 1;
      const text = concatBytes(writeWords(start.place, written), world.random.bytes(TEXT_BYTES));
      later(async () => {
        const message = { plaintext: text, authenticatedData: new Uint8Array(0) };
        const made = good(await sealGroupMessage(world.deps, group, message));
        group = made.next;
        append({ type: "message", sealed: made.sealed }, ENTRY_KIND.roomMessage);
      });
    },
    commit() {
      isCommitting = true;
      later(async () => {
        const made = await world.commit(group, {});
        pending = made.next;
        const [body] = good(cutRoomCommit({ commit: made.commit, context: null, welcome: null }));
        append(present(body, "one entry holds it"), ENTRY_KIND.roomHandshake);
      });
    },
    async idle() {
      await done;
      await Promise.all(appends);
    },
    end: () => client.ws.terminate(),
  };
}

/** Who wrote a message, and which of theirs it is. */
function writeWords(author: number, number: number): Uint8Array {
  return new Uint8Array(new Uint32Array([author, number]).buffer);
}

function readWords(text: Uint8Array): readonly [number, number] {
  const [author, number] = new Uint32Array(text.slice(0, 8).buffer);
  return [author ?? -1, number ?? -1];
}

/** The epoch a commit ends, with its ratchets as they are by now. */
function endedEpoch(group: Group, next: Group): [bigint, NonNullable<ReturnType<Group["past"]["get"]>>] {
  const { epoch } = group.state.groupContext;
  const ended = present(next.past.get(epoch), "the epoch that ended");
  return [epoch, { ...ended, ratchets: group.ratchets }];
}
