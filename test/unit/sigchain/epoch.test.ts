/** Epoch secrets: who can open them, who finds out a faulty one, and the way back. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import { type Bytes, toHex } from "../../../core/base/bytes.ts";
import { EPOCH_BOXES_BYTES_MAX, EPOCH_WALKS_MAX } from "../../../core/base/limits.ts";
import { decode, encode } from "../../../core/codec/shape.ts";
import { hash } from "../../../core/crypto/hash.ts";
import { deriveKey } from "../../../core/crypto/kdf.ts";
import { LABEL } from "../../../core/crypto/labels.ts";
import { seal } from "../../../core/crypto/seal.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { encapsulate } from "../../../core/crypto/xwing.ts";
import { createRevoke, createRotate } from "../../../core/sigchain/create/create-link.ts";
import {
  addedBoxShape,
  boxesHash,
  checkLinkAct,
  type EpochBoxes,
  encodeEpochBoxes,
  epochBoxesShape,
  parseEpochBoxes,
} from "../../../core/sigchain/epoch-box.ts";
import {
  boxContext,
  createAddedBox,
  createEpoch,
  discardEpoch,
  type NewEpoch,
  recipientsOf,
} from "../../../core/sigchain/epoch/create-epoch.ts";
import {
  createCut,
  cutCommitment,
  cutOpeningShape,
  openCut,
  sealCut,
} from "../../../core/sigchain/epoch/cut.ts";
import {
  accountLogId,
  accountRoot,
  epochCommit,
  requestKeyPair,
  requestLogId,
} from "../../../core/sigchain/epoch/epoch-secret.ts";
import { openAddedBox, openEpoch, walkBack } from "../../../core/sigchain/epoch/open-epoch.ts";
import { openHistory, openNewestEpoch } from "../../../core/sigchain/epoch/open-history.ts";
import type { DeviceKeys } from "../../../core/sigchain/keys/device-keys.ts";
import { parseLink } from "../../../core/sigchain/link.ts";
import { reduceLink } from "../../../core/sigchain/reduce-link.ts";
import {
  addDevice,
  bodyAfter,
  boxesOf,
  type ChainWorld,
  changeRecovery,
  context,
  createWorld,
  currentSecret,
  firstKeys,
  forge,
  must,
  newDevice,
  recover,
  refusal,
  replaceDevice,
  revokeDevices,
  rotate,
  secretOf,
  someCut,
  stateOf,
  updateKemKey,
  worldOfEveryType,
} from "../../support/chain-world.ts";

beforeAll(cryptoReady);

let world: ChainWorld;
let first: DeviceKeys;
let second: DeviceKeys;
beforeEach(() => {
  world = createWorld("epochs");
  first = firstKeys(world);
  second = addDevice(world, first);
});

/** Puts an epoch of the test's own making on the chain by a rotate that `first` signs. */
function rotateWith(epoch: NewEpoch): Bytes {
  const link = forge(bodyAfter(world, { type: "rotate", epoch: epoch.record }, first), first);
  world.states.push(must(reduceLink(stateOf(world), link)));
  world.links.push(link);
  world.secrets.set(epoch.secret.number, epoch.secret);
  world.boxes.set(epoch.secret.number, epoch.boxes);
  return epoch.boxes;
}

/** A new epoch with its boxes changed and committed to all the same: what a hostile sibling can do. */
function tampered(change: (boxes: EpochBoxes) => EpochBoxes): NewEpoch {
  const honest = createEpoch(world.random, {
    number: stateOf(world).epochs.length + 1,
    recipients: recipientsOf(stateOf(world)),
    earlier: [currentSecret(world)],
    cut: null,
  });
  const boxes = encodeEpochBoxes(change(must(decode(epochBoxesShape, honest.boxes))));
  return { ...honest, boxes, record: { ...honest.record, boxesHash: boxesHash(boxes) } };
}

function opens(number: number, holder: DeviceKeys | ChainWorld["recovery"]): string {
  const opened = openEpoch(stateOf(world), number, boxesOf(world, number), holder);
  return opened.ok ? toHex(opened.value.secret.secret) : opened.error.type;
}

