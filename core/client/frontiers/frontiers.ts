/**
 * What own devices have said of themselves: told, fetched, kept, compared. Rules FR2-FR8, FR11.
 *
 * Nobody believes the server that all devices hold the same: each says so itself, signed. What this device has heard is
 * kept, so that a server that shows less later is found out.
 */
import { equalBytes } from "../../base/bytes.ts";
import type { DeviceId, LogId } from "../../base/ids.ts";
import { FRONTIER_INBOUND_LOGS_MAX, OP_CLOCK_AHEAD_MAX_MS } from "../../base/limits.ts";
import { err, ok, type Result } from "../../base/result.ts";
import { createDocumentsHash, type FrontierContent, openFrontier, sealFrontier } from "../../log/frontier.ts";
import { compareFrontier, judgeFrontier, type OwnHolding } from "../../log/judge-frontier.ts";
import { checkQuote, type LogReader } from "../../log/log-reader.ts";
import type { LogPoint } from "../../protocol/entry.ts";
import { activeDevices } from "../../sigchain/chain-state.ts";
import { rowKeyParts } from "../../store/row-key.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import type { FrontierRow } from "../tables.ts";

/** A device that has nothing new to say says so once a day: who is silent is told from who has nothing to say. */
export const FRONTIER_TELL_MS = 86_400_000;

/** The connection, as far as frontiers need it. */
export interface FrontierLink {
  readonly gateway: Gateway;
  /** Reads every own log to its present head. */
  catchUp(): Promise<Result<void, ClientError>>;
  /** Where this device stands in the logs of others that are shown to it. */
  inboundPoints(): Promise<ReadonlyMap<LogId, LogPoint>>;
}

export interface FrontiersDeps {
  readonly context: EngineContext;
  readonly log: Pick<AccountLog, "held" | "reader" | "coverage" | "pendingCount" | "ref">;
  /** Whether nothing of the history is still to be loaded. */
  isLoaded(): boolean;
  inboundReader(logId: LogId): Promise<Result<LogReader, ClientError>>;
  /** The server shows of a sibling what it said last. */
  onBelieved(device: DeviceId): void;
  /** A sibling has just said a time that can be right. */
  onClockRight(device: DeviceId): void;
}

export interface Frontiers {
  /** Runs within the serial. */
  start(): Promise<Result<void, ClientError>>;
  /** Tells siblings where this device is, hears where they are, compares. The log has just been read to its end. */
  exchange(link: FrontierLink): Promise<Result<void, ClientError>>;
  /** What was last heard of each device. */
  known(): ReadonlyMap<DeviceId, FrontierContent>;
  /** What this device holds now. Runs within the serial. */
  holding(): Promise<Result<OwnHolding & Lacking, ClientError>>;
  /** When the server last said that this device has read to the end; null while it has not since the program began. */
  checkedAtMs(): number | null;
}

/** What this device cannot answer for yet. */
export interface Lacking {
  readonly unopened: number;
  readonly unloaded: number;
  readonly unsent: number;
}

