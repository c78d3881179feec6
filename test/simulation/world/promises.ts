/** What every world promises, whatever happened in it. */
import type { Alarm, Client, StateFingerprint } from "@dovetail/core";
import { good } from "../../support/client-world.ts";
import { isTold } from "./play-device-step.ts";
import type { Step } from "./story-plan.ts";
import { CANARY, isDeceived, isHostile, type Member, type Person, type World } from "./world.ts";

/** What is not in its place yet: devices of a person that differ, texts that are missing, doubled, or nobody's. */
export async function findUnkept(world: World): Promise<readonly string[]> {
  const unkept: string[] = [];
  for (const person of world.people) {
    if (isHostile(world, person)) continue;
    const active = person.devices.filter((member) => isInUse(member) && member.device.client !== null);
    if (isDeceived(world, person)) {
      for (const member of active)
        unkept.push(...(await findMissing(world, person, member)).filter(isShownWrongly));
      continue;
    }
    unkept.push(...(await findDifference(active)));
    for (const member of active) {
      unkept.push(...(await findMissing(world, person, member)));
      for (const alarm of member.alarms)
        if (!hasCause(world, alarm) && !(await isOfLiar(world, alarm)))
          unkept.push(`${member.device.name} raised ${JSON.stringify(alarm)}`);
    }
    for (const member of person.devices) unkept.push(...(await findNew(world, member)));
    unkept.push(...(await findUntold(world, active)));
  }
  return unkept;
}

/** Whatever a server says, nobody is shown a text that nobody wrote, or one twice. */
export function isShownWrongly(fault: string): boolean {
  return /nobody wrote|times$/.test(fault);
}

/** The server that lies, or an account that lives there, is named; never what stands on an honest one. */
async function isOfLiar({ plan, servers, people }: World, alarm: Alarm): Promise<boolean> {
  if (plan.liar === undefined) return false;
  if ("accountId" in alarm)
    return people.some(
      ({ accountId, home }) => accountId === alarm.accountId && home === servers[plan.liar ?? 0],
    );
  if (!("logId" in alarm) || alarm.type === "DeviceRolledBack") return false;
  for (const [number, server] of servers.entries()) {
    const found = number === plan.liar ? null : good(await server.store().findLog(alarm.logId));
    if (found !== null) return false;
  }
  return true;
}

/** One that was set back or doubled, and has not been told so, is as good as any other. */
function isInUse(member: Member): boolean {
  return member.standing === "active" || (member.standing === "doubtful" && !isTold(member));
}

/** One that was set back asks nothing of a contact whose server counts more of it than it does, and says so. DM12 */
function isHeldBack({ standing, alarms }: Member): boolean {
  return (
    standing === "doubtful" &&
    alarms.some((alarm) => alarm.type === "LogDistrusted" && alarm.fault.type === "LogWriterAhead")
  );
}

/** A device whose disk does not know what a sibling has of it goes on no more, and says so. */
async function findUntold(world: World, active: readonly Member[]): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { behind, device } of active) {
    if (behind === null) continue;
    const lost = new Set(
      world.written
        .slice(behind.from, behind.upto)
        .flatMap(({ text, by }) => (by === behind.by ? [text] : [])),
    );
    for (const sibling of active.filter(({ standing }) => standing === "active"))
      for (const text of await textsOn(sibling))
        if (lost.has(text)) faults.push(`${device.name} was not told that it lacks ${text} of its own`);
  }
  return faults;
}

async function textsOn({ device, person }: Member): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const conversationId of person.conversationByName.values()) {
    const page = await (device.client as Client).messages(conversationId, { limit: 200 });
    if (page.ok) texts.push(...page.value.messages.map(({ text }) => text));
  }
  return texts;
}

/** Whether the person is rightly told: of clocks that were set wrong, of a server that has lost what it had, and of what a device wrote that was revoked before it was read. */
function hasCause(world: World, alarm: Alarm): boolean {
  if (isOfForgery(world, alarm)) return true;
  const has = (step: Step["type"]) => world.plan.steps.some(({ type }) => type === step);
  if (alarm.type === "RoomGone") return has("server-lost");
  if (alarm.type === "DeviceDoubled") return has("double");
  if (alarm.type === "ClockDiffers" || alarm.type === "DeviceClockWrong") return has("clock");
  if (alarm.type === "LogDistrusted" && alarm.fault.type === "LogRolledBack") return has("server-lost");
  if (alarm.type === "LogDistrusted" && alarm.fault.type === "LogWriterAhead")
    return has("copy") || has("set-back") || has("double");
  return alarm.type === "EntryRefused" && alarm.rule === "DeviceWasRevoked" && has("revoke");
}

/** Whoever gets what a changed program wrote is told which log it stood in, or whose chains it misquotes. */
function isOfForgery({ forgedLogs, forgedRoomLogs, people, plan }: World, alarm: Alarm): boolean {
  if (alarm.type === "EntryRefused") return forgedLogs.has(alarm.logId);
  // Members of a room compare how they see its log.
  if (alarm.type === "LogDistrusted") return forgedRoomLogs.has(alarm.logId);
  return alarm.type === "ChainsDisagree" && people[plan.hostile ?? -1]?.accountId === alarm.accountId;
}

