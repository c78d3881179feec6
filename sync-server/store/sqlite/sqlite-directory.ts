/** `DirectoryStore` over SQLite: chains, boxes and handles. Prekeys are in sqlite-prekeys.ts. */
import type { DatabaseSync } from "node:sqlite";
import { present } from "@dovetail/core/base/assert.ts";
import type { Bytes } from "@dovetail/core/base/bytes.ts";
import { type AccountId, idBytes, idFromBytes } from "@dovetail/core/base/ids.ts";
import { ok, type Result } from "@dovetail/core/base/result.ts";
import type { FailureCode } from "@dovetail/core/protocol/failure.ts";
import type { StoredBoxes } from "@dovetail/core/protocol/server-frame.ts";
import { ADDED_BOXES_PER_EPOCH_MAX } from "../../limits.ts";
import type { CommitQueue } from "../commit-queue.ts";
import type { AccountRecord, ChainStep, DirectoryStore, StoredChainPage } from "../directory-store.ts";
import type { StoreEvent } from "../log-store.ts";
import type { OperatorStore, RegistrationAdmission } from "../operator-store.ts";
import { type Refusal, refuse } from "../refusal.ts";
import type { AccountStandings } from "./sqlite-accounts.ts";
import { prepareAdmit, type Tombstones } from "./sqlite-invitations.ts";
import { blobOf, numberOf } from "./sqlite-row.ts";

export interface SqliteDirectoryDeps {
  readonly db: DatabaseSync;
  readonly queue: CommitQueue;
  readonly standings: AccountStandings;
  readonly tombstones: Tombstones;
  read<T>(query: () => Result<T, Refusal>): Promise<Result<T, Refusal>>;
  announce(event: StoreEvent): void;
}

type ChainOperations = Omit<
  DirectoryStore,
  | "publishPreKeys"
  | "countPreKeys"
  | "claimPreKeys"
  | "countKeyPackages"
  | "claimKeyPackages"
  | "deleteAccount"
> &
  Pick<OperatorStore, "isDeleted">;

/** The chain, box and handle operations of the SQLite store. */
export function createSqliteDirectory(deps: SqliteDirectoryDeps): ChainOperations {
  const { db, queue } = deps;
  const register = prepareRegister(deps);
  const appendLink = prepareAppendLink(deps);
  const readBoxes = prepareReadBoxes(deps);
  const chains = prepareReadChains(db);
  const selectDevice = db.prepare(
    "SELECT sign_key, is_active, added_at_ms FROM devices WHERE account = ? AND device_id = ?",
  );
  const selectHandle = db.prepare("SELECT account_id FROM accounts WHERE handle = ?");

  return {
    register: (genesis, handle, admission = { type: "open" }) =>
      queue.run(() => register(genesis, handle, admission)),
    isDeleted: (accountId) => deps.read(() => ok(deps.tombstones.hasAccount(accountId))),
    appendLink: (step) => queue.run(() => appendLink(step)),
    findAccount: (accountId) => deps.read(() => ok(chains.find(accountId, idBytes(accountId)))),
    findDevice: (accountId, deviceId) =>
      deps.read(() => {
        const standing = deps.standings.byId(accountId);
        const row = standing === null ? undefined : selectDevice.get(standing.row, idBytes(deviceId));
        if (row === undefined) return ok(null);
        return ok({
          signKey: blobOf(row.sign_key),
          isActive: row.is_active === 1,
          addedAtMs: numberOf(row.added_at_ms),
        });
      }),
    readChain: (accountId, after, linksMax, bytesMax) =>
      deps.read(() => ok(chains.read(idBytes(accountId), { after, linksMax, bytesMax }))),
    findHandle: (handle) =>
      deps.read(() => {
        const row = selectHandle.get(handle);
        return ok(row === undefined ? null : idFromBytes("account", blobOf(row.account_id)));
      }),
    readBoxes: (accountId, epoch, bytesMax) => deps.read(() => readBoxes(accountId, epoch, bytesMax)),
  };
}

/** Which links of a chain are read. */
export interface LinkRange {
  readonly after: number;
  readonly linksMax: number;
  readonly bytesMax: number;
}

