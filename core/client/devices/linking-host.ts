/** Linking one more device from this one: runs `stepExisting` against the server and the chain. Rules LK14-LK28. */
import { followTaken } from "../account/append-own-link.ts";
import { sleep } from "../../base/clock.ts";
import type { DeviceId } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import type { AppendLink } from "../../protocol/directory.ts";
import { SETTINGS } from "../../document/schema/settings.ts";
import { setField } from "../../document/schema/state-field.ts";
import { createAddedBox, discardEpoch, type NewEpoch } from "../../sigchain/epoch/create-epoch.ts";
import { createCut } from "../../sigchain/epoch/cut.ts";
import { completeDeviceAdd, proposeDeviceAdd, type Replacement } from "../../sigchain/create/device-add.ts";
import { type ChainState, hashAt, isActive } from "../../sigchain/chain-state.ts";
import { deviceIdOf } from "../../sigchain/link.ts";
import type {
  ExistingEffect,
  ExistingEvent,
  ExistingOutcome,
  ExistingState,
} from "../../sigchain/linking/existing-state.ts";
import { startExisting, stepExisting } from "../../sigchain/linking/step-existing.ts";
import type { LinkingError, LinkingHost } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";
import { createRendezvous } from "./rendezvous-client.ts";
import { createSlotRunner } from "./slot-runner.ts";

const APPEND_RETRY_MS = 1_000;

type EventBody = ExistingEvent extends infer E ? (E extends ExistingEvent ? Omit<E, "nowMs"> : never) : never;

