/** Does what the calendar asks for, whenever the chain was read to its end. Rules CA1-CA6. */
import { ok, type Result } from "../../base/result.ts";
import { createDeviceUpdate } from "../../sigchain/create/create-link.ts";
import {
  appendOwnLink,
  asOwnLink,
  type ChainWriter,
  type OwnLink,
  ownSigner,
} from "../account/append-own-link.ts";
import { changeEpoch } from "../account/change-epoch.ts";
import type { ClientError } from "../client-error.ts";
import { type CalendarState, lookAt, planCalendar } from "./calendar-policy.ts";

/** Counted time is stored when it is more than this, or says something new. */
const KEPT_STEP_MS = 3_600_000;

/** Looks at the calendar, and starts an epoch or replaces this device's X-Wing key where that is due. */
export async function keepCalendar(engine: ChainWriter): Promise<Result<void, ClientError>> {
  const looked = await engine.context.serial.run(() => look(engine));
  if (!looked.ok || looked.value === null) return looked.ok ? ok() : looked;
  const { state } = looked.value;
  const plan = planCalendar(state, engine.own.chain(), engine.context.identity.deviceId);
  if (plan.rotate) {
    const rotated = await changeEpoch(engine, { type: "rotate", after: state.epoch });
    if (!rotated.ok) return rotated;
  }
  if (plan.updateKem) {
    const updated = await updateKem(engine, state.kemSeq);
    if (!updated.ok) return updated;
  }
  if (!plan.rotate && !plan.updateKem) return ok();
  const after = await engine.context.serial.run(() => look(engine));
  return after.ok ? ok() : after;
}

/** Null when this device is not on the chain. */
async function look({
  context,
  own,
}: ChainWriter): Promise<Result<{ readonly state: CalendarState } | null, ClientError>> {
  const { tables, store, clock, identity } = context;
  const chain = own.chain();
  const device = chain.devicesById.get(identity.deviceId);
  if (device === undefined || device.revokedSeq !== null) return ok(null);
  const before = await tables.calendar.get();
  if (!before.ok) return before;
  const seen = { epoch: chain.epochs.length, kemSeq: device.kemKeySeq };
  const state = lookAt(before.value, seen, Math.max(0, clock.nowMs()));
  const isSame = before.value?.epoch === state.epoch && before.value.kemSeq === state.kemSeq;
  const step = state.lookedAtMs - (before.value?.lookedAtMs ?? 0);
  if (isSame && step >= 0 && step < KEPT_STEP_MS) return ok({ state });
  const stored = await store.batch([tables.calendar.put([], state)]);
  return stored.ok ? ok({ state }) : stored;
}

/** CA5: the next key is stored first; the chain says when it counts. */
async function updateKem(engine: ChainWriter, kemSeq: number): Promise<Result<void, ClientError>> {
  const { context, own } = engine;
  const { random, clock, identity } = context;
  const next = await context.serial.run(() => own.nextKemKey(random));
  if (!next.ok) return next;
  const build = (): Result<OwnLink | null, ClientError> => {
    const state = own.chain();
    if (state.devicesById.get(identity.deviceId)?.kemKeySeq !== kemSeq) return ok(null);
    const plan = { state, timeMs: Math.max(0, clock.nowMs()) };
    return asOwnLink(context, createDeviceUpdate(plan, ownSigner(context), next.value));
  };
  return appendOwnLink(engine, { isAfterLog: false, build });
}
