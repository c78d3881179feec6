/** What a group refuses, by name, and goes on after: what a modified client, a server or a disk could hand it. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type ClientState,
  createApplicationMessage,
  createCommit as createLibraryCommit,
  createProposal,
  encodeMlsMessage,
  makePskIndex,
  type Proposal,
} from "ts-mls";
import {
  GROUP_ADDS_PER_COMMIT_MAX,
  GROUP_CONTEXT_BYTES_MAX,
  KEY_PACKAGE_BYTES_MAX,
  KEY_PACKAGE_LIFETIME_MS_MAX,
} from "../../../core/base/limits.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { createCommit } from "../../../core/group/create-commit.ts";
import { decodeGroup, encodeGroup } from "../../../core/group/group-codec.ts";
import {
  contextExtension,
  createGroup,
  epochAuthenticator,
  FORWARD_GENERATIONS_MAX,
  type Group,
  groupEpoch,
  LATE_GENERATIONS_MAX,
} from "../../../core/group/group.ts";
import type { GroupRule } from "../../../core/group/group-fault.ts";
import { openGroupMessage, sealGroupMessage } from "../../../core/group/group-message.ts";
import { joinGroup } from "../../../core/group/join-group.ts";
import {
  CONTEXT_EXTENSION,
  createKeyPackage,
  verifyPublishedKeyPackage,
} from "../../../core/group/key-package.ts";
import { type CommitJudge, receiveCommit } from "../../../core/group/receive-commit.ts";
import { bad, good } from "../../support/client-world.ts";
import { bytesOf, createGroupWorld, FIRST, LIFETIME, NOW_MS, present } from "../../support/group-world.ts";

// The library, where it forges for these tests, goes by the machine's clock.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS });
  return cryptoReady();
});
afterAll(() => {
  vi.useRealTimers();
});

const NOTHING = new Uint8Array(0);

/** Ada, Ben and Carl in a group; Ada is a modified client. */
async function createTrio(seed: string) {
  const world = createGroupWorld(seed);
  const devices = ["ada", "ben", "carl"].map((name) => world.device(name, "one"));
  const [ada, ben, carl] = await world.groupOf(...devices);
  const groups = { ada: present(ada), ben: present(ben), carl: present(carl) };

  /** What the library makes of any proposals, as our own code never would. */
  async function forge(
    state: ClientState,
    extraProposals: readonly Proposal[],
    asPublic = false,
  ): Promise<Uint8Array> {
    const pskIndex = makePskIndex(state, { "": new Uint8Array(32) });
    const context = { state, cipherSuite: world.suite, pskIndex };
    const made = await createLibraryCommit(context, {
      extraProposals: [...extraProposals],
      wireAsPublicMessage: asPublic,
      ratchetTreeExtension: true,
    });
    return encodeMlsMessage(made.commit);
  }

  /** Both others refuse it for this reason, are as they were, and follow the next good commit. */
  async function expectRefused(
    commit: Uint8Array,
    rule: GroupRule,
    by: CommitJudge = world.judge,
  ): Promise<void> {
    for (const group of [groups.ben, groups.carl])
      expect(bad(await receiveCommit(world.deps, group, commit, by)).rule).toBe(rule);
    const next = await world.commit(groups.ada, {});
    const followed = await world.receive(groups.ben, next.commit);
    expect(epochAuthenticator(followed.next)).toEqual(epochAuthenticator(next.next));
  }
  return { world, groups, devices, forge, expectRefused };
}

