/** Joining an account as a new device: runs `stepNew`, then stores the profile and fetches what opens the account. */
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { sign } from "../../crypto/sign.ts";
import { LABEL } from "../../crypto/labels.ts";
import { createDeviceSeeds, deviceKeysFromSeeds } from "../../sigchain/keys/device-keys.ts";
import type { NewEffect, NewEvent, NewOutcome, NewState } from "../../sigchain/linking/new-state.ts";
import { startNew, stepNew } from "../../sigchain/linking/step-new.ts";
import { chainExtends } from "../../sigchain/verify-chain.ts";
import { createChainStore } from "../contacts/chain-store.ts";
import type { LinkingError, LinkingGuest } from "../client.ts";
import { findLinkCode } from "./find-link-code.ts";
import type { ClientError } from "../client-error.ts";
import { createDirectoryClient } from "../connection/directory-client.ts";
import { beginEnrolment, openEmptyProfile } from "./enrolment.ts";
import type { Platform } from "../platform.ts";
import { createRendezvous } from "./rendezvous-client.ts";
import { createSlotRunner } from "./slot-runner.ts";

type EventBody = NewEvent extends infer E ? (E extends NewEvent ? Omit<E, "nowMs"> : never) : never;

/** How often the chain is looked at while the last word of the other device is outstanding. */
const CHAIN_POLL_MS = 3_000;

/**
 * Answers the code another device shows, and resolves once that device has proven itself.
 *
 * A code that is typed does not say of which server it is: that is `origin`, which no other code needs.
 *
 * `platform` is an empty profile's; `openClient` opens it afterwards, also when the last word of the other device is lost.
 */
export async function joinAccount(
  platform: Platform,
  options: { readonly code: string; readonly deviceName: string; readonly origin?: string | null },
): Promise<Result<LinkingGuest, LinkingError>> {
  const { clock, random } = platform;
  const code = await findLinkCode(platform, options.code, options.origin ?? null);
  if (!code.ok) return code;
  const joined = code.value;
  const opened = await openEmptyProfile(platform);
  if (!opened.ok) return opened;
  const empty = opened.value;
  const { store, tables } = empty;
  const chains = createChainStore(store, tables);
  const seeds = createDeviceSeeds(random);
  const keys = deviceKeysFromSeeds(seeds);
  const directory = createDirectoryClient(platform.connector, code.value.origin);
  const started = startNew(
    { random },
    code.value,
    { record: keys.record, platform: options.deviceName },
    clock.nowMs(),
  );
  if (!started.ok) return err({ type: "LinkingFailed", rule: started.error.type });
  let state: NewState = started.value.state;
  const asked = Promise.withResolvers<Result<Extract<NewEffect, { type: "ask-account" }>, LinkingError>>();
  const digits = Promise.withResolvers<Result<{ digits: string }, LinkingError>>();
  const ended = Promise.withResolvers<NewOutcome>();
  let isOver = false;
  let storeFailure: ClientError | null = null;
  const slot = createSlotRunner(
    { rendezvous: createRendezvous(directory), clock },
    code.value.rendezvousId,
    (event) => step(event),
  );
  const cancelExpiry =
    state.stage === "ended"
      ? () => {}
      : clock.schedule(Math.max(0, state.expiresAtMs - clock.nowMs()) + 1, () => step({ type: "tick" }));

  function step(event: EventBody): void {
    const next = stepNew({ random }, state, { ...event, nowMs: clock.nowMs() } as NewEvent);
    state = next.state;
    for (const effect of next.effects) run(effect);
  }

  function run(effect: NewEffect) {
    switch (effect.type) {
      case "put":
      case "watch":
      case "leave":
        return slot.run(effect);
      case "ask-account":
        return asked.resolve(ok(effect));
      case "show-digits":
        return digits.resolve(ok({ digits: effect.digits }));
      case "sign":
        return void enrol(effect.body);
      case "watch-chain":
        return void watchChain(effect);
      case "ended": {
        isOver = true;
        slot.stop();
        cancelExpiry();
        const failure = err<LinkingError>({ type: "LinkingFailed", rule: effect.outcome.type });
        if (effect.outcome.type !== "Linked") {
          asked.resolve(failure);
          digits.resolve(failure);
        }
        return ended.resolve(effect.outcome);
      }
    }
  }

  /** LK37: from this signature on the device may be on the chain, so its keys are kept first. */
  async function enrol(body: Bytes): Promise<void> {
    if (!("account" in state)) return;
    const { accountId, ...pin } = state.account;
    const profile = { accountId, origin: joined.origin, handle: null, seeds };
    const names = { displayName: null, deviceName: null };
    const begun = await beginEnrolment(empty, { profile, pin, ...names, registration: null });
    if (begun.ok) return step({ type: "signed", signature: sign(keys.sign, LABEL.signLink, body) });
    storeFailure = begun.error;
    step({ type: "cancelled" });
  }

  async function watchChain({
    accountId,
    deviceId,
  }: Extract<NewEffect, { type: "watch-chain" }>): Promise<void> {
    while (!isOver) {
      await new Promise<void>((resolve) => clock.schedule(CHAIN_POLL_MS, resolve));
      if (isOver) return;
      const chain = await chains.refresh(accountId, directory);
      const device = chain.ok ? chain.value.devicesById.get(deviceId) : undefined;
      if (chain.ok && device !== undefined)
        step({ type: "on-chain", seq: chain.value.seq, head: chain.value.head });
    }
  }

  async function finish(): Promise<Result<{ deviceId: typeof keys.id }, LinkingError>> {
    const outcome = await ended.promise;
    await slot.idle();
    if (storeFailure !== null) return err(storeFailure);
    if (outcome.type !== "Linked") return err({ type: "LinkingFailed", rule: outcome.type });
    const { accountId } = outcome.pin;
    const chain = await chains.refresh(accountId, directory);
    if (!chain.ok) return chain;
    const extended = chainExtends(outcome.pin, chain.value);
    if (!extended.ok) return err({ type: "ChainDistrusted", accountId, rule: extended.error.type });
    if (!chain.value.devicesById.has(keys.id))
      return err({ type: "ChainDistrusted", accountId, rule: "DeviceNotOnChain" });
    const profile = { accountId, origin: outcome.origin, handle: null, seeds };
    const written = await store.batch(
      [tables.profile.put([], profile), tables.enrolment.remove()],
      [{ key: tables.profile.key(), value: null }],
    );
    return written.ok ? ok({ deviceId: keys.id }) : written;
  }

  for (const effect of started.value.effects) run(effect);
  const account = await asked.promise;
  if (!account.ok) return account;
  let finished: ReturnType<typeof finish> | null = null;
  return ok({
    accountName: account.value.name,
    accountId: account.value.accountId,
    accept: () => {
      step({ type: "account-confirmed" });
      return digits.promise;
    },
    whenLinked: () => {
      finished ??= finish();
      return finished;
    },
    cancel: () => {
      step({ type: "cancelled" });
      return slot.idle();
    },
  });
}
