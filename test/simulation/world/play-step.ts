/** What a step of a story does to a world. Nothing here waits: people and faults do not wait for each other. */
import type { Client } from "@dovetail/core";
import { good } from "../../support/client-world.ts";
import { createSeededRandom } from "../../support/seeded-random.ts";
import { elderOf, isTold, playDeviceStep } from "./play-device-step.ts";
import { playLieStep } from "./play-lie-step.ts";
import { playHostileStep } from "./play-hostile-step.ts";
import { playRoomForgery } from "./play-room-forgery.ts";
import { playRoomStep } from "./play-room-step.ts";
import type { EditKind, Step } from "./story-plan.ts";
import { CANARY, type Deletion, type Member, type Person, pickServer, type World } from "./world.ts";

/** How far a clock may be off before others hide what it writes (rule of the view: a day). */
const FAR_AHEAD_MS = 20 * 3_600_000;
const REOPEN_AFTER_MS = 300;

/** Counts of what happened, by the word a person reads. */
export type Tally = Map<string, number>;

export interface Stage {
  readonly world: World;
  readonly tally: Tally;
  /** What must not have happened, as it is found. */
  readonly faults: string[];
  /** Undoes trouble whose time is not over yet. */
  readonly undo: Set<() => void>;
  /** Devices whose people are about to come back with another one. */
  readonly returning: Set<Member>;
  /** Operations that have not answered. */
  pending: number;
}

/** Lets one step happen. */
export function playStep(stage: Stage, step: Step): void {
  const { world } = stage;
  count(stage, step.type);
  switch (step.type) {
    case "send":
      send(stage, pickMember(world, step.device), step.to, step.count);
      return;
    case "edit":
      edit(stage, pickMember(world, step.device), step.what, step.pick);
      return;
    case "delete":
      forget(stage, pickMember(world, step.device), step.pick, step.isForAll);
      return;
    case "reclaim":
      reclaim(stage, step);
      return;
    case "sync":
      ask(stage, pickMember(world, step.device), (client) => client.sync());
      return;
    case "crash": {
      const { device } = pickMember(world, step.device);
      const at = device.disk.writeCount() + step.write;
      device.disk.onWrite = (write) => (write >= at ? step.moment : null);
      return;
    }
    case "restart":
      void restart(stage, pickMember(world, step.device), 0);
      return;
    case "stop":
      void restart(stage, pickMember(world, step.device), step.forMs);
      return;
    case "clog":
    case "cut": {
      const way = world.network.way(pickMember(world, step.device).device.name);
      const key = step.type === "clog" ? "isClogged" : "isCut";
      way[key] = true;
      during(stage, step.forMs, () => {
        way[key] = false;
        world.network.release();
      });
      return;
    }
    case "reset":
      world.network.reset(pickMember(world, step.device).device.name);
      return;
    case "silence":
      world.network.silence(pickMember(world, step.device).device.name);
      return;
    case "lossy": {
      const way = world.network.way(pickMember(world, step.device).device.name);
      way.lossPercent = step.percent;
      way.resetPercent = Math.ceil(step.percent / 10);
      during(stage, step.forMs, () => Object.assign(way, { lossPercent: 0, resetPercent: 0 }));
      return;
    }
    case "slow": {
      const way = world.network.way(pickMember(world, step.device).device.name);
      way.maxMs = step.maxMs;
      during(stage, step.forMs, () => Object.assign(way, { maxMs: 20 }));
      return;
    }
    case "swizzle":
      swizzle(stage, step.order);
      return;
    case "part": {
      const { without } = world.network.way(pickMember(world, step.device).device.name);
      const { origin } = pickServer(world.servers, step.server);
      without.add(origin);
      during(stage, step.forMs, () => without.delete(origin));
      return;
    }
    case "server-crash":
    case "server-lost": {
      const server = pickServer(world.servers, step.server);
      server.crash();
      if (step.type === "server-lost") server.disk.wipe();
      during(stage, step.forMs, () => server.start());
      return;
    }
    case "put-back":
      ask(stage, pickMember(world, step.device), (client) => client.putBack());
      return;
    case "clock": {
      const member = pickMember(world, step.device);
      member.device.skewMs += Math.round(step.byMs);
      if (member.device.skewMs > FAR_AHEAD_MS) member.wasFarAhead = true;
      return;
    }
    case "disk-full": {
      const { disk } = pickMember(world, step.device).device;
      disk.isFull = true;
      during(stage, step.forMs, () => {
        disk.isFull = false;
      });
      return;
    }
    case "slow-disk":
      pickMember(world, step.device).device.disk.latencyMaxMs = step.maxMs;
      return;
    case "rotate":
      ask(stage, pickMember(world, step.device), (client) => client.rotateEpoch());
      return;
    case "revoke":
      revoke(stage, pickPerson(world, step.device), step.victim);
      return;
    case "link":
      link(stage, pickPerson(world, step.device), step.isAbandoned === true);
      return;
    case "room":
      playRoomStep(stage, pickMember(world, step.device), step);
      return;
    case "lie":
      playLieStep(stage, step);
      return;
    case "forge":
      void playHostileStep(stage, step);
      return;
    case "forge-room":
      void playRoomForgery(stage, step);
      return;
    case "copy":
    case "set-back":
    case "double":
    case "evict":
    case "thief":
      playDeviceStep(stage, step);
      return;
    case "pass":
      return;
  }
}

