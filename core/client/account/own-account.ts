/**
 * This account as this device knows it: its verified chain and the epoch secrets this device can open. Rules EP13-EP19.
 */
import { present } from "../../base/assert.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { DeviceId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import type { StoredBoxes } from "../../protocol/server-frame.ts";
import { parseEpochBoxes } from "../../sigchain/epoch-box.ts";
import { type ChainState, currentEpoch, hashAt } from "../../sigchain/chain-state.ts";
import type { EpochSecret } from "../../sigchain/epoch/epoch-secret.ts";
import { openCut } from "../../sigchain/epoch/cut.ts";
import { openAddedBox, openEpoch } from "../../sigchain/epoch/open-epoch.ts";
import { openHistory } from "../../sigchain/epoch/open-history.ts";
import { rowKeyNumber, rowKeyParts } from "../../store/row-key.ts";
import type { TxStore } from "../../store/tx-store.ts";
import type { ChainStore } from "../contacts/chain-store.ts";
import type { ClientError } from "../client-error.ts";
import type { DeviceIdentity } from "../devices/device-identity.ts";
import type { DirectoryClient } from "../connection/directory-client.ts";
import { fetchBoxes } from "./fetch-boxes.ts";
import { loadOwnKemKeys, type OwnKemKeys } from "./own-kem-keys.ts";
import type { Gateway } from "../connection/gateway.ts";
import type { Tables } from "../tables.ts";

/** What this device has added to the chain. */
export interface TakenLink {
  readonly link: Bytes;
  /** The chain with it. */
  readonly state: ChainState;
  /** Of the epoch it begins, or null. */
  readonly boxes: Bytes | null;
}

export interface OwnAccount {
  chain(): ChainState;
  epochSecret(epoch: number): Bytes | null;
  cutSeqOf(device: DeviceId, incarnation: number): number | null;
  cutOf(device: DeviceId): LogPoint | null;
  /** Newer links, and the secrets of epochs this device has not opened yet. */
  refresh(gateway: Gateway, directory: DirectoryClient): Promise<Result<void, ClientError>>;
  /** A link of this device that the server has taken counts from then on, also where it is never fetched. IN6 */
  take(own: TakenLink): Promise<Result<void, ClientError>>;
  /** Newer links alone. */
  refreshChain(directory: DirectoryClient): Promise<Result<void, ClientError>>;
  /** The X-Wing key that is to replace the one the chain names for this device. */
  readonly nextKemKey: OwnKemKeys["next"];
}

export interface OwnAccountDeps {
  readonly store: TxStore;
  readonly tables: Tables;
  readonly chains: ChainStore;
  readonly identity: DeviceIdentity;
}

