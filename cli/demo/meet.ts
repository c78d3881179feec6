/** The first chapters: accounts, second devices, a request and its answer. */
import { ADA, BEN, GREETING, type Person, type Role, THIRD_DEVICE_NAME, type World } from "./cast.ts";
import { DemoFailure } from "./demo-failure.ts";
import type { DemoDevice, DemoProcesses, DemoServer } from "./demo-processes.ts";

const WAIT_STEP_MS = 50;
const WAIT_MAX_MS = 30_000;

export async function createPerson(
  processes: DemoProcesses,
  server: DemoServer,
  role: Role,
): Promise<Person> {
  const [deviceName] = role.deviceNames;
  const device = await processes.startDevice(`${role.first.toLowerCase()}-1`, deviceName);
  const { handle, displayName } = role;
  const created = await device.call("createAccount", {
    origin: server.origin,
    handle,
    displayName,
    deviceName,
  });
  const { accountId, deviceId, recoveryWords } = created;
  return { role, accountId, recoveryWords, writers: [{ device, deviceId, sent: [] }] };
}

/** Links one more device by the code one shows and the digits the other shows; both go over the server. */
export async function linkDevice(
  processes: DemoProcesses,
  person: Person,
  deviceName: string,
): Promise<{ readonly digits: string; readonly codeChars: number }> {
  const host = firstDevice(person);
  const profile = `${person.role.first.toLowerCase()}-${person.writers.length + 1}`;
  const device = await processes.startDevice(profile, deviceName);
  const { code } = await host.call("hostLink", {});
  const { accountName } = await device.call("join", { code, deviceName });
  if (accountName !== person.role.displayName)
    throw new DemoFailure(`${deviceName} was shown the account ${accountName}`);
  const [{ digits }, answer] = await Promise.all([
    device.call("acceptJoin", {}),
    host.call("awaitAnswer", {}),
  ]);
  if (answer.deviceName !== deviceName)
    throw new DemoFailure(`${host.name} was told that ${answer.deviceName} answers`);
  const [{ deviceId }, finished] = await Promise.all([
    host.call("confirmLink", { digits }),
    device.call("finishJoin", {}),
  ]);
  if (deviceId !== finished.deviceId)
    throw new DemoFailure(`${host.name} linked another device than ${deviceName}`);
  person.writers.push({ device, deviceId, sent: [] });
  await device.call("sync", {});
  return { digits, codeChars: code.length };
}

/** Links Ada's third device at the end. */
export function linkThirdDevice(processes: DemoProcesses, ada: Person): Promise<{ readonly digits: string }> {
  return linkDevice(processes, ada, THIRD_DEVICE_NAME);
}

/** Ada asks Ben by his contact link, with a greeting; Ben sees a request and accepts it on his other device. */
export async function connectPeople(ada: Person, ben: Person): Promise<World> {
  const asking = firstDevice(ada);
  const address = await firstDevice(ben).call("contactLink", {});
  const added = await asking.call("addContact", { address, petname: BEN.petname, greeting: GREETING });
  await asking.call("sync", {});
  const accepting = secondDevice(ben);
  await waitFor(`${accepting.name} to see the request`, async () => {
    await accepting.call("sync", {});
    const contacts = await accepting.call("contacts", {});
    return contacts.some(({ accountId, state }) => accountId === ada.accountId && state === "incoming");
  });
  const before = await accepting.call("conversations", {});
  if (before[0]?.lastMessage?.text !== GREETING)
    throw new DemoFailure("the request does not show its greeting");
  await accepting.call("acceptContact", { accountId: ada.accountId });
  await accepting.call("setPetname", { accountId: ada.accountId, petname: ADA.petname });
  await accepting.call("sync", {});
  for (const { device } of [...ada.writers, ...ben.writers]) {
    const other = ada.writers.some((writer) => writer.device === device) ? ben : ada;
    await waitFor(`${device.name} to see the answer`, async () => {
      await device.call("sync", {});
      const contacts = await device.call("contacts", {});
      return contacts.some(({ accountId, state }) => accountId === other.accountId && state === "accepted");
    });
  }
  return {
    ada,
    ben,
    conversationId: added.conversationId,
    expected: [{ author: ada.accountId, text: GREETING }],
  };
}

/** The number both would compare. - Fails: throws when the sides show different ones. */
export async function compareSafetyNumbers({ ada, ben }: World): Promise<{ readonly safetyNumber: string }> {
  const [a, b] = await Promise.all([
    secondDevice(ada).call("safetyNumber", { accountId: ben.accountId }),
    firstDevice(ben).call("safetyNumber", { accountId: ada.accountId }),
  ]);
  if (a !== b) throw new DemoFailure("the two sides show different safety numbers");
  return { safetyNumber: a };
}

/** Each makes a tag and a rule that puts what the other writes under it. */
export async function makeTagRules({ ada, ben }: World): Promise<void> {
  await Promise.all([
    makeTagRule(secondDevice(ada), ada.role, ben),
    makeTagRule(firstDevice(ben), ben.role, ada),
  ]);
}

async function makeTagRule(device: DemoDevice, role: Role, other: Person): Promise<void> {
  const tag = await device.call("createTag", { name: role.tagName });
  await device.call("createTagRule", { accountId: other.accountId, tagId: tag.id });
  await device.call("sync", {});
}

export function firstDevice(person: Person): DemoDevice {
  return deviceAt(person, 0);
}

export function secondDevice(person: Person): DemoDevice {
  return deviceAt(person, 1);
}

function deviceAt({ role, writers }: Person, index: number): DemoDevice {
  const writer = writers[index];
  if (writer === undefined) throw new DemoFailure(`${role.first} has no device ${index + 1}`);
  return writer.device;
}

async function waitFor(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + WAIT_MAX_MS;
  while (!(await isSo())) {
    if (performance.now() > until) throw new DemoFailure(`waited ${WAIT_MAX_MS / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, WAIT_STEP_MS));
  }
}
