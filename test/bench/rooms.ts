/**
 * Processor time of what one member of a room does, at 10, 100 and 1,000 devices; with `--peers` beside plain ts-mls on its own
 * provider, in the same run.
 *
 * Usage: node test/bench/rooms.ts [--json] [--peers] [--leaves 10,100,1000]
 *
 * Groups are grown by adds alone, so the first commit is sealed to each device by itself: the dearest there is. The context
 * stands for as many accounts as there are devices. The peer has no context.
 */
import { existsSync } from "node:fs";
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
import { report } from "./figures.ts";

const SUITE = "rooms";
const PEER = "ts-mls 1.6.4 on WebCrypto";
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
  await cpuMs(costs, "message, seal", MESSAGES, async () => {
    const made = good(await sealGroupMessage(world.deps, ada, message));
    sealed.push(made.sealed);
    ada = made.next;
  });
  bytes.set("message", present(sealed[0], "a message").length);
  let at = 0;
  const steps: Parameters<typeof encodeGroupStep>[] = [];
  await cpuMs(costs, "message, open", MESSAGES, async () => {
    const opened = good(await openGroupMessage(world.deps, ben, present(sealed[at++], "a message")));
    steps.push([ben, opened.next]);
    ben = opened.next;
  });
  at = 0;
  await cpuMs(costs, "message, store", MESSAGES, async () =>
    encodeGroupStep(...present(steps[at++], "a step")),
  );
  return { costs, bytes };
}

/** The same things with the library alone. */
async function peer(leaves: number): Promise<Costs> {
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
  return costs;
}

await cryptoReady();
const isCoreCryptoHere = existsSync(
  join(import.meta.dirname, "peers", "node_modules", "@wireapp", "core-crypto"),
);
if (!isCoreCryptoHere && !isJson) console.error("@wireapp/core-crypto: absent, so it is not measured");
for (const leaves of sizes) {
  const { costs, bytes } = await ours(leaves);
  const theirs = values.peers === true ? await peer(leaves) : new Map<string, number>();
  for (const [name, value] of costs) {
    const other = theirs.get(name);
    const beside = other === undefined ? {} : { peer: PEER, ratio: other / value };
    report(isJson, {
      suite: SUITE,
      name: `${leaves}: ${name}`,
      value,
      unit: "CPU-ms",
      better: "less",
      ...beside,
    });
  }
  for (const [name, value] of bytes)
    report(isJson, { suite: SUITE, name: `${leaves}: ${name}`, value, unit: "bytes", better: "less" });
}
