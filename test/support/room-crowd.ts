/** A room's log with many subscribers, of which some have the group's whole state: traffic, and what came of it. */
import { present } from "../../core/base/assert.ts";
import { toHex } from "../../core/base/bytes.ts";
import { signKeyPairFromSeed } from "../../core/crypto/sign.ts";
import { epochAuthenticator } from "../../core/group/group.ts";
import { ROOM_LOG_SALT_BYTES, roomLogId } from "../../core/protocol/room-log-id.ts";
import { percentile } from "../bench/figures.ts";
import { stateOf } from "./chain-world.ts";
import { growCrowd } from "./crowd.ts";
import { connectSignedIn, expectFrame } from "./raw-client.ts";
import { type CrowdMember, createCrowdMember } from "./room-crowd-member.ts";
import { type RoomListeners, startRoomListeners } from "./room-listeners.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { registerWorld } from "./server-account.ts";

export interface CrowdPlan {
  /** Devices of the group, each with a socket that follows the log. */
  readonly sockets: number;
  /** Of those so many have the group's state, and write in turn. */
  readonly full: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** While so many messages are on their way none is written: a slow machine gets fewer, and is not behind at the end. */
  readonly waitingMax?: number;
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
/** So long nothing may move before what is missing counts as lost. */
const STILL_MS_MAX = 60_000;
const LOOK_MS = 20;
const WRITE_MS = 5;
const FAULTS_MAX = 20;

/** Runs the traffic; `onStart` is called when all are connected. */
export async function runRoomCrowd(
  origin: string,
  plan: CrowdPlan,
  onStart: () => void,
): Promise<CrowdFindings> {
  const random = createSeededRandom("the log of a crowd");
  const account = await registerWorld(origin, "crowd");
  const owner = await connectSignedIn(origin, account);
  const logId = roomLogId(stateOf(account).accountId, random.bytes(ROOM_LOG_SALT_BYTES));
  const access = signKeyPairFromSeed(random.bytes(32));
  expectFrame(
    await owner.call({ type: "createLog", logId, kind: "room", appendKey: access.publicKey }),
    "done",
  );
  owner.ws.terminate();
  const faults: string[] = [];
  const [listeners, { world, full }] = await Promise.all([
    startRoomListeners({ origin, logId, access, count: plan.sockets - plan.full }),
    growCrowd("crowd", {
      leaves: plan.sockets,
      fullCount: plan.full,
      contextBytes: plan.sockets * CONTEXT_BYTES_PER_ACCOUNT,
    }),
  ]);
  const ways = createWays(full.length);
  const log = {
    ...{ origin, logId, access, roomKey: random.bytes(32), world },
    onSent: ways.sent,
    onCome: ways.come,
    fault(words: string): void {
      if (faults.length < FAULTS_MAX) faults.push(words);
    },
  };
  const members: CrowdMember[] = [];
  for (const [place, group] of full.entries())
    members.push(await createCrowdMember(log, { group, place, count: full.length }));

  onStart();
  const startMs = performance.now();
  const written = await writeForAWhile(members, plan, ways.arrived);
  faults.push(...(await waitForAll(members, listeners, written.sent + written.commits)));
  const seconds = (performance.now() - startMs) / 1_000;
  faults.push(...differences(members));
  for (const member of members) member.end();
  await listeners.end();
  return {
    ...written,
    deliveries: (written.sent + written.commits) * plan.sockets,
    seconds,
    medianMs: ways.latencyMs(0.5),
    p99Ms: ways.latencyMs(0.99),
    faults,
  };
}

/** Messages at an even rate by all in turn, whether or not the last one has come, and a commit now and then. */
async function writeForAWhile(
  members: readonly CrowdMember[],
  { perSecond, seconds, waitingMax = Number.POSITIVE_INFINITY }: CrowdPlan,
  arrived: () => number,
): Promise<{ readonly sent: number; readonly commits: number }> {
  const committer = present(members[0], "a member commits");
  const startMs = performance.now();
  let due = 0;
  let sent = 0;
  let commits = 0;
  for (let passedMs = 0; passedMs < seconds * 1_000; ) {
    await new Promise((resolve) => setTimeout(resolve, WRITE_MS));
    passedMs = Math.min(performance.now() - startMs, seconds * 1_000);
    for (; due < Math.floor((passedMs / 1_000) * perSecond); due++) {
      if (sent + commits - arrived() >= waitingMax) continue;
      present(members[sent % members.length], "a member writes").write();
      sent += 1;
    }
    if (passedMs < commits * COMMIT_INTERVAL_MS || committer.hasCommitOnItsWay) continue;
    committer.commit();
    commits += 1;
  }
  return { sent, commits };
}

/** Waits while anything still comes; what is missing then. */
async function waitForAll(
  members: readonly CrowdMember[],
  listeners: RoomListeners,
  seq: number,
): Promise<readonly string[]> {
  let stillSinceMs = performance.now();
  for (let before = ""; ; ) {
    for (const member of members) await member.idle();
    const behind = members.filter(({ lastSeq }) => lastSeq !== seq).length;
    const { readers, others, faults } = await listeners.behind(seq, members[0]?.tail ?? "");
    if (behind + readers + others === 0) return faults;
    const now = `${members.map(({ lastSeq }) => lastSeq).join()} ${readers} ${others}`;
    if (now !== before) stillSinceMs = performance.now();
    before = now;
    if (performance.now() - stillSinceMs > STILL_MS_MAX)
      return [...faults, `${behind} members and ${readers + others} listeners have not got everything`];
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** What of the others' messages a member has not, and whether all came to the same group. */
function differences(members: readonly CrowdMember[]): readonly string[] {
  const faults: string[] = [];
  for (const [at, { opened }] of members.entries())
    for (const [author, { written }] of members.entries())
      if (author !== at && opened[author] !== written)
        faults.push(`member ${at} opened ${opened[author]} of the ${written} of ${author}`);
  const states = new Set(members.map(({ group }) => toHex(epochAuthenticator(group))));
  if (states.size !== 1) faults.push(`${states.size} different groups`);
  return faults;
}

/** The ways of entries from their append to the last of `count` members. */
function createWays(count: number) {
  const byHeader = new Map<string, { readonly sentAtMs: number; left: number }>();
  const latencies: number[] = [];
  return {
    sent(header: string): void {
      byHeader.set(header, { sentAtMs: performance.now(), left: count });
    },
    come(header: string): void {
      const way = byHeader.get(header);
      if (way === undefined) return;
      way.left -= 1;
      if (way.left > 0) return;
      byHeader.delete(header);
      latencies.push(performance.now() - way.sentAtMs);
    },
    arrived: () => latencies.length,
    latencyMs: (share: number) =>
      percentile(
        latencies.toSorted((a, b) => a - b),
        share,
      ),
  };
}