/** A revoked device is shown nothing that was written after it was revoked, but by itself. */
async function findNew(world: World, { device, person, revokedAt }: Member): Promise<readonly string[]> {
  if (device.client === null || revokedAt === null) return [];
  const later = new Set(
    world.written.slice(revokedAt).flatMap(({ text, by }) => (by.device === device ? [] : [text])),
  );
  const faults: string[] = [];
  for (const conversationId of person.conversationByName.values()) {
    const page = await device.client.messages(conversationId, { limit: 200 });
    if (!page.ok) continue;
    for (const { text } of page.value.messages)
      if (later.has(text)) faults.push(`${device.name} was revoked and shows ${text}`);
  }
  return faults;
}

/** Devices of one person hold the same, and show the same. */
async function findDifference(members: readonly Member[]): Promise<readonly string[]> {
  const [first, ...others] = members;
  if (first === undefined) return [];
  const held = await fingerprintOf(first);
  const faults: string[] = [];
  for (const other of others) {
    const theirs = await fingerprintOf(other);
    const parts = differingParts(held, theirs);
    if (parts !== "") faults.push(`${first.device.name} and ${other.device.name} differ in ${parts}`);
  }
  return faults;
}

async function fingerprintOf({ device }: Member): Promise<StateFingerprint> {
  return good(await (device.client as Client).fingerprint());
}

function differingParts(a: StateFingerprint, b: StateFingerprint): string {
  const kinds = Object.keys({ ...a.headsByKind, ...b.headsByKind });
  const parts = kinds
    .filter((kind) => a.headsByKind[kind] !== b.headsByKind[kind])
    .map((kind) => `${kind} heads`);
  if (a.ops !== b.ops) parts.push(`ops (${a.opCount} and ${b.opCount})`);
  if (a.view !== b.view) parts.push("view");
  return parts.join(", ");
}

/** Every text that was kept by a device stands once on every device of both people; no text stands twice. */
async function findMissing(world: World, person: Person, member: Member): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [name, conversationId] of person.conversationByName) {
    const shown = new Map<string, number>();
    const forged = new Set<string>();
    const other = world.people.find((one) => one.name === name);
    const isWithHostile = other !== undefined && isHostile(world, other);
    const isWithDeceived = other !== undefined && isDeceived(world, other);
    let before: string | null = null;
    do {
      const page: Awaited<ReturnType<Client["messages"]>> = await (member.device.client as Client).messages(
        conversationId,
        before === null ? { limit: 200 } : { limit: 200, before },
      );
      if (!page.ok) {
        faults.push(`${member.device.name} does not show its conversation: ${page.error.type}`);
        break;
      }
      for (const { text, isOwn } of page.value.messages) {
        shown.set(text, (shown.get(text) ?? 0) + 1);
        if (isWithHostile && !isOwn) forged.add(text);
      }
      before = page.value.older;
    } while (before !== null);
    const about = world.written.filter(
      ({ from, to }) => (from === person && to.name === name) || (to === person && from.name === name),
    );
    // What is left of a message that was taken back.
    shown.delete("");
    for (const { text, state, from, by, isMute, deletedBy } of about) {
      const times = shown.get(text) ?? 0;
      shown.delete(text);
      const isGone = deletedBy.some(
        (one) =>
          one.isKept &&
          one.by.standing === "active" &&
          !isDeceived(world, one.person) &&
          (one.isForAll || one.person === person),
      );
      if (isGone && times > 0) faults.push(`${member.device.name} shows ${text}, which was deleted`);
      const isAsked = deletedBy.some((one) => one.isForAll || one.person === person);
      const isPromised = !isAsked && state === "kept" && by.standing === "active" && !by.wasFarAhead;
      if (from !== person && (isWithHostile || isWithDeceived)) {
        if (times > 1) faults.push(`${member.device.name} shows ${text} ${times} times`);
        continue;
      }
      if (isMute && by !== member && times > 0)
        faults.push(`${member.device.name} shows ${text}, whose device was out`);
      if (times > 1) faults.push(`${member.device.name} shows ${text} ${times} times`);
      else if (isPromised && times === 0 && !(from !== person && isHeldBack(member)))
        faults.push(`${member.device.name} lacks ${text}`);
      else if (state === "refused" && times > 0)
        faults.push(`${member.device.name} shows ${text}, which was refused`);
    }
    // What a changed program says is shown as its own.
    for (const text of shown.keys())
      if (!forged.has(text)) faults.push(`${member.device.name} shows ${text}, which nobody wrote`);
  }
  return faults;
}

/** No text has left its devices in clear: not over the network, not to the server's disk, not to their own disks. */
export async function checkSecrets(world: World, faults: string[]): Promise<void> {
  const canary = Buffer.from(CANARY);
  for (const bytes of world.trace.carried)
    if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(canary)) {
      faults.push("a text was on the network in clear");
      break;
    }
  for (const { device } of world.members()) {
    const { rows, chunks } = await device.disk.image();
    const held = [
      ...rows.map((row) => (row.type === "put" ? row.value : null)),
      ...chunks.map(({ data }) => data),
    ];
    if (held.some((bytes) => bytes !== null && Buffer.from(bytes).includes(canary)))
      faults.push(`a text is on the disk of ${device.name} in clear`);
    const key = Buffer.from(device.storeKey);
    if (
      world.trace.carried.some((bytes) =>
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(key),
      )
    )
      faults.push(`the store key of ${device.name} was on the network`);
  }
}

/** Forgets what the network carried. */
export function watchSecrets(world: World): void {
  world.trace.carried.length = 0;
}
