/** A simulated world: people with devices, a server between them, and what each of them has been promised. */
import { type Client, joinAccount, openClient, type Platform } from "@dovetail/core";
import type { AccountId, ConversationId, LogId } from "../../../core/base/ids.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import type { Alarm, ClientError } from "../../../core/client/client-error.ts";
import { createEngine, type Engine, sealedStore } from "../../../core/client/engine.ts";
import { createClient } from "../../../core/client/open-client.ts";
import type { Group } from "../../../core/group/group.ts";
import { createTables } from "../../../core/client/tables.ts";
import { good } from "../../support/client-world.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { takeAmbient } from "./ambient.ts";
import { createMemoryServerDisk, createSqliteServerDisk, type DiscardableDisk } from "./server-disk.ts";
import { createSimDevice, type SimDevice } from "./sim-device.ts";
import { createSimServer, type SimServer } from "./sim-server.ts";
import type { DiskImage } from "./virtual-disk.ts";
import type { StoryPlan } from "./story-plan.ts";
import { createTrace, type Trace } from "./trace.ts";
import { createVirtualNetwork, type VirtualNetwork } from "./virtual-network.ts";
import { createVirtualTime, type VirtualTime } from "./virtual-time.ts";

/** Every text a person of a world writes begins with this, so that it can be looked for where it must not be. */
export const CANARY = "canary~dovetail~";

const START_MS = 1_800_000_000_000;
const ORIGINS = ["https://a.example", "https://b.example", "https://c.example"];
const NAMES = ["ada", "ben", "cai", "dee", "eva", "fay", "gus", "hal"];

/** A server and what it keeps its records on. */
export interface WorldServer extends SimServer {
  readonly disk: DiscardableDisk;
}

export interface Person {
  readonly name: string;
  /** Where their account is. */
  readonly home: WorldServer;
  readonly devices: Member[];
  accountId: AccountId | null;
  /** Conversation with each other person, by name. */
  readonly conversationByName: Map<string, ConversationId>;
  /** Of the recovery key. */
  words: string | null;
}

/** A device as a member of its account. */
export interface Member {
  readonly device: SimDevice;
  readonly person: Person;
  /** `doubtful`: its disk was set back, or is in use twice; `gone`: revoked or lost, nothing is promised about it any more. */
  standing: "active" | "doubtful" | "gone";
  /** What runs behind its client, of somebody whose program was changed. */
  engine: Engine | null;
  /** It may revoke and link: it founded or recovered the account. */
  isElder: boolean;
  /** Its disk as it once was, and how many texts there were. */
  copy: { readonly image: DiskImage; readonly at: number } | null;
  /** Texts of this device that its disk does not know of: its own until it was set back, or those of its double. */
  behind: { readonly from: number; readonly upto: number; readonly by: Member } | null;
  /** A copy of another device that runs beside it. */
  isDouble: boolean;
  readonly alarms: Alarm[];
  /** How many texts there were when it was revoked: it is shown none of the later ones. */
  revokedAt: number | null;
  /** Somebody is revoking it, or has. */
  isVictim: boolean;
  /** Everybody has heard that it was revoked. */
  isKnownStolen: boolean;
  onAlarm: ((alarm: Alarm) => void) | null;
  /** Its clock was once so far ahead that others hide what it writes until then. */
  wasFarAhead: boolean;
}

/** A text somebody wrote. */
export interface Written {
  readonly text: string;
  readonly from: Person;
  readonly to: Person;
  readonly by: Member;
  /** `kept`: the device has said that it has it, so it is promised. `asked`: it may exist. */
  state: "asked" | "kept" | "refused";
  /** Its writer had been told that others have more of this device, or that it is revoked: it goes nowhere. */
  readonly isMute: boolean;
  /** Who wants it gone: nothing is promised about it from then on, and once it was said to be gone it stays so. */
  readonly deletedBy: Deletion[];
}

export interface Deletion {
  readonly person: Person;
  readonly by: Member;
  /** Taken back, so gone from everybody. */
  readonly isForAll: boolean;
  isKept: boolean;
}

/** A room somebody has founded, and what is promised about it. */
export interface Room {
  readonly id: ConversationId;
  readonly founder: Person;
  readonly written: RoomText[];
  /** How many texts there were when a device of theirs had said that they are in. */
  readonly joinedAt: Map<Person, number>;
  /** How often somebody was asked in. */
  readonly invitations: Map<Person, number>;
  /** Who may have left, or been taken out: nothing is promised to them from then on. */
  readonly unsteady: Set<Person>;
  /** Who was muted once: of what they write nothing is promised. */
  readonly muted: Set<Person>;
  /** Whom each device has seen in the room. */
  readonly seenBy: Map<Member, Set<Person>>;
}

/** A text in a room. */
export interface RoomText {
  readonly text: string;
  readonly by: Member;
  /** Who was in, as far as its writer could see; it is promised to those who had come and stay. */
  readonly readers: ReadonlySet<Person>;
  /** Whom its writer had seen there before, and saw no more. */
  readonly removed: ReadonlySet<Person>;
  state: "asked" | "kept" | "refused";
}