/** Starts linking. The caller has checked that the person holds this device. */
export async function hostLinking(
  engine: Engine,
  accountName: string,
  replaces: DeviceId | null = null,
): Promise<Result<LinkingHost, LinkingError>> {
  const { context, own, platform } = engine;
  const { clock, random, identity } = context;
  const origin = parseServerOrigin(identity.origin);
  if (!origin.ok) return err({ type: "BadContactCode", rule: origin.error.type });
  const answered = Promise.withResolvers<Result<{ deviceName: string }, LinkingError>>();
  const ended = Promise.withResolvers<ExistingOutcome>();
  const directory = context.directory(identity.origin);
  let platformName = "";
  let proposedOn: ChainState | null = null;
  /** Begun by the link where a device is replaced; that of a proposal which lost is discarded. */
  let epoch: NewEpoch | null = null;
  const chain = own.chain();
  const account = {
    accountId: identity.accountId,
    seq: chain.seq,
    head: chain.head,
    name: accountName,
    origin: origin.value,
  };
  const started = startExisting({ random }, account, clock.nowMs());
  let state: ExistingState = started.state;
  if (state.stage === "ended") return err({ type: "NotOnline" });
  const { code, expiresAtMs } = state;
  const slot = createSlotRunner(
    { rendezvous: createRendezvous(directory), clock },
    code.rendezvousId,
    (event) => step(event),
  );
  const cancelExpiry = clock.schedule(Math.max(0, expiresAtMs - clock.nowMs()) + 1, () =>
    step({ type: "tick" }),
  );
  let codeText = "";
  let typedCode = "";

  function step(event: EventBody): void {
    const next = stepExisting({ random }, state, { ...event, nowMs: clock.nowMs() } as ExistingEvent);
    state = next.state;
    for (const effect of next.effects) run(effect);
  }

  function run(effect: ExistingEffect) {
    switch (effect.type) {
      case "put":
      case "watch":
      case "leave":
        return slot.run(effect);
      case "show-code":
        codeText = effect.text;
        typedCode = effect.typed;
        return;
      case "device-found":
        platformName = effect.platform;
        return;
      case "ask-digits":
        return answered.resolve(ok({ deviceName: platformName }));
      case "propose":
        return void propose(effect);
      case "append":
        return void append(effect);
      case "ended": {
        slot.stop();
        cancelExpiry();
        ended.resolve(effect.outcome);
        if (effect.outcome.type !== "Linked")
          answered.resolve(err({ type: "LinkingFailed", rule: effect.outcome.type }));
        return;
      }
      case "ask-reauthentication":
      case "digits-incomplete":
        return;
    }
  }

  function endedWith(): string | null {
    return state.stage === "ended" ? state.outcome.type : null;
  }

  async function propose(effect: Extract<ExistingEffect, { type: "propose" }>): Promise<void> {
    const refreshed = await context.serial.run(() => context.refreshOwnChain());
    if (!refreshed.ok) return step({ type: "cancelled" });
    const replacement = await replacementOf(replaces);
    if (!replacement.ok) return step({ type: "cancelled" });
    proposedOn = own.chain();
    const proposed = proposeDeviceAdd(random, {
      state: proposedOn,
      timeMs: Math.max(0, clock.nowMs()),
      signerId: identity.keys.signerId,
      device: effect.device,
      replaces: replacement.value,
    });
    if (!proposed.ok) return step({ type: "proposal-refused" });
    if (epoch !== null) discardEpoch(epoch);
    epoch = proposed.value.epoch;
    step({ type: "proposed", body: proposed.value.body });
  }

  /** As a revocation: the cut says what of the device still counts, so the account log is read to its end first. LK38 */
  async function replacementOf(deviceId: DeviceId | null): Promise<Result<Replacement | null, ClientError>> {
    if (deviceId === null) return ok(null);
    const home = await engine.connected();
    if (!home.ok) return home;
    const read = await home.value.catchUp();
    if (!read.ok) return read;
    const state = own.chain();
    const number = state.epochs.length;
    const secret = own.epochSecret(number);
    if (secret === null) return err({ type: "EpochUnavailable", epoch: number, rule: "NoSecret" });
    if (!isActive(state, deviceId)) return err({ type: "UnknownDevice" });
    const cut = createCut(random, { logId: context.accountLogId, ...engine.log.reader().point });
    return ok({ deviceId, cut, earlier: [{ number, secret }] });
  }

  /** Link and box are stored as one act: a device is on the chain with a way into the current epoch, or not at all. */
  async function append(effect: Extract<ExistingEffect, { type: "append" }>): Promise<void> {
    if (proposedOn === null) return step({ type: "append-refused", reason: "NotProposed" });
    const built = completeDeviceAdd(
      proposedOn,
      { body: effect.body, epoch },
      { signerId: identity.keys.signerId, sign: identity.keys.sign },
      effect.reverse,
    );
    if (!built.ok) return step({ type: "append-refused", reason: built.error.type });
    const boxes = boxesFor(proposedOn, effect.device);
    if (boxes === null) return step({ type: "append-refused", reason: "NoSecret" });
    const named = await keepName(deviceIdOf(effect.device.signKey));
    if (!named.ok) return step({ type: "append-refused", reason: named.error.type });
    const appended = await appendUntilAnswered({ link: built.value.link, ...boxes }, built.value.state);
    if (epoch !== null) discardEpoch(epoch);
    epoch = null;
    if (appended === "appended") {
      await context.serial.run(() => followTaken(context, { ...built.value, boxes: boxes.boxes }));
      return step({ type: "appended", seq: built.value.state.seq, head: built.value.state.head });
    }
    if (appended === "lost") return step({ type: "append-lost" });
    platform.logger.log("warn", "linking-append", { error: appended.reason });
    step({ type: "append-refused", reason: appended.reason });
  }

  /** Before the link: nobody else knows it, and a disk that is full must not cost it. */
  async function keepName(device: DeviceId): Promise<Result<void, ClientError>> {
    if (platformName === "") return ok();
    return context.serial.run(() =>
      engine.log.edit({ type: "settings" }, (draft) =>
        setField(draft, SETTINGS.device, { device, fact: "name" }, platformName),
      ),
    );
  }

  /** The new device's way in: among the boxes of the epoch that begins with it, or one of its own. */
  function boxesFor(
    state: ChainState,
    device: Extract<ExistingEffect, { type: "append" }>["device"],
  ): Pick<AppendLink, "boxes" | "box"> | null {
    if (epoch !== null) return { boxes: epoch.boxes, box: null };
    const number = state.epochs.length;
    const secret = own.epochSecret(number);
    return secret === null
      ? null
      : { boxes: null, box: createAddedBox(random, state, { number, secret }, device) };
  }

  /** A lost answer is no answer: the new device must not be told that it is not linked while it may be. Rule LK22. */
  async function appendUntilAnswered(
    act: AppendLink,
    after: ChainState,
  ): Promise<"appended" | "lost" | { readonly reason: string }> {
    for (let isRepeated = false; ; isRepeated = true) {
      const appended = await directory.appendLink(identity.accountId, act);
      if (appended.ok) return "appended";
      const { error } = appended;
      if (error.type === "Refused" && error.code !== "chain-conflict") return { reason: error.code };
      if (error.type === "Refused") {
        if (!isRepeated) return "lost";
        const refreshed = await context.serial.run(() => context.refreshOwnChain());
        if (refreshed.ok) return hashAt(own.chain(), after.seq) === after.head ? "appended" : "lost";
      }
      if (engine.status().state === "stopped") return "lost";
      await sleep(clock, APPEND_RETRY_MS);
    }
  }

  for (const effect of started.effects) run(effect);
  // A code is shown only when the slot it names is there: whoever scans it at once must find it.
  await slot.idle();
  const outcome = endedWith();
  if (outcome !== null) return err({ type: "LinkingFailed", rule: outcome });
  return ok({
    code: codeText,
    typedCode,
    expiresAtMs,
    whenAnswered: answered.promise,
    confirm: async (digits) => {
      // The other device shows its digits before its answer is here: what is typed by then would be lost.
      const there = await answered.promise;
      if (!there.ok) return there;
      step({ type: "code-typed", digits, hasReauthenticated: true });
      if (state.stage === "asking-code") return err({ type: "LinkingFailed", rule: "DigitsIncomplete" });
      const outcome = await ended.promise;
      await slot.idle();
      return outcome.type === "Linked"
        ? ok({ deviceId: deviceIdOf(outcome.device.signKey) })
        : err({ type: "LinkingFailed", rule: outcome.type });
    },
    cancel: () => {
      step({ type: "cancelled" });
      return slot.idle();
    },
  });
}
