/**
 * Processor time of what one member of a room does, at 10, 100 and 1,000 devices; with `--peers` beside plain ts-mls on its own
 * provider and @wireapp/core-crypto, in the same run.
 *
 * Usage: node test/bench/rooms.ts [--json] [--peers] [--leaves 10,100,1000]
 *
 * Groups are grown by adds alone, so the first commit is sealed to each device by itself: the dearest there is. The context
 * stands for as many accounts as there are devices. The peers have no context and no hybrid suite; core-crypto stores what it
 * does, in memory, within the same figures.
 */
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  defaultCapabilities,
  defaultLifetime,
  emptyPskIndex,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup as joinLibraryGroup,
  type KeyPackage,
  type PrivateKeyPackage,
  type PrivateMessage,
  type Proposal,
  processPrivateMessage,
} from "ts-mls";
import { present } from "../../core/base/assert.ts";
import { cryptoReady } from "../../core/crypto/sodium.ts";
import { encodeGroupStep } from "../../core/group/group-codec.ts";
import { openGroupMessage, sealGroupMessage } from "../../core/group/group-message.ts";
import { joinGroup } from "../../core/group/join-group.ts";
import { good } from "../support/client-world.ts";
import { growCrowd } from "../support/crowd.ts";
import { type Figure, report } from "./figures.ts";

const SUITE = "rooms";
const PEERS_FOLDER = join(import.meta.dirname, "peers");
const TEXT_BYTES = 100;
const MESSAGES = 200;
const PEER_MESSAGES = 50;
const ROUNDS = 5;
/** A member of a room takes so much of what all agree on. */
const CONTEXT_BYTES_PER_ACCOUNT = 125;

const { values } = parseArgs({
  options: { json: { type: "boolean" }, peers: { type: "boolean" }, leaves: { type: "string" } },
});
const isJson = values.json === true;
const sizes = (values.leaves ?? "10,100,1000").split(",").map(Number);

/** Milliseconds of processor time by the name of what was done. */
type Costs = Map<string, number>;

async function cpuMs<T>(costs: Costs, name: string, times: number, work: () => Promise<T>): Promise<T> {
  const each: number[] = [];
  let result: { readonly value: T } | null = null;
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    result = { value: await work() };
    const { user, system } = process.cpuUsage(before);
    each.push((user + system) / 1_000);
  }
  costs.set(name, each.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN);
  return present(result, "it was done once at least").value;
}

async function ours(leaves: number): Promise<{ readonly costs: Costs; readonly bytes: Costs }> {
  const costs: Costs = new Map();
  const bytes: Costs = new Map();
  const size = { leaves, fullCount: 2, contextBytes: leaves * CONTEXT_BYTES_PER_ACCOUNT };
  const { world, full, context, last } = await growCrowd(`bench ${leaves}`, size);
  let [ada, ben] = [present(full[0], "the founder"), present(full[1], "who came last")];
  await cpuMs(costs, "join", ROUNDS, async () =>
    good(await joinGroup(world.deps, last.welcome, last.pair, context)),
  );
  const update = await cpuMs(costs, "update, make", 3, () => world.commit(ada, {}));
  const updated = await cpuMs(costs, "update, follow", ROUNDS, () => world.receive(ben, update.commit));
  await cpuMs(costs, "update, store", ROUNDS, async () => encodeGroupStep(ben, updated.next));
  bytes.set("update", update.commit.length);
  [ada, ben] = [update.next, updated.next];
  const removal = await cpuMs(costs, "removal, make", 3, () => world.commit(ada, { removeLeaves: [1] }));
  const removed = await cpuMs(costs, "removal, follow", ROUNDS, () => world.receive(ben, removal.commit));
  [ada, ben] = [removal.next, removed.next];
  const pair = await world.keyPackage(world.device("who comes late", "one"));
  const add = [await world.verified(pair)];
  const addition = await cpuMs(costs, "add, make", 3, () => world.commit(ada, { add }));
  bytes.set("Welcome", present(addition.welcome, "a Welcome").length);
  await cpuMs(costs, "join after updates", ROUNDS, async () =>
    good(await joinGroup(world.deps, present(addition.welcome, "a Welcome"), pair, context)),
  );
  const message = { plaintext: new Uint8Array(TEXT_BYTES), authenticatedData: new Uint8Array(0) };
  const sealed: Uint8Array[] = [];
  // By who came last: the last leaf is the one whose place in a tree of secrets costs most.
  await cpuMs(costs, "message, seal", MESSAGES, async () => {
    const made = good(await sealGroupMessage(world.deps, ben, message));
    sealed.push(made.sealed);
    ben = made.next;
  });
  bytes.set("message", present(sealed[0], "a message").length);
  let at = 0;
  const steps: Parameters<typeof encodeGroupStep>[] = [];
  await cpuMs(costs, "message, open", MESSAGES, async () => {
    const opened = good(await openGroupMessage(world.deps, ada, present(sealed[at++], "a message")));
    steps.push([ada, opened.next]);
    ada = opened.next;
  });
  at = 0;
  await cpuMs(costs, "message, store", MESSAGES, async () =>
    encodeGroupStep(...present(steps[at++], "a step")),
  );
  return { costs, bytes };
}