describe("a commit", () => {
  test("that changes the context without a path is refused", async () => {
    const { world, groups, forge, expectRefused } = await createTrio("no-path");
    const extensions = [contextExtension(bytesOf("changed"))];
    const proposal: Proposal = {
      proposalType: "group_context_extensions",
      groupContextExtensions: { extensions },
    };
    await expectRefused(await forge(await world.libraryState(groups.ada), [proposal]), "MissingPath");
  });

  test("with a pre-shared key, or a new start, is refused", async () => {
    const { world, groups, forge, expectRefused } = await createTrio("psk");
    const psk: Proposal = {
      proposalType: "psk",
      psk: { preSharedKeyId: { psktype: "external", pskId: NOTHING, pskNonce: world.random.bytes(32) } },
    };
    await expectRefused(await forge(await world.libraryState(groups.ada), [psk]), "MissingPath");
    const reinit: Proposal = {
      proposalType: "reinit",
      reinit: {
        groupId: world.random.bytes(16),
        version: "mls10",
        cipherSuite: groups.ada.state.groupContext.cipherSuite,
        extensions: [],
      },
    };
    await expectRefused(await forge(await world.libraryState(groups.ada), [reinit]), "MissingPath");
  });

  test("by reference to a proposal is refused, and so is the proposal", async () => {
    const { world, groups, expectRefused } = await createTrio("reference");
    const proposed = await createProposal(
      await world.libraryState(groups.ada),
      false,
      { proposalType: "remove", remove: { removed: 2 } },
      world.suite,
    );
    await expectRefused(encodeMlsMessage(proposed.message), "WrongKind");
    const committed = await createLibraryCommit({ state: proposed.newState, cipherSuite: world.suite }, {});
    await expectRefused(encodeMlsMessage(committed.commit), "ForbiddenProposal");
  });

  test("as a public message is refused", async () => {
    const { world, groups, forge, expectRefused } = await createTrio("public");
    await expectRefused(await forge(await world.libraryState(groups.ada), [], true), "WrongKind");
  });

  test("whose context is not one extension of ours is refused: external senders, none, two, too long", async () => {
    const { world, groups, expectRefused } = await createTrio("context");
    const context = bytesOf("ours");
    const ours = contextExtension(context);
    const tooLong = new Uint8Array(GROUP_CONTEXT_BYTES_MAX + 1);
    const senders = { extensionType: "external_senders" as const, extensionData: NOTHING };
    const lists = [
      { extensions: [], context },
      { extensions: [ours, ours], context },
      { extensions: [senders], context },
      { extensions: [ours, senders], context },
      { extensions: [contextExtension(tooLong)], context: tooLong },
      // The hash of another context than the one that comes along, and none that comes along.
      { extensions: [ours], context: bytesOf("another") },
      { extensions: [ours], context: null },
    ];
    for (const { extensions, context } of lists) {
      const proposal: Proposal = {
        proposalType: "group_context_extensions",
        groupContextExtensions: { extensions },
      };
      const remove: Proposal = { proposalType: "remove", remove: { removed: 2 } };
      const made = await createLibraryCommit(
        { state: await world.libraryState(groups.ada), cipherSuite: world.suite },
        { extraProposals: [remove, proposal] },
      ).catch(() => null);
      // What the library itself does not make cannot come from it.
      if (made === null) continue;
      await expectRefused(encodeMlsMessage(made.commit), "BadContext", { ...world.judge, context });
    }
    expect(bad(await createCommit(world.deps, groups.ada, { context: tooLong })).rule).toBe("BadContext");
    const most = { context: new Uint8Array(GROUP_CONTEXT_BYTES_MAX) };
    expect(
      (await world.receive(groups.ben, (await world.commit(groups.ada, most)).commit)).change.context,
    ).toHaveLength(GROUP_CONTEXT_BYTES_MAX);
  });

  test("that adds a device a second time is refused, and not made", async () => {
    const { world, groups, devices, forge, expectRefused } = await createTrio("twice");
    const again = await world.verified(await world.keyPackage(present(devices[1])));
    const add: Proposal = { proposalType: "add", add: { keyPackage: again.keyPackage } };
    const forged = await forge(await world.libraryState(groups.ada), [add]).catch(() => null);
    if (forged !== null) await expectRefused(forged, "DuplicateDevice");
    expect(bad(await createCommit(world.deps, groups.ada, { add: [again] })).rule).toBe("DuplicateDevice");
    // In the place of the leaf it had, it may come again.
    const plan = { add: [again], removeLeaves: [1] };
    const back = await world.commit(groups.ada, plan);
    expect((await world.receive(groups.carl, back.commit)).change.added).toHaveLength(1);
  });

  test("that adds a device which is not on its chain is refused", async () => {
    const { world, groups, devices, expectRefused } = await createTrio("ghost");
    const ghost = await world.keyPackage(world.device("eve", "one"));
    const add = await world.verified(ghost);
    const committed = await world.commit(groups.ada, { add: [add] });
    const strict: CommitJudge = {
      ...world.judge,
      readEvidence: async () => ({
        nowMs: NOW_MS,
        authenticate: (member) => devices.some((one) => one.member.accountId === member.accountId),
      }),
    };
    await expectRefused(committed.commit, "UnknownDevice", strict);
    const unproven: CommitJudge = { ...world.judge, readEvidence: async () => null };
    await expectRefused(committed.commit, "BadEvidence", unproven);
    await expectRefused(committed.commit.slice(0, -1), "Malformed");
  });

  test("that adds by a key package out of its time is refused, by the time the commit was made at", async () => {
    const { world, groups, expectRefused } = await createTrio("lifetime");
    const late: CommitJudge = {
      ...world.judge,
      readEvidence: async () => ({
        nowMs: LIFETIME.untilMs + 2_000,
        authenticate: world.deps.authenticate,
      }),
    };
    const add = await world.verified(await world.keyPackage(world.device("dora", "one")));
    await expectRefused((await world.commit(groups.ada, { add: [add] })).commit, "BadLifetime", late);
  });

  test("that removes its own author, or a leaf that is not there, is not made", async () => {
    const { world, groups } = await createTrio("self");
    expect(bad(await createCommit(world.deps, groups.ada, { removeLeaves: [0] })).rule).toBe("SelfRemoval");
    expect(bad(await createCommit(world.deps, groups.ada, { removeLeaves: [3] })).rule).toBe("UnknownLeaf");
    expect(bad(await createCommit(world.deps, groups.ada, { removeLeaves: [1, 1] })).rule).toBe(
      "UnknownLeaf",
    );
  });

  test("that the room's rules forbid has no effect", async () => {
    const { world, groups, expectRefused } = await createTrio("rules");
    const committed = await world.commit(groups.ada, { removeLeaves: [2] });
    const strict: CommitJudge = {
      ...world.judge,
      isAllowed: ({ removed }) => removed.length === 0,
    };
    await expectRefused(committed.commit, "Forbidden", strict);
  });

  test("of another group, of an epoch that is over, or repeated is refused", async () => {
    const { world, groups } = await createTrio("place");
    const other = await createTrio("other place");
    const foreign = await other.world.commit(other.groups.ada, {});
    expect(bad(await receiveCommit(world.deps, groups.ben, foreign.commit, world.judge)).rule).toBe(
      "WrongGroup",
    );
    const committed = await world.commit(groups.ada, {});
    const { next } = await world.receive(groups.ben, committed.commit);
    expect(bad(await receiveCommit(world.deps, next, committed.commit, world.judge)).rule).toBe("WrongEpoch");
  });

  test("with any byte changed is refused, and the group goes on", async () => {
    const { world, groups, expectRefused } = await createTrio("flip");
    const { commit } = await world.commit(groups.ada, { context: bytesOf("x") });
    for (let at = 0; at < commit.length; at += 7) {
      const bent = commit.slice();
      bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8));
      expect((await receiveCommit(world.deps, groups.ben, bent, world.judge)).ok).toBe(false);
    }
    for (const cut of [0, 1, 16, 31, commit.length - 1])
      expect((await receiveCommit(world.deps, groups.ben, commit.slice(0, cut), world.judge)).ok).toBe(false);
    await expectRefused(Uint8Array.from([...commit, 0]), "Malformed");
  });

  test("adds 50 devices, and not 51", async () => {
    const { world, groups } = await createTrio("many");
    const add = await Promise.all(
      Array.from({ length: GROUP_ADDS_PER_COMMIT_MAX + 1 }, async (_, index) =>
        world.verified(await world.keyPackage(world.device(`many ${index}`, "one"))),
      ),
    );
    expect(bad(await createCommit(world.deps, groups.ada, { add })).rule).toBe("TooManyAdds");
    const most = add.slice(0, GROUP_ADDS_PER_COMMIT_MAX);
    const committed = await world.commit(groups.ada, { add: most });
    expect((await world.receive(groups.ben, committed.commit)).change.added).toHaveLength(
      GROUP_ADDS_PER_COMMIT_MAX,
    );
    const over = add.map(({ keyPackage }): Proposal => ({ proposalType: "add", add: { keyPackage } }));
    const forged = await createLibraryCommit(
      { state: await world.libraryState(groups.ada), cipherSuite: world.suite },
      { extraProposals: over, ratchetTreeExtension: true },
    ).catch(() => null);
    if (forged !== null)
      expect(
        bad(await receiveCommit(world.deps, groups.ben, encodeMlsMessage(forged.commit), world.judge)).rule,
      ).toBe("TooManyAdds");
  });
});

