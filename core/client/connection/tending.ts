/**
 * What is looked after at the beginning of a connection and again and again while it lasts: whether the account has moved, history
 * that is missing, snapshots, what devices say of themselves, and the calendar.
 */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { Findings } from "../alarms/findings.ts";
import { keepCalendar } from "../calendar/keep-calendar.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Frontiers } from "../frontiers/frontiers.ts";
import { type HomeLink, otherHome } from "./home-link.ts";
import type { OwnAccount } from "../account/own-account.ts";
import { tellKind } from "../devices/own-devices.ts";
import type { Platform } from "../platform.ts";
import type { Snapshots } from "../snapshot/snapshots.ts";
import type { Connection } from "./connection.ts";

/** How long after connecting, and how often while connected, snapshots are looked after; half of it by chance. */
const TEND_MS = 60_000;

export interface TendingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deviceKind: Platform["deviceKind"];
  readonly context: EngineContext;
  readonly connection: Connection;
  readonly documents: Documents;
  readonly log: AccountLog;
  readonly own: OwnAccount;
  readonly findings: Findings;
  readonly frontiers: Frontiers;
  readonly snapshots: Snapshots;
  /** Another server is the home from now on. IN10 */
  relocate(origin: string): Promise<Result<void, ClientError>>;
}

export interface Tending {
  /** At once, because history may be missing, and then again and again while this connection lasts. */
  begin(link: HomeLink): Promise<void>;
  /** IN10: another device may have moved the account while this one was connected. */
  followHome(): Promise<Result<void, ClientError>>;
  /** Hears what other own devices say of themselves. A server that refuses it is no reason to fail; what then is not known is not claimed. */
  exchangeFrontiers(): Promise<Result<void, ClientError>>;
  /** Once a run: with the settings of the account here, so that what they say already is not written again. */
  tellOwnKind(): Promise<Result<void, ClientError>>;
  /** AR17: the log was read again to its end, and all that it leads to is here. */
  endMendedAlarms(): void;
  keepCalendar(): Promise<void>;
  stop(): void;
}

/** - Cost: a round a minute, most of which finds nothing to do. */
export function createTending(deps: TendingDeps): Tending {
  const { clock, random, logger, context, connection, documents, log, own, findings, frontiers, snapshots } =
    deps;
  const writer = { context, own, log, connected: connection.connected };
  let isKindTold = false;
  let cancelTend: (() => void) | null = null;

  async function begin(link: HomeLink): Promise<void> {
    const isOver = (): boolean => connection.isStopped() || connection.link() !== link;
    await followHome();
    if (isOver()) return;
    const tended = await link.tend();
    if (!tended.ok) logger.log("warn", "snapshot", { error: tended.error.type });
    endMendedAlarms();
    if (!isOver()) await exchangeFrontiers();
    if (isOver()) return;
    const told = await tellOwnKind();
    if (!told.ok) logger.log("warn", "device-kind", { error: told.error.type });
    await tendCalendar();
    if (isOver()) return;
    const jitter = 0.5 + (random.bytes(1)[0] ?? 0) / 512;
    cancelTend?.();
    cancelTend = clock.schedule(Math.round(TEND_MS * jitter), () => {
      cancelTend = null;
      if (connection.link() === link) void begin(link);
    });
  }

  async function followHome(): Promise<Result<void, ClientError>> {
    // With the secrets of epochs that are new: what is written next is sealed under the last one.
    const refreshed = await context.serial.run(context.refreshOwnChain);
    // What the directory does not say now the next connection asks again.
    if (!refreshed.ok) return refreshed.error.type === "ChainDistrusted" ? refreshed : ok();
    const home = otherHome(context);
    return home === null ? ok() : deps.relocate(home);
  }

  async function exchangeFrontiers(): Promise<Result<void, ClientError>> {
    const link = connection.link();
    if (link === null) return err({ type: "NotOnline" });
    const exchanged = await frontiers.exchange(link);
    if (exchanged.ok || exchanged.error.type !== "Refused") return exchanged;
    logger.log("warn", "frontier", { error: exchanged.error.code });
    return ok();
  }

  async function tellOwnKind(): Promise<Result<void, ClientError>> {
    const { deviceKind } = deps;
    if (deviceKind === undefined || isKindTold) return ok();
    const self = context.identity.deviceId;
    const told = await context.serial.run(() => tellKind({ documents, log, self }, deviceKind));
    isKindTold = told.ok;
    return told;
  }

  function endMendedAlarms(): void {
    if (!snapshots.isComplete() || log.hasDamage()) return;
    const kinds = log.takeMended();
    if (kinds.size === 0) return;
    findings.resolve((alarm) => alarm.type === "DocumentDamaged" && kinds.has(alarm.documentKind));
  }

  async function tendCalendar(): Promise<void> {
    const kept = await keepCalendar(writer);
    if (!kept.ok) logger.log("warn", "calendar", { error: kept.error.type });
  }

  return {
    begin,
    followHome,
    exchangeFrontiers,
    tellOwnKind,
    endMendedAlarms,
    keepCalendar: tendCalendar,
    stop: () => cancelTend?.(),
  };
}