describe("boxes", () => {
  test("[EP1] an epoch is sealed to every active device and the recovery key, in ascending order, to nobody else", () => {
    rotate(world);
    const boxes = must(decode(epochBoxesShape, boxesOf(world, 2)));
    const all = [first.signerId, second.signerId, world.recovery.signerId].sort();
    expect(boxes.boxes.map((box) => box.to)).toEqual(all);
    for (const holder of [first, second, world.recovery]) {
      expect(opens(2, holder)).toBe(toHex(currentSecret(world).secret));
    }
    expect(opens(2, newDevice(world.random))).toBe("NoBoxForHolder");
  });

  test("[EP2] boxes that the link does not commit to are refused", () => {
    rotate(world);
    const boxes = boxesOf(world, 2).slice();
    boxes[boxes.length - 1] = (boxes.at(-1) ?? 0) ^ 1;
    expect(refusal(openEpoch(stateOf(world), 2, boxes, first)).type).toBe("BoxesDoNotMatch");
    expect(refusal(openEpoch(stateOf(world), 2, boxesOf(world, 1), first)).type).toBe("BoxesDoNotMatch");
    expect(refusal(openEpoch(stateOf(world), 3, boxes, first)).type).toBe("UnknownEpoch");
    expect(toHex(boxesHash(boxes))).toBe(toHex(hash(LABEL.boxesHash, boxes)));
    const epoch = tampered((honest) => ({ ...honest, number: 9 }));
    rotateWith(epoch);
    expect(refusal(openEpoch(stateOf(world), 3, epoch.boxes, first)).type).toBe("BoxesDoNotMatch");
  });

  test("[EP3] boxes are bounded", () => {
    const record = (boxes: Bytes) => ({ ...epochOf(1), boxesHash: boxesHash(boxes) });
    const over = new Uint8Array(EPOCH_BOXES_BYTES_MAX + 1);
    expect(refusal(parseEpochBoxes(record(over), over)).type).toBe("BoxesTooLarge");
    const at = new Uint8Array(EPOCH_BOXES_BYTES_MAX);
    expect(refusal(parseEpochBoxes(record(at), at)).type).toBe("MalformedBoxes");
    const earlier = Array.from({ length: EPOCH_WALKS_MAX + 1 }, () => currentSecret(world));
    const recipients = recipientsOf(stateOf(world));
    const plan = { number: 2, recipients, cut: null };
    expect(createEpoch(world.random, { ...plan, earlier: earlier.slice(1) }).record.number).toBe(2);
    expect(() => createEpoch(world.random, { ...plan, earlier })).toThrow("bounded number");
    const honest = must(decode(epochBoxesShape, createEpoch(world.random, { ...plan, earlier: [] }).boxes));
    const walk = { number: 1, sealed: new Uint8Array(104) };
    const walks = Array.from({ length: EPOCH_WALKS_MAX + 1 }, () => walk);
    expect(decode(epochBoxesShape, encodeEpochBoxes({ ...honest, walks: walks.slice(1) })).ok).toBe(true);
    const valid = encode(epochBoxesShape, { ...honest, walks: walks.slice(1) });
    expect(valid.length).toBeLessThan(EPOCH_BOXES_BYTES_MAX);
  });

  test("[EP4] a link and the boxes it needs are one act", () => {
    const acts = worldOfEveryType("acts");
    for (const [index, link] of acts.links.entries()) {
      const state = present(acts.states[index], "a state");
      const { body } = must(parseLink(link));
      const epoch = state.epochs.find((candidate) => candidate.seq === state.seq);
      const device = [...state.devicesById.values()].find((candidate) => candidate.addedSeq === state.seq);
      const boxes = epoch === undefined ? null : boxesOf(acts, epoch.number);
      const addedBox = device === undefined ? null : (acts.addedBoxes.get(device.id) ?? null);
      expect(checkLinkAct(state, { body, boxes, addedBox })).toEqual({ ok: true, value: undefined });
      if (boxes !== null) {
        expect(refusal(checkLinkAct(state, { body, boxes: null, addedBox })).type).toBe("MissingBoxes");
        const other = boxesOf(acts, epoch?.number === 1 ? 2 : 1);
        expect(refusal(checkLinkAct(state, { body, boxes: other, addedBox })).type).toBe("BoxesDoNotMatch");
        const extra = refusal(checkLinkAct(state, { body, boxes, addedBox: new Uint8Array(1) }));
        expect(extra.type).toBe("UnexpectedBoxes");
      } else {
        const extra = boxesOf(acts, 1);
        expect(refusal(checkLinkAct(state, { body, boxes: extra, addedBox })).type).toBe("UnexpectedBoxes");
        const without = checkLinkAct(state, { body, boxes, addedBox: null });
        if (body.payload.type === "device-add") expect(refusal(without).type).toBe("MissingAddedBox");
        else expect(without.ok).toBe(true);
      }
    }
  });

  test("[EP4] an added box is for the device that comes and the epoch in force", () => {
    const third = addDevice(world, first);
    const state = stateOf(world);
    const { body } = must(parseLink(present(world.links.at(-1), "a link")));
    const forOther = createAddedBox(world.random, state, currentSecret(world), second.record);
    expect(refusal(checkLinkAct(state, { body, boxes: null, addedBox: forOther })).type).toBe(
      "AddedBoxDoesNotMatch",
    );
    const box = must(decode(addedBoxShape, present(world.addedBoxes.get(third.id), "a box")));
    const otherEpoch = encode(addedBoxShape, { ...box, number: 2 });
    expect(refusal(checkLinkAct(state, { body, boxes: null, addedBox: otherEpoch })).type).toBe(
      "AddedBoxDoesNotMatch",
    );
    expect(refusal(checkLinkAct(state, { body, boxes: null, addedBox: new Uint8Array(3) })).type).toBe(
      "MalformedBoxes",
    );
  });
});