describe("a key package", () => {
  test("is refused out of its time, for too long a time, of another's key, changed, or too long", async () => {
    const world = createGroupWorld("packages");
    const device = world.device("ada", "one");
    const check = async (published: Uint8Array, nowMs = NOW_MS): Promise<GroupRule | null> => {
      const verified = await verifyPublishedKeyPackage(world.suite, published, { ...world.deps, nowMs });
      return verified.ok ? null : verified.error.rule;
    };
    const { published } = await world.keyPackage(device);
    expect(await check(published)).toBeNull();
    expect(await check(published, LIFETIME.fromMs - 2_000)).toBe("BadLifetime");
    expect(await check(published, LIFETIME.untilMs + 2_000)).toBe("BadLifetime");
    const longest = { fromMs: NOW_MS, untilMs: NOW_MS + KEY_PACKAGE_LIFETIME_MS_MAX };
    expect(await check((await world.keyPackage(device, longest)).published)).toBeNull();
    const tooLong = { ...longest, untilMs: longest.untilMs + 1_000 };
    expect(await check((await world.keyPackage(device, tooLong)).published)).toBe("BadLifetime");
    const impostor = { ...device, signSeed: world.random.bytes(32) };
    const stolen = await createKeyPackage(world.suite, impostor, LIFETIME);
    expect(await check(stolen.published)).toBe("UnknownDevice");
    expect(await check(world.random.bytes(KEY_PACKAGE_BYTES_MAX + 1))).toBe("Malformed");
    for (let at = 0; at < published.length; at += 5) {
      const bent = published.slice();
      bent[at] = (bent[at] ?? 0) ^ 0x20;
      expect(await check(bent)).not.toBeNull();
    }
  });
});