/** What others take for the same things, by name. */
interface Peer {
  readonly name: string;
  readonly costs: Costs;
}

/** The library alone. */
async function plainLibrary(leaves: number): Promise<Peer> {
  const costs: Costs = new Map();
  const suite = await getCiphersuiteImpl(
    getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"),
  );
  const packages: { readonly publicPackage: KeyPackage; readonly privatePackage: PrivateKeyPackage }[] = [];
  for (let i = 0; i <= leaves; i++) {
    const identity = new TextEncoder().encode(`member ${i}`);
    const capabilities = defaultCapabilities();
    packages.push(
      await generateKeyPackage(
        { credentialType: "basic", identity },
        capabilities,
        defaultLifetime,
        [],
        suite,
      ),
    );
  }
  const packageAt = (at: number) => present(packages[at], "a key package");
  const commit = (state: ClientState, extraProposals: Proposal[]) =>
    createCommit({ state, cipherSuite: suite }, { extraProposals, ratchetTreeExtension: true });
  const add = (at: number): Proposal => ({
    proposalType: "add",
    add: { keyPackage: packageAt(at).publicPackage },
  });
  const follow = async (state: ClientState, message: PrivateMessage) => {
    const processed = await processPrivateMessage(state, message, emptyPskIndex, suite);
    if (processed.kind !== "newState") throw new TypeError("a commit gives a new state");
    return processed.newState;
  };
  const privateOf = (made: Awaited<ReturnType<typeof commit>>): PrivateMessage => {
    if (made.commit.wireformat !== "mls_private_message") throw new TypeError("a commit is private");
    return made.commit.privateMessage;
  };
  const first = packageAt(0);
  const founded = await createGroup(new Uint8Array(16), first.publicPackage, first.privatePackage, [], suite);
  const grown = await commit(
    founded,
    Array.from({ length: leaves - 1 }, (_, at) => add(at + 1)),
  );
  const join = (at: number, made: typeof grown): Promise<ClientState> => {
    const { publicPackage, privatePackage } = packageAt(at);
    return joinLibraryGroup(
      present(made.welcome, "a Welcome"),
      publicPackage,
      privatePackage,
      emptyPskIndex,
      suite,
    );
  };
  let ada = grown.newState;
  let ben = await cpuMs(costs, "join", 1, () => join(leaves - 1, grown));
  const update = await cpuMs(costs, "update, make", 1, () => commit(ada, []));
  ben = await cpuMs(costs, "update, follow", 3, () => follow(ben, privateOf(update)));
  ada = update.newState;
  const removed: Proposal = { proposalType: "remove", remove: { removed: 1 } };
  const removal = await cpuMs(costs, "removal, make", 1, () => commit(ada, [removed]));
  const followed = await cpuMs(costs, "removal, follow", 3, () => follow(ben, privateOf(removal)));
  [ada, ben] = [removal.newState, followed];
  const addition = await cpuMs(costs, "add, make", 1, () => commit(ada, [add(leaves)]));
  await cpuMs(costs, "join after updates", 1, () => join(leaves, addition));
  const sealed: PrivateMessage[] = [];
  await cpuMs(costs, "message, seal", PEER_MESSAGES, async () => {
    const made = await createApplicationMessage(ada, new Uint8Array(TEXT_BYTES), suite);
    sealed.push(made.privateMessage);
    ada = made.newState;
  });
  let at = 0;
  await cpuMs(costs, "message, open", PEER_MESSAGES, async () => {
    const message = present(sealed[at++], "a message");
    const opened = await processPrivateMessage(ben, message, emptyPskIndex, suite);
    ben = opened.newState;
  });
  return { name: "ts-mls 1.6.4 on WebCrypto", costs };
}