function epochOf(number: number): ChainWorld["states"][number]["epochs"][number] {
  return present(stateOf(world).epochs[number - 1], "an epoch");
}

describe("what derives from a secret", () => {
  test("[EP6] the link commits to H(ES_e)", () => {
    const { secret } = currentSecret(world);
    expect(toHex(epochOf(1).commit)).toBe(toHex(hash(LABEL.epochCommit, secret)));
    expect(toHex(epochCommit(secret))).toBe(toHex(epochOf(1).commit));
  });

  test("[EP7] the request key on the chain has a seed that derives from the secret", () => {
    expect(toHex(requestKeyPair(currentSecret(world).secret).publicKey)).toBe(toHex(epochOf(1).requestKey));
  });

  test("[EP8] names derive from the first secret and stay for life", () => {
    const root = accountRoot(secretOf(world, 1).secret);
    rotate(world);
    expect(toHex(accountRoot(secretOf(world, 2).secret))).not.toBe(toHex(root));
    expect(stateOf(world).service?.requestLogId).toBe(requestLogId(root));
    expect(accountLogId(root)).not.toBe(requestLogId(root));
    expect(accountLogId(root)).toBe(accountLogId(accountRoot(secretOf(world, 1).secret)));
  });
});

describe("opening", () => {
  test("[EP9] a box opens for its own holder, epoch and key only", () => {
    rotate(world);
    const boxes = must(decode(epochBoxesShape, boxesOf(world, 2)));
    const stolen = present(
      boxes.boxes.find((box) => box.to === second.signerId),
      "a box",
    );
    const state = stateOf(world);
    const asOurs = encode(addedBoxShape, { version: 1, number: 2, box: { ...stolen, to: first.signerId } });
    expect(refusal(openAddedBox(state, asOurs, first)).type).toBe("BoxDoesNotOpen");
    const wrongEpoch = encode(addedBoxShape, { version: 1, number: 1, box: stolen });
    expect(refusal(openAddedBox(state, wrongEpoch, second)).type).toBe("BoxDoesNotOpen");
    const asRecovery = { signerId: second.signerId, kem: first.kem };
    expect(refusal(openEpoch(state, 2, boxesOf(world, 2), asRecovery)).type).toBe("BoxDoesNotOpen");
  });

  test("[EP10] the secret before is sealed under this one and needs nothing else", () => {
    rotate(world);
    const [before] = must(walkBack(stateOf(world), secretOf(world, 2), boxesOf(world, 2)));
    expect(before).toEqual(secretOf(world, 1));
    const wrong = { number: 2, secret: secretOf(world, 1).secret };
    expect(refusal(walkBack(stateOf(world), wrong, boxesOf(world, 2))).type).toBe("WalkBroken");
    expect(must(walkBack(stateOf(world), secretOf(world, 1), boxesOf(world, 1)))).toEqual([]);
  });

  test("[EP11] of two epochs for one place one wins; the loser's secret is erased and opens nothing", () => {
    const winner = must(createRotate(world.random, context(world), first));
    const loser = must(createRotate(world.random, context(world), second));
    world.states.push(winner.state);
    world.secrets.set(2, winner.epoch.secret);
    expect(reduceLink(stateOf(world), loser.link).ok).toBe(false);
    const number = 2;
    expect(refusal(openEpoch(stateOf(world), number, loser.epoch.boxes, first)).type).toBe("BoxesDoNotMatch");
    const opened = must(openEpoch(stateOf(world), number, winner.epoch.boxes, second));
    expect(opened.secret).toEqual(winner.epoch.secret);
    discardEpoch(loser.epoch);
    expect(toHex(loser.epoch.secret.secret)).toBe("00".repeat(32));
    // Built again on the new head, it is accepted.
    const again = must(createRotate(world.random, context(world), second));
    expect(again.state.epochs.length).toBe(3);
  });

  test("[EP12] a device that joins without a new epoch has a box of its own", () => {
    const third = addDevice(world, second);
    const box = present(world.addedBoxes.get(third.id), "a box");
    expect(must(openAddedBox(stateOf(world), box, third))).toEqual(currentSecret(world));
    expect(refusal(openAddedBox(stateOf(world), box, first)).type).toBe("NoBoxForHolder");
    expect(refusal(openAddedBox(stateOf(world), new Uint8Array(9), third)).type).toBe("MalformedAddedBox");
    expect(opens(1, third)).toBe("NoBoxForHolder");
  });

  test("a renewed X-Wing key opens what comes, the old one what was", () => {
    rotate(world);
    const renewed = updateKemKey(world, second);
    rotate(world);
    expect(opens(2, second)).toBe(toHex(secretOf(world, 2).secret));
    expect(opens(2, renewed)).toBe("BoxDoesNotOpen");
    expect(opens(3, renewed)).toBe(toHex(secretOf(world, 3).secret));
    expect(opens(3, second)).toBe("BoxDoesNotOpen");
  });

  test("[EP5] a revoked device, a replaced one and a replaced recovery key open nothing that follows", () => {
    rotate(world);
    revokeDevices(world, [second.id], first);
    expect(opens(2, second)).toBe(toHex(secretOf(world, 2).secret));
    expect(opens(3, second)).toBe("NoBoxForHolder");
    // With all it holds, the way leads back only.
    const held = [secretOf(world, 1), secretOf(world, 2)];
    const reached = openHistory(stateOf(world), held, (number) => boxesOf(world, number));
    expect([...reached.secretsByNumber.keys()].sort()).toEqual([1, 2]);
    const oldRecovery = world.recovery;
    changeRecovery(world);
    expect(opens(3, oldRecovery)).toBe(toHex(secretOf(world, 3).secret));
    expect(opens(4, oldRecovery)).toBe("NoBoxForHolder");
    const third = replaceDevice(world, first.id, first);
    expect(opens(5, first)).toBe("NoBoxForHolder");
    recover(world, []);
    expect(opens(6, third)).toBe("NoBoxForHolder");
  });
});

