/** What every schedule promises, and what is left of what was deleted. */
import { inflateRawSync } from "node:zlib";
import type { OpId } from "../../../core/base/ids.ts";
import type { Alarm } from "../../../core/client/client-error.ts";
import { isBucket } from "../../../core/log/document-name.ts";
import { openAccountEntry } from "../../../core/log/account-entry.ts";
import { openManifest } from "../../../core/log/snapshot/manifest.ts";
import { openPack } from "../../../core/log/snapshot/pack.ts";
import { openSnapshotIndex } from "../../../core/log/snapshot/snapshot-index.ts";
import { isRedacted, OP_KIND } from "../../../core/messenger/op.ts";
import { stateOf, must } from "../../support/chain-world.ts";
import type { Parts } from "./schedule-device.ts";
import type { Play } from "./play-schedule.ts";
import { CONVERSATION, type ScheduleDevice } from "./schedule-world.ts";

/** A message somebody wrote. */
export interface Written {
  readonly text: string;
  readonly by: ScheduleDevice;
  /** Its writer was told that it is kept. */
  isKept: boolean;
  /** On a device whose disk was put back before. */
  readonly isOnSetBack: boolean;
  id: OpId | null;
  /** Who wanted it gone, and whether they were told that it is. */
  readonly deletions: { readonly by: ScheduleDevice; isKept: boolean }[];
}

/** What is not in its place yet. */
export async function findUnkept(play: Play): Promise<readonly string[]> {
  const { world, written } = play;
  const unkept: string[] = [];
  const holdings: string[] = [];
  for (const device of world.devices) {
    if (device.isGone) continue;
    const { name, parts } = device;
    if (parts === null) {
      unkept.push(`${name} is off`);
      continue;
    }
    if (device.link === null)
      unkept.push(`${name} is not connected: ${JSON.stringify(device.alarms.at(-1) ?? null)}`);
    if (!parts.snapshots.isComplete()) unkept.push(`${name} lacks history`);
    for (const what of ["pendingCount"] as const)
      if (parts.log[what]() > 0) unkept.push(`${name} has not sent all`);
    if (must(await parts.context.tables.unpacked.get()) !== null)
      unkept.push(`${name} has something deleted that the server still holds`);
    for (const table of ["journal", "dirty", "sealed", "rebase"] as const) {
      const rows =
        table === "rebase"
          ? [must(await parts.context.tables.rebase.get())]
          : must(await parts.context.tables[table].scan());
      if (rows.some((row) => row !== null)) unkept.push(`${name} has rows of ${table}`);
    }
    unkept.push(...(await findWrong(device, parts, written)));
    holdings.push(await holdingOf(parts));
    for (const alarm of device.alarms)
      if (!hasCause(play, device, alarm)) unkept.push(`${name} raised ${JSON.stringify(alarm)}`);
  }
  if (new Set(holdings).size > 1) unkept.push("devices hold different things");
  return unkept;
}

/** Each message that is promised once, none that is gone, none that nobody wrote. */
async function findWrong(
  { name }: ScheduleDevice,
  { ops }: Parts,
  written: readonly Written[],
): Promise<readonly string[]> {
  const shown = new Map<string, number>();
  for (const named of must(await ops.all(CONVERSATION))) {
    if (named.op.kind !== OP_KIND.message || isRedacted(named)) continue;
    const text =
      Buffer.from(named.op.payload)
        .toString()
        .match(/canary~.*~/)?.[0] ?? "";
    shown.set(text, (shown.get(text) ?? 0) + 1);
  }
  const faults: string[] = [];
  for (const { text, by, isKept, isOnSetBack, deletions } of written) {
    const times = shown.get(text) ?? 0;
    shown.delete(text);
    if (times > 1) faults.push(`${name} shows ${text} ${times} times`);
    const isGone = deletions.some((one) => one.isKept && !one.by.isGone);
    if (isOnSetBack && by.isTold && times > 0)
      faults.push(`${name} shows ${text}, written where the account had gone on without it`);
    if (isGone && times > 0) faults.push(`${name} shows ${text}, which was deleted`);
    const isPromised = isKept && !by.isGone && deletions.length === 0;
    if (isPromised && times === 0) faults.push(`${name} lacks ${text}`);
  }
  for (const text of shown.keys()) faults.push(`${name} shows ${text}, which nobody wrote`);
  return faults;
}

/** AR9: documents by their heads, and ops. */
async function holdingOf({ context, documents, log, ops }: Parts): Promise<string> {
  const heads: string[] = [];
  for (const { key, value } of must(await context.tables.heads.scan()))
    heads.push(`${key}=${[...must(await documents.heads(log.ref(value.document)))].sort().join()}`);
  const ids = must(await ops.all(CONVERSATION)).map(({ id, bytes }) => `${id}:${bytes.length}`);
  return [...heads.sort(), ...ids.sort()].join("\n");
}

