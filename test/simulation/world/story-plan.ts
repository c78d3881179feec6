/**
 * What happens in a world, drawn from its seed: who there is, and a list of steps. A step names what it is about by
 * number, so that a list with steps left out is still a story, and the smallest one that fails can be looked for.
 */
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { type DeviceStep, withDevices } from "./device-plan.ts";
import { type HostileStep, type RoomForgeStep, withHostile, withHostileMember } from "./hostile-plan.ts";
import { type RoomStep, withRooms } from "./room-plan.ts";
import { type LieStep, withServers } from "./server-plan.ts";

export type Step =
  | { readonly type: "send"; readonly device: number; readonly to: number; readonly count: number }
  | { readonly type: "edit"; readonly device: number; readonly what: EditKind; readonly pick: number }
  | {
      readonly type: "crash";
      readonly device: number;
      readonly write: number;
      readonly moment: "before" | "after";
    }
  | { readonly type: "restart"; readonly device: number }
  | { readonly type: "stop"; readonly device: number; readonly forMs: number }
  | { readonly type: "clog"; readonly device: number; readonly forMs: number }
  | { readonly type: "cut"; readonly device: number; readonly forMs: number }
  | { readonly type: "reset"; readonly device: number }
  | { readonly type: "silence"; readonly device: number }
  | { readonly type: "lossy"; readonly device: number; readonly percent: number; readonly forMs: number }
  | { readonly type: "slow"; readonly device: number; readonly maxMs: number; readonly forMs: number }
  | { readonly type: "swizzle"; readonly order: number }
  /** A device has no way to one of the servers. */
  | { readonly type: "part"; readonly device: number; readonly server: number; readonly forMs: number }
  | { readonly type: "server-crash"; readonly forMs: number; readonly server?: number }
  /** A server loses all it had, and comes back empty. */
  | { readonly type: "server-lost"; readonly forMs: number; readonly server?: number }
  /** Somebody puts their account back on a server that has lost it. */
  | { readonly type: "put-back"; readonly device: number }
  | { readonly type: "clock"; readonly device: number; readonly byMs: number }
  | { readonly type: "disk-full"; readonly device: number; readonly forMs: number }
  | { readonly type: "slow-disk"; readonly device: number; readonly maxMs: number }
  | { readonly type: "rotate"; readonly device: number }
  | { readonly type: "revoke"; readonly device: number; readonly victim: number }
  | { readonly type: "link"; readonly device: number; readonly isAbandoned?: boolean }
  /** Takes an own message back for everyone, or deletes one on the own devices. */
  | { readonly type: "delete"; readonly device: number; readonly pick: number; readonly isForAll: boolean }
  /** The server lets go what it may; a device it has not seen for so long holds nothing back. */
  | {
      readonly type: "reclaim";
      readonly graceMs: number;
      readonly silentMs: number;
      readonly server?: number;
    }
  | { readonly type: "sync"; readonly device: number }
  | RoomStep
  | DeviceStep
  | HostileStep
  | RoomForgeStep
  | LieStep
  | { readonly type: "pass"; readonly ms: number };

export type EditKind =
  | "tag"
  | "tagged"
  | "star"
  | "read"
  | "archive"
  | "petname"
  | "name"
  | "device-name"
  | "rule";

export interface StoryPlan {
  readonly seed: string;
  /** Devices of each person. */
  readonly devicesByPerson: readonly number[];
  readonly server: "memory" | "sqlite";
  /** How many; people have their accounts on them by turns. One without it. */
  readonly servers?: number;
  /** Number of the server that lies. */
  readonly liar?: number;
  /** Number of the person whose program was changed. */
  readonly hostile?: number;
  readonly steps: readonly Step[];
  /** Whether people ask their devices to synchronise at the end. Where there was no trouble everything comes by itself. */
  readonly isWatched: boolean;
  /** Nobody does, though there was trouble: it may take as long as what is tried again by itself waits. */
  readonly isAlone?: true;
  /** After how many entries devices make snapshots; without it too many for a story. */
  readonly tailEntries?: number;
}

const DAY_MS = 86_400_000;
const MONTH_MS = 30 * DAY_MS;
const SHRINKING_PERCENT = 25;
const ALONE_PERCENT = 25;
/** What people have to see to. */
const NEEDS_SOMEBODY = new Set<Step["type"]>([
  ...(["server-lost", "put-back", "copy", "set-back", "double", "evict", "thief"] as const),
]);
const LOSING_PERCENT = 10;
/** A commit of a room costs as much as dozens of messages. */
const ROOM_PERCENT = 4;
const DEVICE_PERCENT = 12;
const ROOM_DEVICE_PERCENT = 25;
const ROOM_LOSING_PERCENT = 25;
const SERVERS_PERCENT = 8;
const HOSTILE_PERCENT = 8;
const ROOM_HOSTILE_PERCENT = 20;
const EDITS: readonly EditKind[] = [
  "tag",
  "tagged",
  "star",
  "read",
  "archive",
  "petname",
  "name",
  "device-name",
  "rule",
];

