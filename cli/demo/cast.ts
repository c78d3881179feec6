/** The people of the demo and their devices. Every name is long enough to be searched for on the server's disk. */
import type { DemoDevice } from "./demo-processes.ts";
import type { ExpectedText } from "./compare-devices.ts";

export interface Role {
  readonly first: string;
  readonly displayName: string;
  /** Public: the server knows it, and the search must find it. */
  readonly handle: string;
  /** What the other one calls them. */
  readonly petname: string;
  readonly otherPetname: string;
  readonly deviceNames: readonly [first: string, second: string];
  readonly tagName: string;
}

export const ADA: Role = {
  first: "Ada",
  displayName: "Ada Nwosu-Lindqvist",
  handle: "ada.nwosu",
  petname: "Ada from the night shift",
  otherPetname: "Ada with the red bicycle",
  deviceNames: ["Ada's laptop", "Ada's phone"],
  tagName: "correspondence with Ben",
};

export const BEN: Role = {
  first: "Ben",
  displayName: "Ben Castellanos-Ruiz",
  handle: "ben.castellanos",
  petname: "Ben of the second floor",
  otherPetname: "Ben who repairs clocks",
  deviceNames: ["Ben's desktop", "Ben's tablet"],
  tagName: "letters from Ada",
};

export const THIRD_DEVICE_NAME = "Ada's new tablet";
export const GREETING = "Hello Ben, it is Ada: shall we write here from now on?";

/** A device with what was sent from it. */
export interface Writer {
  readonly device: DemoDevice;
  readonly deviceId: string;
  readonly sent: string[];
}

export interface Person {
  readonly role: Role;
  readonly accountId: string;
  readonly recoveryWords: string;
  readonly writers: Writer[];
}

/** Both people, once they are connected. */
export interface World {
  readonly ada: Person;
  readonly ben: Person;
  readonly conversationId: string;
  readonly expected: ExpectedText[];
}

/** All devices of both. */
export function devicesOf({ ada, ben }: Pick<World, "ada" | "ben">): readonly DemoDevice[] {
  return [...ada.writers, ...ben.writers].map(({ device }) => device);
}
