/**
 * What a room's group should become next: own devices that are missing or revoked, who left, who asks to come back, and what
 * was asked of the room. Reads state and asks servers; changes nothing. Rules RM8, RM23, RM25, RM27, RM72.
 */
import type { AccountId, ConversationId, DeviceId } from "../../../base/ids.ts";
import { equalBytes } from "../../../base/bytes.ts";
import {
  GROUP_ADDS_PER_COMMIT_MAX,
  ROOM_ACCOUNTS_MAX,
  ROOM_EVIDENCE_BYTES_MAX,
} from "../../../base/limits.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import type { RoomIntent, RoomRecord } from "../../../document/schema/groups.ts";
import {
  type Group,
  type GroupDeps,
  type GroupLeaf,
  groupEpoch,
  isActive,
  leavesOf,
} from "../../../group/group.ts";
import { withOwnKeys } from "../../../group/check-tree.ts";
import type { GroupRule } from "../../../group/group-fault.ts";
import type { GroupMember } from "../../../group/group-member.ts";
import { type VerifiedKeyPackage, verifyPublishedKeyPackage } from "../../../group/key-package.ts";
import { historyAfter, isSamePolicy, type RoomHistory } from "../../../messenger/room/room-history.ts";
import { heirOf, type RoomRule } from "../../../messenger/room/room-rules.ts";
import {
  encodeRoomContext,
  memberOf,
  type RoomContext,
  type RoomMember,
} from "../../../messenger/room/room-context.ts";
import type { RoomDeparture } from "../../../messenger/room/room-entry.ts";
import { activeDevices, type ChainState, isActive as isActiveDevice } from "../../../sigchain/chain-state.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { WriteOp } from "../../../store/tx-store.ts";
import type { ClientError } from "../../client-error.ts";
import type { ContactBook } from "../../contacts/contact-book.ts";
import type { EngineContext } from "../../engine-context.ts";
import { chainBytes } from "../reading/room-evidence.ts";
import { authenticateBy, hasPlace, judgeCase, roomContextOf, standInChain } from "../reading/room-judge.ts";
import type { RoomCalling } from "./room-calling.ts";
import type { RoomGroups } from "./room-groups.ts";

/** How long a device that published a key of another, or no key package, is not asked for one. RM60 */
const REFUSED_MS = 3_600_000;
/** How long others have to add somebody, before a device does that was itself called into the group. RM72 */
const BRING_LATE_MS = 120_000;
/** Why what a device published is no key package, whenever and by whoever it is read. */
const BAD_PACKAGE: ReadonlySet<GroupRule> = new Set(["Malformed", "Inauthentic"]);

export interface RoomPlan {
  /** Of the group it is made for. */
  readonly epoch: number;
  readonly before: RoomContext;
  readonly after: RoomContext;
  readonly add: readonly VerifiedKeyPackage[];
  readonly removeLeaves: readonly number[];
  readonly departures: readonly RoomDeparture[];
  readonly chains: ReadonlyMap<AccountId, ChainState>;
  /** Accounts that come, to be told. */
  readonly invitees: readonly AccountId[];
  /** Keys of the intents it carries out. */
  readonly carried: readonly string[];
}

export interface Planned {
  /** Null when nothing is to be committed. */
  readonly plan: RoomPlan | null;
  /** Keys of intents that are done, or that nobody may carry out any more. */
  readonly settled: readonly string[];
  /** Writes that forget requests of devices nobody has. */
  readonly forgotten: readonly WriteOp[];
  /** Somebody could not be let in yet: their server did not answer, or had no chain or keys of theirs. */
  readonly isWaiting: boolean;
}

export interface RoomPlanner {
  plan(roomId: ConversationId, room: RoomRecord): Promise<Result<Planned | null, ClientError>>;
  /** A commit that changes nothing, for the fresh keys it brings. Null where this device may make none. RM71 */
  renewal(roomId: ConversationId): Promise<Result<RoomPlan | null, ClientError>>;
}