describe("a welcome", () => {
  test("opens for the key package it was made for only, and not when changed", async () => {
    const world = createGroupWorld("welcome");
    const ada = await world.found(world.device("ada", "one"));
    const [ben, carl] = [
      await world.keyPackage(world.device("ben", "one")),
      await world.keyPackage(world.device("carl", "one")),
    ];
    const { welcome } = await world.commit(ada, { add: [await world.verified(ben)] });
    const sealed = present(welcome);
    expect(bad(await joinGroup(world.deps, sealed, carl, FIRST)).rule).toBe("Inauthentic");
    for (let at = 0; at < sealed.length; at += 11) {
      const bent = sealed.slice();
      bent[at] = (bent[at] ?? 0) ^ 0x04;
      expect((await joinGroup(world.deps, bent, ben, FIRST)).ok).toBe(false);
    }
    expect(bad(await joinGroup(world.deps, sealed.slice(0, -1), ben, FIRST)).type).toBe("GroupRefused");
    expect((await joinGroup(world.deps, sealed, ben, FIRST)).ok).toBe(true);
  });

  test("to a group with a member whose key is not on its chain is refused", async () => {
    const world = createGroupWorld("welcome ghost");
    const ada = await world.found(world.device("ada", "one"));
    const ben = await world.keyPackage(world.device("ben", "one"));
    const { welcome } = await world.commit(ada, { add: [await world.verified(ben)] });
    const blind = { ...world.deps, authenticate: () => false };
    expect(bad(await joinGroup(blind, present(welcome), ben, FIRST)).rule).toBe("Inauthentic");
  });
});

