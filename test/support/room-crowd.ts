/** A room's log with many subscribers, of which some have the group's whole state: traffic, and what came of it. */
import { present } from "../../core/base/assert.ts";
import { toHex } from "../../core/base/bytes.ts";
import type { LogId } from "../../core/base/ids.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { epochAuthenticator, type Group } from "../../core/group/group.ts";
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
import { ROOM_LOG_SALT_BYTES, roomLogId } from "../../core/protocol/room-log-id.ts";
import { stateOf } from "./chain-world.ts";
import { good } from "./client-world.ts";
import { type GroupWorld, growCrowd } from "./crowd.ts";
import {
  connectRaw,
  connectSignedIn,
  createWriter,
  expectFrame,
  openRequest,
  type RawClient,
  type RawWriter,
} from "./raw-client.ts";
import { registerWorld } from "./server-account.ts";
import { skimFrames } from "./skim-frames.ts";

export interface CrowdPlan {
  /** Devices of the group, each with a socket that follows the log. */
  readonly sockets: number;
  /** Of those so many have the group's state, and write in turn. */
  readonly full: number;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface CrowdFindings {
  readonly sent: number;
  readonly commits: number;
  readonly deliveries: number;
  readonly seconds: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** What went wrong, in words; none when all is well. */
  readonly faults: readonly string[];
}

/** A commit so often, by the first member. */
const COMMIT_INTERVAL_MS = 5_000;
const CONTEXT_BYTES_PER_ACCOUNT = 125;
const TEXT_BYTES = 100;
const DRAIN_MS_MAX = 60_000;
const LISTENERS_PER_READER = 50;
const END_BYTES = 16;

/** A device with the group's state. What it does, it does one after the other. */
interface Member {
  readonly client: RawClient;
  readonly writer: RawWriter;
  group: Group;
  pending: Group | null;
  readonly opened: Set<string>;
  done: Promise<void>;
}

/** Runs the traffic; `onStart` is called when all are connected. */
export async function runRoomCrowd(
  origin: string,
  plan: CrowdPlan,
  onStart: () => void,
): Promise<CrowdFindings> {
  const contextBytes = plan.sockets * CONTEXT_BYTES_PER_ACCOUNT;
  const { world, full } = await growCrowd("crowd", {
    leaves: plan.sockets,
    fullCount: plan.full,
    contextBytes,
  });
  const account = await registerWorld(origin, "crowd");
  const owner = await connectSignedIn(origin, account);
  const logId: LogId = roomLogId(stateOf(account).accountId, world.random.bytes(ROOM_LOG_SALT_BYTES));
  const access = signKeyPairFromSeed(world.random.bytes(32));
  const roomKey = world.random.bytes(32);
  expectFrame(
    await owner.call({ type: "createLog", logId, kind: "room", appendKey: access.publicKey }),
    "done",
  );
  const faults: string[] = [];
  const members: Member[] = [];
  for (const group of full) {
    const client = await connectRaw(origin);
    const writer = createWriter(logId, world.random.bytes(32));
    expectFrame(await client.call(openRequest(client, 1, logId, { capability: access, writer })), "opened");
    members.push({ client, writer, group, pending: null, opened: new Set(), done: Promise.resolve() });
  }
  const listeners: RawClient[] = [];
  for (let i = members.length; i < plan.sockets; i++) {
    const client = await connectRaw(origin);
    const right = { right: "read", capability: access } as const;
    expectFrame(await client.call(openRequest(client, 1, logId, right)), "opened");
    listeners.push(client);
  }
  for (const client of [...members.map((member) => member.client), ...listeners])
    expectFrame(await client.call({ type: "subscribe", channel: 1, after: 0 }), "done");
  // Some read all there is; of the others it is enough what they got last: a connection keeps its order.
  const readers = listeners.filter((_, index) => index % LISTENERS_PER_READER === 0);
  const skimmed = listeners
    .filter((one) => !readers.includes(one))
    .map(({ socket }) => skimFrames(socket, END_BYTES));
  const read = (member: Member, entry: PlacedEntry) =>
    takeEntry(world, member, { logId, roomKey, entry }, faults);
  const latencies: number[] = [];
  const sentAtMs = new Map<string, number>();
  const waiting = new Map<string, number>();
  for (const member of members) {
    let seen = 0;
    const look = (): void => {
      const entries = member.client.delivered(logId);
      for (; seen < entries.length; seen++) {
        const entry = present(entries[seen], "an entry that was delivered");
        const key = toHex(entry.header);
        const left = (waiting.get(key) ?? members.length) - 1;
        waiting.set(key, left);
        const at = sentAtMs.get(key);
        if (left === 0 && at !== undefined) latencies.push(performance.now() - at);
        member.done = member.done.then(() => read(member, entry));
      }
    };
    member.client.ws.on("message", look);
  }

  /** Seals and appends; the header names it. */
  async function append(member: Member, body: RoomBody, kind: 4 | 5): Promise<void> {
    member.writer.seq += 1;
    const place = {
      kind,
      writerTag: member.writer.tag,
      writerSeq: member.writer.seq,
      epoch: null,
      expect: null,
    };
    const header = encodeEntryHeader({ version: 1, ...place });
    const sealed = good(sealRoomEntry(world.random, roomKey, { logId, header }, body));
    sentAtMs.set(toHex(header), performance.now());
    const entries = [{ header, sealed }];
    const request = { type: "append", channel: 1, entries, admission: null } as const;
    const answer = expectFrame(await member.client.call(request), "appended");
    if (answer.results[0]?.type === "refused")
      faults.push(`an append was refused: ${answer.results[0].code}`);
  }

  onStart();
  const startMs = performance.now();
  const endMs = startMs + plan.seconds * 1_000;
  const inFlight = new Set<Promise<void>>();
  const track = (work: Promise<void>): void => {
    inFlight.add(work);
    void work.finally(() => inFlight.delete(work));
  };
  let sent = 0;
  let commits = 0;
  let nextCommitMs = startMs;
  const sendUpTo = (due: number): void => {
    for (; sent < due; sent++) {
      const member = present(members[sent % members.length], "a member writes");
      const text = world.random.bytes(TEXT_BYTES);
      member.done = member.done.then(async () => {
        const message = { plaintext: text, authenticatedData: new Uint8Array(0) };
        const made = good(await sealGroupMessage(world.deps, member.group, message));
        member.group = made.next;
        track(append(member, { type: "message", sealed: made.sealed }, ENTRY_KIND.roomMessage));
      });
    }
  };
  while (performance.now() < endMs) {
    sendUpTo(Math.floor(((performance.now() - startMs) / 1_000) * plan.perSecond));
    const committer = present(members[0], "a member commits");
    if (performance.now() >= nextCommitMs && committer.pending === null) {
      nextCommitMs += COMMIT_INTERVAL_MS;
      commits += 1;
      committer.done = committer.done.then(async () => {
        const made = await world.commit(committer.group, {});
        committer.pending = made.next;
        const [body] = good(cutRoomCommit({ commit: made.commit, context: null, welcome: null }));
        track(append(committer, present(body, "one entry holds it"), ENTRY_KIND.roomHandshake));
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // What a stall kept back.
  sendUpTo(plan.seconds * plan.perSecond);
  const drainUntilMs = performance.now() + DRAIN_MS_MAX;
  const total = (): boolean =>
    [...members.map(({ client }) => client), ...readers].every(
      ({ delivered }) => delivered(logId).length === sent + commits,
    );
  while (!total() && performance.now() < drainUntilMs) {
    await Promise.all(inFlight);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all(members.map((member) => member.done));
  const seconds = (performance.now() - startMs) / 1_000;
  if (!total()) faults.push("not everything arrived");
  for (const [at, member] of members.entries()) {
    // Own messages are not opened; the senders took turns.
    const written = Math.floor(sent / members.length) + (at < sent % members.length ? 1 : 0);
    if (member.opened.size !== sent - written)
      faults.push(`member ${at} opened ${member.opened.size} of ${sent - written}`);
  }
  const states = new Set(members.map(({ group }) => toHex(epochAuthenticator(group))));
  if (states.size !== 1) faults.push(`${states.size} different groups`);
  for (const { delivered } of readers)
    if (delivered(logId).length !== sent + commits) faults.push("a listener has not read everything");
  const last = members[0]?.client.delivered(logId).at(-1);
  const tail = toHex(present(last, "something was sent").sealed.slice(-END_BYTES));
  const late = (): number => skimmed.filter((frames) => toHex(frames.tail()) !== tail).length;
  while (late() > 0 && performance.now() < drainUntilMs)
    await new Promise((resolve) => setTimeout(resolve, 20));
  if (late() > 0) faults.push(`${late()} listeners have not got the last entry`);
  for (const { ws } of [owner, ...members.map(({ client }) => client), ...listeners]) ws.terminate();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return {
    sent,
    commits,
    deliveries: (sent + commits) * plan.sockets,
    seconds,
    medianMs: at(0.5),
    p99Ms: at(0.99),
    faults,
  };
}

/** What a member does with an entry: opens a message of somebody else, follows a commit, takes over its own. */
async function takeEntry(
  world: GroupWorld,
  member: Member,
  at: { readonly logId: LogId; readonly roomKey: Uint8Array; readonly entry: PlacedEntry },
  faults: string[],
): Promise<void> {
  const { header, sealed } = at.entry;
  const { writerTag } = good(parseEntryHeader(header));
  const body = openRoomEntry(at.roomKey, { logId: at.logId, header }, sealed);
  if (body?.type === "commit") {
    const commit = present(joinRoomCommit([body.bytes]), "a commit in one entry");
    if (writerTag === member.writer.tag) {
      const next = present(member.pending, "an own commit is on its way");
      // What was read since it was made counts.
      member.group = { ...next, past: new Map(next.past).set(...endedEpoch(member.group, next)) };
      member.pending = null;
      return;
    }
    const received = await receiveCommit(world.deps, member.group, commit.commit, world.judge);
    if (received.ok) member.group = received.value.next;
    else faults.push(`a commit was refused: ${received.error.rule}`);
    return;
  }
  if (body?.type !== "message") {
    faults.push("an entry does not open");
    return;
  }
  if (writerTag === member.writer.tag) return;
  const opened = await openGroupMessage(world.deps, member.group, body.sealed);
  if (!opened.ok) {
    faults.push(`a message does not open: ${opened.error.rule}`);
    return;
  }
  member.group = opened.value.next;
  const name = toHex(opened.value.plaintext);
  if (member.opened.has(name)) faults.push("a message came twice");
  member.opened.add(name);
}

/** The epoch a commit ends, with its ratchets as they are by now. */
function endedEpoch(group: Group, next: Group): [bigint, NonNullable<ReturnType<Group["past"]["get"]>>] {
  const { epoch } = group.state.groupContext;
  const ended = present(next.past.get(epoch), "the epoch that ended");
  return [epoch, { ...ended, ratchets: group.ratchets }];
}