/** The plan while it is made. */
interface Draft {
  readonly roomId: ConversationId;
  readonly before: RoomContext;
  after: RoomContext;
  readonly leaves: readonly GroupLeaf[];
  readonly chains: Map<AccountId, ChainState>;
  readonly departures: RoomDeparture[];
  readonly wanted: GroupMember[];
  readonly gone: Set<number>;
  /** Who comes, and the key of the intent that lets them in. */
  readonly invitees: Map<AccountId, string>;
  /** What the chains of those and of who comes back weigh. */
  evidenceBytes: number;
  /** Whose chain was asked for, and writes that forget who asked to come back and is none of their devices. */
  readonly lookedUp: Set<AccountId>;
  readonly forgotten: WriteOp[];
  /** Who has called this device into the group. RM72 */
  calledBy: AccountId | null;
  isWaiting: boolean;
}

export interface RoomPlannerDeps {
  readonly context: EngineContext;
  readonly contacts: ContactBook;
  readonly groups: RoomGroups;
  readonly calling: Pick<RoomCalling, "of">;
  readonly deps: Pick<GroupDeps, "suite">;
  /** The room is to be looked at again then. */
  lookIn(roomId: ConversationId, afterMs: number): void;
}

export function createRoomPlanner(all: RoomPlannerDeps): RoomPlanner {
  const { context, contacts, groups, calling, deps } = all;
  const { tables, identity } = context;
  const self = { accountId: identity.accountId, deviceId: identity.deviceId };
  /** Devices that published a key which is another's, and when that was seen. */
  const refusedAtMs = new Map<DeviceId, number>();
  /** Since when this device has seen others wait to be added to a group it was called into. */
  const waitingSinceMs = new Map<string, number>();
  const nowMs = () => Math.max(0, context.clock.nowMs());
  const isRefused = (deviceId: DeviceId) =>
    Math.abs(nowMs() - (refusedAtMs.get(deviceId) ?? -REFUSED_MS)) < REFUSED_MS;

  async function plan(
    roomId: ConversationId,
    room: RoomRecord,
  ): Promise<Result<Planned | null, ClientError>> {
    const found = await context.serial.run(() => groups.load(roomId));
    if (!found.ok) return found;
    const group = found.value;
    if (group === null || !isActive(group)) return ok(null);
    const draft = await begin(roomId, group);
    if (!draft.ok || draft.value === null) return draft.ok ? ok(null) : draft;
    const one = draft.value;
    const called = await calling.of(roomId);
    if (!called.ok) return called;
    one.calledBy = called.value?.by ?? null;
    followOwnChain(one);
    const left = await takeOutLeavers(one);
    if (!left.ok) return left;
    const back = await bringBack(one);
    if (!back.ok) return back;
    const settled: string[] = [];
    const carried: string[] = [];
    for (const { key, intent } of room.intents) {
      const done = await applyIntent(one, { key, intent }, Number(groupEpoch(group)));
      if (!done.ok) return done;
      if (done.value === "settled") settled.push(key);
      if (done.value === "planned") carried.push(key);
    }
    const claimed = await keyPackagesFor(one);
    if (!claimed.ok) return claimed;
    const add = withOwnKeys(group.state.ratchetTree, claimed.value);
    for (const { member } of claimed.value.filter((keyPackage) => !add.includes(keyPackage)))
      refusedAtMs.set(member.deviceId, nowMs());
    const ready = dropWhoCannotCome(one, add, carried);
    const epoch = Number(groupEpoch(group));
    const heired = withHeir(ready.after);
    // RM29
    const agreed = { ...heired, history: historyOf(one.before, heired, epoch) };
    const after = one.gone.size > 0 ? { ...agreed, keysSince: epoch + 1 } : agreed;
    const isSame = equalBytes(encodeRoomContext(after), encodeRoomContext(one.before));
    if (ready.add.length === 0 && one.gone.size === 0 && isSame)
      return ok({
        ...{ plan: null, settled: [...settled, ...ready.carried] },
        ...{ forgotten: one.forgotten, isWaiting: one.isWaiting },
      });
    const made: RoomPlan = {
      epoch,
      before: one.before,
      after: isSame ? one.before : after,
      add: ready.add,
      removeLeaves: [...one.gone].sort((a, b) => a - b),
      departures: one.departures,
      chains: one.chains,
      invitees: ready.invitees,
      carried: ready.carried,
    };
    // RM17: what nobody else would follow, this device would be alone with.
    const rule = ruleAgainst(one, made);
    return rule === null
      ? ok({ plan: made, settled, forgotten: one.forgotten, isWaiting: one.isWaiting })
      : err({ type: "RoomRefused", rule });
  }

  const renewal: RoomPlanner["renewal"] = async (roomId) => {
    const found = await groups.load(roomId);
    if (!found.ok) return found;
    const group = found.value;
    if (group === null || !isActive(group)) return ok(null);
    const draft = await begin(roomId, group);
    if (!draft.ok || draft.value === null) return draft.ok ? ok(null) : draft;
    const { before, chains } = draft.value;
    const made: RoomPlan = {
      ...{ epoch: Number(groupEpoch(group)), before, after: before, chains },
      ...{ add: [], removeLeaves: [], departures: [], invitees: [], carried: [] },
    };
    return ok(ruleAgainst(draft.value, made) === null ? made : null);
  };

  function ruleAgainst({ roomId, leaves }: Draft, made: RoomPlan): RoomRule | null {
    const [removed, staying] = [true, false].map((isGone) =>
      leaves.flatMap(({ leafIndex, member }) =>
        made.removeLeaves.includes(leafIndex) === isGone ? [member] : [],
      ),
    );
    const added = made.add.map(({ member }) => member);
    const { before, after, epoch, chains, departures } = made;
    return judgeCase({
      ...{ roomId, before, after, epoch, chains, departures, committer: self, added },
      removed: removed ?? [],
      leaves: [...(staying ?? []), ...added],
    });
  }

  async function begin(roomId: ConversationId, group: Group): Promise<Result<Draft | null, ClientError>> {
    const before = roomContextOf(group);
    const leaves = leavesOf(group);
    if (before === null || !leaves.ok) return ok(null);
    const chains = new Map<AccountId, ChainState>();
    for (const member of before.members) {
      const chain = await context.storedChain(member.accountId);
      if (!chain.ok) return chain;
      const isHere = hasPlace(chain.value, member);
      chains.set(member.accountId, isHere ? chain.value : standInChain(group, member));
    }
    // A commit may have brought links of the own chain before this device has asked for them.
    const own = context.chain();
    if (own.seq > (chains.get(self.accountId)?.seq ?? 0)) chains.set(self.accountId, own);
    // RM25: who knows less of a chain than the room does would take its newest devices for revoked ones.
    const isBehind = before.members.some(
      ({ accountId, seq }) => accountId === self.accountId && seq > ownChain(chains).seq,
    );
    if (isBehind) return ok(null);
    const lists = {
      departures: [],
      wanted: [],
      gone: new Set<number>(),
      invitees: new Map<AccountId, string>(),
      lookedUp: new Set<AccountId>(),
      forgotten: [],
    };
    const draft = { roomId, before, after: before, leaves: leaves.value, chains, evidenceBytes: 0 };
    return ok({ ...draft, ...lists, calledBy: null, isWaiting: false });
  }

  const ownChain = (chains: ReadonlyMap<AccountId, ChainState>): ChainState =>
    chains.get(self.accountId) ?? context.chain();

  /** RM25: own devices that are linked come in, and those that were revoked go. */
  function followOwnChain(draft: Draft): void {
    const own = memberOf(draft.after, self.accountId);
    const chain = ownChain(draft.chains);
    if (own === null) return;
    const leaves = draft.leaves.filter(({ member }) => member.accountId === self.accountId);
    const missing = activeDevices(chain).filter(
      ({ id }) => !leaves.some(({ member }) => member.deviceId === id) && mayBring(draft, own, id),
    );
    const revoked = leaves.filter(({ member }) => !isActiveDevice(chain, member.deviceId));
    if (missing.length === 0 && revoked.length === 0) return;
    moveChain(draft, own, chain);
    for (const { id } of missing) draft.wanted.push({ accountId: self.accountId, deviceId: id });
    for (const { leafIndex } of revoked) draft.gone.add(leafIndex);
  }

  /** RM72: who was called into the group leaves others to those who know that it is the room's, and brings them if nobody has. */
  function mayBring({ roomId, calledBy }: Draft, { accountId }: RoomMember, deviceId: string): boolean {
    const key = `${roomId} ${deviceId}`;
    if (calledBy === null || calledBy === accountId) {
      waitingSinceMs.delete(key);
      return true;
    }
    const sinceMs = waitingSinceMs.get(key) ?? nowMs();
    waitingSinceMs.set(key, sinceMs);
    const leftMs = BRING_LATE_MS - Math.abs(nowMs() - sinceMs);
    if (leftMs > 0) all.lookIn(roomId, leftMs);
    return leftMs <= 0;
  }

  function moveChain(draft: Draft, member: RoomMember, { seq, head }: ChainState): void {
    if (seq <= member.seq) return;
    draft.after = withMember(draft.after, member.accountId, (one) => ({ ...one, seq, head }));
  }

  /** RM7 */
  async function takeOutLeavers(draft: Draft): Promise<Result<void, ClientError>> {
    const rows = await tables.departure.scan({ under: [draft.roomId] });
    if (!rows.ok) return rows;
    for (const { value } of rows.value) {
      const { departure } = value;
      if (memberOf(draft.after, departure.accountId)?.sinceEpoch !== departure.sinceEpoch) continue;
      // Its own devices do not take an account out: the last of them would have to remove itself.
      if (departure.accountId === self.accountId) continue;
      takeOut(draft, departure.accountId);
      draft.departures.push(departure);
    }
    return ok();
  }

  function takeOut(draft: Draft, accountId: AccountId): void {
    for (const { leafIndex, member } of draft.leaves)
      if (member.accountId === accountId) draft.gone.add(leafIndex);
    const members = draft.after.members.filter((member) => member.accountId !== accountId);
    draft.after = { ...draft.after, members };
  }

  /** RM23: who cannot follow is taken out and added again in one commit. */
  async function bringBack(draft: Draft): Promise<Result<void, ClientError>> {
    const rows = await tables.rejoin.scan({ under: [draft.roomId] });
    if (!rows.ok) return rows;
    for (const { key } of rows.value) {
      const [, , accountId, deviceId] = rowKeyParts(key);
      const member = draft.after.members.find((one) => one.accountId === accountId);
      if (member === undefined || deviceId === undefined) continue;
      if (!mayBring(draft, member, deviceId)) continue;
      const chain = await freshChain(draft, member, deviceId as DeviceId);
      draft.isWaiting ||= !chain.ok;
      if (!chain.ok) continue;
      // Anybody can name devices nobody has: each is looked for once.
      if (member.accountId !== self.accountId && !chain.value.devicesById.has(deviceId as DeviceId))
        draft.forgotten.push(tables.rejoin.remove(draft.roomId, member.accountId, deviceId));
      draft.chains.set(member.accountId, chain.value);
      if (!isActiveDevice(chain.value, deviceId as DeviceId)) continue;
      // RM60
      const weight =
        chain.value.seq > member.seq ? await chainBytes(tables, member.accountId, member.seq) : ok(0);
      if (!weight.ok) return weight;
      if (weight.value === null || draft.evidenceBytes + weight.value > ROOM_EVIDENCE_BYTES_MAX) continue;
      draft.evidenceBytes += weight.value;
      moveChain(draft, member, chain.value);
      const leaf = draft.leaves.find(({ member: one }) => one.deviceId === deviceId);
      if (leaf !== undefined) draft.gone.add(leaf.leafIndex);
      if (!draft.wanted.some((one) => one.deviceId === deviceId))
        draft.wanted.push({ accountId: member.accountId, deviceId: deviceId as DeviceId });
    }
    return ok();
  }

  /** Their chain, asked for when this device is not on what is here, of an account once. */
  async function freshChain(
    { chains, lookedUp }: Draft,
    { accountId, origin }: RoomMember,
    deviceId: DeviceId,
  ): Promise<Result<ChainState, ClientError>> {
    if (accountId === self.accountId) return ok(ownChain(chains));
    const chain = await context.contactChain(accountId, origin, false);
    if (!chain.ok || chain.value.devicesById.has(deviceId) || lookedUp.has(accountId)) return chain;
    lookedUp.add(accountId);
    return context.contactChain(accountId, origin, true);
  }

  /** Puts an intent into the plan. `settled` when it is done already, or is not ours to do. */
  async function applyIntent(
    draft: Draft,
    { key, intent }: RoomRecord["intents"][number],
    epoch: number,
  ): Promise<Result<"planned" | "waits" | "settled", ClientError>> {
    if (intent.type === "invite") return invite(draft, { ...intent, key }, epoch);
    const changed = changedBy(draft, intent);
    if (changed === null) return ok("settled");
    const isRemoval = intent.type === "remove";
    const removed = isRemoval
      ? draft.leaves.filter(({ member }) => member.accountId === intent.accountId)
      : [];
    if (!isAllowed(draft, changed, removed, [], epoch)) return ok("settled");
    for (const { leafIndex } of removed) draft.gone.add(leafIndex);
    draft.after = changed;
    return ok("planned");
  }

  async function invite(
    draft: Draft,
    { accountId, role, key }: Extract<RoomIntent, { readonly type: "invite" }> & { readonly key: string },
    epoch: number,
  ): Promise<Result<"planned" | "waits" | "settled", ClientError>> {
    if (memberOf(draft.after, accountId) !== null) return ok("settled");
    // RM9: nobody's beginning changes. Who is taken out by this commit comes in again with the next.
    if (memberOf(draft.before, accountId) !== null) return ok("waits");
    const contact = await contacts.get(accountId);
    if (!contact.ok) return contact;
    if (contact.value?.state !== "accepted" || draft.after.members.length >= ROOM_ACCOUNTS_MAX)
      return ok("settled");
    const { origin, givenName, handle } = contact.value;
    const chain = await context.contactChain(accountId, origin, true);
    draft.isWaiting ||= !chain.ok;
    if (!chain.ok) return ok("waits");
    // RM60
    const weight = await chainBytes(tables, accountId);
    if (!weight.ok) return weight;
    if (weight.value === null) return ok("settled");
    if (draft.evidenceBytes + weight.value > ROOM_EVIDENCE_BYTES_MAX) return ok("waits");
    draft.chains.set(accountId, chain.value);
    const { seq, head } = chain.value;
    const member: RoomMember = {
      accountId,
      name: givenName ?? handle ?? accountId.slice(0, 8),
      origin,
      role,
      sinceEpoch: epoch + 1,
      seq,
      head,
      mutedUntilMs: null,
    };
    const after = { ...draft.after, members: [...draft.after.members, member] };
    const devices = activeDevices(chain.value).map(({ id }) => ({ accountId, deviceId: id }));
    if (!isAllowed(draft, after, [], devices, epoch)) return ok("settled");
    draft.after = after;
    draft.evidenceBytes += weight.value;
    draft.wanted.push(...devices);
    draft.invitees.set(accountId, key);
    return ok("planned");
  }

  /** Whether this change, alone, is this account's to make. */
  function isAllowed(
    draft: Draft,
    after: RoomContext,
    removed: readonly GroupLeaf[],
    added: readonly GroupMember[],
    epoch: number,
  ): boolean {
    const gone = new Set(removed.map(({ leafIndex }) => leafIndex));
    const staying = draft.leaves.filter(
      ({ leafIndex, member }) =>
        !gone.has(leafIndex) &&
        !draft.gone.has(leafIndex) &&
        memberOf(draft.after, member.accountId) !== null,
    );
    const rule = judgeCase({
      roomId: draft.roomId,
      before: draft.after,
      after: {
        ...after,
        keysSince: removed.length > 0 ? epoch + 1 : after.keysSince,
        history: historyOf(draft.after, after, epoch),
      },
      epoch,
      committer: self,
      added,
      removed: removed.map(({ member }) => member),
      leaves: [...staying.map(({ member }) => member), ...added],
      chains: draft.chains,
      departures: [],
    });
    return rule === null;
  }

  /** As many as a commit may add; who has none published comes with a later one. */
  async function keyPackagesFor(draft: Draft): Promise<Result<readonly VerifiedKeyPackage[], ClientError>> {
    const found: VerifiedKeyPackage[] = [];
    const byAccount = Map.groupBy(draft.wanted, ({ accountId }) => accountId);
    for (const [accountId, devices] of byAccount) {
      const room = GROUP_ADDS_PER_COMMIT_MAX - found.length;
      if (room <= 0) break;
      const member = memberOf(draft.after, accountId);
      if (member === null) continue;
      const asked = devices
        .map(({ deviceId }) => deviceId)
        .filter((deviceId) => !isRefused(deviceId))
        .slice(0, room);
      if (asked.length === 0) continue;
      const claimed = await context.directory(member.origin).claimKeyPackages(accountId, asked);
      if (!claimed.ok) continue;
      for (const { deviceId, keyPackage } of claimed.value.keyPackages) {
        const verified = await verifyPublishedKeyPackage(deps.suite, keyPackage, {
          authenticate: authenticateBy(draft.chains),
          nowMs: context.times.likelyMs(),
        });
        if (asked.includes(deviceId) && !verified.ok && BAD_PACKAGE.has(verified.error.rule))
          refusedAtMs.set(deviceId, nowMs());
        const isAsked =
          asked.includes(deviceId) && verified.ok && verified.value.member.deviceId === deviceId;
        if (isAsked && verified.ok && verified.value.member.accountId === accountId)
          found.push(verified.value);
      }
    }
    draft.isWaiting ||= found.length < draft.wanted.length;
    return ok(found);
  }

  return { plan, renewal };
}

