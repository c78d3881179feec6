/** What worlds with rooms promise on top: one room for all who are in it, and each text once where it belongs. */
import type { RoomView } from "@dovetail/core";
import { equalBytes, toHex } from "../../../core/base/bytes.ts";
import { publicRoomKey } from "../../../core/client/rooms/log/room-keys.ts";
import { ROOM_LEAF_RENEW_MS_MAX } from "../../../core/base/limits.ts";
import { createRoomGroups } from "../../../core/client/rooms/membership/room-groups.ts";
import { createTables } from "../../../core/client/tables.ts";
import { createGroupCrypto } from "../../../core/group/crypto-provider.ts";
import { epochAuthenticator, groupEpoch, isActive, leavesOf, ownLeafKey } from "../../../core/group/group.ts";
import { sealTxStore } from "../../../core/store/sealing-tx-store.ts";
import { good } from "../../support/client-world.ts";
import { isHostile, type Member, type Person, type Room, type RoomText, type World } from "./world.ts";

/** A device and how it shows a room. */
interface Seen {
  readonly member: Member;
  readonly view: RoomView;
}

/** What is not in its place yet in the rooms of a world. */
export async function findUnkeptInRooms(world: World): Promise<readonly string[]> {
  const unkept: string[] = [];
  for (const room of world.rooms.values()) {
    const seen: Seen[] = [];
    for (const member of world.members()) {
      const { client } = member.device;
      if (member.standing !== "active" || client === null || isHostile(world, member.person)) continue;
      const view = good(await client.rooms()).find(({ id }) => id === room.id);
      if (view !== undefined) seen.push({ member, view });
    }
    const isShut = await isShutFor(world, room, seen);
    if (!isShut) unkept.push(...findOtherViews(world, seen));
    unkept.push(...findOusted(room, seen));
    if (!isShut) unkept.push(...(await findOtherGroups(room, seen)));
    unkept.push(...(await findTexts(world, { room, isShut }, seen)));
  }
  return unkept;
}

/**
 * Whether nobody can write into a room any more: a changed program has put a key on its log that nobody else knows, and its founder, who
 * alone could set it right (RM30), is out. What is not there then stays away; what may not be shown may not be shown either.
 */
async function isShutFor(world: World, room: Room, seen: readonly Seen[]): Promise<boolean> {
  if (seen.some(({ member, view }) => member.person === room.founder && view.state === "joined"))
    return false;
  for (const { member } of seen) {
    const record = await member.engine?.rooms.book.get(room.id);
    if (record?.ok !== true || record.value === null) continue;
    const { logId } = record.value.keys;
    if (!world.forgedRoomLogs.has(logId)) return false;
    const own = publicRoomKey(record.value.keys);
    for (const server of world.servers) {
      const log = good(await server.store().findLog(logId));
      if (log?.appendKey != null && equalBytes(log.appendKey, own)) return false;
    }
  }
  return true;
}

/** Devices of a person show a room alike; all who are in it show the same people, roles and name, and nothing that waits. */
function findOtherViews(world: World, seen: readonly Seen[]): readonly string[] {
  const faults: string[] = [];
  const nameOf = (id: string) => world.people.find(({ accountId }) => accountId === id)?.name ?? "?";
  const insideOf = ({ view }: Seen): string =>
    JSON.stringify([
      view.name,
      view.lifetimeMs,
      ...view.members
        .map(({ accountId, role, mutedUntilMs }) => `${nameOf(accountId)} ${role} ${mutedUntilMs}`)
        .sort(),
    ]);
  let inside: { readonly who: string; readonly what: string } | null = null;
  for (const person of world.people) {
    const own = seen.filter(({ member }) => member.person === person);
    const active = person.devices.filter(({ standing }) => standing === "active");
    const [first] = own;
    if (first === undefined) continue;
    if (own.length < active.length) faults.push(`a device of ${person.name} does not know the room`);
    for (const one of own) {
      const { device } = one.member;
      if (one.view.state !== first.view.state)
        faults.push(
          `${first.member.device.name} is ${first.view.state}, ${device.name} is ${one.view.state}`,
        );
      if (one.view.state !== "joined") {
        if (one.view.state === "joining") faults.push(`${device.name} has not come into the room`);
        continue;
      }
      if (one.view.pending.length > 0)
        faults.push(
          `${device.name} still asks for ${JSON.stringify(one.view.pending.map(({ type }) => type))}`,
        );
      const here = { who: device.name, what: insideOf(one) };
      inside ??= here;
      if (inside.what !== here.what)
        faults.push(`${inside.who} sees the room as ${inside.what}, ${here.who} as ${here.what}`);
    }
  }
  return faults;
}

