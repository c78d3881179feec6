/** Whether a device was entitled to write an entry at its place: each verdict. */
import { beforeAll, describe, expect, test } from "vitest";
import { present } from "../../../core/base/assert.ts";
import type { DeviceId, LinkHash } from "../../../core/base/ids.ts";
import { cryptoReady } from "../../../core/crypto/sodium.ts";
import { judgeWriter, type WriterCase } from "../../../core/log/judge-writer.ts";
import {
  addDevice,
  type ChainWorld,
  createWorld,
  firstKeys,
  keysOf,
  revokeDevices,
  rotate,
  stateOf,
} from "../../support/chain-world.ts";
import { entryOf, filled } from "../../support/messages.ts";

let world: ChainWorld;
let second: DeviceId;

beforeAll(async () => {
  await cryptoReady();
  world = createWorld("judge");
  second = addDevice(world).id;
});

/** A case in which nothing is wrong, with changes. */
function judged(
  device: DeviceId,
  changes: Partial<WriterCase> = {},
  content: Partial<WriterCase["content"]> = {},
) {
  const chain = changes.chain ?? stateOf(world);
  return judgeWriter({
    chain,
    cutSeqOf: () => null,
    epoch: chain.epochs.length,
    epochFloor: 1,
    seq: 10,
    expectedPrevious: null,
    ...changes,
    content: {
      version: 1,
      device,
      chainSeq: chain.seq,
      chainHead: chain.head,
      previous: null,
      seen: { incarnation: 0, seq: 0, chain: filled(0) },
      batch: [],
      ...content,
    },
  });
}

const fault = (type: string) => ({ ok: false, error: expect.objectContaining({ type }) });

describe("[AR4] a writer", () => {
  test("that is active, under the current epoch and on our chain is entitled", () => {
    expect(judged(second)).toEqual({ ok: true, value: undefined });
    const first = present(
      [...stateOf(world).devicesById.values()].find((device) => device.addedSeq === 1),
      "the genesis device",
    );
    expect(judged(first.id, {}, { chainSeq: 1, chainHead: stateOf(world).hashes[0] as LinkHash }).ok).toBe(
      true,
    );
  });

  test("that is not on the chain, or writes as of before it was, is not", () => {
    expect(judged(keysOf(createWorld("other"), firstKeys(createWorld("other")).id).id)).toEqual(
      fault("DeviceNotOnChain"),
    );
    expect(judged(second, {}, { chainSeq: 1, chainHead: stateOf(world).hashes[0] as LinkHash })).toEqual(
      fault("DeviceNotOnChain"),
    );
    expect(judged(second, {}, { chainSeq: 2 }).ok).toBe(true);
  });

  test("that was revoked counts up to the cut and not after it, and not while the cut is not opened", () => {
    const revoked = createWorld("revoked");
    const gone = addDevice(revoked).id;
    const head = stateOf(revoked).head;
    revokeDevices(revoked, [gone]);
    const chain = stateOf(revoked);
    const at = (seq: number, cut: number | null) =>
      judged(gone, { chain, seq, epoch: 1, cutSeqOf: () => cut }, { chainSeq: 2, chainHead: head });
    expect(at(7, 7).ok).toBe(true);
    expect(at(8, 7)).toEqual(fault("DeviceWasRevoked"));
    expect(at(1, null)).toEqual(fault("DeviceWasRevoked"));
  });

  test("under an epoch that was over at that place is void, and under one that was not is not", () => {
    const rotated = createWorld("rotated");
    rotate(rotated);
    const chain = stateOf(rotated);
    const device = firstKeys(rotated).id;
    expect(judged(device, { chain, epoch: 1, epochFloor: 1 }).ok).toBe(true);
    expect(judged(device, { chain, epoch: 2, epochFloor: 2 }).ok).toBe(true);
    expect(judged(device, { chain, epoch: 1, epochFloor: 2 })).toEqual({
      ok: false,
      error: { type: "StaleEpoch", epoch: 1, epochFloor: 2 },
    });
  });

  test("that goes by another chain is not, and by one further than ours is not judged yet", () => {
    const other = stateOf(createWorld("other")).head;
    expect(judged(second, {}, { chainHead: other })).toEqual(fault("ChainMismatch"));
    expect(judged(second, {}, { chainSeq: 99, chainHead: other }).ok).toBe(true);
  });
});

test("[AR5] another previous entry than the one seen is a gap, in either direction", () => {
  expect(judged(second, { expectedPrevious: entryOf(1) }, { previous: entryOf(1) }).ok).toBe(true);
  expect(judged(second, { expectedPrevious: entryOf(1) }, { previous: entryOf(2) })).toEqual(
    fault("WriterGap"),
  );
  expect(judged(second, { expectedPrevious: entryOf(1) }, { previous: null })).toEqual(fault("WriterGap"));
  expect(judged(second, { expectedPrevious: null }, { previous: entryOf(1) })).toEqual(fault("WriterGap"));
});
