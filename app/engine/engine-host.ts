/**
 * The engine of one profile in the worker that owns it: opens the store, the key, the client, and closes them.
 *
 * One task runs at a time. What goes wrong while opening is a state, not an exception; `retry` begins anew.
 */
import {
  type Bytes,
  type Client,
  type ClientError,
  createAccount,
  createPlatformRandom,
  createSystemClock,
  createWebConnector,
  err,
  findLinkCode,
  formatLinkCode,
  joinAccount,
  type LinkingGuest,
  ok,
  isSameServer,
  openClient,
  parseId,
  passkeyRecoveryInput,
  peekBackupLock,
  type Platform,
  recoverAccount,
  recoverByPasskey,
  type Result,
  silentLogger,
  verifyBackup,
  wipe,
} from "@dovetail/core";
import { deviceKindOf } from "./device-kind.ts";
import { createIndexedDbTxStore } from "../platform/indexed-db-tx-store.ts";
import { IndexedDbDocuments } from "../platform/indexed-db-documents.ts";
import {
  documentsDatabaseName,
  openProfileDatabase,
  type ProfileDatabase,
} from "../platform/profile-database.ts";
import type { EngineError } from "./engine.ts";
import type { HostCalls, HostLock, HostState } from "./engine-service.ts";
import { openSearchIndex } from "./open-search-index.ts";
import {
  createStoreKey,
  type KeyRing,
  openWithPasskey,
  openWithPassphrase,
  protectionOf,
  readKeyRing,
  storeUnderPasskey,
  storeUnderPassphrase,
} from "./key-ring.ts";

export interface EngineHost extends HostCalls {
  state(): HostState;
  onState(listener: (state: HostState) => void): () => void;
  /** The running client in `ready`, else null. */
  client(): Client | null;
  /** Ends everything; nothing is written after it has resolved. */
  close(): Promise<void>;
}

interface OpenProfile {
  readonly database: ProfileDatabase;
  readonly documents: IndexedDbDocuments;
  /** Null while it is locked, and before there is one. */
  readonly platform: Platform | null;
}

/** While a browser throws a database away it may open none of that name. */
const REOPEN_ATTEMPTS_MAX = 4;
const REOPEN_PAUSE_MS = 250;

const UNAVAILABLE: EngineError = { type: "EngineUnavailable", detail: "closed" };

