/**
 * Linking as a story: an account with an existing device, any number of devices that answer its code, a server between
 * them. The driver runs the machines' effects as a client does, but synchronously and with every hook a hostile server,
 * device or person needs.
 */
import type { Bytes } from "../../core/base/bytes.ts";
import type { RendezvousId } from "../../core/base/ids.ts";
import { parseServerOrigin } from "../../core/base/server-origin.ts";
import { present } from "../../core/base/assert.ts";
import type { ChainState } from "../../core/sigchain/chain-state.ts";
import { completeDeviceAdd, proposeDeviceAdd } from "../../core/sigchain/create/device-add.ts";
import { signBody } from "../../core/sigchain/create/sign-link.ts";
import { createAddedBox } from "../../core/sigchain/epoch/create-epoch.ts";
import type { DeviceKeys } from "../../core/sigchain/keys/device-keys.ts";
import type {
  ExistingEffect,
  ExistingEvent,
  ExistingState,
} from "../../core/sigchain/linking/existing-state.ts";
import { type LinkCode, parseLinkCode } from "../../core/sigchain/linking/link-code.ts";
import type { NewEffect, NewEvent, NewState } from "../../core/sigchain/linking/new-state.ts";
import { startExisting, stepExisting } from "../../core/sigchain/linking/step-existing.ts";
import { startNew, stepNew } from "../../core/sigchain/linking/step-new.ts";
import {
  type ChainWorld,
  createWorld,
  currentSecret,
  firstKeys,
  must,
  newDevice,
  stateOf,
  TEST_ORIGIN,
} from "./chain-world.ts";
import { createMemoryRendezvous, type MemoryRendezvous } from "./memory-rendezvous.ts";

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type ExistingInput = Without<ExistingEvent, "nowMs">;
export type NewInput = Without<NewEvent, "nowMs">;

/** One side's machine with all it has asked for. */
export interface Party<S, E> {
  state: S;
  readonly effects: E[];
  watching: number;
}

export interface ExistingParty extends Party<ExistingState, ExistingEffect> {
  readonly keys: DeviceKeys;
  readonly text: string;
  /** The same to type. */
  readonly typed: string;
  readonly rendezvousId: RendezvousId;
}

export interface NewParty extends Party<NewState, NewEffect> {
  readonly keys: DeviceKeys;
  readonly code: LinkCode;
}

export interface LinkingWorld {
  readonly chain: ChainWorld;
  readonly server: MemoryRendezvous;
  /** Boxes stored with the links appended by linking, newest last. */
  readonly stored: { readonly state: ChainState; readonly box: Bytes }[];
  existing: ExistingParty;
  readonly joiners: NewParty[];
  /** Runs before an append; an answer replaces the append. */
  beforeAppend: () => ExistingInput | undefined;
  /** What the new device hands over in place of its signature. */
  changeSignature: (signature: Bytes) => Bytes;
  /** What the existing device's client proposes in place of an honest body. */
  changeProposal: (body: Bytes) => Bytes;
}

/** An account whose existing device has just shown a code. */
export function createLinkingWorld(seed: string | number, name = "Ada"): LinkingWorld {
  const chain = createWorld(seed);
  const server = createMemoryRendezvous();
  const world: LinkingWorld = {
    chain,
    server,
    stored: [],
    existing: showCode(chain, server, name),
    joiners: [],
    beforeAppend: () => undefined,
    changeSignature: (signature) => signature,
    changeProposal: (body) => body,
  };
  return world;
}

function showCode(chain: ChainWorld, server: MemoryRendezvous, name: string): ExistingParty {
  const { accountId, seq, head } = stateOf(chain);
  const origin = must(parseServerOrigin(TEST_ORIGIN));
  const started = startExisting(chain, { accountId, seq, head, name, origin }, server.nowMs);
  const shown = started.effects.find((effect) => effect.type === "show-code");
  const { text, typed } = present(shown, "a code is shown");
  const { rendezvousId } = must(parseLinkCode(text));
  const party: ExistingParty = {
    keys: firstKeys(chain),
    text,
    typed,
    rendezvousId,
    state: started.state,
    effects: [],
    watching: 0,
  };
  for (const effect of started.effects) {
    party.effects.push(effect);
    if (effect.type === "put") must(server.put(rendezvousId, effect.expectedVersion, effect.message));
    if (effect.type === "watch") party.watching = effect.afterVersion;
  }
  return party;
}

/** A device scans the code. */
export function join(
  world: LinkingWorld,
  text: string = world.existing.text,
  keys: DeviceKeys = newDevice(world.chain.random),
  platform = "Firefox on Linux",
): NewParty {
  const code = must(parseLinkCode(text));
  const started = must(startNew(world.chain, code, { record: keys.record, platform }, world.server.nowMs));
  const party: NewParty = { keys, code, state: started.state, effects: [], watching: 0 };
  world.joiners.push(party);
  runAll(started.effects, (effect) => runNew(world, party, effect));
  return party;
}

/** Runs the effects of one step, and only then gives the machine what came of them. */
function runAll<E>(effects: readonly E[], run: (effect: E) => Answer): void {
  const answers = effects.map(run);
  for (const answer of answers) answer?.();
}

/** The event an effect led to, to be given once the step's other effects have run. */
type Answer = (() => void) | undefined;

/** Gives an event to the existing device. */
export function tellExisting(world: LinkingWorld, event: ExistingInput): void {
  const { existing } = world;
  const step = stepExisting(world.chain, existing.state, { ...event, nowMs: world.server.nowMs });
  existing.state = step.state;
  runAll(step.effects, (effect) => runExisting(world, effect));
}

