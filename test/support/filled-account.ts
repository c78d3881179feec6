/** An account of a server's store that has something in every table, and whether a file holds any of it. */
import { existsSync, readFileSync } from "node:fs";
import type { Bytes } from "../../core/base/bytes.ts";
import { idBytes, idFromBytes } from "../../core/base/ids.ts";
import { ERASE_ENTRIES_MAX } from "../../sync-server/limits.ts";
import type { ServerStore } from "../../sync-server/store/server-store.ts";
import { must } from "./chain-world.ts";
import { createSeededRandom } from "./seeded-random.ts";
import {
  byDevice,
  firstDevice,
  genesisStep,
  nextStep,
  NOW_MS,
  storeEntry,
  storePreKey,
} from "./store-world.ts";

/** More than one transaction erases. */
export const INBOUND_ENTRIES = ERASE_ENTRIES_MAX + 5;

/** An account with something in every table, and all bytes that are its own. */
export async function fillAccount(store: ServerStore, seed: string, handle: string) {
  const random = createSeededRandom(seed);
  const step = genesisStep(random);
  const deviceId = firstDevice(step);
  const { accountId } = step;
  must(await store.register(step, handle));
  const sibling = { deviceId: idFromBytes("device", random.bytes(16)), signKey: random.bytes(32) };
  const second = nextStep(random, step, { addedDevices: [sibling], box: random.bytes(60) });
  must(await store.appendLink(second));
  const preKeys = (["signed", "lastResort", "oneTime"] as const).map((kind) => storePreKey(random, kind));
  must(await store.publishPreKeys(accountId, deviceId, preKeys, NOW_MS));
  const blob = random.bytes(30_000);
  must(await store.putBlobs(accountId, [blob], NOW_MS));
  const frontier = random.bytes(300);
  must(await store.putFrontier(accountId, deviceId, frontier));
  const own: Bytes[] = [frontier, idBytes(accountId), idBytes(deviceId), idBytes(sibling.deviceId), blob];
  own.push(
    step.link.subarray(-60),
    second.link.subarray(-60),
    step.recoveryKey,
    sibling.signKey,
    ...preKeys.map(({ bytes }) => bytes),
  );
  if (step.boxes !== null && second.box !== null) own.push(step.boxes, second.box);
  const logs = [];
  for (const kind of ["account", "inbound", "request"] as const) {
    const logId = idFromBytes("log", random.bytes(32));
    const appendKey = kind === "inbound" ? random.bytes(32) : null;
    must(await store.createLog({ logId, ownerId: accountId, kind, appendKey }));
    const writerTag = idFromBytes("writerTag", random.bytes(16));
    const entries = Array.from({ length: kind === "inbound" ? INBOUND_ENTRIES : 3 }, (_, index) =>
      storeEntry(logId, writerTag, index + 1, random.bytes(index === 0 ? 9_000 : 120)),
    );
    must(await store.append({ logId, appender: byDevice(accountId, deviceId), writerTag, entries }));
    must(await store.ack(logId, deviceId, 2));
    own.push(
      idBytes(logId),
      idBytes(writerTag),
      ...entries.flatMap(({ id, sealed }) => [idBytes(id), sealed]),
    );
    if (appendKey !== null) own.push(appendKey);
    logs.push({ logId, writerTag, kind });
  }
  const inbound = logs.find(({ kind }) => kind === "inbound");
  const nextKey = random.bytes(32);
  if (inbound !== undefined) must(await store.setLogKey(inbound.logId, nextKey));
  own.push(nextKey);
  const request = logs.find(({ kind }) => kind === "request");
  const ticket = random.bytes(32);
  if (request !== undefined) must(await store.setTickets(request.logId, [ticket]));
  own.push(ticket);
  return { step, second, accountId, deviceId, handle, logs, own };
}

/** Which of `needles` stand in any file of the database. */
export function found(path: string, needles: readonly Bytes[]): number {
  const files = [path, `${path}-wal`, `${path}-shm`].filter(existsSync).map((file) => readFileSync(file));
  return needles.filter((needle) => files.some((file) => file.includes(Buffer.from(needle)))).length;
}

/** Pieces of an account's own bytes: a large value lies in several pages. */
export const piecesOf = (own: readonly Bytes[], handle: string): readonly Bytes[] => [
  ...own.map((bytes) => bytes.subarray(0, 12)),
  ...own.map((bytes) => bytes.subarray(-12)),
  new TextEncoder().encode(handle),
];
