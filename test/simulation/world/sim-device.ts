/** A device of a simulated world: a disk, a clock of its own, and at most one living process over them. */
import type { Client, Platform } from "@dovetail/core";
import { silentLogger } from "../../../core/base/logger.ts";
import { createSeededRandom, type SeededRandom } from "../../support/seeded-random.ts";
import { createVirtualDisk, type Power, type VirtualDisk } from "./virtual-disk.ts";
import type { VirtualNetwork } from "./virtual-network.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface SimDevice {
  readonly name: string;
  readonly disk: VirtualDisk;
  readonly storeKey: Uint8Array;
  /** How far its clock is off. */
  skewMs: number;
  /** Its living client, or null. */
  client: Client | null;
  /** A process is being started, and the power has not gone since. */
  isOpening: boolean;
  /** Hears that the power went. */
  onCut: (() => void) | null;
  /** Ports of a new process; the old one is dead. */
  boot(): Platform;
  /** The power goes. */
  cut(): void;
  /** How often it has lost its power. */
  cutCount(): number;
}

/** A device that is switched off, with an empty disk. */
export function createSimDevice(
  deps: {
    readonly time: VirtualTime;
    readonly network: VirtualNetwork;
    readonly seed: string;
    readonly tailEntries?: number | undefined;
  },
  name: string,
  key?: Uint8Array,
): SimDevice {
  const { time, network, seed, tailEntries } = deps;
  const random: SeededRandom = createSeededRandom(`${seed}/device/${name}`);
  const disk = createVirtualDisk(time, createSeededRandom(`${seed}/disk/${name}`));
  const storeKey = key ?? random.bytes(32);
  let power: Power = { isOn: false };
  let cuts = 0;

  const device: SimDevice = {
    name,
    disk,
    storeKey,
    skewMs: 0,
    client: null,
    isOpening: false,
    onCut: null,
    cutCount: () => cuts,
    cut() {
      if (!power.isOn) return;
      cuts += 1;
      power.isOn = false;
      device.client = null;
      // What was opening hangs for ever.
      device.isOpening = false;
      network.reset(name);
    },
    boot() {
      device.cut();
      const current: Power = { isOn: true };
      power = current;
      return {
        clock: {
          nowMs: () => time.nowMs() + device.skewMs,
          schedule: (delayMs, task) => time.schedule(delayMs, () => (current.isOn ? task() : undefined)),
        },
        random,
        logger: silentLogger,
        connector: network.connector(name, current),
        store: disk.store(current, () => {
          device.cut();
          device.onCut?.();
        }),
        documentStorage: disk.storage(current),
        storeKey,
        ...(tailEntries === undefined ? {} : { snapshotTailEntries: tailEntries }),
      };
    },
  };
  return device;
}
