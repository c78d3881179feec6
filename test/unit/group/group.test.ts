/** Groups from their founding on: members, messages, commits, the store between any two steps. */
import { beforeAll, describe, expect, test } from "vitest";
import { toUtf8 } from "../../../core/base/bytes.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { encodeGroup, encodeGroupStep } from "../../../core/group/group-codec.ts";
import {
  epochAuthenticator,
  exportGroupSecret,
  type Group,
  groupEpoch,
  isActive,
  LATE_EPOCHS_MAX,
  leavesOf,
} from "../../../core/group/group.ts";
import { claimedEpoch, openGroupMessage, sealGroupMessage } from "../../../core/group/group-message.ts";
import { joinGroup, welcomedKeyPackages } from "../../../core/group/join-group.ts";
import { bad, good } from "../../support/client-world.ts";
import { bytesOf, createGroupWorld, present } from "../../support/group-world.ts";

beforeAll(cryptoReady);

const NOTHING = new Uint8Array(0);

function pair(groups: readonly Group[]): [Group, Group] {
  return [present(groups[0]), present(groups[1])];
}

describe("a group", () => {
  test("of two people with two devices each is one group to all of them", async () => {
    const world = createGroupWorld("four");
    const devices = [
      world.device("ada", "laptop"),
      world.device("ada", "phone"),
      world.device("ben", "laptop"),
      world.device("ben", "tablet"),
    ];
    const groups = await world.groupOf(...devices);
    const views = await Promise.all(
      groups.map(async (group) => ({
        members: good(leavesOf(group)).map((leaf) => leaf.member),
        authenticator: epochAuthenticator(group),
        context: group.context,
        secret: await exportGroupSecret(world.deps, group, {
          label: "history",
          context: bytesOf("room"),
          length: 32,
        }),
      })),
    );
    expect(views[0]?.members).toEqual(devices.map((device) => device.member));
    for (const view of views) expect(view).toEqual(views[0]);
  });

  test("carries 500 messages each way with the state stored and loaded at every step", async () => {
    const world = createGroupWorld("messages");
    let [ada, ben] = pair(await world.groupOf(world.device("ada", "a"), world.device("ben", "b")));
    for (let i = 0; i < 500; i++) {
      for (const turn of ["ada", "ben"] as const) {
        const text = `${turn} ${i}`;
        const message = { plaintext: toUtf8(text), authenticatedData: toUtf8("aad") };
        const sealed = good(await sealGroupMessage(world.deps, turn === "ada" ? ada : ben, message));
        const opened = good(await openGroupMessage(world.deps, turn === "ada" ? ben : ada, sealed.sealed));
        expect(opened).toMatchObject(message);
        expect(opened.sender.leafIndex).toBe(turn === "ada" ? 0 : 1);
        const [next, other] = [await world.stored(sealed.next), await world.stored(opened.next)];
        [ada, ben] = turn === "ada" ? [next, other] : [other, next];
      }
    }
  });

  test("stores what a commit changes apart from what a message changes", async () => {
    const world = createGroupWorld("parts");
    const [ada, ben] = pair(await world.groupOf(world.device("ada", "a"), world.device("ben", "b")));
    const before = encodeGroup(ada);
    const sealed = good(
      await sealGroupMessage(world.deps, ada, { plaintext: bytesOf("x"), authenticatedData: NOTHING }),
    );
    const after = encodeGroup(sealed.next);
    expect(after.epoch).toEqual(before.epoch);
    expect(after.past).toEqual(before.past);
    expect(after.ratchets).not.toEqual(before.ratchets);
    const committed = await world.commit(sealed.next, {});
    const received = await world.receive(ben, committed.commit);
    // A message of the epoch before changes that epoch's ratchets alone.
    const stored = encodeGroup(received.next);
    const opened = good(await openGroupMessage(world.deps, received.next, sealed.sealed));
    const late = encodeGroup(opened.next);
    expect([late.epoch, late.past]).toEqual([stored.epoch, stored.past]);
    expect(late.ratchets.get(2)).toEqual(stored.ratchets.get(2));
    expect(late.ratchets.get(1)).not.toEqual(stored.ratchets.get(1));
  });

  test("whose context alone changes gets fresh keys with it, and everyone follows", async () => {
    const world = createGroupWorld("context");
    const groups = await world.groupOf(...["a", "b", "c"].map((name) => world.device(name, "one")));
    const [ada, ben] = pair(groups);
    const committed = await world.commit(ada, {
      context: bytesOf("second"),
      authenticatedData: bytesOf("why"),
    });
    const received = await world.receive(ben, committed.commit);
    expect(received.change).toMatchObject({
      committer: { leafIndex: 0 },
      added: [],
      removed: [],
      context: bytesOf("second"),
      authenticatedData: bytesOf("why"),
    });
    expect(epochAuthenticator(received.next)).toEqual(epochAuthenticator(committed.next));
    expect(received.next.context).toEqual(bytesOf("second"));
    const leafKey = (group: Group): unknown => {
      const leaf = group.state.ratchetTree[0];
      return leaf?.nodeType === "leaf" ? leaf.leaf.hpkePublicKey : null;
    };
    expect(leafKey(received.next)).not.toEqual(leafKey(ben));
  });

  test("adds, removes and changes its context in one commit; who comes joins, who went reads nothing new", async () => {
    const world = createGroupWorld("all");
    const [first, second, third] = ["a", "b", "c"].map((name) => world.device(name, "one"));
    const groups = await world.groupOf(present(first), present(second), present(third));
    const dora = await world.keyPackage(world.device("d", "one"));
    const plan = { add: [await world.verified(dora)], removeLeaves: [2], context: bytesOf("later") };
    const committed = await world.commit(present(groups[0]), plan);
    const received = await world.receive(present(groups[1]), committed.commit);
    const joined = good(await joinGroup(world.deps, present(committed.welcome), dora, bytesOf("later")));
    const out = await world.receive(present(groups[2]), committed.commit);
    expect(received.change.removed.map((leaf) => leaf.leafIndex)).toEqual([2]);
    expect(epochAuthenticator(joined)).toEqual(epochAuthenticator(received.next));
    expect(isActive(out.next)).toBe(false);
    const sealed = good(
      await sealGroupMessage(world.deps, joined, { plaintext: bytesOf("new"), authenticatedData: NOTHING }),
    );
    expect(good(await openGroupMessage(world.deps, received.next, sealed.sealed)).plaintext).toEqual(
      bytesOf("new"),
    );
    expect(bad(await openGroupMessage(world.deps, out.next, sealed.sealed)).rule).toBe("NotMember");
    // With what it still holds of the old epoch, too.
    expect(bad(await openGroupMessage(world.deps, present(groups[2]), sealed.sealed)).rule).toBe(
      "WrongEpoch",
    );
    expect(
      bad(await sealGroupMessage(world.deps, out.next, { plaintext: NOTHING, authenticatedData: NOTHING }))
        .rule,
    ).toBe("NotMember");
  });

  test("whose log gives another commit the place goes on with that one, and the loser commits again", async () => {
    const world = createGroupWorld("race");
    const [ada, ben] = pair(await world.groupOf(world.device("ada", "a"), world.device("ben", "b")));
    const won = await world.commit(ada, { context: bytesOf("ada's") });
    const lost = await world.commit(ben, { context: bytesOf("ben's") });
    const followed = (await world.receive(ben, won.commit)).next;
    expect(epochAuthenticator(followed)).toEqual(epochAuthenticator(won.next));
    const again = await world.commit(followed, { context: bytesOf("ben's") });
    const both = (await world.receive(won.next, again.commit)).next;
    expect(epochAuthenticator(both)).toEqual(epochAuthenticator(again.next));
    expect(groupEpoch(both)).toBe(groupEpoch(ada) + 2n);
    expect(lost.next).not.toBe(again.next);
  });

  test("keeps 32 epochs for messages that come late, and no more", async () => {
    const world = createGroupWorld("late");
    let [ada, ben] = pair(await world.groupOf(world.device("ada", "a"), world.device("ben", "b")));
    const sealed: Uint8Array[] = [];
    for (let epoch = 0; epoch <= LATE_EPOCHS_MAX; epoch++) {
      const made = good(
        await sealGroupMessage(world.deps, ada, {
          plaintext: bytesOf(`${epoch}`),
          authenticatedData: NOTHING,
        }),
      );
      sealed.push(made.sealed);
      const committed = await world.commit(made.next, {});
      ben = (await world.receive(ben, committed.commit)).next;
      ada = committed.next;
    }
    const [tooOld, oldest, ...others] = sealed;
    expect(bad(await openGroupMessage(world.deps, ben, present(tooOld))).rule).toBe("WrongEpoch");
    for (const [index, message] of [oldest, ...others].entries()) {
      const opened = good(await openGroupMessage(world.deps, ben, present(message)));
      expect(opened.plaintext).toEqual(bytesOf(`${index + 1}`));
      ben = opened.next;
    }
  });

  test("[RM16] stores after a message only the ratchets it moved, and after a commit the epoch that ended", async () => {
    const world = createGroupWorld("steps");
    const [ada, ben] = pair(await world.groupOf(world.device("ada", "a"), world.device("ben", "b")));
    const message = { plaintext: bytesOf("one"), authenticatedData: NOTHING };
    const first = good(await sealGroupMessage(world.deps, ada, message));
    const opened = good(await openGroupMessage(world.deps, ben, first.sealed));
    const afterMessage = encodeGroupStep(ben, opened.next);
    expect([afterMessage.epoch, afterMessage.past.size, afterMessage.forgotten.size]).toEqual([null, 0, 0]);
    expect(afterMessage.ratchets).toEqual(encodeGroup(opened.next).ratchets);
    const late = good(await sealGroupMessage(world.deps, first.next, message));
    const committed = await world.commit(late.next, {});
    const followed = (await world.receive(opened.next, committed.commit)).next;
    const afterCommit = encodeGroupStep(opened.next, followed);
    expect(afterCommit.epoch).toEqual(encodeGroup(followed).epoch);
    expect([...afterCommit.past.keys()]).toEqual([1]);
    const lateOpened = good(await openGroupMessage(world.deps, followed, late.sealed));
    const afterLate = encodeGroupStep(followed, lateOpened.next);
    expect([afterLate.epoch, afterLate.past.size]).toEqual([null, 0]);
    expect([...afterLate.ratchets]).toEqual([[1, encodeGroup(lateOpened.next).ratchets.get(1)]]);
  });

  test("tells whose key packages a Welcome is for, and which epoch a message claims", async () => {
    const world = createGroupWorld("names");
    const founded = await world.found(world.device("ada", "a"));
    const pairs = await Promise.all(["b", "c"].map((name) => world.keyPackage(world.device("ben", name))));
    const add = await Promise.all(pairs.map(world.verified));
    const { commit, welcome } = await world.commit(founded, { add });
    const named = await welcomedKeyPackages(present(welcome));
    expect(named).toEqual(pairs.map(({ ref }) => ref));
    expect(await welcomedKeyPackages(commit)).toEqual([]);
    expect(await claimedEpoch(commit)).toBe(0n);
    expect(await claimedEpoch(present(welcome))).toBe(null);
    expect(await claimedEpoch(bytesOf("nothing"))).toBe(null);
  });
});