describe("the cut", () => {
  test("[EP13] a revocation commits to a hidden head and opens it for those who stay", () => {
    const cut = someCut(world, 41);
    const built = must(createRevoke(world.random, context(world), first, { deviceIds: [second.id], cut }));
    const [entry] = built.state.cuts;
    expect(toHex(present(entry, "a cut").commitment)).toBe(toHex(cutCommitment(cut)));
    const opened = must(openEpoch(built.state, 2, built.epoch.boxes, first, [currentSecret(world)]));
    expect(
      opened.cut && { ...opened.cut, chain: toHex(opened.cut.chain), salt: toHex(opened.cut.salt) },
    ).toEqual({
      ...cut,
      chain: toHex(cut.chain),
      salt: toHex(cut.salt),
    });
    // The salt hides it: the same head twice gives two commitments.
    const { salt: _, ...head } = cut;
    expect(toHex(cutCommitment(createCut(world.random, head)))).not.toBe(toHex(cutCommitment(cut)));
  });

  test("[EP14] an opening that is not the one committed to is refused", () => {
    const [honest, other] = [someCut(world, 41), someCut(world, 99)];
    const { secret } = currentSecret(world);
    const sealed = sealCut(world.random, secret, other);
    expect(refusal(openCut(secret, cutCommitment(honest), sealed)).type).toBe("DoesNotOpen");
    expect(must(openCut(secret, cutCommitment(other), sealed)).seq).toBe(99);
    const aad = cutCommitment(honest);
    const sealContext = { key: deriveKey(secret, LABEL.cutKey), label: LABEL.sealCut, aad };
    const lie = seal(world.random, sealContext, encode(cutOpeningShape, other));
    expect(refusal(openCut(secret, aad, lie)).type).toBe("CutDoesNotMatch");
    for (const field of ["incarnation", "seq"] as const) {
      const changed = { ...honest, [field]: honest[field] + 1 };
      expect(toHex(cutCommitment(changed))).not.toBe(toHex(cutCommitment(honest)));
    }
    for (const change of [
      (boxes: EpochBoxes) => ({ ...boxes, cut: null }),
      (boxes: EpochBoxes) => ({ ...boxes, cut: sealed }),
    ]) {
      const local = createWorld("cut");
      const signer = firstKeys(local);
      const gone = addDevice(local, signer);
      const built = must(
        createRevoke(local.random, context(local), signer, { deviceIds: [gone.id], cut: someCut(local) }),
      );
      const boxes = encodeEpochBoxes(change(must(decode(epochBoxesShape, built.epoch.boxes))));
      const record = { ...built.epoch.record, boxesHash: boxesHash(boxes) };
      const { payload } = must(parseLink(built.link)).body;
      const body = bodyAfter(
        local,
        payload.type === "revoke" ? { ...payload, epoch: record } : payload,
        signer,
      );
      const state = must(reduceLink(stateOf(local), forge(body, signer)));
      expect(refusal(openEpoch(state, 2, boxes, signer)).type).toMatch(/^Cut(Missing|Fault)$/u);
    }
  });
});