/** Counts one more of something. */
export function count(stage: Stage, what: string): void {
  stage.tally.set(what, (stage.tally.get(what) ?? 0) + 1);
}

/** Starts a device's process; tried again while it cannot, as a person would. */
export async function reopen(stage: Stage, member: Member): Promise<void> {
  const { device } = member;
  if (device.client !== null || member.standing === "gone" || device.isOpening) return;
  // The old process ends at once, and with it what it was opening.
  const opening = stage.world.open(member);
  const cuts = device.cutCount();
  device.isOpening = true;
  try {
    const opened = await opening;
    if (!opened.ok) {
      count(stage, "starts refused");
      if (!MAY_REFUSE_START.has(opened.error.type))
        stage.faults.push(`${device.name} does not start: ${JSON.stringify(opened.error)}`);
      stage.world.time.schedule(1_000, () => void reopen(stage, member));
    }
  } catch (error) {
    stage.faults.push(`${device.name} broke at its start: ${String(error)}`);
  } finally {
    // Where the power went meanwhile another process may be opening by now.
    if (device.cutCount() === cuts) device.isOpening = false;
  }
}

/** What may keep a device from starting while its disk refuses to write. */
const MAY_REFUSE_START = new Set(["StoreUnavailable", "DocumentStorageUnavailable"]);

/** A device that somebody uses; where everybody is about to come back with another one, one that nobody does. */
export function pickMember(world: World, number: number): Member {
  const all = world.members();
  const inUse = all.filter(({ standing }) => standing !== "gone");
  const among = inUse.length > 0 ? inUse : all;
  return present(among[number % among.length]);
}

function pickPerson(world: World, number: number): Person {
  return present(world.people[number % world.people.length]);
}

/** Runs until `forMs` is over, or the trouble of the whole world is. */
export function during(stage: Stage, forMs: number, undo: () => void): void {
  const once = (): void => {
    if (stage.undo.delete(once)) undo();
  };
  stage.undo.add(once);
  stage.world.time.schedule(forMs, once);
}

/** Lets a client do something. What it answers is its own affair; that it does not throw is ours. */
export function ask(stage: Stage, member: Member, work: (client: Client) => Promise<unknown>): void {
  const { client } = member.device;
  if (client === null) return;
  stage.pending += 1;
  work(client)
    .catch((error: unknown) => {
      stage.faults.push(
        `${member.device.name} threw: ${error instanceof Error ? error.stack : String(error)}`,
      );
    })
    .finally(() => {
      stage.pending -= 1;
    });
}

/** Writes texts to somebody. */
export function send(stage: Stage, member: Member, to: number, times: number): void {
  const { world } = stage;
  const others = world.people.filter((person) => person !== member.person);
  const other = present(others[to % others.length]);
  const conversationId = member.person.conversationByName.get(other.name);
  if (member.device.client === null || conversationId === undefined) return;
  for (let index = 0; index < times; index++) {
    const text = `${CANARY}${member.device.name}:${world.written.length}`;
    const row = {
      text,
      from: member.person,
      to: other,
      by: member,
      state: "asked" as "asked" | "kept" | "refused",
      isMute: isTold(member) || member.isKnownStolen,
      deletedBy: [],
    };
    world.written.push(row);
    ask(stage, member, async (client) => {
      const sent = await client.send(conversationId, text);
      row.state = sent.ok ? "kept" : "refused";
    });
  }
}

function forget(stage: Stage, member: Member, pick: number, isForAll: boolean): void {
  const conversations = [...member.person.conversationByName.values()];
  const conversationId = present(conversations[pick % conversations.length]);
  ask(stage, member, async (client): Promise<unknown> => {
    const page = await client.messages(conversationId, { limit: 16 });
    if (!page.ok) return null;
    const known = page.value.messages.filter(({ text, isOwn }) => text !== "" && (isOwn || !isForAll));
    const message = known[pick % Math.max(1, known.length)];
    const row = stage.world.written.find(({ text }) => text === message?.text);
    if (message === undefined || row === undefined) return null;
    const deletion: Deletion = { person: member.person, by: member, isForAll, isKept: false };
    row.deletedBy.push(deletion);
    const done = isForAll
      ? await client.redact({ conversationId, id: message.id })
      : await client.deleteMessages(conversationId, [message.id]);
    // What a device said that is lost for good is promised to nobody.
    deletion.isKept = done.ok;
    if (done.ok) count(stage, isForAll ? "messages taken back" : "messages deleted");
    return done;
  });
}

function reclaim(stage: Stage, given: Extract<Step, { readonly type: "reclaim" }>): void {
  stage.pending += 1;
  pickServer(stage.world.servers, given.server)
    .reclaim(given)
    .then((gone) => {
      if (gone > 0) count(stage, "times the server shrank");
    })
    .catch((error: unknown) => stage.faults.push(`the server threw: ${String(error)}`))
    .finally(() => {
      stage.pending -= 1;
    });
}

