/** Bringing an account's chain to a server that has none of it, or only its beginning. Rule IN6. */
import { sleep } from "../../base/clock.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { LinkHash } from "../../base/ids.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { AppendLink } from "../../protocol/directory.ts";
import { createAddedBox } from "../../sigchain/epoch/create-epoch.ts";
import { type DeviceRecord, deviceIdOf, epochOf, parseLink } from "../../sigchain/link.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectoryClient } from "../connection/directory-client.ts";
import type { ServerError } from "../connection/gateway.ts";
import type { EngineContext } from "../engine-context.ts";

/** How long a server that asks for patience is waited for, each time. */
const PATIENCE_MS_MAX = 60_000;
/** How often it is begun where another device of the account does the same. */
const RESTORE_ATTEMPTS_MAX = 4;

/** How an account is made known to a server that does not know it. */
export interface Registration {
  readonly handle: string | null;
  readonly invitation: string | null;
}

/** A link of the own chain with what was stored beside it. */
interface KeptLink extends AppendLink {
  readonly seq: number;
}

interface KeptChain {
  readonly links: readonly KeptLink[];
  readonly head: LinkHash;
}

/**
 * Brings `directory` up to the chain as this device has verified it. Nothing happens where it is there. A server that does not
 * know the account shows nothing of it before all is there.
 *
 * - Fails: `BoxesMissing` when this device never had the boxes of some epoch; `ChainDistrusted` when the server has another
 *   chain; the server's refusals.
 */
export async function putBackAccount(
  context: EngineContext,
  directory: DirectoryClient,
  how: Registration,
  onLink: (done: number, total: number) => void,
): Promise<Result<void, ClientError>> {
  const kept = await keptLinks(context);
  if (!kept.ok) return kept;
  const { links, head } = kept.value;
  for (let attempts = 1; ; attempts++) {
    const there = await directory.chain(context.identity.accountId, context.chain().seq);
    if (there.ok) {
      const missing = links.filter(({ seq }) => seq > there.value.headSeq);
      return appendAll(context, directory, missing, (seq) => onLink(seq, links.length));
    }
    const isUnknown = there.error.type === "Refused" && there.error.code === "unknown-account";
    if (!isUnknown) return there;
    const restored = await restoreAll(context, directory, { links, head, how, onLink });
    if (restored.ok || attempts >= RESTORE_ATTEMPTS_MAX || !isOvertaken(restored.error)) return restored;
  }
}

/** Another device of the account has put it back meanwhile, or what was brought has lapsed. */
function isOvertaken(error: ClientError): boolean {
  return error.type === "Refused" && (error.code === "chain-conflict" || error.code === "unknown-account");
}

interface RestoreAct extends KeptChain {
  readonly how: Registration;
  readonly onLink: (done: number, total: number) => void;
}

/** IN6: the genesis with the name of the last link, then each link; with the last one the account is there. */
async function restoreAll(
  context: EngineContext,
  directory: DirectoryClient,
  { links, head, how, onLink }: RestoreAct,
): Promise<Result<void, ClientError>> {
  const { accountId } = context.identity;
  const [genesis] = links;
  if (genesis === undefined || genesis.boxes === null) return err({ type: "BoxesMissing" });
  const { link, boxes } = genesis;
  const begun = await patiently(context, () =>
    directory.register({ genesis: link, boxes, ...how, restores: head }),
  );
  if (!begun.ok) return begun;
  let stagedSeq = 1;
  for (const { seq, ...next } of links) {
    if (seq <= stagedSeq) continue;
    const staged = await patiently(context, () => directory.stageLink(accountId, { head, ...next }));
    if (!staged.ok) return staged;
    stagedSeq = Math.max(seq, staged.value.seq);
    onLink(stagedSeq, links.length);
  }
  return ok();
}

async function appendAll(
  context: EngineContext,
  directory: DirectoryClient,
  links: readonly KeptLink[],
  onLink: (seq: number) => void,
): Promise<Result<void, ClientError>> {
  for (const { seq, ...link } of links) {
    const appended = await patiently(context, () => directory.appendLink(context.identity.accountId, link));
    if (!appended.ok) return appended;
    onLink(seq);
  }
  return ok();
}

async function patiently<T>(
  context: EngineContext,
  request: () => Promise<Result<T, ServerError>>,
): Promise<Result<T, ServerError>> {
  for (;;) {
    const answered = await request();
    if (answered.ok || answered.error.type !== "Refused") return answered;
    const { code, retryAfterMs } = answered.error;
    if (code !== "rate-limited" || retryAfterMs === undefined || retryAfterMs > PATIENCE_MS_MAX)
      return answered;
    await sleep(context.clock, retryAfterMs);
  }
}

/** Every link as it was received, with the boxes it came with: those of its epoch, or one for a device it added. */
async function keptLinks(context: EngineContext): Promise<Result<KeptChain, ClientError>> {
  const { tables, identity } = context;
  const rows = await tables.chain.scan({ under: [identity.accountId] });
  if (!rows.ok) return rows;
  const links: KeptLink[] = [];
  let head = context.chain().head;
  let epoch = 0;
  let addedInEpoch = 0;
  for (const [index, { value }] of rows.value.entries()) {
    const parsed = parseLink(value.link);
    if (!parsed.ok)
      return err({ type: "StoreCorrupt", key: tables.chain.key(identity.accountId, index + 1) });
    const { payload } = parsed.value.body;
    head = parsed.value.hash;
    const startsEpoch = epochOf(payload) !== null;
    if (startsEpoch) {
      epoch++;
      addedInEpoch = 0;
    }
    const boxes = await tables.boxes.get(epoch);
    if (!boxes.ok) return boxes;
    const isAdd = payload.type === "device-add" && !startsEpoch;
    const box: Bytes | null = isAdd
      ? (boxes.value?.added[addedInEpoch++] ?? newBox(context, epoch, payload.device))
      : null;
    if ((startsEpoch && boxes.value === null) || (isAdd && box === null))
      return err({ type: "BoxesMissing" });
    links.push({
      seq: index + 1,
      link: value.link,
      boxes: startsEpoch ? (boxes.value?.boxes ?? null) : null,
      box,
    });
  }
  return ok({ links, head });
}

/**
 * A box like the one that came with the link, which was lost with the server before this device had fetched it. Who has the
 * epoch may let its devices into it: no link commits to the box.
 */
function newBox(
  { random, chain, epochSecret }: EngineContext,
  number: number,
  device: DeviceRecord,
): Bytes | null {
  const secret = epochSecret(number);
  const state = chain();
  const added = state.devicesById.get(deviceIdOf(device.signKey));
  if (secret === null || added === undefined || number !== state.epochs.length) return null;
  return createAddedBox(random, state, { number, secret }, added);
}