/** Gives an event to a new device. */
export function tellNew(world: LinkingWorld, party: NewParty, event: NewInput): void {
  const step = stepNew(world.chain, party.state, { ...event, nowMs: world.server.nowMs });
  party.state = step.state;
  runAll(step.effects, (effect) => runNew(world, party, effect));
}

/** Lets everybody read what is in the slot until nothing moves. */
export function settle(world: LinkingWorld): void {
  let isMoving = true;
  while (isMoving) {
    isMoving = false;
    const { existing } = world;
    if (existing.state.stage !== "ended") {
      const found = world.server.get(existing.rendezvousId, existing.watching);
      if (!found.ok) {
        isMoving = true;
        tellExisting(world, { type: "slot-gone" });
      } else if (found.value.message !== null) {
        isMoving = true;
        existing.watching = found.value.version;
        tellExisting(world, { type: "received", version: found.value.version, message: found.value.message });
      }
    }
    for (const party of world.joiners) {
      if (party.state.stage === "ended") continue;
      const found = world.server.get(party.code.rendezvousId, party.watching);
      if (!found.ok) {
        isMoving = true;
        tellNew(world, party, { type: "slot-gone" });
      } else if (found.value.message !== null) {
        isMoving = true;
        party.watching = found.value.version;
        tellNew(world, party, {
          type: "received",
          version: found.value.version,
          message: found.value.message,
        });
      }
    }
  }
}

/** The digits a device shows, or null. */
export function digitsOf(party: NewParty): string | null {
  const shown = party.effects.findLast((effect) => effect.type === "show-digits");
  return shown === undefined ? null : shown.digits;
}

/** Names of what a party has been asked to do. */
export function effectTypes(party: {
  readonly effects: readonly { readonly type: string }[];
}): readonly string[] {
  return party.effects.map((effect) => effect.type);
}

/** How a side ended, or its stage. */
export function outcomeOf(party: ExistingParty | NewParty): string {
  return party.state.stage === "ended" ? party.state.outcome.type : party.state.stage;
}

/** Everything up to the digits: scan, confirm. */
export function upToDigits(world: LinkingWorld): NewParty {
  const party = join(world);
  settle(world);
  tellNew(world, party, { type: "account-confirmed" });
  settle(world);
  return party;
}

/** The person types digits after unlocking. */
export function type(world: LinkingWorld, digits: string | null): void {
  tellExisting(world, { type: "code-typed", digits: digits ?? "", hasReauthenticated: true });
  settle(world);
}

function runExisting(world: LinkingWorld, effect: ExistingEffect): Answer {
  const { existing, server, chain } = world;
  existing.effects.push(effect);
  switch (effect.type) {
    case "put": {
      const put = server.put(existing.rendezvousId, effect.expectedVersion, effect.message);
      if (put.ok) return undefined;
      const type = put.error.type === "RendezvousGone" ? "slot-gone" : "put-conflict";
      return () => tellExisting(world, { type });
    }
    case "watch":
      existing.watching = effect.afterVersion;
      return undefined;
    case "leave":
      leave(server, existing.rendezvousId, effect.message);
      return undefined;
    case "propose": {
      const plan = {
        state: stateOf(chain),
        timeMs: server.nowMs,
        signerId: existing.keys.signerId,
        device: effect.device,
        replaces: null,
      };
      const proposed = must(proposeDeviceAdd(chain.random, plan));
      return () => tellExisting(world, { type: "proposed", body: world.changeProposal(proposed.body) });
    }
    case "append": {
      const answer = world.beforeAppend() ?? append(world, effect);
      return () => tellExisting(world, answer);
    }
    default:
      return undefined;
  }
}

function append(world: LinkingWorld, effect: ExistingEffect & { readonly type: "append" }): ExistingInput {
  const { chain, existing } = world;
  const state = stateOf(chain);
  const built = completeDeviceAdd(state, { body: effect.body, epoch: null }, existing.keys, effect.reverse);
  if (!built.ok) {
    const isLost = built.error.type === "LinkOutOfOrder" || built.error.type === "WrongPrev";
    return isLost ? { type: "append-lost" } : { type: "append-refused", reason: built.error.type };
  }
  chain.links.push(built.value.link);
  chain.states.push(built.value.state);
  const box = createAddedBox(chain.random, built.value.state, currentSecret(chain), effect.device);
  world.stored.push({ state: built.value.state, box });
  return { type: "appended", seq: built.value.state.seq, head: built.value.state.head };
}

function runNew(world: LinkingWorld, party: NewParty, effect: NewEffect): Answer {
  const { server } = world;
  party.effects.push(effect);
  switch (effect.type) {
    case "put": {
      const put = server.put(party.code.rendezvousId, effect.expectedVersion, effect.message);
      if (put.ok) return undefined;
      const type = put.error.type === "RendezvousGone" ? "slot-gone" : "put-conflict";
      return () => tellNew(world, party, { type });
    }
    case "watch":
      party.watching = effect.afterVersion;
      return undefined;
    case "leave":
      leave(server, party.code.rendezvousId, effect.message);
      return undefined;
    case "sign": {
      const { signature } = signBody(effect.body, party.keys);
      return () => tellNew(world, party, { type: "signed", signature: world.changeSignature(signature) });
    }
    default:
      return undefined;
  }
}

function leave(server: MemoryRendezvous, id: RendezvousId, message: Bytes): void {
  const found = server.get(id, 255);
  if (found.ok) server.put(id, found.value.version, message);
}