interface Ready {
  readonly after: RoomContext;
  readonly add: readonly VerifiedKeyPackage[];
  readonly invitees: readonly AccountId[];
  readonly carried: readonly string[];
}

/** Without those of whom no device can be added: they are asked for again later. */
function dropWhoCannotCome(
  draft: Draft,
  add: readonly VerifiedKeyPackage[],
  carried: readonly string[],
): Ready {
  // A leaf that was to go and come again stays where it does not come, unless its account goes.
  for (const { leafIndex, member } of draft.leaves) {
    const isIn = memberOf(draft.after, member.accountId) !== null;
    const isWanted = isIn && draft.wanted.some((one) => one.deviceId === member.deviceId);
    if (isWanted && !add.some((one) => one.member.deviceId === member.deviceId)) draft.gone.delete(leafIndex);
  }
  const canCome = (accountId: AccountId) => add.some(({ member }) => member.accountId === accountId);
  const invitees = [...draft.invitees.keys()];
  const late = new Set([...draft.invitees].filter(([id]) => !canCome(id)).map(([, key]) => key));
  const members = draft.after.members.filter(
    ({ accountId }) => !draft.invitees.has(accountId) || canCome(accountId),
  );
  return {
    after: { ...draft.after, members },
    add,
    invitees: invitees.filter(canCome),
    carried: carried.filter((key) => !late.has(key)),
  };
}

