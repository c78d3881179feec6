/** Steps, logs and entries for the stores of the server, made up: a store believes what it is told. */
import type { Bytes } from "../../core/base/bytes.ts";
import {
  type AccountId,
  type DeviceId,
  ID_BYTES,
  idFromBytes,
  type LogId,
  type WriterTag,
} from "../../core/base/ids.ts";
import type { Random } from "../../core/base/random.ts";
import { encode } from "../../core/codec/shape.ts";
import { SIGNATURE_BYTES } from "../../core/crypto/verify.ts";
import { type EntryHeader, encodeEntryHeader, entryId } from "../../core/protocol/entry.ts";
import { accountIdOf, encodeLink, type LinkBody, linkBodyShape, linkHash } from "../../core/sigchain/link.ts";
import type { ChainStep, NewPreKey } from "../../sync-server/store/directory-store.ts";
import type { Appender, NewEntry } from "../../sync-server/store/log-store.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "./chain-world.ts";

export const NOW_MS = 1_800_000_000_000;

/** A link of the right form that means nothing, and the hash it has. It ends with random bytes. */
function madeUpLink(
  random: Random,
  place: Pick<LinkBody, "accountId" | "seq" | "prevHash">,
): Pick<ChainStep, "hash" | "link"> {
  const signerId = idFromBytes("signer", random.bytes(ID_BYTES.signer));
  const service = { origin: "https://made-up.example", requestLogId: idFromBytes("log", random.bytes(32)) };
  const payload = { type: "service", service } as const;
  const body = encode(linkBodyShape, { ...place, timeMs: NOW_MS, payload, signerId });
  const signature = random.bytes(SIGNATURE_BYTES);
  return { hash: linkHash(body), link: encodeLink(body, [{ signerId, signature }]) };
}

/** The first step of an account with one device. */
export function genesisStep(random: Random): ChainStep {
  const made = madeUpLink(random, { accountId: null, seq: 1, prevHash: null });
  return {
    ...made,
    accountId: accountIdOf(made.hash),
    seq: 1,
    previousHash: null,
    epoch: 1,
    recoveryKey: random.bytes(32),
    addedDevices: [{ deviceId: idFromBytes("device", random.bytes(16)), signKey: random.bytes(32) }],
    revokedDeviceIds: [],
    boxes: random.bytes(50),
    box: null,
    nowMs: NOW_MS,
  };
}

/** A step that follows `before`; without more it changes nothing but the head. */
export function nextStep(random: Random, before: ChainStep, changes: Partial<ChainStep> = {}): ChainStep {
  const { seq = before.seq + 1, previousHash = before.hash } = changes;
  return {
    ...before,
    ...madeUpLink(random, { accountId: before.accountId, seq, prevHash: previousHash }),
    seq,
    previousHash,
    addedDevices: [],
    revokedDeviceIds: [],
    boxes: null,
    box: null,
    ...changes,
  };
}

/** A registered account and its first device. */
export async function registerAccount(
  store: ServerStore,
  random: Random,
  handle: string | null = null,
): Promise<{ step: ChainStep; accountId: AccountId; deviceId: DeviceId }> {
  const step = genesisStep(random);
  must(await store.register(step, handle));
  return { step, accountId: step.accountId, deviceId: firstDevice(step) };
}

export function firstDevice(step: ChainStep): DeviceId {
  const [device] = step.addedDevices;
  if (device === undefined) throw new Error("the step adds a device");
  return device.deviceId;
}

/** An entry as the gateway hands it to the store. */
export function storeEntry(
  logId: LogId,
  writerTag: WriterTag,
  writerSeq: number,
  sealed: Bytes,
  fields: Partial<EntryHeader> = {},
): NewEntry {
  const all: EntryHeader = { version: 1, kind: 1, writerTag, writerSeq, epoch: 1, expect: null, ...fields };
  const header = encodeEntryHeader(all);
  return { id: entryId(logId, { header, sealed }), fields: all, header, sealed };
}

/** A device as the one who appends. */
export function byDevice(accountId: AccountId, deviceId: DeviceId): Appender {
  return { type: "device", accountId, deviceId };
}

/** A prekey of a kind; a store does not look inside. */
export function storePreKey(
  random: Random,
  kind: NewPreKey["kind"],
  expiresAtMs = NOW_MS + 1_000_000,
): NewPreKey {
  const bytes = random.bytes(40);
  return { kind, preKeyId: idFromBytes("preKey", bytes.slice(0, 8)), bytes, expiresAtMs };
}

/** All zero: `expect` of a first entry of its kind. */
export const NO_ENTRY = idFromBytes("entry", new Uint8Array(32));

/** A stable text of bytes for comparing. */
export function named(bytes: Bytes): string {
  return Buffer.from(bytes).toString("hex");
}
