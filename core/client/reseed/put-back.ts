/**
 * Putting the account back on its server, or on another one: chain, logs, and then what a connection brings of itself:
 * snapshot, prekeys, tickets, frontiers. Rules IN6-IN11.
 *
 * Every step is a success where it was done before, so an attempt that ends early is repeated from its beginning.
 */
import { err, ok, type Result } from "../../base/result.ts";
import { parseServerOrigin } from "../../base/server-origin.ts";
import { decodePreKeyRecord, encodePreKeyRecord } from "../../ratchet/prekey-record.ts";
import { retirePreKey } from "../../ratchet/prekey-policy.ts";
import { createService } from "../../sigchain/create/create-link.ts";
import type { PutBackOptions, PutBackReport } from "../client.ts";
import type { ClientError } from "../client-error.ts";
import type { Engine } from "../engine.ts";
import { handleFor, settleHandle } from "../account/own-handle.ts";
import { connectMetered } from "../connection/metered-gateway.ts";
import { signIn } from "../connection/home-link.ts";
import { lookAtServer } from "./look-at-server.ts";
import { putBackAccount, type Registration } from "./put-back-account.ts";
import { type OwnedLog, putBackLogs } from "./put-back-logs.ts";

/**
 * Puts the account back on the server at `origin`, its home unless named; a named one becomes its home.
 *
 * - Fails: as `putBackAccount` and the server do, `handle-taken` among it. Nothing is lost by a failure; it may be repeated.
 */
export async function putBack(
  engine: Engine,
  options: PutBackOptions,
): Promise<Result<PutBackReport, ClientError>> {
  const { context } = engine;
  const { identity } = context;
  const origin = options.origin ?? identity.origin;
  if (!parseServerOrigin(origin).ok)
    return err({ type: "ServerUnreachable", origin, detail: "not a server address" });
  const isMove = origin !== identity.origin;
  if (isMove) {
    // Of another server what it has is asked first: it may not be there, or let nobody in.
    const seen = await lookAtServer(context, origin);
    if (!seen.ok) return seen;
    const isLetIn =
      seen.value.knowsAccount || seen.value.isRegistrationOpen || options.invitation !== undefined;
    if (!isLetIn) return err({ type: "Refused", code: "registration-closed" });
  }
  const handle = await handleFor(engine, origin, options.handle);
  if (!handle.ok) return handle;
  const how = { handle: handle.value, invitation: options.invitation ?? null };
  if (isMove) {
    const readied = await readyMove(engine, origin, how);
    if (!readied.ok) return readied;
  }
  const account = await putBackAccount(context, context.directory(origin), how, tellProgress(engine));
  if (!account.ok) return account;
  const former = isMove ? identity.origin : null;
  const logs = await engine.unconnected(async () => {
    const relocated = isMove ? await engine.relocate(origin) : ok();
    return relocated.ok ? putBackOnServer(engine, former) : relocated;
  });
  if (!logs.ok) return logs;
  const named = await settleHandle(engine, handle.value);
  if (!named.ok) return named;
  const synced = await engine.sync();
  if (!synced.ok) return synced;
  if (!isMove) return ok({ origin, logs: logs.value });
  const told = await tellContacts(engine);
  if (!told.ok) return told;
  const sent = await engine.sync();
  return sent.ok ? ok({ origin, logs: logs.value }) : sent;
}

function tellProgress(engine: Engine): (done: number, total: number) => void {
  return (done, total) => engine.emit({ type: "progress", phase: "restoring", done, total });
}

/** IN10: the chain says where the account lives. The old server is told while it answers; otherwise only the new one is. */
async function readyMove(
  engine: Engine,
  origin: string,
  how: Registration,
): Promise<Result<void, ClientError>> {
  const { context } = engine;
  const { identity } = context;
  const former = context.directory(identity.origin);
  const fresh = await engine.refreshChain(former);
  if (!fresh.ok && fresh.error.type === "ChainDistrusted" && fresh.error.rule !== "ChainTruncated")
    return fresh;
  const elsewhere = await engine.refreshChain(context.directory(origin));
  if (
    !elsewhere.ok &&
    elsewhere.error.type === "ChainDistrusted" &&
    elsewhere.error.rule !== "ChainTruncated"
  )
    return elsewhere;
  const state = context.chain();
  // Another own device has moved it already; this one follows.
  if (state.service?.origin === origin) return ok();
  if (state.service === null) return err({ type: "UnknownDevice" });
  const prepared = await putBackAccount(context, context.directory(origin), how, tellProgress(engine));
  if (!prepared.ok) return prepared;
  const timeMs = Math.max(0, context.clock.nowMs());
  const signer = { signerId: identity.keys.signerId, sign: identity.keys.sign };
  const service = { ...state.service, origin };
  const built = createService({ state, timeMs }, signer, service);
  if (!built.ok)
    return err({ type: "ChainDistrusted", accountId: identity.accountId, rule: built.error.type });
  const { link } = built.value;
  if (fresh.ok) {
    const appended = await former.appendLink(identity.accountId, { link, boxes: null, box: null });
    if (!appended.ok) return appended;
  }
  const added = await context
    .directory(origin)
    .appendLink(identity.accountId, { link, boxes: null, box: null });
  if (!added.ok) return added;
  return engine.refreshChain(context.directory(origin));
}