/** Which trouble a world knows. Two thirds of the worlds have a few kinds only, so that each kind is also seen alone. */
const TROUBLES = [
  "crash",
  "restart",
  "stop",
  "clog",
  "cut",
  "reset",
  "silence",
  "lossy",
  "slow",
  "swizzle",
  "server-crash",
  "clock",
  "disk-full",
  "slow-disk",
  "rotate",
  "revoke",
  "link",
] as const;
type Trouble = (typeof TROUBLES)[number];

/** Who there is in a large world, by the number of devices of each; the last is rare. Few kinds, because each costs a beginning. */
const KINDS: readonly (readonly number[])[] = [
  [1, 1],
  [2, 1],
  [2, 2],
  [3, 2],
  [2, 1, 1],
  [8, 2],
];
/** Most worlds are small, so that there are many: a fault needs two devices, seldom five, and the right moment. */
const SMALL_PERCENT = 85;
const SMALL_KINDS: readonly (readonly number[])[] = [
  [1, 1],
  [1, 1],
  [2, 1],
  [2, 1],
  [2, 2],
];
/** The others have a server in memory, and their people come to be there in each of them anew, which is dear. */
const SQLITE_PERCENT = 96;

/** How stories are drawn where it is not up to their seed alone. */
export interface PlanOptions {
  /** Of a hundred worlds so many have rooms. */
  readonly roomPercent?: number;
  /** Of a hundred worlds without rooms in so many something happens to a device that it does not come back from as it was. */
  readonly devicePercent?: number;
  /** Of a hundred worlds so many have two servers. */
  readonly serversPercent?: number;
  /** Of a hundred worlds with rooms in so many something happens to a device that it does not come back from as it was. */
  readonly roomDevicePercent?: number;
  /** Of a hundred of the other worlds with rooms in so many the server loses everything. */
  readonly roomLosingPercent?: number;
  /** Of a hundred worlds without rooms so many have somebody in them whose program was changed. */
  readonly hostilePercent?: number;
  /** Of a hundred worlds with rooms of three people so many have a member in them whose program was changed. */
  readonly roomHostilePercent?: number;
}

/** The story of a seed. */
export function planStory(seed: string, options: PlanOptions = {}): StoryPlan {
  return leftAlone(withServers(planOnOneServer(seed, options), options.serversPercent ?? SERVERS_PERCENT));
}

function planOnOneServer(
  seed: string,
  {
    roomPercent = ROOM_PERCENT,
    devicePercent = DEVICE_PERCENT,
    hostilePercent = HOSTILE_PERCENT,
    roomDevicePercent = ROOM_DEVICE_PERCENT,
    roomLosingPercent = ROOM_LOSING_PERCENT,
    roomHostilePercent = ROOM_HOSTILE_PERCENT,
  }: PlanOptions,
): StoryPlan {
  const random = createSeededRandom(`${seed}/plan`);
  const crowd = KINDS.length - 1;
  const kind = random.chance(3) ? crowd : random.below(crowd);
  const sizes = createSeededRandom(`${seed}/size`);
  const small = sizes.chance(SMALL_PERCENT) ? SMALL_KINDS[sizes.below(SMALL_KINDS.length)] : undefined;
  const devicesByPerson = small ?? KINDS[kind] ?? [1, 1];
  const kinds = random.below(3) === 0 ? TROUBLES.length : random.below(4);
  const troubles: Trouble[] = [];
  while (troubles.length < kinds) {
    const trouble = TROUBLES[random.below(TROUBLES.length)] ?? "crash";
    if (kinds === TROUBLES.length || !troubles.includes(trouble)) troubles.push(trouble);
  }
  const count = 8 + random.below(16);
  const steps: Step[] = [];
  for (let index = 0; index < count; index++) {
    const trouble = troubles[random.below(Math.max(1, troubles.length))];
    steps.push(trouble !== undefined && random.chance(40) ? troubleStep(random, trouble) : workStep(random));
    if (random.chance(50)) steps.push({ type: "pass", ms: random.below(random.chance(80) ? 400 : 8_000) });
  }
  const plan: StoryPlan = {
    seed,
    devicesByPerson,
    server: random.chance(SQLITE_PERCENT) ? "sqlite" : "memory",
    steps,
    isWatched: kinds > 0,
  };
  const around = withRooms(plan, roomPercent);
  if (around !== plan) {
    const forged = withHostileMember(around, roomHostilePercent);
    if (forged !== around) return forged;
    const odd = withDevices(around, roomDevicePercent);
    return withShrinking(odd === around ? withLoss(around, roomLosingPercent) : odd);
  }
  const forged = withHostile(plan, hostilePercent);
  if (forged !== plan) return withShrinking(forged);
  const odd = withDevices(plan, devicePercent);
  return odd === plan ? withLoss(withShrinking(plan)) : withShrinking(odd);
}

