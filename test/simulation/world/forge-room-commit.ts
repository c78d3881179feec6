/** Commits of a changed program: against the room's rules, against the group's, or such that only a part of the others can follow. */
import type { Bytes } from "../../../core/base/bytes.ts";
import type { ConversationId, EntryId, LogId } from "../../../core/base/ids.ts";
import { encode } from "../../../core/codec/shape.ts";
import type { Engine } from "../../../core/client/engine.ts";
import { publicRoomKey, roomKeysOf } from "../../../core/client/rooms/log/room-keys.ts";
import type { RoomKeysRow } from "../../../core/client/tables.ts";
import { signKeyPairFromSeed } from "../../../core/crypto/sign.ts";
import { type CommitPlan, createCommit, type PendingCommit } from "../../../core/group/create-commit.ts";
import {
  contextExtension,
  type Group,
  type GroupDeps,
  groupEpoch,
  leavesOf,
} from "../../../core/group/group.ts";
import {
  createKeyPackage,
  type VerifiedKeyPackage,
  verifyPublishedKeyPackage,
} from "../../../core/group/key-package.ts";
import {
  encodeRoomContext,
  rankOf,
  type RoomContext,
  type RoomMember,
} from "../../../core/messenger/room/room-context.ts";
import { heirOf } from "../../../core/messenger/room/room-rules.ts";
import { cutRoomCommit, roomBodyShape, roomEvidenceShape } from "../../../core/messenger/room/room-entry.ts";
import { ENTRY_KIND } from "../../../core/protocol/entry.ts";
import { createCommit as createLibraryCommit, encodeMlsMessage, type Proposal } from "ts-mls";
import { pick } from "../../fuzz/case-random.ts";
import { good } from "../../support/client-world.ts";
import { libraryStateOf } from "../../support/group-world.ts";
import type { SeededRandom } from "../../support/seeded-random.ts";
import { changed } from "./changed-bytes.ts";
import type { World } from "./world.ts";

/** Where something is forged: the room as the forger has it. */
export interface RoomForging {
  readonly world: World;
  readonly engine: Engine;
  readonly random: SeededRandom;
  readonly suite: GroupDeps["suite"];
  readonly roomId: ConversationId;
  readonly logId: LogId;
  readonly origin: string;
  readonly keys: RoomKeysRow;
  readonly group: Group;
  readonly now: RoomContext;
  /** The last commit of the log. */
  readonly expect: EntryId;
}

/** What is put into the log: an entry each, and the key the log has from the last one on, if another. */
export interface Forged {
  readonly bodies: readonly { readonly kind: number; readonly body: Bytes; readonly expect?: EntryId }[];
  readonly rekey?: Bytes;
  /** What the forger goes on with once it has its place, where at least a part of the others follows. */
  readonly next?: { readonly group: Group; readonly keys: RoomKeysRow };
}

/** Of commits. */
const KINDS = 11;
const DAY_MS = 86_400_000;
/** Small parts, so that a commit takes several entries. */
const PART_BYTES = 1_500;

type Suite = GroupDeps["suite"];

/** A suite whose nth result of one function is another one. */
const bentSeal = (suite: Suite, nth: number): Suite => {
  let count = 0;
  const seal: Suite["hpke"]["seal"] = async (...args) => {
    const { ct, enc } = await suite.hpke.seal(...args);
    return { enc, ct: count++ === nth ? flipped(ct) : ct };
  };
  return { ...suite, hpke: { ...suite.hpke, seal } };
};

const bentMac = (suite: Suite): Suite => ({
  ...suite,
  hash: { ...suite.hash, mac: async (...args) => flipped(await suite.hash.mac(...args)) },
});

function flipped(bytes: Uint8Array): Uint8Array {
  const after = bytes.slice();
  after[after.length - 1] = (after.at(-1) ?? 0) ^ 1;
  return after;
}