/** The host of `profile`; it opens it at once. The caller holds the profile's lock. */
export function createEngineHost(profile: string): EngineHost {
  const random = createPlatformRandom();
  const clock = createSystemClock();
  const listeners = new Set<(state: HostState) => void>();
  let state: HostState = { type: "starting" };
  let open: OpenProfile | null = null;
  let client: Client | null = null;
  let isClosed = false;
  let last: Promise<unknown> = Promise.resolve();

  function setState(next: HostState): void {
    state = next;
    for (const listener of listeners) listener(next);
  }

  function run<T>(task: () => Promise<Result<T, EngineError>>): Promise<Result<T, EngineError>> {
    // The composition root: a mistake of ours becomes a state that the person is told, not a page that waits for ever.
    const result = last
      .then(() => (isClosed ? err(UNAVAILABLE) : task()))
      .catch((thrown: unknown): Result<T, EngineError> => {
        reportError(thrown);
        return fail({ type: "EngineUnavailable", detail: thrown instanceof Error ? thrown.name : "unknown" });
      });
    last = result;
    return result;
  }

  /** As `run`, in one of these states only. */
  function runIn<T>(
    states: readonly HostState["type"][],
    task: () => Promise<Result<T, EngineError>>,
  ): Promise<Result<T, EngineError>> {
    return run(async () =>
      states.includes(state.type) ? task() : err({ type: "WrongState", state: state.type }),
    );
  }

  /** As `runIn`, with the keys that are stored. */
  function runWithRing<T>(
    states: readonly HostState["type"][],
    task: (ring: KeyRing) => Result<T, EngineError> | Promise<Result<T, EngineError>>,
  ): Promise<Result<T, EngineError>> {
    return runIn(states, async () => {
      const ring = await currentRing();
      return ring.ok ? task(ring.value) : ring;
    });
  }

  /** Fills the empty profile, under the protection asked for. */
  function fill<T>(
    lock: HostLock,
    task: (platform: Platform) => Promise<Result<T, EngineError>>,
  ): Promise<Result<T, EngineError>> {
    return runIn(["empty"], async () => {
      const platform = await preparePlatform(lock);
      return platform.ok ? task(platform.value) : platform;
    });
  }

  function fail(error: EngineError): Result<never, EngineError> {
    setState({ type: "failed", error });
    return err(error);
  }

  /** From nothing to `empty`, `locked` or `ready`. */
  async function openProfile(): Promise<Result<void, EngineError>> {
    setState({ type: "starting" });
    const opened = await openProfileDatabase(profile, { onLost: () => void run(reopen) });
    if (!opened.ok) return fail(opened.error);
    const database = opened.value;
    open = {
      database,
      documents: new IndexedDbDocuments(documentsDatabaseName(profile), database),
      platform: null,
    };
    const ring = await readKeyRing(database);
    if (!ring.ok) return fail(ring.error);
    const { stored, passkey } = ring.value;
    if (stored?.type === "open") return openWithKey(stored.key, ring.value);
    if (stored !== null || passkey !== null) {
      setState({ type: "locked", protection: protectionOf(ring.value) });
      return ok();
    }
    const hasRows = await database.hasRows();
    if (!hasRows.ok) return fail(hasRows.error);
    // Rows without a key: a new one would make what is there unreadable for ever.
    if (hasRows.value) return fail({ type: "StoreKeyDamaged" });
    setState({ type: "empty" });
    return ok();
  }

  async function openWithKey(storeKey: Bytes, ring: KeyRing): Promise<Result<void, EngineError>> {
    const platform = platformOf(storeKey);
    if (platform === null) return err(UNAVAILABLE);
    const opened = await openClient(platform);
    if (!opened.ok) return fail(opened.error);
    if (opened.value === null) {
      setState({ type: "empty" });
      return ok();
    }
    return present(opened.value, ring);
  }

  function platformOf(storeKey: Bytes): Platform | null {
    if (open === null) return null;
    const { database, documents } = open;
    const platform: Platform = {
      clock,
      random,
      logger: silentLogger,
      connector: createWebConnector(),
      deviceKind: deviceKindOf(navigator.userAgent),
      store: createIndexedDbTxStore(database),
      documentStorage: documents,
      storeKey,
      openSearchIndex,
    };
    open = { ...open, platform };
    return platform;
  }

  async function present(opened: Client, ring: KeyRing): Promise<Result<void, EngineError>> {
    client = opened;
    const account = await opened.account();
    if (!account.ok) return fail(account.error);
    const { accountId, deviceId, origin } = account.value;
    opened.start();
    setState({ type: "ready", protection: protectionOf(ring), profile: { accountId, deviceId, origin } });
    return ok();
  }

  /** A platform for an account that is to come, under the protection asked for. */
  async function preparePlatform({ passphrase, passkey }: HostLock): Promise<Result<Platform, EngineError>> {
    if (open === null) return err(UNAVAILABLE);
    const { database } = open;
    const before = await readKeyRing(database);
    if (!before.ok) return before;
    // An earlier attempt may have left keys that a server knows already: they are sealed by its store key.
    const storeKey = open.platform?.storeKey ?? createStoreKey(random);
    // WB8: a key that a passkey is to protect never lies in clear. What an earlier attempt chose does not stay.
    const isSet = passkey !== null || before.value.passkey !== null;
    const set = isSet
      ? await storeUnderPasskey({ database, random, ring: before.value }, storeKey, passkey)
      : ok();
    if (passkey !== null) wipe(passkey.key);
    const ring = set.ok ? await readKeyRing(database) : set;
    if (!ring.ok) return ring;
    const stored = await storeUnderPassphrase({ database, random, ring: ring.value }, storeKey, passphrase);
    if (!stored.ok) return stored;
    const platform = open.platform ?? platformOf(storeKey);
    return platform === null ? err(UNAVAILABLE) : ok(platform);
  }

  async function presentNew(opened: Client): Promise<Result<void, EngineError>> {
    const ring = await currentRing();
    return ring.ok ? present(opened, ring.value) : fail(ring.error);
  }

  async function currentRing(): Promise<Result<KeyRing, EngineError>> {
    return open === null ? err(UNAVAILABLE) : readKeyRing(open.database);
  }

  /** Stops the client and lets the database go. */
  async function closeProfile(): Promise<Result<void, ClientError>> {
    const stopped = client === null ? ok() : await client.stop();
    client = null;
    if (open?.platform) wipe(open.platform.storeKey);
    open?.documents.close();
    open?.database.close();
    open = null;
    return stopped;
  }

  async function reopen(): Promise<Result<void, EngineError>> {
    // What a lost database could not take is reported by the state that follows.
    await closeProfile();
    for (let attempt = 1; ; attempt++) {
      const opened = await openProfile();
      if (opened.ok || attempt === REOPEN_ATTEMPTS_MAX) return opened;
      await new Promise((resolve) => setTimeout(resolve, REOPEN_PAUSE_MS));
    }
  }

  /** The guest, whose end is also that of the engine's being empty. */
  function hostGuest(guest: LinkingGuest, platform: Platform): LinkingGuest {
    let linked: ReturnType<LinkingGuest["whenLinked"]> | null = null;
    const finish: LinkingGuest["whenLinked"] = async () => {
      const joined = await guest.whenLinked();
      if (!joined.ok) return joined;
      // Whether it can be opened at once is told by the state; the device is linked either way.
      await run(async () => {
        const opened = await openClient(platform);
        if (!opened.ok) return fail(opened.error);
        return opened.value === null ? ok() : presentNew(opened.value);
      });
      return joined;
    };
    return {
      ...guest,
      whenLinked: () => {
        linked ??= finish();
        return linked;
      },
    };
  }

  void run(openProfile);

  return {
    state: () => state,
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    client: () => client,

    createAccount: ({ passphrase, passkey, ...account }) =>
      fill({ passphrase, passkey }, async (platform) => {
        const created = await createAccount(platform, account);
        if (!created.ok) return created;
        const presented = await presentNew(created.value.client);
        return presented.ok ? ok({ recoveryWords: created.value.recoveryWords }) : presented;
      }),
    join: ({ passphrase, passkey, ...options }) =>
      fill({ passphrase, passkey }, async (platform) => {
        // GW12: a server lets a page of another one link nothing, and the browser hides that it said so.
        const code = await findLinkCode(platform, options.code, self.location.origin);
        if (!code.ok) return code;
        const { origin } = code.value;
        if (origin !== self.location.origin) {
          const isOurs = await isSameServer(platform, origin, self.location.origin);
          if (!isOurs.ok) return isOurs;
          if (!isOurs.value) return err({ type: "AccountElsewhere", origin });
        }
        const joined = await joinAccount(platform, { ...options, code: formatLinkCode(code.value) });
        return joined.ok ? ok(hostGuest(joined.value, platform)) : joined;
      }),
    recover: ({ passphrase, passkey, account: name, replaces, ...recovery }) =>
      fill({ passphrase, passkey }, async (platform) => {
        const id = parseId("account", name);
        const account = id.ok
          ? { type: "id" as const, accountId: id.value }
          : { type: "handle" as const, handle: name };
        const way = { account, ...(replaces === null ? {} : { replaces }) };
        const recovered = await recoverAccount(platform, { ...recovery, ...way });
        return recovered.ok ? presentNew(recovered.value) : recovered;
      }),
    recoverByPasskey: ({ passphrase, passkey, key, replaces, ...recovery }) =>
      fill({ passphrase, passkey }, async (platform) => {
        const way = { passkeyKey: key, ...(replaces === null ? {} : { replaces }) };
        const recovered = await recoverByPasskey(platform, { ...recovery, ...way });
        wipe(key);
        return recovered.ok ? presentNew(recovered.value) : recovered;
      }),
    recoveryQuestion: () =>
      run(async () => {
        const ring = await currentRing();
        if (!ring.ok) return ring;
        return ok({ credentialId: ring.value.passkey?.credentialId ?? null, salt: passkeyRecoveryInput() });
      }),

    unlock: (passphrase) =>
      runWithRing(["locked"], (ring) => {
        const storeKey = openWithPassphrase(ring, passphrase);
        return storeKey.ok ? openWithKey(storeKey.value, ring) : storeKey;
      }),
    passkeyQuestion: () =>
      run(async () => {
        const ring = await currentRing();
        if (!ring.ok) return ring;
        const { passkey } = ring.value;
        return ok(passkey === null ? null : { credentialId: passkey.credentialId, salt: passkey.salt });
      }),
    unlockWithPasskey: (key) =>
      runWithRing(["locked"], (ring) => {
        const storeKey = openWithPasskey(ring, key);
        wipe(key);
        return storeKey.ok ? openWithKey(storeKey.value, ring) : storeKey;
      }),
    lock: () =>
      runWithRing(["ready"], async (ring) => {
        const { hasPassphrase, hasPasskey } = protectionOf(ring);
        if (!hasPassphrase && !hasPasskey) return err({ type: "NotProtected" });
        const closed = await closeProfile();
        const opened = await openProfile();
        return closed.ok ? opened : closed;
      }),
    prove: (passphrase) => prove((ring) => openWithPassphrase(ring, passphrase)),
    proveWithPasskey: (key) =>
      prove((ring) => {
        const opened = openWithPasskey(ring, key);
        wipe(key);
        return opened;
      }),
    setPassphrase: (current, next) =>
      runWithRing(["ready"], async (ring) => {
        if (open?.platform == null) return err(UNAVAILABLE);
        if (ring.stored?.type === "wrapped") {
          const known = openWithPassphrase(ring, current ?? "");
          if (!known.ok) return known;
          wipe(known.value);
        }
        const { database, platform } = open;
        const stored = await storeUnderPassphrase({ database, random, ring }, platform.storeKey, next);
        return stored.ok ? announceProtection() : stored;
      }),
    setPasskey: (answer) =>
      runWithRing(["ready"], async (ring) => {
        if (open?.platform == null) return err(UNAVAILABLE);
        const { database, platform } = open;
        const stored = await storeUnderPasskey({ database, random, ring }, platform.storeKey, answer);
        if (answer !== null) wipe(answer.key);
        return stored.ok ? announceProtection() : stored;
      }),
    // Nothing of the profile is looked at, so these wait for nothing.
    backupLock: async (firstBytes) => peekBackupLock(firstBytes),
    checkBackup: async (key) => verifyBackup(key),
    forget: () =>
      run(async () => {
        const stopped = client;
        client = null;
        if (stopped !== null) await stopped.stop();
        await closeProfile();
        return erase();
      }),
    retry: () => runIn(["failed"], reopen),
    close: async () => {
      isClosed = true;
      await last;
      await closeProfile();
    },
  };

  /** Whether `openKey` opens the key of the profile that is open. WB30 */
  function prove(openKey: (ring: KeyRing) => Result<Bytes, EngineError>): Promise<Result<void, EngineError>> {
    return runWithRing(["ready"], (ring) => {
      const storeKey = openKey(ring);
      if (!storeKey.ok) return storeKey;
      wipe(storeKey.value);
      return ok();
    });
  }

  async function announceProtection(): Promise<Result<void, EngineError>> {
    const ring = await currentRing();
    if (!ring.ok) return ring;
    if (state.type === "ready") setState({ ...state, protection: protectionOf(ring.value) });
    return ok();
  }

  async function erase(): Promise<Result<void, EngineError>> {
    const opened = await openProfileDatabase(profile, { onLost: () => {} });
    if (!opened.ok) return fail(opened.error);
    const documents = new IndexedDbDocuments(documentsDatabaseName(profile), opened.value);
    const cleared = await opened.value.clear();
    try {
      if (cleared.ok) await documents.clear();
    } catch (thrown) {
      return fail({ type: "EngineUnavailable", detail: thrown instanceof Error ? thrown.name : "unknown" });
    } finally {
      documents.close();
      opened.value.close();
    }
    return cleared.ok ? openProfile() : fail(cleared.error);
  }
}
