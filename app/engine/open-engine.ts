/** The page's side of the engine: finds it, follows its state, and asks it for what the person wants. */
import {
  type Bytes,
  connectClient,
  connectObject,
  createSystemClock,
  err,
  type LinkingGuest,
  ok,
  type Result,
  wipe,
} from "@dovetail/core";
import type { ChosenLock, Engine, EngineError, EngineRole, EngineState, ProfileJoin } from "./engine.ts";
import { findEngine } from "./engine-finder.ts";
import { ENGINE_SERVICE, type HostCalls, type HostState, type PasskeyAnswer } from "./engine-service.ts";
import { readRemembered, remember } from "./lost-profile.ts";
import { askPasskey, createPasskey, mayHavePasskeys } from "./passkey.ts";
import { createSteadyClient } from "./steady-client.ts";

const PROFILE = "default";
/** What a passkey is called before the person's name is known here. */
const APP_NAME = "Dovetail";
const HOST_WAIT_MS = 15_000;
const RECONNECT_MS = 500;

/** Opens the engine of this browser's profile. Once per page. */
export function openEngine(profile: string = PROFILE): Engine {
  const clock = createSystemClock();
  const listeners = new Set<(state: EngineState) => void>();
  const steady = createSteadyClient();
  const waiting = new Set<(calls: HostCalls) => void>();
  let state: EngineState = { type: "starting" };
  let role: EngineRole = "follower";
  let host: HostCalls | null = null;
  /** Raised with every leader, and whenever the client's end is known: what still comes from before is dropped. */
  let round = 0;
  let clientRound = 0;

  function setState(next: EngineState): void {
    state = next;
    for (const listener of listeners) listener(next);
  }

  const finder = findEngine(profile, {
    onLeader(isOwnTab) {
      role = isOwnTab ? "leader" : "follower";
      round += 1;
      leaveHost();
      void meetHost(round);
    },
    onBroken: (detail) => setState({ type: "failed", error: { type: "EngineUnavailable", detail } }),
  });

  function leaveClient(): void {
    clientRound += 1;
    steady.use(null);
  }

  function leaveHost(): void {
    host = null;
    leaveClient();
    if (state.type !== "starting") setState({ type: "starting" });
  }

  async function meetHost(mine: number): Promise<void> {
    const port = await finder.connect("engine");
    if (port === null || mine !== round) return retryHost(mine);
    const connected = await connectObject<HostCalls, HostState>(port, ENGINE_SERVICE, {
      clock,
      onEvent: (event) => {
        if (mine === round) follow(event);
      },
      onGone: () => retryHost(mine),
    });
    if (!connected.ok) return connected.error.type === "OwnerOtherVersion" ? tellVersion() : retryHost(mine);
    if (mine !== round) return connected.value.close();
    host = connected.value.calls;
    for (const take of [...waiting]) take(host);
    // The welcome tells the state as it was; an event that came meanwhile is newer. Both ends are of one version.
    if (state.type === "starting") follow(connected.value.state as HostState);
  }

  function retryHost(mine: number): void {
    if (mine !== round) return;
    leaveHost();
    setTimeout(() => {
      if (mine === round && host === null) void meetHost(mine);
    }, RECONNECT_MS);
  }

  /** The engine runs in a tab of another version of the app: one of the two has to be loaded anew. */
  function tellVersion(): void {
    setState({ type: "failed", error: { type: "EngineUnavailable", detail: "other-version" } });
  }

  function follow(told: HostState) {
    if (told.type !== "ready") leaveClient();
    switch (told.type) {
      case "empty": {
        const lost = readRemembered(profile);
        return setState(lost === null ? told : { type: "evicted", lost });
      }
      case "ready": {
        if (readRemembered(profile)?.deviceId !== told.profile.deviceId) keepStorage();
        remember(profile, told.profile);
        const isNew = state.type !== "ready";
        setState({ type: "ready", protection: told.protection, role });
        if (isNew) void meetClient(clientRound);
        return;
      }
      default:
        return setState(told);
    }
  }

  async function meetClient(mine: number): Promise<void> {
    const port = await finder.connect("client");
    const connected = port === null ? null : await connectClient(port, clock);
    if (mine !== clientRound) return void (connected?.ok && connected.value.stop());
    if (!connected?.ok) return meetClientLater(mine);
    const client = connected.value;
    client.onEvent((event) => {
      if (event.type !== "connection" || event.status.state !== "stopped" || mine !== clientRound) return;
      steady.use(null);
      meetClientLater(mine);
    });
    steady.use(client);
  }

  function meetClientLater(mine: number): void {
    setTimeout(() => {
      if (mine === clientRound) void meetClient(mine);
    }, RECONNECT_MS);
  }

  /** Asks the engine, and waits a while for it when it is just changing tabs. Nothing is asked twice. */
  async function ask<T>(
    question: (calls: HostCalls) => Promise<Result<T, EngineError>>,
  ): Promise<Result<T, EngineError>> {
    const calls = host ?? (await whenHost());
    return calls === null ? err({ type: "WrongState", state: state.type }) : question(calls);
  }

  function whenHost(): Promise<HostCalls | null> {
    return new Promise((resolve) => {
      const take = (calls: HostCalls | null): void => {
        clearTimeout(timer);
        waiting.delete(take);
        resolve(calls);
      };
      const timer = setTimeout(() => take(null), HOST_WAIT_MS);
      waiting.add(take);
    });
  }

  /** Makes the passkey that is to lock a new profile, while the person's gesture counts, and hands it on with the rest. */
  function withLock<P extends ChosenLock, T>(
    { usesPasskey, ...profile }: P,
    displayName: string,
    act: (
      calls: HostCalls,
      locked: Omit<P, "usesPasskey"> & { readonly passkey: PasskeyAnswer | null },
    ) => Promise<Result<T, EngineError>>,
  ): Promise<Result<T, EngineError>> {
    return ask(async (calls) => {
      const made = usesPasskey === true ? await createPasskey(displayName) : ok(null);
      if (!made.ok) return made;
      const done = await act(calls, { ...profile, passkey: made.value });
      if (made.value !== null) wipe(made.value.key);
      return done;
    });
  }

  /** Asks the person's passkey, and hands its key to `use`. */
  function withPasskey(
    use: (calls: HostCalls, key: Bytes) => Promise<Result<void, EngineError>>,
  ): Promise<Result<void, EngineError>> {
    return ask(async (calls) => {
      const question = await calls.passkeyQuestion();
      if (!question.ok) return question;
      if (question.value === null) return err({ type: "PasskeyUnavailable", why: "no-key" });
      const answer = await askPasskey(question.value);
      if (!answer.ok) return answer;
      const used = await use(calls, answer.value.key);
      wipe(answer.value.key);
      return used;
    });
  }

  return {
    state: () => state,
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    createAccount: ({ origin, invitation, ...account }) =>
      withLock(account, account.displayName, (calls, locked) =>
        calls.createAccount({
          ...locked,
          origin: origin ?? location.origin,
          invitation: invitation ?? null,
        }),
      ),
    join: (join) =>
      withLock<ProfileJoin, LinkingGuest>(join, APP_NAME, (calls, locked) => calls.join(locked)),
    recover: ({ origin, ...recovery }) =>
      withLock(recovery, APP_NAME, (calls, { replaces, ...locked }) =>
        calls.recover({ ...locked, origin: origin ?? location.origin, replaces: replaces ?? null }),
      ),
    recoverByPasskey: ({ origin, ...recovery }) =>
      ask(async (calls) => {
        const question = await calls.recoveryQuestion();
        const answer = question.ok ? await askPasskey({ ...question.value, credentialId: null }) : question;
        if (!answer.ok) return answer;
        const { key } = answer.value;
        const recovered = await withLock(recovery, APP_NAME, (_calls, { replaces, ...locked }) =>
          calls.recoverByPasskey({
            ...locked,
            key,
            origin: origin ?? location.origin,
            replaces: replaces ?? null,
          }),
        );
        wipe(key);
        return recovered;
      }),
    keepForPasskey: (displayName, words) =>
      ask(async (calls) => {
        const question = await calls.recoveryQuestion();
        if (!question.ok) return question;
        const answer =
          question.value.credentialId === null
            ? await createPasskey(displayName, question.value.salt)
            : await askPasskey(question.value);
        if (!answer.ok) return answer;
        const kept = await steady.client.keepForPasskey(answer.value.key, words);
        wipe(answer.value.key);
        return kept;
      }),
    unlock: (passphrase) => ask((calls) => calls.unlock(passphrase)),
    unlockWithPasskey: () => withPasskey((calls, key) => calls.unlockWithPasskey(key)),
    prove: (passphrase) => ask((calls) => calls.prove(passphrase)),
    proveWithPasskey: () => withPasskey((calls, key) => calls.proveWithPasskey(key)),
    lock: () => ask((calls) => calls.lock()),
    setPassphrase: (current, next) => ask((calls) => calls.setPassphrase(current, next)),
    addPasskey: (displayName) =>
      ask(async (calls) => {
        const answer = await createPasskey(displayName);
        if (!answer.ok) return answer;
        const set = await calls.setPasskey(answer.value);
        wipe(answer.value.key);
        return set;
      }),
    removePasskey: () => ask((calls) => calls.setPasskey(null)),
    hasPasskeys: mayHavePasskeys,
    backupLock: (firstBytes) => ask((calls) => calls.backupLock(firstBytes)),
    checkBackup: (key) => ask((calls) => calls.checkBackup(key)),
    forget: () =>
      ask(async (calls) => {
        remember(profile, null);
        return calls.forget();
      }),
    beginAnew: () => ask((calls) => calls.forget()),
    retry: () => ask((calls) => calls.retry()),
    client: steady.client,
  };
}

/** Asks the browser not to throw the profile away when space runs short; it may say no, or ask the person. */
function keepStorage(): void {
  void navigator.storage?.persist?.().catch(() => {});
}