/** Finds accounts by the name they are kept under, and reads their chains. */
export function prepareReadChains(db: DatabaseSync): {
  find(accountId: AccountId, name: Bytes): AccountRecord | null;
  read(name: Bytes, range: LinkRange): StoredChainPage | null;
} {
  const selectAccount = db.prepare(
    "SELECT id, head_seq, head_hash, epoch, recovery_key FROM accounts WHERE account_id = ?",
  );
  const selectLinks = db.prepare("SELECT link FROM links WHERE account = ? AND seq > ? ORDER BY seq LIMIT ?");
  return {
    find(accountId, name) {
      const row = selectAccount.get(name);
      return row === undefined ? null : accountOf(accountId, row);
    },
    read(name, { after, linksMax, bytesMax }) {
      const account = selectAccount.get(name);
      if (account === undefined) return null;
      const rows = selectLinks.iterate(numberOf(account.id), after, linksMax);
      const links = takeWithin(bytesMax, rows, (row) => blobOf(row.link));
      return { links, headSeq: numberOf(account.head_seq) };
    },
  };
}

function accountOf(accountId: AccountId, row: Record<string, unknown>): AccountRecord {
  return {
    accountId,
    headSeq: numberOf(row.head_seq),
    headHash: idFromBytes("link", blobOf(row.head_hash)),
    epoch: numberOf(row.epoch),
    recoveryKey: blobOf(row.recovery_key),
  };
}

/** Values of rows until their bytes pass `bytesMax`; at least one. */
function takeWithin(
  bytesMax: number,
  rows: Iterable<Record<string, unknown>>,
  bytesOf: (row: Record<string, unknown>) => Bytes,
): Bytes[] {
  const values: Bytes[] = [];
  let bytes = 0;
  for (const row of rows) {
    const value = bytesOf(row);
    bytes += value.length;
    if (bytes > bytesMax && values.length > 0) break;
    values.push(value);
  }
  return values;
}

function prepareRegister(
  deps: SqliteDirectoryDeps,
): (genesis: ChainStep, handle: string | null, admission: RegistrationAdmission) => Result<void, Refusal> {
  const findFault = prepareRegistrationFault(deps);
  const { spend } = prepareAdmit(deps.db);
  const selectHandleOf = deps.db.prepare("SELECT handle FROM accounts WHERE account_id = ?");
  const insert = prepareInsertAccount(deps);
  return (genesis, handle, admission) => {
    const there = selectHandleOf.get(idBytes(genesis.accountId));
    // DI2: the account id is the hash of the genesis, so what is there is this very link.
    if (there !== undefined) return there.handle === handle ? ok() : refuse("chain-conflict");
    const fault = findFault(genesis.accountId, handle) ?? spend(admission);
    if (fault !== null) return refuse(fault);
    insert(idBytes(genesis.accountId), genesis, handle);
    return ok();
  };
}

/** Inside a transaction: why an account that is not there cannot be registered by this handle. */
export function prepareRegistrationFault({
  db,
  tombstones,
}: Pick<SqliteDirectoryDeps, "db" | "tombstones">): (
  accountId: AccountId,
  handle: string | null,
) => FailureCode | null {
  const selectHandle = db.prepare("SELECT 1 FROM accounts WHERE handle = ?");
  return (accountId, handle) => {
    // DI16
    if (tombstones.hasAccount(accountId)) return "account-deleted";
    if (handle === null) return null;
    return selectHandle.get(handle) !== undefined || tombstones.hasHandle(handle) ? "handle-taken" : null;
  };
}

