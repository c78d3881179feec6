/** Own devices that reach each other in memory: streams, known devices, and channels made by the real handshake. */
import type { Bytes } from "../../core/base/bytes.ts";
import type { DeviceId } from "../../core/base/ids.ts";
import { present } from "../../core/base/assert.ts";
import { createFrameSplitter, encodeFrame } from "../../core/codec/frame-splitter.ts";
import { DIRECT_FRAME_BYTES_MAX } from "../../core/base/limits.ts";
import type { DirectChannel } from "../../core/sigchain/direct/direct-channel.ts";
import {
  type DirectError,
  type DirectHandshake,
  type DirectSelf,
  startDialling,
  startListening,
} from "../../core/sigchain/direct/direct-handshake.ts";
import type { Result } from "../../core/base/result.ts";
import { accountRoot } from "../../core/sigchain/epoch/epoch-secret.ts";
import type { ChainWorld } from "./chain-world.ts";

/** A device of `world` as it presents itself, by the first `seq` links. */
export function directSelf(world: ChainWorld, deviceId: DeviceId, seq = world.links.length): DirectSelf {
  const chain = present(world.states[seq - 1], "the world has that link");
  const keys = present(world.keysById.get(deviceId), "a device of this world");
  const first = present(world.secrets.get(1), "the account has an epoch");
  return {
    accountId: chain.accountId,
    deviceId,
    signKeys: keys.sign,
    accountRoot: accountRoot(first.secret),
    chain,
    links: world.links.slice(0, seq),
  };
}

export interface Meeting {
  readonly dialler: Result<
    { readonly deviceId: DeviceId; readonly channel: DirectChannel },
    DirectError
  > | null;
  readonly listener: Result<
    { readonly deviceId: DeviceId; readonly channel: DirectChannel },
    DirectError
  > | null;
  /** Every frame that went, in its order. */
  readonly frames: readonly { readonly from: "dialler" | "listener"; readonly frame: Bytes }[];
}

/** Lets two devices meet; `change` may alter a frame on its way, or drop it with null. */
export function meet(
  random: { bytes(length: number): Bytes },
  dialler: DirectSelf,
  listener: DirectSelf,
  change: (frame: Bytes, index: number, from: "dialler" | "listener") => Bytes | null = (frame) => frame,
): Meeting {
  return run(startDialling(random, dialler), startListening(random, listener), change);
}

export function run(
  dialling: DirectHandshake,
  listening: DirectHandshake,
  change: (frame: Bytes, index: number, from: "dialler" | "listener") => Bytes | null,
): Meeting {
  const sides = { dialler: dialling, listener: listening };
  const outcomes: { dialler: Meeting["dialler"]; listener: Meeting["listener"] } = {
    dialler: null,
    listener: null,
  };
  const frames: { readonly from: "dialler" | "listener"; readonly frame: Bytes }[] = [];
  const queue = dialling.first.map((frame) => ({ from: "dialler" as "dialler" | "listener", frame }));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { from } = next;
    const frame = change(next.frame, frames.length, from);
    frames.push(next);
    const to = from === "dialler" ? "listener" : "dialler";
    if (frame === null || outcomes[to] !== null) continue;
    const step = sides[to].step(frame);
    outcomes[to] = step.outcome;
    queue.push(...step.send.map((sent) => ({ from: to as "dialler" | "listener", frame: sent })));
  }
  return { ...outcomes, frames };
}

/** A message way over a sealed channel and a stream that cuts bytes as it likes. */
export function sealedWay(
  channel: DirectChannel,
  sendBytes: (bytes: Bytes) => void,
  onMessage: (message: Bytes) => void,
): { send(message: Bytes): void; take(bytes: Bytes): void } {
  const frames = createFrameSplitter(() => DIRECT_FRAME_BYTES_MAX);
  return {
    send: (message) => sendBytes(encodeFrame(channel.seal(message))),
    take(bytes) {
      frames.push(bytes);
      for (;;) {
        const frame = frames.next();
        if (!frame.ok || frame.value === null) return;
        const opened = channel.open(frame.value);
        if (!opened.ok) throw new Error("a frame of the test's own peer opens");
        onMessage(opened.value);
      }
    },
  };
}
