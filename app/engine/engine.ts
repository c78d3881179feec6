/**
 * The page's door to the engine, whichever tab's worker runs it. Screens are built on this and on `Client` alone.
 *
 * One engine runs per browser profile, in a worker. Any tab may be the one whose worker it is; when that tab goes, another
 * takes over and screens see nothing but a `state` event of the client.
 */
import type {
  AccountId,
  BackupIntake,
  BackupKey,
  BackupLock,
  BadPassphrase,
  Bytes,
  Client,
  DeviceId,
  LinkingError,
  LinkingGuest,
  Result,
  StoreKeyFault,
  WrongPassphrase,
} from "@dovetail/core";

/** What protects the profile on this machine. Both false: nothing does, and the person has to be told so. */
export interface Protection {
  readonly hasPassphrase: boolean;
  readonly hasPasskey: boolean;
}

/** A profile the browser has thrown away, as far as it is still known. */
export interface LostProfile {
  readonly accountId: AccountId;
  /**
   * The entry in the account's list of devices that this browser was. Linking from another device replaces it in the same
   * step when it is named there: `client.linkDevice({ replaces })`.
   */
  readonly deviceId: DeviceId;
  readonly origin: string;
}

export type EngineState =
  /** Until the engine answers; also between one tab's engine and the next one's. */
  | { readonly type: "starting" }
  /** No account in this browser: make one, link one, recover one. */
  | { readonly type: "empty" }
  /** As `empty`, but there was an account: the browser has deleted what the app had stored. */
  | { readonly type: "evicted"; readonly lost: LostProfile }
  | { readonly type: "locked"; readonly protection: Protection }
  /** `client` works. */
  | { readonly type: "ready"; readonly protection: Protection; readonly role: EngineRole }
  /** `retry` tries again. */
  | { readonly type: "failed"; readonly error: EngineError };

/** Whether the engine runs in this tab's worker or in another tab's. For people it makes no difference. */
export type EngineRole = "leader" | "follower";

export type EngineError =
  | LinkingError
  | BadPassphrase
  | WrongPassphrase
  | StoreKeyFault
  /** It can be done only in another state, such as `unlock` when nothing is locked. */
  | { readonly type: "WrongState"; readonly state: EngineState["type"] }
  /** Nothing protects this profile, so that there is nothing to lock it with. */
  | { readonly type: "NotProtected" }
  /** The browser has no passkeys that can hold a key, the person has dismissed it, or it is not the one of this profile. */
  | { readonly type: "PasskeyUnavailable"; readonly why: "unsupported" | "dismissed" | "no-key" | "wrong" }
  /** The linking code is of an account on the server at `origin`; a page has accounts of its own server only. */
  | { readonly type: "AccountElsewhere"; readonly origin: string }
  /** The browser lacks something, or refused; `detail` is its own word. */
  | { readonly type: "EngineUnavailable"; readonly detail: string };

/** What is to protect a profile that is being made. Neither: it has no protection at rest. */
export interface ChosenLock {
  readonly passphrase: string | null;
  /** After a gesture: the browser makes a passkey for it before anything is stored. */
  readonly usesPasskey?: boolean;
}

export interface NewProfile extends ChosenLock {
  readonly displayName: string;
  readonly handle: string | null;
  /** The page's own server when left out. */
  readonly origin?: string;
  readonly deviceName: string;
  readonly invitation?: string | null;
}

export interface ProfileJoin extends ChosenLock {
  /** Text of the QR or link that another device shows. */
  readonly code: string;
  readonly deviceName: string;
}

export interface ProfileRecovery extends ChosenLock {
  readonly words: string;
  /** Handle or account id. */
  readonly account: string;
  /** The page's own server when left out. */
  readonly origin?: string;
  readonly deviceName: string;
  /** Whether devices that are active now stay. */
  readonly keepsDevices: boolean;
  /** The device this browser was before it threw its storage away; it goes as the new one comes. */
  readonly replaces?: DeviceId;
}

/** As `ProfileRecovery`, by a passkey that was let bring the account back. */
export type PasskeyProfileRecovery = Omit<ProfileRecovery, "words" | "account">;

export interface Engine {
  state(): EngineState;
  /** Called with every new state; not with the present one. The returned function ends it. */
  onState(listener: (state: EngineState) => void): () => void;

  /** In `empty` and `evicted`. The words are shown once and kept nowhere. */
  createAccount(profile: NewProfile): Promise<Result<{ readonly recoveryWords: string }, EngineError>>;
  /** In `empty` and `evicted`. The state is `ready` after `whenLinked` of the guest. */
  join(join: ProfileJoin): Promise<Result<LinkingGuest, EngineError>>;
  /** In `empty` and `evicted`. */
  recover(recovery: ProfileRecovery): Promise<Result<void, EngineError>>;
  /** In `empty` and `evicted`, after a gesture: the person chooses among the passkeys of this page. */
  recoverByPasskey(recovery: PasskeyProfileRecovery): Promise<Result<void, EngineError>>;
  /**
   * In `ready`, after a gesture: lets the passkey of this profile, or a new one, bring the account back. `words` is null while they
   * are kept here.
   */
  keepForPasskey(displayName: string, words: string | null): Promise<Result<void, EngineError>>;

  /** In `locked`. Takes about a second on purpose. */
  unlock(passphrase: string): Promise<Result<void, EngineError>>;
  /** In `locked`, after a gesture of the person: the browser asks for finger, face or PIN. */
  unlockWithPasskey(): Promise<Result<void, EngineError>>;
  /** In `ready`, for all tabs. - Fails: `NotProtected`. */
  lock(): Promise<Result<void, EngineError>>;
  /** In `ready`: succeeds for the passphrase of this profile alone. Takes about a second on purpose. */
  prove(passphrase: string): Promise<Result<void, EngineError>>;
  /** In `ready`, after a gesture: as `prove`, by the passkey. */
  proveWithPasskey(): Promise<Result<void, EngineError>>;
  /** In `ready`. `current` is null when there is none; `next` is null to take it away. */
  setPassphrase(current: string | null, next: string | null): Promise<Result<void, EngineError>>;
  /** In `ready`, after a gesture: makes a passkey that can unlock this profile besides the passphrase. */
  addPasskey(displayName: string): Promise<Result<void, EngineError>>;
  /** In `ready`. The browser's own list of passkeys keeps its entry. */
  removePasskey(): Promise<Result<void, EngineError>>;
  /** Whether this browser may have passkeys that hold a key. */
  hasPasskeys(): Promise<boolean>;

  /** In any state: what the backup that begins like this asks for. */
  backupLock(firstBytes: Bytes): Promise<Result<BackupLock, EngineError>>;
  /** In any state: reads a backup through and changes nothing. A key of bytes is wiped by whoever gives it. */
  checkBackup(key: BackupKey): Promise<Result<BackupIntake, EngineError>>;

  /**
   * Deletes the account from this browser, in all tabs, whatever the state; what only this device had is gone. It stays on
   * the account's list of devices until another device revokes it.
   */
  forget(): Promise<Result<void, EngineError>>;
  /** Erases a profile that does not open. Whose it was is remembered, so that the next link can replace this device. */
  beginAnew(): Promise<Result<void, EngineError>>;
  /** In `failed`: tries to open the profile again. */
  retry(): Promise<Result<void, EngineError>>;

  /**
   * The client of this profile. It stays the same object through locks and changes of tab; in every state but `ready` its
   * calls wait a moment for the engine and then answer `ClientStopped`. `stop` ends this page's part only.
   */
  readonly client: Client;
}