/** Writes an account under `name`, by which alone it is found; gives its row. */
export function prepareInsertAccount(
  deps: SqliteDirectoryDeps,
): (name: Bytes, genesis: ChainStep, handle: string | null) => number {
  const insert = deps.db.prepare(
    "INSERT INTO accounts (account_id, head_seq, head_hash, epoch, recovery_key, handle) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const writeStep = prepareWriteStep(deps);
  return (name, genesis, handle) => {
    const { seq, hash, epoch, recoveryKey } = genesis;
    const inserted = insert.run(name, seq, idBytes(hash), epoch, recoveryKey, handle);
    const account = Number(inserted.lastInsertRowid);
    writeStep(account, genesis);
    return account;
  };
}

/** Inside a transaction: appends to the chain of the account that is found by `name`; `mayAppend` has the last word. */
export function prepareAppendLink(
  deps: SqliteDirectoryDeps,
): (
  step: ChainStep,
  name?: Bytes,
  mayAppend?: (account: number) => FailureCode | null,
) => Result<void, Refusal> {
  const { db } = deps;
  const select = db.prepare("SELECT id, head_seq, head_hash FROM accounts WHERE account_id = ?");
  const update = db.prepare(
    "UPDATE accounts SET head_seq = ?, head_hash = ?, epoch = ?, recovery_key = ? WHERE id = ?",
  );
  const countBoxes = db.prepare("SELECT count(*) AS count FROM added_boxes WHERE account = ? AND epoch = ?");
  const deletePreKeys = db.prepare("DELETE FROM prekeys WHERE account = ? AND device_id = ?");
  const writeStep = prepareWriteStep(deps);
  return (step, name = idBytes(step.accountId), mayAppend = () => null) => {
    const row = select.get(name);
    if (row === undefined) return refuse("unknown-account");
    const account = numberOf(row.id);
    const head = idFromBytes("link", blobOf(row.head_hash));
    if (head === step.hash) return ok();
    // DI3
    if (numberOf(row.head_seq) !== step.seq - 1 || head !== step.previousHash)
      return refuse("chain-conflict");
    if (
      step.box !== null &&
      numberOf(countBoxes.get(account, step.epoch)?.count) >= ADDED_BOXES_PER_EPOCH_MAX
    )
      return refuse("quota");
    const fault = mayAppend(account);
    if (fault !== null) return refuse(fault);
    update.run(step.seq, idBytes(step.hash), step.epoch, step.recoveryKey, account);
    writeStep(account, step);
    // DI4
    for (const deviceId of step.revokedDeviceIds) deletePreKeys.run(account, idBytes(deviceId));
    if (step.revokedDeviceIds.length > 0) {
      deps.announce({ type: "revoked", accountId: step.accountId, deviceIds: step.revokedDeviceIds });
    }
    return ok();
  };
}

/** Writes the rows a link adds beside the account's own. */
function prepareWriteStep(deps: SqliteDirectoryDeps): (account: number, step: ChainStep) => void {
  const { db } = deps;
  const insertLink = db.prepare("INSERT INTO links (account, seq, link) VALUES (?, ?, ?)");
  const insertDevice = db.prepare(
    "INSERT INTO devices (account, device_id, sign_key, added_at_ms, is_active) VALUES (?, ?, ?, ?, 1)",
  );
  const revokeDevice = db.prepare("UPDATE devices SET is_active = 0 WHERE account = ? AND device_id = ?");
  const insertBoxes = db.prepare("INSERT INTO boxes (account, epoch, boxes) VALUES (?, ?, ?)");
  const insertBox = db.prepare("INSERT INTO added_boxes (account, epoch, seq, box) VALUES (?, ?, ?, ?)");
  return (account, step) => {
    insertLink.run(account, step.seq, step.link);
    for (const device of step.addedDevices)
      insertDevice.run(account, idBytes(device.deviceId), device.signKey, step.nowMs);
    for (const deviceId of step.revokedDeviceIds) revokeDevice.run(account, idBytes(deviceId));
    if (step.boxes !== null) insertBoxes.run(account, step.epoch, step.boxes);
    if (step.box !== null) insertBox.run(account, step.epoch, step.seq, step.box);
    deps.standings.forget(step.accountId);
  };
}

function prepareReadBoxes(deps: SqliteDirectoryDeps) {
  const selectBoxes = deps.db.prepare(
    "SELECT epoch, boxes FROM boxes WHERE account = ? AND epoch >= ? ORDER BY epoch",
  );
  const selectAdded = deps.db.prepare(
    "SELECT box FROM added_boxes WHERE account = ? AND epoch = ? ORDER BY seq",
  );
  return (accountId: AccountId, epoch: number, bytesMax: number): Result<readonly StoredBoxes[], Refusal> => {
    const account = present(deps.standings.byId(accountId), "a signed-in account is there").row;
    const found: StoredBoxes[] = [];
    let bytes = 0;
    for (const row of selectBoxes.iterate(account, epoch)) {
      const added = selectAdded.all(account, numberOf(row.epoch)).map(({ box }) => blobOf(box));
      const boxes = blobOf(row.boxes);
      bytes += boxes.length + added.reduce((sum, box) => sum + box.length, 0);
      if (bytes > bytesMax && found.length > 0) break;
      found.push({ epoch: numberOf(row.epoch), boxes, added });
    }
    return ok(found);
  };
}