/** In some worlds nobody has a device synchronise, whatever has gone wrong: what stays undone then was waited for by nobody. */
function leftAlone(plan: StoryPlan): StoryPlan {
  const { hostile, liar, steps, isWatched } = plan;
  const needsSomebody = steps.some(({ type }) => NEEDS_SOMEBODY.has(type));
  if (!isWatched || hostile !== undefined || liar !== undefined || needsSomebody) return plan;
  const isAlone = createSeededRandom(`${plan.seed}/alone`).chance(ALONE_PERCENT);
  return isAlone ? { ...plan, isWatched: false, isAlone } : plan;
}

/** In some worlds the server loses everything once, and people put back what their devices have, now or later. */
function withLoss(plan: StoryPlan, percent = LOSING_PERCENT): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/loss`);
  if (!random.chance(percent)) return plan;
  const at = random.below(plan.steps.length);
  const steps: Step[] = [];
  for (const [index, step] of plan.steps.entries()) {
    steps.push(step);
    if (index === at) steps.push({ type: "server-lost", forMs: random.below(4_000) });
    else if (index > at && random.chance(25)) steps.push({ type: "put-back", device: random.below(64) });
  }
  return { ...plan, steps, isWatched: true };
}

/** In a part of the worlds people delete, devices make snapshots of little, and the server lets go what it may. */
function withShrinking(plan: StoryPlan): StoryPlan {
  // Numbers of its own: the other stories stay what they were.
  const random = createSeededRandom(`${plan.seed}/shrinking`);
  if (!random.chance(SHRINKING_PERCENT)) return plan;
  const steps: Step[] = [];
  for (const step of plan.steps) {
    steps.push(step);
    const draw = random.below(100);
    const device = random.below(64);
    if (draw < 18)
      steps.push({ type: "delete", device, pick: random.below(64), isForAll: random.chance(50) });
    else if (draw < 34) {
      const [graceMs, silentMs] = [
        random.below(500),
        500 + random.below(random.chance(50) ? 5_000 : MONTH_MS),
      ];
      steps.push({ type: "reclaim", graceMs, silentMs });
    } else if (draw < 50) steps.push({ type: "sync", device });
  }
  return { ...plan, steps, isWatched: true, tailEntries: 2 + random.below(6) };
}

function workStep(random: SeededRandom): Step {
  const device = random.below(64);
  const draw = random.below(100);
  if (draw < 60) return { type: "send", device, to: random.below(8), count: 1 + random.below(4) };
  if (draw < 90)
    return { type: "edit", device, what: EDITS[random.below(EDITS.length)] ?? "tag", pick: random.below(64) };
  return { type: "sync", device };
}

function troubleStep(random: SeededRandom, type: Trouble): Step {
  const device = random.below(64);
  const forMs = 100 + random.below(random.chance(75) ? 3_000 : 60_000);
  switch (type) {
    case "crash":
      return { type, device, write: 1 + random.below(24), moment: random.chance(50) ? "before" : "after" };
    case "restart":
    case "reset":
    case "silence":
    case "rotate":
      return { type, device };
    case "link":
      // Now and then the new device is lost as soon as it is on the chain.
      return random.chance(20) ? { type, device, isAbandoned: true } : { type, device };
    case "stop":
    case "clog":
    case "cut":
    case "disk-full":
      return { type, device, forMs };
    case "lossy":
      return { type, device, percent: 5 + random.below(40), forMs };
    case "slow":
      return { type, device, maxMs: 50 + random.below(3_000), forMs };
    case "swizzle":
      return { type, order: random.below(1_000_000) };
    case "server-crash":
      return { type, forMs: random.below(4_000) };
    case "clock":
      return {
        type,
        device,
        byMs:
          (random.below(2) === 0 ? -1 : 1) *
          random.below(random.chance(50) ? 60_000 : 10 * 365) *
          (random.chance(50) ? 1 : DAY_MS / 1_000),
      };
    case "slow-disk":
      return { type, device, maxMs: random.below(60) };
    case "revoke":
      return { type, device, victim: random.below(64) };
  }
}