/** Whether a person is rightly told. */
function hasCause({ world, tally }: Play, device: ScheduleDevice, alarm: Alarm): boolean {
  const isRestored = tally.has("restore");
  // Whoever took over another entry quotes it to the others, and makes snapshots of the log it is in.
  const isOfFork = alarm.type === "LogDistrusted" || ("rule" in alarm && alarm.rule === "ForkedLog");
  if (isOfFork && tally.has("told: changes entries")) return true;
  if (alarm.type === "SnapshotDistrusted" || alarm.type === "LogDistrusted")
    return world.liedTo.has(device) || isRestored;
  if (alarm.type !== "EntryRefused") return false;
  if (alarm.rule === "DeviceWasRevoked" || alarm.rule === "EpochIsOver")
    return ["revoke", "rotate", "disk: set-back", "disk: empty"].some((what) => tally.has(what));
  return world.liedTo.has(device);
}

/** What is deleted is on no disk of a device, and in nothing the server keeps. */
export async function scanRemains({ world, written }: Play): Promise<readonly string[]> {
  const gone = written
    .filter(({ deletions }) => deletions.some((one) => one.isKept && !one.by.isGone))
    .map(({ text }) => Buffer.from(text));
  if (gone.length === 0) return [];
  const faults: string[] = [];
  const look = (where: string, bytes: Uint8Array): void => {
    for (const text of gone)
      if (Buffer.from(bytes).includes(text))
        faults.push(`${where} has ${text.toString()}, which was deleted`);
  };
  for (const { isGone, disk, name, parts } of world.devices) {
    if (isGone || parts === null) continue;
    const { rows, chunks } = await disk.image();
    for (const row of rows) if (row.type === "put") look(`a row of ${name}, ${row.key},`, row.value);
    for (const { key, data } of chunks) look(`a chunk of ${name}, ${key.join("/")},`, data);
    for (const { name: document } of must(await parts.log.held()))
      if (isBucket(document))
        for (const [, bytes] of must(await parts.log.heldOps(document))) look(`a bucket of ${name}`, bytes);
  }
  const parts = world.devices.find((device) => device.parts !== null)?.parts ?? null;
  if (parts !== null) await lookAtServer(world, parts, look);
  return faults;
}

/** Opens all that the server has with the keys of the account. */
async function lookAtServer(
  { server, chain }: Play["world"],
  { context, documents, log }: Parts,
  look: (where: string, bytes: Uint8Array) => void,
): Promise<void> {
  const store = server.records.current();
  const state = stateOf(chain);
  const account = { accountId: state.accountId, logId: context.accountLogId };
  const keys = {
    epochSecret: (epoch: number) => chain.secrets.get(epoch)?.secret ?? null,
    signKey: (device: Parameters<typeof state.devicesById.get>[0]) =>
      state.devicesById.get(device)?.signKey ?? null,
  };
  const record = must(await store.findLog(account.logId));
  const after = record?.trimmedUpto ?? 0;
  const page = must(
    await store.read({ logId: account.logId, after, entriesMax: 10_000, bytesMax: 100_000_000 }),
  );
  const kept = must(
    await store.readIds({ logId: account.logId, after: 0, idsMax: after, bytesMax: 100_000_000 }),
  );
  for (const entry of [...page.entries, ...kept.kept]) {
    const opened = openAccountEntry(account, entry, keys);
    if (!opened.ok) continue;
    for (const item of opened.value.content.batch)
      if (item.type === "changes")
        for (const change of item.changes) look(`entry ${entry.seq}`, inflated(change));
  }
  for (const { snapshot } of must(await store.readSnapshots(account.logId))) {
    const manifest = must(openManifest(account, snapshot, keys));
    const blobs = async (ids: readonly (typeof manifest.header.blobs)[number][]) =>
      must(await store.readBlobs(account.accountId, ids, 1_000_000_000)).flatMap((blob) => blob ?? []);
    const parts = await blobs(manifest.header.blobs.slice(0, manifest.content.indexParts));
    for (const pack of must(openSnapshotIndex(account, manifest, parts)).packs) {
      const saved = must(openPack(account, pack, await blobs(pack.blobs)));
      for (const [at, { name }] of pack.documents.entries()) {
        const bytes = saved[at];
        if (bytes === undefined || !isBucket(name)) continue;
        const inspected = documents.inspect(log.ref(name), bytes);
        for (const [, op] of inspected.ok ? (inspected.value.ops ?? []) : []) look("a snapshot", op);
      }
    }
  }
}

/** An Automerge change as it was before it was compressed. */
function inflated(change: Uint8Array): Uint8Array {
  const [MAGIC_AND_SUM, COMPRESSED] = [8, 2];
  if (change[MAGIC_AND_SUM] !== COMPRESSED) return change;
  let at = MAGIC_AND_SUM + 1;
  while (((change[at] ?? 0) & 0x80) !== 0) at += 1;
  return inflateRawSync(change.subarray(at + 1));
}
