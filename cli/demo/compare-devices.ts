/** What must be equal in the end, and what to say when it is not. Pure: findings as sentences, none when all is well. */
import type { StateFingerprint } from "@dovetail/core";
import type { TranscriptMessage } from "./device-protocol.ts";

export interface DeviceState {
  readonly name: string;
  readonly fingerprint: StateFingerprint;
  readonly transcript: readonly TranscriptMessage[];
}

export interface ExpectedText {
  readonly author: string;
  readonly text: string;
}

const DIFFERENCES_SHOWN = 3;

/** Devices of one person: everything is equal. */
export function compareFingerprints([first, ...others]: readonly DeviceState[]): readonly string[] {
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const differing = differingParts(first.fingerprint, other.fingerprint);
    return differing.length === 0
      ? []
      : [`${first.name} and ${other.name} differ in ${differing.join(", ")}`];
  });
}

function differingParts(a: StateFingerprint, b: StateFingerprint): readonly string[] {
  const kinds = [...new Set([...Object.keys(a.headsByKind), ...Object.keys(b.headsByKind)])].sort();
  const parts = kinds
    .filter((kind) => a.headsByKind[kind] !== b.headsByKind[kind])
    .map((kind) => `${kind} documents`);
  if (a.ops !== b.ops) parts.push(`ops (${a.opCount} and ${b.opCount})`);
  if (a.view !== b.view) parts.push("the view");
  return parts;
}

/** Devices of both people: the same messages in the same order. */
export function compareTranscripts([first, ...others]: readonly DeviceState[]): readonly string[] {
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const [a, b] = [first.transcript, other.transcript];
    if (a.length !== b.length)
      return [`${first.name} shows ${a.length} messages and ${other.name} ${b.length}`];
    const at = a.findIndex((message, index) => !isSameMessage(message, b[index]));
    return at === -1
      ? []
      : [`${first.name} and ${other.name} show different messages at place ${at + 1} of ${a.length}`];
  });
}

function isSameMessage(a: TranscriptMessage, b: TranscriptMessage | undefined): boolean {
  return (
    b !== undefined && a.id === b.id && a.author === b.author && a.device === b.device && a.text === b.text
  );
}

/** Each text that was sent is there exactly once, by who wrote it; nothing else is; and each device's order is kept. */
export function compareTexts(state: DeviceState, expected: readonly ExpectedText[]): readonly string[] {
  const missing = new Map<string, number>();
  for (const { author, text } of expected) count(missing, keyOf(author, text), 1);
  const surplus: string[] = [];
  for (const { author, text } of state.transcript) {
    const key = keyOf(author, text);
    if ((missing.get(key) ?? 0) > 0) count(missing, key, -1);
    else surplus.push(key);
  }
  const absent = [...missing].filter(([, n]) => n > 0).map(([key]) => key);
  return [
    ...(absent.length === 0
      ? []
      : [`${state.name} lacks ${absent.length} of ${expected.length} texts: ${shown(absent)}`]),
    ...(surplus.length === 0
      ? []
      : [`${state.name} shows ${surplus.length} texts nobody sent, or twice: ${shown(surplus)}`]),
  ];
}

/** Texts of one device appear in the order in which it sent them. */
export function compareOrder(
  state: DeviceState,
  sentByDevice: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  return [...sentByDevice].flatMap(([device, sent]) => {
    const received = state.transcript.filter((message) => message.device === device).map(({ text }) => text);
    const at = sent.findIndex((text, index) => received[index] !== text);
    return at === -1
      ? []
      : [
          `${state.name} shows the texts of device ${device.slice(0, 8)} in another order from its ${at + 1}. on`,
        ];
  });
}

function keyOf(author: string, text: string): string {
  return `${author.slice(0, 8)} ${text}`;
}

function count(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function shown(keys: readonly string[]): string {
  const rest = keys.length - DIFFERENCES_SHOWN;
  const some = keys.slice(0, DIFFERENCES_SHOWN).map((key) => JSON.stringify(key.slice(0, 60)));
  return `${some.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
