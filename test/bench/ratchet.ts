/**
 * What a pairwise session costs: CPU time of the process, 100 bytes of text, state in memory.
 *
 * Usage: node test/bench/ratchet.ts [--peers] [--json]
 *
 * `--peers` installs the libraries of `test/bench/peers` and measures them in the same run. Every work is done by each
 * contender in turn, nine rounds of it, and the median counts: a machine that slows down slows all of them.
 */
import { join } from "node:path";
import process from "node:process";
import { createPlatformRandom } from "../../core/base/random.ts";
import { agree, agreementKeyPairFromSecret } from "../../core/crypto/agreement.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { verifyPreKeyBundle } from "../../core/protocol/prekey.ts";
import {
  decryptMessage,
  encryptMessage,
  type SessionSet,
  startSession,
} from "../../core/ratchet/session-set.ts";
import { decodeSessionSet, encodeSessionSet } from "../../core/ratchet/session-set-codec.ts";
import {
  bundleOf,
  createTestDevice,
  finderOf,
  ownerOf,
  pairOf,
  type StockedDevice,
  unwrap,
} from "../support/ratchet-device.ts";

const TEXT_BYTES = 100;
const ROUNDS = 9;
const PEERS_FOLDER = join(import.meta.dirname, "peers");

type WorkName =
  | "encrypt"
  | "decrypt"
  | "pingPong"
  | "startInitiator"
  | "startResponder"
  | "agree"
  | "encodeState"
  | "decodeState";
type Work = (count: number) => Promise<() => Promise<void> | void>;

/** One library: each work prepares, untimed, what it then does `count` times. */
interface Contender {
  readonly name: string;
  readonly works: Partial<Readonly<Record<WorkName, Work>>>;
}

interface Figure {
  readonly suite: "ratchet";
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: "more" | "less";
  readonly peer?: string;
  readonly ratio?: number;
}

/** Each work, how often it is done in a round, and how its figure reads. */
const WORKS: readonly (readonly [name: WorkName, count: number, unit: "messages/CPU-s" | "CPU-ms"])[] = [
  ["encrypt", 4_000, "messages/CPU-s"],
  ["decrypt", 4_000, "messages/CPU-s"],
  ["pingPong", 200, "messages/CPU-s"],
  ["startInitiator", 50, "CPU-ms"],
  ["startResponder", 50, "CPU-ms"],
  ["agree", 200, "CPU-ms"],
  ["encodeState", 1_000, "CPU-ms"],
  ["decodeState", 1_000, "CPU-ms"],
];

await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  await cryptoReady();
  const text = createPlatformRandom().bytes(TEXT_BYTES);
  const contenders = [createOurs(text), ...(args.includes("--peers") ? await loadPeers(text) : [])];
  const figures: Figure[] = [];
  for (const [name, count, unit] of WORKS) {
    const microsByContender = await measure(name, count, contenders);
    figures.push(...toFigures(name, unit, microsByContender));
  }
  figures.push(...sizes(text));
  for (const figure of figures)
    console.log(args.includes("--json") ? JSON.stringify(figure) : toLine(figure));
}