/** The frontiers of one account on this device. */
export function createFrontiers(deps: FrontiersDeps): Frontiers {
  const { context, log } = deps;
  const { tables, store, identity, serial } = context;
  const rows = new Map<DeviceId, FrontierRow>();
  const names = { accountId: identity.accountId, logId: context.accountLogId };
  const hashOf = createDocumentsHash();
  /** One after the other: who asks wants to know what is after that. */
  let last: Promise<unknown> = Promise.resolve();
  let checkedAtMs: number | null = null;

  const nowMs = () => Math.max(0, context.clock.nowMs());

  async function start(): Promise<Result<void, ClientError>> {
    const stored = await tables.frontier.scan();
    if (!stored.ok) return stored;
    for (const { key, value } of stored.value) rows.set(rowKeyParts(key)[1] as DeviceId, value);
    return ok();
  }

  async function holding(): Promise<Result<OwnHolding & Lacking, ClientError>> {
    const held = await log.held();
    if (!held.ok) return held;
    const covered = log.coverage();
    const direct = await tables.direct.scan();
    if (!direct.ok) return direct;
    const restore = await tables.restore.scan();
    if (!restore.ok) return restore;
    const waiting = restore.value.reduce((sum, { value }) => sum + value.documents.length, 0);
    const lacking = {
      unopened: covered?.except.length ?? 1,
      unloaded: waiting + (deps.isLoaded() || waiting > 0 ? 0 : 1),
      unsent: log.pendingCount() + direct.value.length,
    };
    const { point } = log.reader();
    const isSettled = lacking.unopened + lacking.unloaded + lacking.unsent === 0;
    if (!isSettled) return ok({ point, documents: null, ...lacking });
    const documents = hashOf(held.value.map(({ name, heads }) => ({ id: log.ref(name).id, heads })));
    return ok({ point, documents, ...lacking });
  }

  /** FR3: stored before it is told, so that no number is ever used for two. Null when there is no news. */
  async function renew(inbound: ReadonlyMap<LogId, LogPoint>): Promise<Result<FrontierRow, ClientError>> {
    const now = await holding();
    if (!now.ok) return now;
    const { point, unopened, unloaded, unsent } = now.value;
    const documents = now.value.documents ?? new Uint8Array(32);
    const before = rows.get(identity.deviceId);
    const said = before?.content;
    const isSame =
      said !== undefined &&
      samePoint(said.point, point) &&
      equalBytes(said.documents, documents) &&
      said.unopened === unopened &&
      said.unloaded === unloaded &&
      said.unsent === unsent;
    const chain = context.chain();
    const isRecent =
      said !== undefined &&
      Math.abs(nowMs() - said.toldAtMs) < FRONTIER_TELL_MS &&
      said.chainSeq === chain.seq;
    if (before !== undefined && isSame && isRecent) return ok(before);
    const epoch = chain.epochs.length;
    const epochSecret = context.epochSecret(epoch);
    if (epochSecret === null) return err({ type: "EpochUnavailable", epoch, rule: "NoSecret" });
    const content: FrontierContent = {
      version: 1,
      device: identity.deviceId,
      chainSeq: chain.seq,
      chainHead: chain.head,
      number: (said?.number ?? 0) + 1,
      point,
      reachedAtMs: isSame ? said.reachedAtMs : nowMs(),
      toldAtMs: nowMs(),
      documents,
      unopened,
      unloaded,
      unsent,
      inbound: newestPoints(inbound),
    };
    const signer = identity.keys.sign;
    const plan = { log: names, epoch, epochSecret, signer, content };
    const frontier = sealFrontier(context.random, plan, context.padding());
    return keep({ content, frontier });
  }

  async function keep(row: FrontierRow): Promise<Result<FrontierRow, ClientError>> {
    const written = await store.batch([tables.frontier.put([row.content.device], row)]);
    if (!written.ok) return written;
    rows.set(row.content.device, row);
    return ok(row);
  }

  async function exchangeOnce(link: FrontierLink): Promise<Result<void, ClientError>> {
    const inbound = await link.inboundPoints();
    const own = await serial.runBehind(() => renew(inbound));
    if (!own.ok) return own;
    const fetched = await link.gateway.call("frontiers", { type: "readFrontiers" });
    if (!fetched.ok) return fetched;
    const shown = fetched.value.frontiers.find(({ device }) => device === identity.deviceId);
    if (shown === undefined || !equalBytes(shown.frontier, own.value.frontier)) {
      const isLater = shown !== undefined && isFromLater(shown.frontier, own.value);
      const taken = isLater ? await takeLost(shown.frontier) : ok(false);
      if (!taken.ok) return taken;
      if (taken.value) return exchangeOnce(link);
      // FR8: the server has had from this device what this profile does not know it said.
      if (isLater) context.raise({ type: "DeviceRolledBack", logId: context.accountLogId });
      if (isLater) return err({ type: "DeviceRolledBack", logId: context.accountLogId });
      const told = await link.gateway.call("done", {
        type: "putFrontier",
        frontier: own.value.frontier,
      });
      if (!told.ok) return told;
    }
    for (const { device, frontier } of fetched.value.frontiers) {
      if (device === identity.deviceId) continue;
      const heard = await serial.runBehind(() => hear(device, frontier));
      if (!heard.ok) return heard;
    }
    // What siblings have read was there before they said so: a server that has it now shows it now. FR6
    const isAhead = await serial.runBehind(async () => (await aheadOf(inbound)).length > 0);
    if (isAhead) {
      const read = await link.catchUp();
      if (!read.ok) return read;
    }
    const settled = await forgetLost();
    if (!settled.ok) return settled;
    checkedAtMs = nowMs();
    return serial.runBehind(() => check(inbound));
  }

  /** ST61: what this device said is known by the server alone, since its own row of it was damaged. Once. */
  async function takeLost(frontier: FrontierRow["frontier"]): Promise<Result<boolean, ClientError>> {
    const lost = await tables.frontierLost.get();
    if (!lost.ok) return lost;
    const opened = open(identity.deviceId, frontier);
    if (lost.value === null || !opened.ok) return ok(false);
    return serial.run(async () => {
      const cleared = await store.batch([tables.frontierLost.remove()]);
      if (!cleared.ok) return cleared;
      const kept = await keep({ content: opened.value, frontier });
      return kept.ok ? ok(true) : kept;
    });
  }

  async function forgetLost(): Promise<Result<void, ClientError>> {
    const lost = await tables.frontierLost.get();
    if (!lost.ok || lost.value === null) return lost.ok ? ok() : lost;
    return store.batch([tables.frontierLost.remove()]);
  }

  function isFromLater(frontier: FrontierRow["frontier"], own: FrontierRow): boolean {
    const opened = open(identity.deviceId, frontier);
    return opened.ok && opened.value.number >= own.content.number;
  }

  const open = (device: DeviceId, frontier: FrontierRow["frontier"]) =>
    openFrontier(names, device, frontier, {
      epochSecret: context.epochSecret,
      signKey: (of) => context.chain().devicesById.get(of)?.signKey ?? null,
    });

  /** FR4 */
  async function hear(
    device: DeviceId,
    frontier: FrontierRow["frontier"],
  ): Promise<Result<void, ClientError>> {
    const before = rows.get(device);
    if (before !== undefined && equalBytes(before.frontier, frontier)) {
      deps.onBelieved(device);
      return ok();
    }
    let opened = open(device, frontier);
    if (!opened.ok && (opened.error.type === "UnknownEpoch" || opened.error.type === "UnknownWriter")) {
      const refreshed = await context.refreshOwnChain();
      if (!refreshed.ok) return refreshed;
      opened = open(device, frontier);
    }
    const judged = opened.ok ? judgeFrontier(context.chain(), before?.content ?? null, opened.value) : opened;
    if (!opened.ok || !judged.ok) {
      const rule = opened.ok ? (judged.ok ? "" : judged.error.type) : opened.error.type;
      // The server's answer was on its way when the device was revoked: nobody has lied.
      if (rule !== "DeviceWasRevoked") context.raise({ type: "FrontierDistrusted", device, rule });
      return ok();
    }
    deps.onBelieved(device);
    compareClock(device, before?.content.toldAtMs ?? null, opened.value.toldAtMs);
    const kept = await keep({ content: opened.value, frontier });
    return kept.ok ? ok() : kept;
  }

  /** CA11: it says a time that is still to come, or one long before what it said last. */
  function compareClock(device: DeviceId, beforeMs: number | null, toldMs: number): void {
    const latestMs = context.times.latestMs();
    const lastMs = Math.min(beforeMs ?? 0, latestMs);
    const isWrong = toldMs > latestMs + OP_CLOCK_AHEAD_MAX_MS || toldMs < lastMs - OP_CLOCK_AHEAD_MAX_MS;
    if (isWrong) context.raise({ type: "DeviceClockWrong", device });
    else if (toldMs >= latestMs - OP_CLOCK_AHEAD_MAX_MS) deps.onClockRight(device);
  }

  /** Points of siblings further on than this device in the same log, where it is shown that log. FR6 */
  async function aheadOf(shown: ReadonlyMap<LogId, LogPoint>) {
    const ahead: { readonly logId: LogId; readonly seen: LogPoint; readonly here: LogReader }[] = [];
    for (const { content } of siblings()) {
      const points = [{ logId: context.accountLogId, point: content.point }, ...content.inbound];
      for (const { logId, point } of points) {
        if (logId !== context.accountLogId && !shown.has(logId)) continue;
        const here = await readerOf(logId);
        if (here === null || point.incarnation !== here.point.incarnation) continue;
        if (point.seq > here.point.seq) ahead.push({ logId, seen: point, here });
      }
    }
    return ahead;
  }

  function siblings(): readonly FrontierRow[] {
    const active = new Set(activeDevices(context.chain()).map(({ id }) => id));
    return [...rows.values()].filter(
      ({ content }) => content.device !== identity.deviceId && active.has(content.device),
    );
  }

  /** Null for a log that this device does not read. */
  async function readerOf(logId: LogId): Promise<LogReader | null> {
    if (logId === context.accountLogId) return log.reader();
    const row = await tables.reader.get(logId);
    if (!row.ok || row.value === null) return null;
    const reader = await deps.inboundReader(logId);
    return reader.ok ? reader.value : null;
  }

  async function check(shown: ReadonlyMap<LogId, LogPoint>): Promise<Result<void, ClientError>> {
    for (const { logId, seen, here } of await aheadOf(shown))
      context.raise({
        type: "LogDistrusted",
        logId,
        fault: { type: "LogWithheld", seenSeq: seen.seq, headSeq: here.point.seq },
      });
    const own = await holding();
    if (!own.ok) return own;
    for (const { content } of siblings()) {
      for (const { logId, point } of [
        { logId: context.accountLogId, point: content.point },
        ...content.inbound,
      ]) {
        const here = await readerOf(logId);
        const quoted = here === null ? ok() : checkQuote(here, point);
        // FR7
        if (!quoted.ok) context.raise({ type: "LogDistrusted", logId, fault: quoted.error });
      }
      // FR5
      const isOther = compareFrontier(own.value, content).type === "differs";
      if (isOther) context.raise({ type: "DevicesDiffer", device: content.device });
    }
    return ok();
  }

  return {
    start,
    exchange(link) {
      const exchanged = last.then(() => exchangeOnce(link));
      last = exchanged;
      return exchanged;
    },
    known: () => new Map([...rows].map(([device, { content }]) => [device, content])),
    holding,
    checkedAtMs: () => checkedAtMs,
  };
}

function samePoint(a: LogPoint, b: LogPoint): boolean {
  return a.incarnation === b.incarnation && a.seq === b.seq && equalBytes(a.chain, b.chain);
}

/** Of many logs those that came last in the order they are followed in: a frontier stays small. */
function newestPoints(points: ReadonlyMap<LogId, LogPoint>): FrontierContent["inbound"] {
  return [...points]
    .filter(([, point]) => point.seq > 0)
    .slice(-FRONTIER_INBOUND_LOGS_MAX)
    .map(([logId, point]) => ({ logId, point }));
}