/** Changes something of the account that is no message. */
export function edit(stage: Stage, member: Member, what: EditKind, pick: number): void {
  const conversations = [...member.person.conversationByName.values()];
  const id = present(conversations[pick % conversations.length]);
  const name = `${CANARY}${what}${pick}`;
  ask(stage, member, async (client) => {
    switch (what) {
      case "tag":
        return client.createTag(name);
      case "tagged": {
        const tags = await client.tags();
        const tag = tags.ok ? tags.value[pick % Math.max(1, tags.value.length)] : undefined;
        return tag === undefined ? client.createTag(name) : client.setTagged(id, tag.id, pick % 3 > 0);
      }
      case "star": {
        const page = await client.messages(id, { limit: 8 });
        const message = page.ok
          ? page.value.messages[pick % Math.max(1, page.value.messages.length)]
          : undefined;
        return message === undefined
          ? null
          : client.setStarred({ conversationId: id, id: message.id }, pick % 3 > 0);
      }
      case "read":
        return client.markRead(id);
      case "archive":
        return client.setArchived(id, pick % 2 > 0);
      case "petname": {
        const contacts = await client.contacts();
        const contact = contacts.ok ? contacts.value[pick % Math.max(1, contacts.value.length)] : undefined;
        return contact === undefined
          ? null
          : client.setPetname(contact.accountId, pick % 5 === 0 ? null : name);
      }
      case "name":
        return client.setDisplayName(name);
      case "device-name": {
        const account = await client.account();
        return account.ok ? client.setDeviceName(account.value.deviceId, name) : null;
      }
      case "rule": {
        const [tags, contacts] = [await client.tags(), await client.contacts()];
        const tag = tags.ok ? tags.value[0] : undefined;
        const contact = contacts.ok ? contacts.value[0] : undefined;
        return tag === undefined || contact === undefined
          ? null
          : client.createTagRule(contact.accountId, tag.id);
      }
    }
  });
}

async function restart(stage: Stage, member: Member, offMs: number): Promise<void> {
  const { client } = member.device;
  if (client === null) return;
  member.device.client = null;
  const stopped = await client.stop();
  if (!stopped.ok) count(stage, "stops refused");
  member.device.cut();
  during(stage, offMs, () => void reopen(stage, member));
}

/** Ways are clogged one after the other, and freed in another order: what piles up comes in bursts. */
function swizzle(stage: Stage, order: number): void {
  const { world } = stage;
  const random = createSeededRandom(`${world.plan.seed}/swizzle/${order}`);
  for (const { device } of world.members()) {
    const way = world.network.way(device.name);
    const from = random.below(1_000);
    const cancel = world.time.schedule(from, () => {
      way.isClogged = true;
    });
    during(stage, from + 1 + random.below(6_000), () => {
      cancel();
      way.isClogged = false;
      world.network.release();
    });
  }
}

/** The first device may always revoke: it came with the account. */
function revoke(stage: Stage, person: Person, victim: number): void {
  const first = elderOf(person);
  const others = person.devices.filter((one) => one !== first);
  const chosen = others[victim % Math.max(1, others.length)];
  if (first === undefined || chosen === undefined || chosen.standing === "gone") return;
  ask(stage, first, async (client): Promise<unknown> => {
    const devices = good(await client.devices());
    const record = devices.find(({ name }) => name === chosen.device.name);
    const account = chosen.device.client === null ? null : await chosen.device.client.account();
    const id = account?.ok === true ? account.value.deviceId : record?.id;
    if (id === undefined || devices.some((device) => device.isThis && device.id === id)) return null;
    // From here on nothing is promised about it: it may or may not be revoked when the answer is lost.
    chosen.standing = "gone";
    chosen.isVictim = true;
    // One that runs twice is out twice.
    for (const other of person.devices) if (other.behind?.by === chosen) other.standing = "gone";
    const revoked = await client.revokeDevice(id);
    if (revoked.ok) chosen.revokedAt = stage.world.written.length;
    return revoked;
  });
}

function link(stage: Stage, person: Person, isAbandoned: boolean): void {
  const first = elderOf(person);
  if (first === undefined || person.devices.length >= 8) return;
  ask(stage, first, async (client) => {
    const member = stage.world.addDevice(person);
    member.standing = "gone";
    try {
      await stage.world.link(client, member, isAbandoned);
      if (isAbandoned) {
        count(stage, "devices abandoned");
        return;
      }
      member.standing = "active";
      watchPower(stage, member);
      count(stage, "devices linked");
    } catch {
      count(stage, "links given up");
      member.device.cut();
    }
  });
}

/** How long after a power cut somebody switches the device on again. */
export function watchPower(stage: Stage, member: Member): void {
  member.device.onCut = () => {
    member.device.disk.onWrite = null;
    count(stage, "power cuts");
    during(stage, REOPEN_AFTER_MS, () => void reopen(stage, member));
  };
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("a story is about somebody");
  return value;
}