export interface World {
  /** Links into rooms, for whoever finds them. */
  readonly roomLinks: { readonly room: ConversationId; readonly code: string }[];
  readonly rooms: Map<ConversationId, Room>;
  /** Into which somebody wrote what their program should not. */
  readonly forgedLogs: Set<LogId>;
  /** The group of each room as whoever changed their program had it last. */
  readonly forgerGroups: Map<ConversationId, Group>;
  /** Those of rooms. */
  readonly forgedRoomLogs: Set<LogId>;
  readonly plan: StoryPlan;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  /** People live on them by turns. */
  readonly servers: readonly WorldServer[];
  readonly trace: Trace;
  readonly people: readonly Person[];
  readonly written: Written[];
  members(): readonly Member[];
  /** Starts a device's process on what is on its disk. */
  open(member: Member): Promise<Result<void, ClientError>>;
  /** A device that is switched off. */
  addDevice(person: Person, storeKey?: Uint8Array): Member;
  /** Listens to a client that was just opened, and lets it connect. */
  adopt(member: Member, client: Client): void;
  /** Links a device to the account of `existing`. */
  link(existing: Client, member: Member, isAbandoned?: boolean): Promise<void>;
  /** Gives the ambient timers back and removes files. */
  end(): void;
}

/** An empty world for a plan; `found` or `resume` put people into it. */
export function createWorld(plan: StoryPlan, onLine: ((line: string) => void) | null = null): World {
  const time = createVirtualTime(START_MS);
  const giveBack = takeAmbient(time, createSeededRandom(`${plan.seed}/ambient`));
  const trace = createTrace(time.elapsedMs, onLine);
  const network = createVirtualNetwork(time, createSeededRandom(`${plan.seed}/network`), trace);
  const servers = ORIGINS.slice(0, plan.servers ?? 1).map((origin, index): WorldServer => {
    const disk = plan.server === "memory" ? createMemoryServerDisk() : createSqliteServerDisk();
    const random = createSeededRandom(`${plan.seed}/server${index === 0 ? "" : index}`);
    return Object.assign(createSimServer({ time, random, network }, origin, disk), { disk });
  });
  const people: Person[] = plan.devicesByPerson.map((_, index) => ({
    name: NAMES[index] ?? `p${index}`,
    home: pickServer(servers, index),
    devices: [],
    accountId: null,
    conversationByName: new Map(),
    words: null,
  }));

  const world: World = {
    plan,
    time,
    random: createSeededRandom(`${plan.seed}/world`),
    network,
    servers,
    trace,
    people,
    written: [],
    rooms: new Map(),
    forgedLogs: new Set(),
    forgedRoomLogs: new Set(),
    forgerGroups: new Map(),
    roomLinks: [],
    members: () => people.flatMap(({ devices }) => devices),
    addDevice(person, storeKey) {
      const name = `${person.name}${person.devices.length + 1}`;
      const device = createSimDevice(
        { time, network, seed: plan.seed, tailEntries: plan.tailEntries },
        name,
        storeKey,
      );
      const member: Member = {
        device,
        person,
        standing: "active",
        engine: null,
        isElder: person.devices.length === 0,
        copy: null,
        behind: null,
        isDouble: false,
        alarms: [],
        onAlarm: null,
        revokedAt: null,
        isVictim: false,
        isKnownStolen: false,
        wasFarAhead: false,
      };
      person.devices.push(member);
      return member;
    },
    adopt(member, client) {
      member.device.client = client;
      client.onEvent((event) => {
        if (event.type !== "alarm") return;
        member.alarms.push(event.alarm);
        member.onAlarm?.(event.alarm);
      });
      client.start();
    },
    async open(member) {
      const platform = member.device.boot();
      const opened = await (isHostile(world, member.person)
        ? openWithEngine(member, platform)
        : openClient(platform));
      if (!opened.ok) return opened;
      if (opened.value === null) throw new Error("a device that had an account has none");
      world.adopt(member, opened.value);
      return ok();
    },
    async link(existing, member, isAbandoned = false) {
      const host = good(await existing.linkDevice());
      const platform = member.device.boot();
      const guest = good(await joinAccount(platform, { code: host.code, deviceName: member.device.name }));
      const { digits } = good(await guest.accept());
      good(await host.whenAnswered);
      good(await host.confirm(digits));
      good(await guest.whenLinked());
      if (isAbandoned) {
        member.device.cut();
        return;
      }
      const opened = good(await openClient(platform));
      if (opened !== null) world.adopt(member, opened);
    },
    end() {
      for (const { device } of world.members()) device.cut();
      for (const server of servers) server.crash();
      giveBack();
      for (const { disk } of servers) disk.discard();
    },
  };
  return world;
}

/** Somebody whose program was changed: nothing is promised to them. */
export function isHostile({ plan, people }: Pick<World, "plan" | "people">, person: Person): boolean {
  return plan.hostile !== undefined && people[plan.hostile] === person;
}

/** Somebody who lives on a server that lies: they are shown nothing that nobody wrote, and are promised nothing else. */
export function isDeceived({ plan, servers }: Pick<World, "plan" | "servers">, person: Person): boolean {
  return plan.liar !== undefined && servers[plan.liar] === person.home;
}

/** A client whose engine is at hand, for what no client does. */
async function openWithEngine(
  member: Member,
  platform: Platform,
): Promise<Result<Client | null, ClientError>> {
  const store = sealedStore(platform);
  const profile = await createTables(store).profile.get();
  if (!profile.ok || profile.value === null) return profile.ok ? ok(null) : profile;
  const engine = await createEngine(platform, store, profile.value);
  if (!engine.ok) return engine;
  member.engine = engine.value;
  return ok(createClient(engine.value));
}

/** One of a world's servers, by number. */
export function pickServer(servers: readonly WorldServer[], number = 0): WorldServer {
  const server = servers[number % servers.length];
  if (server === undefined) throw new Error("a world has a server");
  return server;
}
