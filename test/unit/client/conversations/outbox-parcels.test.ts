import { expect, test } from "vitest";
import { idFromBytes } from "../../../../core/base/ids.ts";
import { createOutboxParcels, type Parcel } from "../../../../core/client/conversations/outbox-parcels.ts";

const filled = (length: number, fill: number) => new Uint8Array(length).fill(fill);

function parcel(writerSeq: number, outboxKeys: readonly string[], log = 1): Parcel {
  return {
    contact: idFromBytes("account", filled(32, 1)),
    entry: { header: filled(8, writerSeq), sealed: filled(8, writerSeq) },
    entryId: idFromBytes("entry", filled(32, writerSeq)),
    outboxKeys,
    recipients: [],
    isRequest: false,
    isAccepted: false,
    logId: idFromBytes("log", filled(32, log)),
    writerSeq,
  };
}

test("[DM15] what carries an op is known until it is confirmed, in the order of sealing", () => {
  const parcels = createOutboxParcels();
  const [first, second, other] = [parcel(1, ["a", "b"]), parcel(2, ["a"]), parcel(1, ["b"], 2)];
  parcels.add([first, second, other]);
  expect(parcels.all()).toEqual([first, second, other]);
  expect(parcels.carrying("a")).toEqual([first, second]);
  expect(parcels.carrying("b")).toEqual([first, other]);
  expect(parcels.carrying("c")).toEqual([]);
  parcels.remove([first]);
  expect(parcels.all()).toEqual([second, other]);
  expect(parcels.carrying("a")).toEqual([second]);
});

test("[DM12] what was taken back is not there by an answer that comes after it, nor instead of what has its number now", () => {
  const parcels = createOutboxParcels();
  const [first, second] = [parcel(1, ["a"]), parcel(2, ["b"])];
  parcels.add([first, second]);
  parcels.accept(first);
  expect(parcels.all().map(({ isAccepted }) => isAccepted)).toEqual([true, false]);
  parcels.remove([second]);
  parcels.accept(second);
  expect(parcels.all()).toEqual([{ ...first, isAccepted: true }]);
  const anew = parcel(2, ["c"]);
  parcels.add([anew]);
  parcels.accept(second);
  parcels.remove([second]);
  expect(parcels.all().at(-1)).toBe(anew);
  expect(parcels.carrying("c")).toEqual([anew]);
});

test("a number that is given again has one parcel", () => {
  const parcels = createOutboxParcels();
  parcels.add([parcel(1, ["a"])]);
  const again = parcel(1, ["b"]);
  parcels.add([again]);
  expect(parcels.all()).toEqual([again]);
  expect(parcels.carrying("a")).toEqual([]);
});