/** A commit that does not hold, or holds for a part of the others. */
export async function forgeCommit(at: RoomForging, kind: number): Promise<Forged | null> {
  const { random, suite, group, now } = at;
  const epoch = Number(groupEpoch(group));
  const self = at.engine.context.identity;
  const own = now.members.find(({ accountId }) => accountId === self.accountId);
  const above = now.members.filter(
    (one) => own !== undefined && one !== own && rankOf(one.role) >= rankOf(own.role),
  );
  const leaves = good(leavesOf(group));
  if (own === undefined) return null;
  const withMembers = (change: (member: RoomMember) => RoomMember): RoomContext => ({
    ...now,
    members: now.members.map(change),
  });
  const withOwn = (change: Partial<RoomMember>): RoomContext =>
    withMembers((member) => (member === own ? { ...member, ...change } : member));
  const context = (after: RoomContext, plan: CommitPlan = {}, by = suite) =>
    made(at, { ...plan, context: encodeRoomContext(after) }, by);
  switch (kind % KINDS) {
    case 0:
      return own.role === "owner" ? null : context(withOwn({ role: "owner" }));
    case 1:
      return own.sinceEpoch === 0 ? null : context(withOwn({ sinceEpoch: 0 }));
    case 2: {
      // Whom its role may not take out, by the name or by the device alone.
      if (above.length === 0) return null;
      const victim = pick(random, above);
      const removeLeaves = leaves.flatMap(({ member, leafIndex }) =>
        member.accountId === victim.accountId ? [leafIndex] : [],
      );
      const keysSince = random.chance(80) ? epoch + 1 : now.keysSince;
      return random.chance(60)
        ? context(
            { ...now, keysSince, members: withHeir(now.members.filter((one) => one !== victim)) },
            { removeLeaves },
          )
        : context({ ...now, keysSince }, { removeLeaves: removeLeaves.slice(0, 1) });
    }
    case 3: {
      if (above.length === 0) return null;
      const victim = pick(random, above);
      return context(
        withMembers((member) =>
          member === victim ? { ...member, mutedUntilMs: 4_000_000_000_000 } : member,
        ),
      );
    }
    case 4:
      return context({ ...now, keysSince: random.chance(50) ? epoch + 1 : epoch + 7 });
    case 5:
      return followed(await made(at, {}, bentSeal(suite, random.below(3))));
    case 6:
      return made(at, {}, bentMac(suite));
    case 7:
      return stranger(at);
    case 8:
      return withoutPath(at);
    case 9:
      // It holds; what comes beside it may not.
      return random.chance(50)
        ? followed(await made(at, {}))
        : made(at, { authenticatedData: changed(random, evidence(at)) });
    default:
      return followed(await readd(at, group));
  }
}

/** The commit is lawful: its author goes on with the group it makes. */
function followed(forged: (Forged & Made) | null): Forged | null {
  return forged === null ? null : { ...forged, next: forged.made };
}

/** Somebody owns the room: without that nobody would look at who takes out whom. */
function withHeir(staying: readonly RoomMember[]): readonly RoomMember[] {
  const heir = heirOf(staying);
  return staying.map((one) => (one === heir ? { ...one, role: "owner" } : one));
}

/** A device that no chain has, in somebody's name. */
async function stranger(at: RoomForging): Promise<Forged | null> {
  const { random, suite, engine, now, world } = at;
  const { accountId } = random.chance(50) ? engine.context.identity : pick(random, now.members);
  const member = { accountId, deviceId: engine.context.identity.deviceId };
  const seed = random.bytes(32);
  const nowMs = world.time.nowMs();
  const { published } = await createKeyPackage(
    suite,
    { member, signSeed: seed },
    { fromMs: nowMs - DAY_MS, untilMs: nowMs + DAY_MS },
  );
  const add = good(await verifyPublishedKeyPackage(suite, published, { authenticate: () => true, nowMs }));
  const leaf = good(leavesOf(at.group)).find((one) => one.member.deviceId === member.deviceId);
  // Its own leaf stays: nobody takes out themselves.
  const isThere = leaf !== undefined && leaf.member.accountId === accountId;
  return isThere ? made(at, {}) : made(at, { add: [add] });
}

/** Takes a device out and adds it again, which every member may; the Welcome may lead nowhere, and the log have another key. */
async function readd(at: RoomForging, group: Group): Promise<(Forged & Made) | null> {
  const { random, now } = at;
  const found = await packageOfOther(at);
  if (found === null) return null;
  const { add, leafIndex } = found;
  const context = encodeRoomContext({ ...now, keysSince: Number(groupEpoch(group)) + 1 });
  return made(at, { add: [add], removeLeaves: [leafIndex], context }, at.suite, group, random.chance(40));
}

/** The same in a group of its own, which nobody has been told of: who is in no group might follow. */
export async function forgeFork(at: RoomForging): Promise<Forged | null> {
  const aside = good(
    await createCommit({ suite: at.suite, authenticate: () => true }, at.group, {
      authenticatedData: evidence(at),
    }),
  );
  return readd(at, aside.next);
}

