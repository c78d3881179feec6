/** Devices that are set back, doubled, emptied or stolen. Nothing here waits. */
import { type Client, openClient, recoverAccount } from "@dovetail/core";
import { good } from "../../support/client-world.ts";
import type { DeviceStep, ThiefAct } from "./device-plan.ts";
import { ask, count, during, edit, pickMember, reopen, send, type Stage, watchPower } from "./play-step.ts";
import type { Member, Person } from "./world.ts";

const COME_BACK_AGAIN_MS = 1_000;
/** Whoever links a device gives it up after that, and begins again. */
const PATIENCE_MS = 8_000;

/** One thing that happens to a device. */
export function playDeviceStep(stage: Stage, step: DeviceStep): void {
  const { world } = stage;
  if (step.type === "thief") {
    const stolen = world.members().filter(({ isVictim, device }) => isVictim && device.client !== null);
    const thief = stolen[step.device % Math.max(1, stolen.length)];
    if (thief !== undefined) useStolen(stage, thief, step);
    return;
  }
  const member = pickMember(world, step.device);
  if (member.standing !== "active") return;
  if (step.type === "copy") void copy(stage, member);
  else if (step.type === "set-back") void setBack(stage, member, step.forMs);
  else if (step.type === "double") void double(stage, member);
  else evict(stage, member, step.forMs);
}

/** The device that may link and revoke: others are known for less than a day (SC41). */
export function elderOf({ devices }: Person): Member | undefined {
  return devices.find(({ isElder, standing }) => isElder && standing !== "gone") ?? devices[0];
}

/** It knows that its account goes on without it. */
export function isTold({ alarms }: Member): boolean {
  return alarms.some(({ type }) => type === "DeviceRolledBack" || type === "DeviceRevoked");
}

/** Whoever has a device that was revoked uses it as it is. */
export function useStolen(
  stage: Stage,
  thief: Member,
  { act, pick }: { readonly act: ThiefAct; readonly pick: number },
): void {
  count(stage, `stolen device ${act}`);
  if (act === "send") send(stage, thief, pick, 1);
  else if (act === "edit") edit(stage, thief, "tag", pick);
  else if (act === "sync") ask(stage, thief, (client) => client.sync());
  else void restartStolen(stage, thief);
}

async function restartStolen({ world }: Stage, thief: Member): Promise<void> {
  thief.device.cut();
  const opened = await openClient(thief.device.boot());
  if (opened.ok && opened.value !== null) world.adopt(thief, opened.value);
}

async function copy(stage: Stage, member: Member): Promise<void> {
  const at = stage.world.written.length;
  member.copy = { image: await member.device.disk.image(), at };
}

async function setBack(stage: Stage, member: Member, forMs: number): Promise<void> {
  const { copy: taken, device } = member;
  if (taken === null) return;
  member.standing = "doubtful";
  member.behind = { from: taken.at, upto: stage.world.written.length, by: member };
  device.cut();
  await device.disk.restore(taken.image);
  during(stage, forMs, () => void reopen(stage, member));
}

async function double(stage: Stage, member: Member): Promise<void> {
  const { world } = stage;
  if (member.person.devices.some(({ isDouble }) => isDouble)) return;
  const other = world.addDevice(member.person, member.device.storeKey);
  const from = world.written.length;
  Object.assign(member, { standing: "doubtful", behind: { from, upto: Infinity, by: other } });
  Object.assign(other, { standing: "doubtful", isDouble: true, isElder: false });
  other.behind = { from, upto: Infinity, by: member };
  await other.device.disk.restore(await member.device.disk.image());
  watchPower(stage, other);
  await reopen(stage, other);
}

function evict(stage: Stage, member: Member, forMs: number): void {
  const { world } = stage;
  const { person, device } = member;
  const isLast = person.devices.filter(({ standing }) => standing !== "gone").length === 1;
  // Somebody who has no other device left and no words is out for good.
  if (isLast && person.words === null) return;
  member.standing = "gone";
  device.cut();
  void device.disk.restore({ rows: [], chunks: [] });
  stage.returning.add(member);
  during(stage, forMs, () => void comeBack(stage, member, world.addDevice(person)));
}

/** By a link of a device that may, else by the words; again until it has come. */
async function comeBack(stage: Stage, lost: Member, member: Member): Promise<void> {
  const { world } = stage;
  const { person, device } = member;
  member.standing = "gone";
  const empty = await openClient(lost.device.boot());
  if (!empty.ok || empty.value !== null)
    stage.faults.push(`${lost.device.name} was emptied and has something`);
  lost.device.cut();
  for (;;) {
    const elder = elderOf(person);
    const host = elder?.standing === "active" ? elder.device.client : null;
    const came = host === null ? recover(stage, member) : world.link(host, member);
    const whether = came.then(
      () => true,
      () => false,
    );
    // The other device may have been switched off in the middle of it.
    const given = new Promise<false>((resolve) => world.time.schedule(PATIENCE_MS, () => resolve(false)));
    if (await Promise.race([whether, given])) break;
    device.cut();
    await new Promise<void>((resolve) => world.time.schedule(COME_BACK_AGAIN_MS, resolve));
    if (await resumed(stage, member)) break;
  }
  // It may revoke and link from the words on, whether or not their answer came; not if they came to nothing, and a link brought it.
  member.isElder = await hasRecovered(member);
  member.standing = "active";
  watchPower(stage, member);
  stage.returning.delete(lost);
  count(stage, member.isElder ? "recovered by words" : "linked anew");
}

async function hasRecovered({ device }: Member): Promise<boolean> {
  const devices = await device.client?.devices();
  return devices?.ok === true && devices.value.some((one) => one.isThis && one.arrival === "recovered");
}

async function recover({ world }: Stage, member: Member): Promise<void> {
  const { person, device } = member;
  const client: Client = good(
    await recoverAccount(device.boot(), {
      origin: person.home.origin,
      account: { type: "handle", handle: person.name },
      words: person.words ?? "",
      deviceName: device.name,
      keepsDevices: true,
    }),
  );
  world.adopt(member, client);
}

/** The answer was lost, and the device is on the chain. */
async function resumed({ world }: Stage, member: Member): Promise<boolean> {
  const opened = await openClient(member.device.boot());
  if (!opened.ok || opened.value === null) return false;
  world.adopt(member, opened.value);
  return true;
}
