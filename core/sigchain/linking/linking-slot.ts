/** Which messages of the slot a side has yet to look at. Rule LK7. */

/** How far a side has come in the slot. */
export interface SlotPlace {
  /** Version of the last message that is ours or that we have read. */
  readonly version: number;
  /** Our last message was not taken: what is in its place has to be looked at. */
  readonly isDisturbed: boolean;
}

/** Says whether the message at `version` is one this side has not judged yet. */
export function isNews(place: SlotPlace, version: number): boolean {
  return version > place.version || (version === place.version && place.isDisturbed);
}