describe("a message", () => {
  test("opens once; changed, cut, repeated or of another group it does not", async () => {
    const { world, groups } = await createTrio("message");
    const { sealed } = good(
      await sealGroupMessage(world.deps, groups.ada, {
        plaintext: bytesOf("hello"),
        authenticatedData: bytesOf("aad"),
      }),
    );
    for (let at = 0; at < sealed.length; at += 3) {
      const bent = sealed.slice();
      bent[at] = (bent[at] ?? 0) ^ 0x01;
      expect((await openGroupMessage(world.deps, groups.ben, bent)).ok).toBe(false);
    }
    const opened = good(await openGroupMessage(world.deps, groups.ben, sealed));
    expect(bad(await openGroupMessage(world.deps, opened.next, sealed)).rule).toBe("Inauthentic");
    const other = await createTrio("another message");
    expect(bad(await openGroupMessage(other.world.deps, other.groups.ben, sealed)).rule).toBe("WrongGroup");
    const commit = await world.commit(groups.ada, {});
    expect(bad(await openGroupMessage(world.deps, groups.ben, commit.commit)).rule).toBe("WrongKind");
  });

  test("10,000 ahead of what was read opens, one more does not; 1,000 behind opens, one more does not", {
    timeout: 120_000,
  }, async () => {
    const { world, groups } = await createTrio("windows");
    let state = await world.libraryState(groups.ada);
    const kept = new Map<number, Uint8Array>();
    const last = FORWARD_GENERATIONS_MAX + 1;
    const wanted = new Set([0, last - 1 - LATE_GENERATIONS_MAX, last - LATE_GENERATIONS_MAX, last - 1, last]);
    for (let generation = 0; generation <= last; generation++) {
      const made = await createApplicationMessage(state, NOTHING, world.suite, NOTHING);
      state = made.newState;
      if (wanted.has(generation))
        kept.set(
          generation,
          encodeMlsMessage({
            version: "mls10",
            wireformat: "mls_private_message",
            privateMessage: made.privateMessage,
          }),
        );
    }
    const open = (group: Group, generation: number) =>
      openGroupMessage(world.deps, group, present(kept.get(generation)));
    expect((await open(groups.ben, last)).ok).toBe(false);
    const ahead = good(await open(groups.ben, last - 1));
    expect((await open(ahead.next, last - LATE_GENERATIONS_MAX)).ok).toBe(true);
    expect((await open(ahead.next, 0)).ok).toBe(false);
  });
});

describe("a stored group", () => {
  test("that is damaged is refused, never half read", async () => {
    const { world, groups } = await createTrio("stored");
    const stored = encodeGroup(groups.ada);
    const epoch = Number(groupEpoch(groups.ada));
    const [number, part] = present([...present(stored.ratchets.get(epoch))][0]);
    const damaged = (bytes: Uint8Array) => [bytes.slice(0, -1), Uint8Array.from([...bytes, 0])];
    for (const bytes of damaged(stored.epoch))
      expect(bad(await decodeGroup(world.deps, { ...stored, epoch: bytes })).rule).toBe("Malformed");
    for (const bytes of damaged(part)) {
      const ratchets = new Map(stored.ratchets).set(epoch, new Map([[number, bytes]]));
      expect(bad(await decodeGroup(world.deps, { ...stored, ratchets })).rule).toBe("Malformed");
    }
    expect(bad(await decodeGroup(world.deps, { ...stored, ratchets: new Map() })).rule).toBe("Malformed");
    expect((await decodeGroup(world.deps, stored)).ok).toBe(true);
  });

  test("whose founding context is too long is not founded", async () => {
    const world = createGroupWorld("founding");
    const own = await world.keyPackage(world.device("ada", "one"));
    const context = new Uint8Array(GROUP_CONTEXT_BYTES_MAX + 1);
    expect(bad(await createGroup(world.deps, world.random.bytes(16), own, context)).rule).toBe("BadContext");
    expect(CONTEXT_EXTENSION).toBeGreaterThanOrEqual(0xf000);
  });
});