async function packageOfOther({ engine, random, suite, group, now, world }: RoomForging): Promise<{
  readonly add: VerifiedKeyPackage;
  readonly leafIndex: number;
} | null> {
  const { accountId: self } = engine.context.identity;
  const others = good(leavesOf(group)).filter(({ member }) => member.accountId !== self);
  if (others.length === 0) return null;
  const { member, leafIndex } = pick(random, others);
  const origin = now.members.find(({ accountId }) => accountId === member.accountId)?.origin ?? "";
  const claimed = await engine.context
    .directory(origin)
    .claimKeyPackages(member.accountId, [member.deviceId]);
  const published = claimed.ok ? claimed.value.keyPackages[0]?.keyPackage : undefined;
  if (published === undefined) return null;
  const verified = await verifyPublishedKeyPackage(suite, published, {
    authenticate: () => true,
    nowMs: world.time.nowMs(),
  });
  return verified.ok ? { add: verified.value, leafIndex } : null;
}

/** What the library makes of a new context: a commit without a path. */
async function withoutPath(at: RoomForging): Promise<Forged> {
  const { suite, group, now } = at;
  const context = encodeRoomContext({ ...now, about: "anything" });
  const proposal: Proposal = {
    proposalType: "group_context_extensions",
    groupContextExtensions: { extensions: [contextExtension(context)] },
  };
  const state = await libraryStateOf(suite, group);
  const { commit } = await createLibraryCommit(
    { state, cipherSuite: suite },
    { extraProposals: [proposal], authenticatedData: evidence(at) },
  );
  return entriesOf(at, { commit: encodeMlsMessage(commit), welcome: null }, context);
}

function evidence({ world }: RoomForging): Bytes {
  return encode(roomEvidenceShape, {
    version: 1,
    timeMs: Math.floor(world.time.nowMs()),
    chains: [],
    departures: [],
  });
}

interface Made {
  readonly made: NonNullable<Forged["next"]>;
}

async function made(
  at: RoomForging,
  plan: CommitPlan,
  suite = at.suite,
  group = at.group,
  isWelcomeBent = false,
): Promise<(Forged & Made) | null> {
  const { random, logId, keys } = at;
  const authenticatedData = plan.authenticatedData ?? evidence(at);
  const created = await createCommit({ suite, authenticate: () => true }, group, {
    ...plan,
    authenticatedData,
  });
  if (!created.ok) return null;
  const { commit, welcome, next } = created.value;
  const isBrought = plan.context !== undefined || welcome !== null;
  const lie = random.chance(10) ? changed(random, next.context) : next.context;
  const bent = welcome !== null && isWelcomeBent ? changed(random, welcome) : welcome;
  const forged = entriesOf(at, { commit, welcome: bent }, isBrought ? lie : null);
  const isRekeyed = plan.removeLeaves !== undefined;
  const fresh = isRekeyed ? await roomKeysOf({ suite: at.suite }, logId, next) : keys;
  const all = { ...forged, made: { group: next, keys: fresh } };
  const other = signKeyPairFromSeed(random.bytes(32)).publicKey;
  if (isRekeyed && random.chance(85))
    return { ...all, rekey: random.chance(75) ? publicRoomKey(fresh) : other };
  return random.chance(5) ? { ...all, rekey: publicRoomKey(keys) } : all;
}

/** The entries it takes: one, or several of which one may be missing, or stand elsewhere. */
function entriesOf(
  { random, expect }: RoomForging,
  { commit, welcome }: Pick<PendingCommit, "commit" | "welcome">,
  context: Bytes | null,
): Forged {
  const cut = cutRoomCommit({ commit, context, welcome }, random.chance(75) ? undefined : PART_BYTES);
  if (!cut.ok) return { bodies: [] };
  const bodies = cut.value.map((body) => {
    const bytes = encode(roomBodyShape, body);
    return body.type === "commit"
      ? { kind: ENTRY_KIND.roomHandshake, body: bytes, expect }
      : { kind: ENTRY_KIND.roomMessage, body: bytes };
  });
  const last = bodies.at(-1);
  if (bodies.length < 2 || last === undefined || random.chance(50)) return { bodies };
  const parts = bodies.slice(0, -1);
  return { bodies: [...(random.chance(50) ? parts.slice(1) : parts.toReversed()), last] };
}
