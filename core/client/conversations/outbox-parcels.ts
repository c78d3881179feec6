/** Sealed ops whose arrival is not confirmed, in the order they were sealed in; and which parcels carry an op. As in their rows. */
import type { LogId } from "../../base/ids.ts";
import type { ParcelRow } from "../tables.ts";

/** An entry in another's log, and the rows of the ops in it. */
export interface Parcel extends ParcelRow {
  readonly logId: LogId;
  readonly writerSeq: number;
}

export interface OutboxParcels {
  all(): readonly Parcel[];
  /** Those that carry the op of a row. */
  carrying(outboxKey: string): readonly Parcel[];
  /** A number that was taken back is given to another parcel. */
  add(parcels: readonly Parcel[]): void;
  /** Notes that the server has taken one, unless it was taken back meanwhile. */
  accept(parcel: Parcel): void;
  remove(parcels: Iterable<Parcel>): void;
}

const placeOf = ({ logId, writerSeq }: Parcel): string => `${logId}/${writerSeq}`;

/** - Cost: what carries an op is found without looking at the others. */
export function createOutboxParcels(): OutboxParcels {
  const byPlace = new Map<string, Parcel>();
  const placesByKey = new Map<string, Set<string>>();

  const isHere = (parcel: Parcel): boolean => byPlace.get(placeOf(parcel)) === parcel;

  function remove(parcels: Iterable<Parcel>): void {
    for (const parcel of parcels) {
      if (!isHere(parcel)) continue;
      const place = placeOf(parcel);
      byPlace.delete(place);
      for (const key of parcel.outboxKeys) {
        const places = placesByKey.get(key);
        places?.delete(place);
        if (places?.size === 0) placesByKey.delete(key);
      }
    }
  }

  return {
    all: () => [...byPlace.values()],
    carrying: (outboxKey) =>
      [...(placesByKey.get(outboxKey) ?? [])].flatMap((place) => byPlace.get(place) ?? []),
    add(parcels) {
      for (const parcel of parcels) {
        const place = placeOf(parcel);
        const former = byPlace.get(place);
        if (former !== undefined) remove([former]);
        byPlace.set(place, parcel);
        for (const key of parcel.outboxKeys)
          placesByKey.set(key, (placesByKey.get(key) ?? new Set<string>()).add(place));
      }
    },
    accept(parcel) {
      if (isHere(parcel)) byPlace.set(placeOf(parcel), { ...parcel, isAccepted: true });
    },
    remove,
  };
}