/** RM10 */
function withHeir(after: RoomContext): RoomContext {
  const heir = heirOf(after.members);
  return heir === null ? after : withMember(after, heir.accountId, (one) => ({ ...one, role: "owner" }));
}

/** RM39, RM40: what the commit that ends `epoch` makes of it. */
function historyOf(before: RoomContext, after: RoomContext, epoch: number): RoomHistory | null {
  const gone = before.members.filter(({ accountId }) => memberOf(after, accountId) === null);
  return historyAfter(before.history, after.history, { epoch, gone });
}

function withMember(
  context: RoomContext,
  accountId: AccountId,
  change: (member: RoomMember) => RoomMember,
): RoomContext {
  return {
    ...context,
    members: context.members.map((member) => (member.accountId === accountId ? change(member) : member)),
  };
}

/** The room with an intent carried out; null when it says so already. */
function changedBy(
  { after }: Draft,
  intent: Exclude<RoomIntent, { readonly type: "invite" }>,
): RoomContext | null {
  if (intent.type === "name") return after.name === intent.name ? null : { ...after, name: intent.name };
  if (intent.type === "about") return after.about === intent.about ? null : { ...after, about: intent.about };
  if (intent.type === "lifetime")
    return after.lifetimeMs === intent.lifetimeMs ? null : { ...after, lifetimeMs: intent.lifetimeMs };
  if (intent.type === "history")
    return isSamePolicy(after.history, intent.history)
      ? null
      : {
          ...after,
          history: intent.history && { since: 1, former: [], ...after.history, ...intent.history },
        };
  const member = memberOf(after, intent.accountId);
  if (member === null) return null;
  switch (intent.type) {
    case "remove":
      return { ...after, members: after.members.filter((one) => one !== member) };
    case "role":
      return member.role === intent.role
        ? null
        : withMember(after, member.accountId, (one) => ({ ...one, role: intent.role }));
    case "mute":
      return member.mutedUntilMs === intent.untilMs
        ? null
        : withMember(after, member.accountId, (one) => ({ ...one, mutedUntilMs: intent.untilMs }));
  }
}