/** Median CPU microseconds of one piece of work, for each contender that has it. */
async function measure(
  name: WorkName,
  count: number,
  contenders: readonly Contender[],
): Promise<ReadonlyMap<string, number>> {
  const samples = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const contender of contenders) {
      const run = await contender.works[name]?.(count);
      if (run === undefined) continue;
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round > 0)
        samples.set(contender.name, [...(samples.get(contender.name) ?? []), (user + system) / count]);
    }
  }
  return new Map([...samples].map(([contender, values]) => [contender, median(values)]));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function toFigures(
  name: WorkName,
  unit: "messages/CPU-s" | "CPU-ms",
  microsByContender: ReadonlyMap<string, number>,
): readonly Figure[] {
  const ours = microsByContender.get("ours") ?? Number.NaN;
  const figureOf = (micros: number) =>
    unit === "CPU-ms" ? round3(micros / 1_000) : Math.round(1_000_000 / micros);
  const better = unit === "CPU-ms" ? "less" : "more";
  return [...microsByContender].map(([contender, micros]) => {
    const figure: Figure = { suite: "ratchet", name, value: figureOf(micros), unit, better };
    return contender === "ours" ? figure : { ...figure, peer: contender, ratio: round3(micros / ours) };
  });
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function toLine(figure: Figure): string {
  const against = figure.peer === undefined ? "" : `  ${figure.peer}; ours is ${figure.ratio} times as good`;
  return `${figure.name.padEnd(20)} ${String(figure.value).padStart(10)} ${figure.unit}${against}`;
}

/** Dovetail, by the functions the engine calls. */
function createOurs(plaintext: Uint8Array): Contender {
  const random = createPlatformRandom();
  const deps = { random };
  const message = { context: random.bytes(33), plaintext };
  const sender = createPair();

  function createPair(): { a: StockedDevice; b: StockedDevice; setA: SessionSet; setB: SessionSet } {
    const [a, b] = [createTestDevice(random), createTestDevice(random)];
    const first = send(start(a, b));
    const received = receive(null, b, a, first.envelope);
    const reply = send(received);
    return { a, b, setA: receive(first.set, a, b, reply.envelope), setB: reply.set };
  }
  function start(a: StockedDevice, b: StockedDevice): SessionSet {
    const bundle = unwrap(verifyPreKeyBundle(bundleOf(b), ownerOf(b)));
    return unwrap(startSession(deps, pairOf(a, b), { set: null, bundle, nowMs: 1 })).set;
  }
  function send(set: SessionSet): { readonly set: SessionSet; readonly envelope: Uint8Array } {
    return unwrap(encryptMessage(deps, set, message));
  }
  function receive(
    set: SessionSet | null,
    self: StockedDevice,
    peer: StockedDevice,
    envelope: Uint8Array,
  ): SessionSet {
    const received = { context: message.context, envelope, findPreKey: finderOf(self) };
    return unwrap(decryptMessage(set, pairOf(self, peer), received)).set;
  }

  const works: Contender["works"] = {
    encrypt: async (count) => () => {
      for (let i = 0; i < count; i++) sender.setA = send(sender.setA).set;
    },
    decrypt: async (count) => {
      const pair = createPair();
      const ends = { self: pairOf(pair.b, pair.a), find: finderOf(pair.b) };
      const envelopes: Uint8Array[] = [];
      for (let i = 0; i < count; i++) {
        const sent = send(pair.setA);
        pair.setA = sent.set;
        envelopes.push(sent.envelope);
      }
      return () => {
        for (const envelope of envelopes) {
          const received = { context: message.context, envelope, findPreKey: ends.find };
          pair.setB = unwrap(decryptMessage(pair.setB, ends.self, received)).set;
        }
      };
    },
    pingPong: async (count) => {
      const pair = createPair();
      return () => {
        for (let i = 0; i < count; i += 2) {
          const there = send(pair.setA);
          const back = send(receive(pair.setB, pair.b, pair.a, there.envelope));
          pair.setB = back.set;
          pair.setA = receive(there.set, pair.a, pair.b, back.envelope);
        }
      };
    },
    startInitiator: async (count) => {
      const starts = Array.from({ length: count }, () => {
        const b = createTestDevice(random);
        return { a: createTestDevice(random), b, bundle: bundleOf(b) };
      });
      return () => {
        for (const { a, b, bundle } of starts) {
          const verified = unwrap(verifyPreKeyBundle(bundle, ownerOf(b)));
          send(unwrap(startSession(deps, pairOf(a, b), { set: null, bundle: verified, nowMs: 1 })).set);
        }
      };
    },
    startResponder: async (count) => {
      const firsts = Array.from({ length: count }, () => {
        const [a, b] = [createTestDevice(random), createTestDevice(random)];
        return { a, b, envelope: send(start(a, b)).envelope };
      });
      return () => {
        for (const { a, b, envelope } of firsts) receive(null, b, a, envelope);
      };
    },
    // One X25519 agreement: what a ratchet step cannot do without.
    agree: async (count) => {
      const mine = random.bytes(32);
      const { publicKey } = agreementKeyPairFromSecret(random.bytes(32));
      return () => {
        for (let i = 0; i < count; i++) unwrap(agree(mine, publicKey));
      };
    },
    encodeState: async (count) => {
      const { setA } = createPair();
      return () => {
        for (let i = 0; i < count; i++) encodeSessionSet(setA);
      };
    },
    decodeState: async (count) => {
      const stored = encodeSessionSet(createPair().setA);
      return () => {
        for (let i = 0; i < count; i++) unwrap(decodeSessionSet(stored));
      };
    },
  };
  return { name: "ours", works };
}

/** Bytes: of a message, of a first message, and of a stored session without and with the most kept keys. */
function sizes(plaintext: Uint8Array): readonly Figure[] {
  const random = createPlatformRandom();
  const deps = { random };
  const message = { context: new Uint8Array(0), plaintext };
  const [a, b] = [createTestDevice(random), createTestDevice(random)];
  const bundle = unwrap(verifyPreKeyBundle(bundleOf(b), ownerOf(b)));
  const started = unwrap(startSession(deps, pairOf(a, b), { set: null, bundle, nowMs: 1 })).set;
  const first = unwrap(encryptMessage(deps, started, message));
  const received = { ...message, envelope: first.envelope, findPreKey: finderOf(b) };
  const set = unwrap(decryptMessage(null, pairOf(b, a), received)).set;
  const reply = unwrap(encryptMessage(deps, set, message));
  const size = (name: string, value: number): Figure => ({
    suite: "ratchet",
    name,
    value,
    unit: "bytes",
    better: "less",
  });
  return [
    size("firstMessageBytes", first.envelope.length),
    size("messageBytes", reply.envelope.length),
    size("stateBytes", encodeSessionSet(reply.set).length),
  ];
}

async function loadPeers(text: Uint8Array): Promise<readonly Contender[]> {
  const { ensureInstalled }: { ensureInstalled(folder: string): void } = await import(
    new URL("../../tools/workspace.mjs", import.meta.url).href
  );
  ensureInstalled(PEERS_FOLDER);
  const contenders: Contender[] = [];
  for (const file of ["libsignal.mjs", "olm.mjs"]) {
    const peer: { createContender(text: Uint8Array): Promise<Contender> } = await import(
      new URL(`peers/${file}`, import.meta.url).href
    );
    contenders.push(await peer.createContender(text));
  }
  return contenders;
}