describe("a faulty epoch is found out by those who open it", () => {
  test("[EP15] a box that holds another secret", () => {
    const other = createEpoch(world.random, {
      number: 2,
      recipients: recipientsOf(stateOf(world)),
      earlier: [],
      cut: null,
    });
    const epoch = tampered((boxes) => ({
      ...boxes,
      boxes: must(decode(epochBoxesShape, other.boxes)).boxes,
    }));
    rotateWith(epoch);
    expect(opens(2, second)).toBe("BoxDoesNotOpen");
    // Sealed for the right place, and still not what the link committed to.
    const number = 3;
    const honest = createEpoch(world.random, {
      number,
      recipients: recipientsOf(stateOf(world)),
      earlier: [],
      cut: null,
    });
    const recipient = { signerId: second.signerId, kemKey: second.record.kemKey };
    const made = must(encapsulate(world.random, second.record.kemKey));
    const context = boxContext(number, honest.record.commit, recipient, made.sharedSecret);
    const sealed = seal(world.random, context, world.random.bytes(32));
    const lie = { to: second.signerId, ciphertext: made.ciphertext, sealed };
    const boxes = must(decode(epochBoxesShape, honest.boxes));
    const lies = encodeEpochBoxes({
      ...boxes,
      boxes: boxes.boxes.map((box) => (box.to === second.signerId ? lie : box)),
    });
    rotateWith({ ...honest, boxes: lies, record: { ...honest.record, boxesHash: boxesHash(lies) } });
    expect(opens(3, second)).toBe("SecretDoesNotMatch");
    expect(opens(3, first)).toBe(toHex(honest.secret.secret));
  });

  test("[EP16] a way back that leads nowhere, by whoever still holds the secret before", () => {
    const boxes = rotateWith(tampered((honest) => ({ ...honest, walks: [] })));
    const known = [secretOf(world, 1)];
    expect(refusal(openEpoch(stateOf(world), 2, boxes, second, known)).type).toBe("WalkBroken");
    expect(refusal(walkBack(stateOf(world), secretOf(world, 2), boxes)).type).toBe("WalkBroken");
    const lie = { number: 1, secret: world.random.bytes(32) };
    const wrong = createEpoch(world.random, {
      number: 3,
      recipients: recipientsOf(stateOf(world)),
      earlier: [{ ...lie, number: 2 }],
      cut: null,
    });
    rotateWith(wrong);
    expect(refusal(openEpoch(stateOf(world), 3, wrong.boxes, first, [secretOf(world, 2)])).type).toBe(
      "WalkBroken",
    );
    expect(refusal(walkBack(stateOf(world), secretOf(world, 3), wrong.boxes)).type).toBe("WalkBroken");
    // A repair leads around the break.
    rotateWith(
      createEpoch(world.random, {
        number: 4,
        recipients: recipientsOf(stateOf(world)),
        earlier: [secretOf(world, 3), secretOf(world, 2), secretOf(world, 1)],
        cut: null,
      }),
    );
    const reached = openHistory(stateOf(world), [secretOf(world, 4)], (number) => boxesOf(world, number));
    expect([...reached.secretsByNumber.keys()].sort()).toEqual([1, 2, 3, 4]);
  });

  test("[EP17] a request key that the secret does not give", () => {
    const epoch = tampered((boxes) => boxes);
    const { requestKey } = tampered((boxes) => boxes).record;
    rotateWith({ ...epoch, record: { ...epoch.record, requestKey } });
    expect(opens(2, second)).toBe("RequestKeyDoesNotMatch");
  });

  test("[EP18] boxes that leave somebody out or let somebody in", () => {
    rotateWith(
      tampered((boxes) => ({ ...boxes, boxes: boxes.boxes.filter((box) => box.to !== second.signerId) })),
    );
    expect(opens(2, first)).toBe("WrongRecipients");
    expect(opens(2, second)).toBe("NoBoxForHolder");
    const stranger = newDevice(world.random);
    rotateWith(
      createEpoch(world.random, {
        number: 3,
        recipients: [
          ...recipientsOf(stateOf(world)),
          { signerId: stranger.signerId, kemKey: stranger.record.kemKey },
        ],
        earlier: [currentSecret(world)],
        cut: null,
      }),
    );
    expect(opens(3, second)).toBe("WrongRecipients");
  });

  test("[EP19] a broken newest epoch locks nobody out: the one before it is used", () => {
    rotate(world);
    rotateWith(
      tampered((boxes) => ({
        ...boxes,
        boxes: boxes.boxes.map((box) => ({ ...box, sealed: new Uint8Array(box.sealed.length) })),
      })),
    );
    const found = openNewestEpoch(stateOf(world), (number) => boxesOf(world, number), world.recovery);
    expect(found.opened?.secret).toEqual(secretOf(world, 2));
    expect(found.faults).toEqual([{ type: "BoxDoesNotOpen", epoch: 3 }]);
    expect(openNewestEpoch(stateOf(world), () => null, world.recovery).opened).toBe(null);
  });
});