interface CoreCryptoCommit {
  readonly commit: Uint8Array;
  readonly welcome?: unknown;
}

/** A member as test/bench/peers/core-crypto.mjs makes it; packages, ids and Welcomes are the library's own objects. */
interface CoreCryptoMember {
  readonly id: unknown;
  keyPackage(): Promise<unknown>;
  found(): Promise<void>;
  add(packages: readonly unknown[]): Promise<CoreCryptoCommit>;
  update(): Promise<CoreCryptoCommit>;
  remove(ids: readonly unknown[]): Promise<CoreCryptoCommit>;
  join(welcome: unknown): Promise<unknown>;
  open(bytes: Uint8Array): Promise<unknown>;
  seal(bytes: Uint8Array): Promise<Uint8Array>;
}

interface CoreCryptoGroup {
  readonly name: string;
  createMember(number: number): Promise<CoreCryptoMember>;
}

async function coreCrypto(leaves: number): Promise<Peer> {
  const costs: Costs = new Map();
  const peer: { createMembers(group: Uint8Array): Promise<CoreCryptoGroup> } = await import(
    new URL("peers/core-crypto.mjs", import.meta.url).href
  );
  const { name, createMember } = await peer.createMembers(new Uint8Array(16));
  const [ada, ben, cy] = [await createMember(0), await createMember(1), await createMember(2)];
  await ada.found();
  const others: CoreCryptoMember[] = [];
  const packages: unknown[] = [await ben.keyPackage()];
  for (let number = 3; number <= leaves; number++) {
    const other = await createMember(number);
    if (others.length === 0) others.push(other);
    packages.push(await other.keyPackage());
  }
  const grown = await ada.add(packages);
  await cpuMs(costs, "join", 1, () => ben.join(grown.welcome));
  const update = await cpuMs(costs, "update, make", 1, () => ada.update());
  await cpuMs(costs, "update, follow", 1, () => ben.open(update.commit));
  const removal = await cpuMs(costs, "removal, make", 1, () => ada.remove(others.map(({ id }) => id)));
  await cpuMs(costs, "removal, follow", 1, () => ben.open(removal.commit));
  const late = await cy.keyPackage();
  const addition = await cpuMs(costs, "add, make", 1, () => ada.add([late]));
  await ben.open(addition.commit);
  await cpuMs(costs, "join after updates", 1, () => cy.join(addition.welcome));
  const sealed: Uint8Array[] = [];
  await cpuMs(costs, "message, seal", PEER_MESSAGES, async () => {
    sealed.push(await ada.seal(new Uint8Array(TEXT_BYTES)));
  });
  let at = 0;
  await cpuMs(costs, "message, open", PEER_MESSAGES, () => ben.open(present(sealed[at++], "a message")));
  return { name, costs };
}

async function peersOf(leaves: number): Promise<readonly Peer[]> {
  const { ensureInstalled }: { ensureInstalled(folder: string): void } = await import(
    new URL("../../tools/workspace.mjs", import.meta.url).href
  );
  ensureInstalled(PEERS_FOLDER);
  return [await plainLibrary(leaves), await coreCrypto(leaves)];
}

await cryptoReady();
for (const leaves of sizes) {
  const { costs, bytes } = await ours(leaves);
  const peers = values.peers === true ? await peersOf(leaves) : [];
  for (const [name, value] of costs) {
    const figure: Figure = {
      suite: SUITE,
      name: `${leaves}: ${name}`,
      value,
      unit: "CPU-ms",
      better: "less",
    };
    const besides = peers.flatMap(({ name: peer, costs: theirs }) => {
      const other = theirs.get(name);
      return other === undefined ? [] : [{ peer, ratio: other / value }];
    });
    // One line for each peer, so that a ratio has its peer's name.
    for (const beside of besides.length > 0 ? besides : [{}]) report(isJson, { ...figure, ...beside });
  }
  for (const [name, value] of bytes)
    report(isJson, { suite: SUITE, name: `${leaves}: ${name}`, value, unit: "bytes", better: "less" });
}