/** Whoever came in and was not asked to go is in. */
function findOusted({ joinedAt, unsteady }: Room, seen: readonly Seen[]): readonly string[] {
  return seen.flatMap(({ member: { device, person }, view: { state } }) =>
    joinedAt.has(person) && !unsteady.has(person) && ["removed", "left", "declined"].includes(state)
      ? [`${device.name} is ${state}, and nobody who may has taken ${person.name} out`]
      : [],
  );
}

/** One group on all devices of those who are in it; theirs are its leaves, and nobody else has its secret. */
async function findOtherGroups(room: Room, seen: readonly Seen[]): Promise<readonly string[]> {
  const faults: string[] = [];
  let first: { readonly who: string; readonly state: string } | null = null;
  const states = new Map<Member, string>();
  for (const { member, view } of seen) {
    const group = await groupOn(member, room);
    const name = member.device.name;
    if (group === null) {
      if (view.state === "joined") faults.push(`${name} is in the room and not in its group`);
      continue;
    }
    states.set(member, group.state);
    if (view.state !== "joined") continue;
    first ??= { who: name, state: group.state };
    if (group.ageMs === null) faults.push(`${name} does not count the age of its keys in the room`);
    else if (group.ageMs >= ROOM_LEAF_RENEW_MS_MAX)
      faults.push(`${name} has keys in the room that are ${group.ageMs} ms old`);
    if (first.state !== group.state) faults.push(`${first.who} and ${name} have different groups`);
    const own = member.device.client === null ? [] : good(await member.device.client.devices());
    for (const { id } of own.filter(({ isActive: isThere }) => !isThere))
      if (group.devices.has(id)) faults.push(`${name} has a device in its group that was revoked`);
    const inside = new Set(view.members.map(({ accountId }) => accountId));
    for (const accountId of group.accounts)
      if (!inside.has(accountId))
        faults.push(`${name} has a device in its group of somebody who is not in the room`);
  }
  for (const { member, view } of seen)
    if (["removed", "left", "declined"].includes(view.state) && first !== null)
      if (states.get(member) === first.state)
        faults.push(`${member.device.name} was taken out and follows the group`);
  return faults;
}

/** The group as it stands on a device's disk. */
async function groupOn({ device }: Member, { id }: Room) {
  const store = { ...device.disk.store({ isOn: true }, () => {}), close: async () => {} };
  const platform = { storeKey: device.storeKey, random: { bytes: (count: number) => new Uint8Array(count) } };
  const suite = createGroupCrypto(platform.random);
  const tables = createTables(sealTxStore(store, platform));
  const loaded = await createRoomGroups(tables, { suite }).load(id);
  if (!loaded.ok) throw new Error(`${device.name}: its group does not load: ${loaded.error.type}`);
  if (loaded.value === null || !isActive(loaded.value)) return null;
  const members = good(leavesOf(loaded.value)).map(({ member }) => member);
  const key = ownLeafKey(loaded.value);
  const leaf = good(await tables.roomleaf.get(id));
  // RM71: as far as the time that was counted is stored.
  const countedMs = good(await tables.times.get())?.steadyMs ?? 0;
  const isCounted = key !== null && leaf !== null && equalBytes(key, leaf.key);
  return {
    ageMs: isCounted ? countedMs - leaf.sinceMs : null,
    state: `${groupEpoch(loaded.value)} ${toHex(epochAuthenticator(loaded.value))}`,
    accounts: members.map(({ accountId }) => accountId),
    devices: new Set<string>(members.map(({ deviceId }) => deviceId)),
  };
}