/** Loads what is stored. A device that was just linked has a chain and no epoch yet. */
export async function loadOwnAccount(deps: OwnAccountDeps): Promise<Result<OwnAccount, ClientError>> {
  const { store, tables, chains, identity } = deps;
  const loaded = await chains.load(identity.accountId);
  if (!loaded.ok) return loaded;
  let chain = present(loaded.value, "a profile has its own chain");
  const rows = await tables.epoch.scan();
  if (!rows.ok) return rows;
  const secrets = new Map<number, Bytes>();
  for (const row of rows.value) {
    const number = rowKeyNumber(rowKeyParts(row.key)[1]);
    if (number !== null) secrets.set(number, row.value.secret);
  }
  const cutRows = await tables.cut.scan();
  if (!cutRows.ok) return cutRows;
  const cutByDevice = new Map<DeviceId, LogPoint>(
    cutRows.value.map(({ key, value }) => [rowKeyParts(key)[1] as DeviceId, value]),
  );
  const keptRow = await tables.kept.get();
  if (!keptRow.ok) return keptRow;
  const keptBoxes = await tables.boxes.scan();
  if (!keptBoxes.ok) return keptBoxes;
  const isKept = keptBoxes.value.length >= chain.epochs.length;
  /** Up to which epoch boxes are kept; the last of them may have got more since, for a device that was added. */
  let keptEpoch = isKept ? keptBoxes.value.length : 0;
  let keptSeq = isKept ? (keptRow.value?.chainSeq ?? 0) : 0;
  const kemLoaded = await loadOwnKemKeys(store, tables, identity);
  if (!kemLoaded.ok) return kemLoaded;
  const kemKeys = kemLoaded.value;

  async function refreshChain(directory: DirectoryClient): Promise<Result<void, ClientError>> {
    const refreshed = await chains.refresh(identity.accountId, directory);
    if (!refreshed.ok) return refreshed;
    chain = refreshed.value;
    return ok();
  }

  const take: OwnAccount["take"] = async ({ link, state, boxes }) => {
    // It may have been fetched by now, and its boxes not.
    const isNext = state.seq === chain.seq + 1;
    const [shorter, longer] = state.seq > chain.seq ? [chain, state] : [state, chain];
    // It was built on another chain than what was fetched since: that is judged where chains are fetched.
    if (hashAt(longer, shorter.seq) !== shorter.head) return ok();
    const written = await store.batch([
      ...(isNext ? chains.writes(identity.accountId, state.seq, [link]) : []),
      ...(boxes === null ? [] : [tables.boxes.put([state.epochs.length], { boxes, added: [] })]),
    ]);
    if (!written.ok || !isNext) return written;
    chains.keep(state);
    chain = state;
    return ok();
  };

  async function refresh(gateway: Gateway, directory: DirectoryClient): Promise<Result<void, ClientError>> {
    const refreshed = await chains.refresh(identity.accountId, directory);
    if (!refreshed.ok) return refreshed;
    chain = refreshed.value;
    const device = chain.devicesById.get(identity.deviceId);
    if (device === undefined || device.revokedSeq !== null) return err({ type: "DeviceRevoked" });
    const opened = await openNewer(gateway);
    // CA6: with every epoch up to here open, nothing is left that the earlier key could open.
    return opened.ok ? kemKeys.settle(device.kemKey) : opened;
  }

  async function openNewer(gateway: Gateway): Promise<Result<void, ClientError>> {
    const isComplete =
      chain.epochs.every((_, index) => secrets.has(index + 1)) &&
      chain.cuts.every((cut) => cut.deviceIds.every((device) => cutByDevice.has(device)));
    if (isComplete && keptSeq === chain.seq) return ok();
    const from = firstLacking();
    const boxes = await fetchBoxes(gateway, chain, from);
    if (!boxes.ok) return boxes;
    const opened = isComplete ? ok() : await openBoxes(boxes.value);
    return opened.ok ? keepBoxes(boxes.value, from) : opened;
  }

  /** The first epoch whose boxes are wanted: each has a year's worth before it that are open and kept. */
  function firstLacking(): number {
    const closed = chain.epochs.findIndex((_, index) => !secrets.has(index + 1));
    const uncut = chain.cuts.filter((cut) => !cut.deviceIds.every((device) => cutByDevice.has(device)));
    const lacking = [keptEpoch, ...(closed < 0 ? [] : [closed + 1]), ...uncut.map(({ epoch }) => epoch)];
    return Math.max(1, Math.min(...lacking));
  }

  /** IN6: a server that loses them gets them back from here. */
  async function keepBoxes(stored: readonly StoredBoxes[], from: number): Promise<Result<void, ClientError>> {
    const epochs = new Set(stored.map(({ epoch }) => epoch));
    const isWhole = chain.epochs.every((_, index) => index + 1 < from || epochs.has(index + 1));
    if (!isWhole) return ok();
    const { seq } = chain;
    const count = chain.epochs.length;
    const written = await store.batch([
      ...stored.map(({ epoch, boxes, added }) => tables.boxes.put([epoch], { boxes, added })),
      tables.kept.put([], { chainSeq: seq }),
    ]);
    if (written.ok) [keptSeq, keptEpoch] = [seq, count];
    return written;
  }

  async function openBoxes(stored: readonly StoredBoxes[]): Promise<Result<void, ClientError>> {
    const held: EpochSecret[] = [...secrets].map(([number, secret]) => ({ number, secret }));
    for (const boxes of stored) {
      const opened = secrets.has(boxes.epoch) ? null : openOne(boxes);
      if (opened !== null) held.push(opened);
    }
    const boxesOf = (number: number) => stored.find((boxes) => boxes.epoch === number)?.boxes ?? null;
    const history = openHistory(chain, held, boxesOf);
    const current = currentEpoch(chain).number;
    if (!history.secretsByNumber.has(current)) {
      return err({
        type: "EpochUnavailable",
        epoch: current,
        rule: history.faults[0]?.type ?? "NoBoxForHolder",
      });
    }
    const fresh = [...history.secretsByNumber.values()].filter(({ number }) => !secrets.has(number));
    const cuts = openCuts(history.secretsByNumber, boxesOf);
    const written = await store.batch([
      ...fresh.map(({ number, secret }) => tables.epoch.put([number], { secret })),
      ...[...cuts].map(([device, cut]) => tables.cut.put([device], cut)),
    ]);
    if (!written.ok) return written;
    for (const { number, secret } of fresh) secrets.set(number, secret);
    for (const [device, cut] of cuts) cutByDevice.set(device, cut);
    return ok();
  }

  /** Where the account log ends for devices that were revoked. */
  function openCuts(
    opened: ReadonlyMap<number, EpochSecret>,
    boxesOf: (number: number) => Bytes | null,
  ): ReadonlyMap<DeviceId, LogPoint> {
    const cuts = new Map<DeviceId, LogPoint>();
    for (const cut of chain.cuts) {
      const secret = opened.get(cut.epoch)?.secret;
      const record = chain.epochs[cut.epoch - 1];
      const bytes = boxesOf(cut.epoch);
      const boxes = record === undefined || bytes === null ? null : parseEpochBoxes(record, bytes);
      if (secret === undefined || !boxes?.ok || boxes.value.cut === null) continue;
      const opening = openCut(secret, cut.commitment, boxes.value.cut);
      if (opening.ok) {
        const { incarnation, seq, chain: chainAt } = opening.value;
        for (const device of cut.deviceIds) cuts.set(device, { incarnation, seq, chain: chainAt });
      }
    }
    return cuts;
  }

  function openOne(boxes: StoredBoxes): EpochSecret | null {
    for (const kem of kemKeys.all()) {
      const holder = { signerId: identity.keys.signerId, kem };
      const opened = openEpoch(chain, boxes.epoch, boxes.boxes, holder);
      if (opened.ok) return opened.value.secret;
      for (const added of boxes.added) {
        const mine = openAddedBox(chain, added, holder);
        if (mine.ok) return mine.value;
      }
    }
    return null;
  }

  return ok({
    chain: () => chain,
    epochSecret: (epoch) => secrets.get(epoch) ?? null,
    cutSeqOf(device, incarnation) {
      const cut = cutByDevice.get(device);
      if (cut === undefined) return null;
      // Nothing a revoked device could have written is in an incarnation that began after its cut.
      if (incarnation !== cut.incarnation) return incarnation > cut.incarnation ? 0 : Number.MAX_SAFE_INTEGER;
      return cut.seq;
    },
    cutOf: (device) => cutByDevice.get(device) ?? null,
    refresh,
    take,
    refreshChain,
    nextKemKey: kemKeys.next,
  });
}
