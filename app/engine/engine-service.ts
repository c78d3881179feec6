/** What a page may ask of the engine in the worker, and what it is told. */
import {
  backupIntakeRule,
  type BackupIntake,
  type BackupKey,
  backupKeyArgument,
  type BackupLock,
  booleanArgument,
  bytesArgument,
  type AccountId,
  type Bytes,
  type DeviceId,
  handleRule,
  idArgument,
  type LinkingGuest,
  nullableArgument,
  recordArgument,
  type Result,
  type Service,
  textArgument,
} from "@dovetail/core";
import type { EngineError, Protection } from "./engine.ts";

/** The engine's state as its worker knows it; whose worker that is, the page adds. */
export type HostState =
  | { readonly type: "starting" }
  | { readonly type: "empty" }
  | { readonly type: "locked"; readonly protection: Protection }
  | { readonly type: "ready"; readonly protection: Protection; readonly profile: HostedProfile }
  | { readonly type: "failed"; readonly error: EngineError };

export interface HostedProfile {
  readonly accountId: AccountId;
  readonly deviceId: DeviceId;
  readonly origin: string;
}

/** What a page needs to ask the person's passkey for its key. None of it is secret. */
export interface PasskeyQuestion {
  readonly credentialId: Bytes;
  readonly salt: Bytes;
}

/** A passkey's answer; the 32 bytes of `key` are a secret. */
export interface PasskeyAnswer extends PasskeyQuestion {
  readonly key: Bytes;
}

/** What is to protect a profile that is being made. */
export interface HostLock {
  readonly passphrase: string | null;
  readonly passkey: PasskeyAnswer | null;
}

export interface HostAccount extends HostLock {
  readonly displayName: string;
  readonly handle: string | null;
  readonly origin: string;
  readonly deviceName: string;
  readonly invitation: string | null;
}

export interface HostJoin extends HostLock {
  readonly code: string;
  readonly deviceName: string;
}

export interface HostRecovery extends HostLock {
  readonly words: string;
  readonly account: string;
  readonly origin: string;
  readonly deviceName: string;
  readonly keepsDevices: boolean;
  readonly replaces: DeviceId | null;
}

/** `key` is what the passkey gave for recovery; it takes the place of account and words. */
export interface HostPasskeyRecovery extends Omit<HostRecovery, "words" | "account"> {
  readonly key: Bytes;
}

/** What a passkey is asked with for recovery; `credentialId` is that of this profile's, null when it has none. */
export interface RecoveryQuestion {
  readonly credentialId: Bytes | null;
  readonly salt: Bytes;
}

export interface HostCalls {
  createAccount(account: HostAccount): Promise<Result<{ readonly recoveryWords: string }, EngineError>>;
  join(join: HostJoin): Promise<Result<LinkingGuest, EngineError>>;
  recover(recovery: HostRecovery): Promise<Result<void, EngineError>>;
  recoverByPasskey(recovery: HostPasskeyRecovery): Promise<Result<void, EngineError>>;
  recoveryQuestion(): Promise<Result<RecoveryQuestion, EngineError>>;
  unlock(passphrase: string): Promise<Result<void, EngineError>>;
  /** Null when the profile has no passkey. */
  passkeyQuestion(): Promise<Result<PasskeyQuestion | null, EngineError>>;
  unlockWithPasskey(key: Bytes): Promise<Result<void, EngineError>>;
  lock(): Promise<Result<void, EngineError>>;
  prove(passphrase: string): Promise<Result<void, EngineError>>;
  proveWithPasskey(key: Bytes): Promise<Result<void, EngineError>>;
  setPassphrase(current: string | null, next: string | null): Promise<Result<void, EngineError>>;
  setPasskey(answer: PasskeyAnswer | null): Promise<Result<void, EngineError>>;
  backupLock(firstBytes: Bytes): Promise<Result<BackupLock, EngineError>>;
  checkBackup(key: BackupKey): Promise<Result<BackupIntake, EngineError>>;
  forget(): Promise<Result<void, EngineError>>;
  retry(): Promise<Result<void, EngineError>>;
}

const guestRule = handleRule<LinkingGuest>({
  methods: { accept: [], whenLinked: [], cancel: [] },
  promises: [],
  ends: ["cancel"],
  cancel: "cancel",
});

const passkeyAnswer = nullableArgument(
  recordArgument<PasskeyAnswer>({
    required: { credentialId: bytesArgument, salt: bytesArgument, key: bytesArgument },
    optional: {},
  }),
);

const lockFields = { passphrase: nullableArgument(textArgument), passkey: passkeyAnswer };

const recoveryFields = {
  ...lockFields,
  origin: textArgument,
  deviceName: textArgument,
  keepsDevices: booleanArgument,
  replaces: nullableArgument(idArgument("device")),
};

export const ENGINE_SERVICE: Service<HostCalls> = {
  name: "engine",
  version: 1,
  methods: {
    createAccount: [
      recordArgument<HostAccount>({
        required: {
          displayName: textArgument,
          handle: nullableArgument(textArgument),
          origin: textArgument,
          deviceName: textArgument,
          invitation: nullableArgument(textArgument),
          ...lockFields,
        },
        optional: {},
      }),
    ],
    join: [
      recordArgument<HostJoin>({
        required: {
          code: textArgument,
          deviceName: textArgument,
          ...lockFields,
        },
        optional: {},
      }),
    ],
    recover: [
      recordArgument<HostRecovery>({
        required: { ...recoveryFields, words: textArgument, account: textArgument },
        optional: {},
      }),
    ],
    recoverByPasskey: [
      recordArgument<HostPasskeyRecovery>({
        required: { ...recoveryFields, key: bytesArgument },
        optional: {},
      }),
    ],
    recoveryQuestion: [],
    unlock: [textArgument],
    passkeyQuestion: [],
    unlockWithPasskey: [bytesArgument],
    lock: [],
    prove: [textArgument],
    proveWithPasskey: [bytesArgument],
    setPassphrase: [nullableArgument(textArgument), nullableArgument(textArgument)],
    setPasskey: [passkeyAnswer],
    backupLock: [bytesArgument],
    checkBackup: [backupKeyArgument],
    forget: [],
    retry: [],
  },
  handles: { join: guestRule, checkBackup: backupIntakeRule },
};