/** Every text of a room, where it has to be and where it may not be. */
async function findTexts(
  world: World,
  { room, isShut }: { readonly room: Room; readonly isShut: boolean },
  seen: readonly Seen[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  const shownBy = new Map<Member, ReadonlyMap<string, { readonly times: number; readonly state: string }>>();
  for (const { member } of seen) shownBy.set(member, await textsOn(world, member, room));
  for (const [index, row] of room.written.entries()) {
    if (isHostile(world, row.by.person)) continue;
    const at = shownBy.get(row.by)?.get(row.text);
    const isPromised = !isShut && isKept(row) && at !== undefined && at.state !== "failed";
    if (isKept(row) && at === undefined) faults.push(`${row.by.device.name} lacks its own ${row.text}`);
    const isSteady = !isShut && !room.unsteady.has(row.by.person);
    if (isPromised && at.state === "kept" && isSteady) faults.push(`${row.text} has not been sent`);
    const isHeard = !room.muted.has(row.by.person);
    if (isKept(row) && at?.state === "failed" && isSteady && isHeard) faults.push(`${row.text} was given up`);
    for (const { member, view } of seen) {
      const times = shownBy.get(member)?.get(row.text)?.times ?? 0;
      const who = member.device.name;
      if (times > 1) faults.push(`${who} shows ${row.text} ${times} times`);
      if (times > 0 && row.state === "refused") faults.push(`${who} shows ${row.text}, which was refused`);
      if (times > 0 && isClosedTo(room, member.person, row))
        faults.push(`${who} was out and shows ${row.text}`);
      const isFor = isReader(room, member.person, { index, row }) && view.state === "joined";
      const hasGone = isPromised && (isSteady || at.state !== "kept");
      if (times === 0 && hasGone && isHeard && (isFor || member.person === row.by.person))
        faults.push(`${who} lacks ${row.text}`);
    }
  }
  const written = new Set(room.written.map(({ text }) => text));
  for (const [member, shown] of shownBy)
    for (const text of shown.keys())
      if (!written.has(text)) faults.push(`${member.device.name} shows ${text}, which nobody wrote`);
  return faults;
}

function isKept({ state, by }: RoomText): boolean {
  return state === "kept" && by.standing === "active" && !by.wasFarAhead;
}

/** Who had come before it was written, was seen there by whoever wrote it, and never was to go. */
function isReader(
  room: Room,
  person: Person,
  { index, row }: { readonly index: number; readonly row: RoomText },
): boolean {
  const joinedAt = room.joinedAt.get(person);
  return joinedAt !== undefined && index >= joinedAt && row.readers.has(person) && !room.unsteady.has(person);
}

/** Whoever wrote it had seen them go, and nobody has asked them in again; who founded it was in it without being asked. */
function isClosedTo(room: Room, person: Person, row: RoomText): boolean {
  const cameIn = (room.invitations.get(person) ?? 0) + (room.founder === person ? 1 : 0);
  return row.removed.has(person) && cameIn < 2;
}

/** Texts a device shows; what a changed program says in its own name is its own affair. */
async function textsOn(world: World, { device }: Member, { id }: Room) {
  const shown = new Map<string, { times: number; readonly state: string }>();
  let before: string | null = null;
  do {
    if (device.client === null) break;
    const options: { limit: number; before?: string } =
      before === null ? { limit: 200 } : { limit: 200, before };
    const page = await device.client.messages(id, options);
    if (!page.ok) break;
    for (const { text, state, author } of page.value.messages) {
      if (world.people.some((person) => person.accountId === author && isHostile(world, person))) continue;
      const known = shown.get(text);
      if (known === undefined) shown.set(text, { times: 1, state });
      else known.times += 1;
    }
    before = page.value.older;
  } while (before !== null);
  return shown;
}