/** Logs, and prekeys that the server may have given away before it was set back. */
async function putBackOnServer(engine: Engine, former: string | null): Promise<Result<number, ClientError>> {
  const { context } = engine;
  const logs = await ownedLogs(engine);
  if (!logs.ok) return logs;
  const gateway = await connectMetered(context, context.identity.origin);
  if (!gateway.ok) return gateway;
  const signedIn = await signIn(context, gateway.value, { resumeToken: null });
  const begun = signedIn.ok
    ? await putBackLogs(context, gateway.value, logs.value, tellProgress(engine))
    : signedIn;
  const rooms = begun.ok ? await engine.rooms.putBack(gateway.value, former) : begun;
  gateway.value.close();
  if (!begun.ok || !rooms.ok) return begun.ok ? rooms : begun;
  const count = begun.value + rooms.value;
  if (count === 0) return ok(0);
  const forgotten = await forgetWhatServerKnew(engine);
  return forgotten.ok ? ok(count) : forgotten;
}

/** IN9: what the server was told before it has to be told again. */
async function forgetWhatServerKnew({ context }: Engine): Promise<Result<void, ClientError>> {
  const { tables, store, clock } = context;
  const given = await tables.given.scan();
  if (!given.ok) return given;
  const preKeys = await tables.prekey.scan();
  if (!preKeys.ok) return preKeys;
  const nowMs = Math.max(0, clock.nowMs());
  return store.batch([
    tables.admission.remove(),
    ...given.value.map(({ key }) => ({ type: "delete" as const, key })),
    ...preKeys.value.flatMap(({ key, value }) => {
      const record = decodePreKeyRecord(value.record);
      if (!record.ok) return [];
      const retired = { record: encodePreKeyRecord(retirePreKey(record.value, nowMs)) };
      return [{ ...tables.prekey.put([record.value.id], retired), key }];
    }),
  ]);
}

async function ownedLogs(engine: Engine): Promise<Result<readonly OwnedLog[], ClientError>> {
  const { context, contacts, contactLogs, log } = engine;
  const owned: OwnedLog[] = [
    { logId: context.accountLogId, kind: "account", appendSeed: null, reader: log.reader() },
  ];
  const requestLogId = context.chain().service?.requestLogId;
  if (requestLogId !== undefined) {
    const reader = await engine.inboundReader(requestLogId);
    if (!reader.ok) return reader;
    owned.push({ logId: requestLogId, kind: "request", appendSeed: null, reader: reader.value });
  }
  const all = await context.serial.run(() => contacts.all());
  if (!all.ok) return all;
  for (const contact of all.value) {
    if (contact.own === null || contact.state === "declined" || contact.state === "blocked") continue;
    const earlier = await contactLogs.earlier(contact);
    if (!earlier.ok) return earlier;
    for (const { logId, appendSeed } of [contact.own, ...earlier.value]) {
      const reader = await engine.inboundReader(logId);
      if (!reader.ok) return reader;
      owned.push({ logId, kind: "inbound", appendSeed, reader: reader.value });
    }
  }
  return ok(owned);
}

/** IN11: an introduction carries where to write from now on; it goes by the contacts' own servers. */
async function tellContacts(engine: Engine): Promise<Result<void, ClientError>> {
  const { context, contacts, introductions } = engine;
  const all = await context.serial.run(() => contacts.all());
  if (!all.ok) return all;
  for (const contact of all.value) {
    if (contact.state !== "accepted") continue;
    const told = await context.serial.run(() =>
      introductions.introduce(contact.accountId, { isAccept: false, patch: {} }),
    );
    if (!told.ok) return told;
  }
  return ok();
}
