/** Bringing an account's chain to a server that has none of it, or only its beginning. Rule IN6. */
import { sleep } from "../../base/clock.ts";
import type { Bytes } from "../../base/bytes.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { AppendLink } from "../../protocol/directory.ts";
import { createAddedBox } from "../../sigchain/epoch/create-epoch.ts";
import { type DeviceRecord, deviceIdOf, epochOf, parseLink } from "../../sigchain/link.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectoryClient } from "../connection/directory-client.ts";
import type { EngineContext } from "../engine-context.ts";

/** How long a server that asks for patience is waited for, each time. */
const PATIENCE_MS_MAX = 60_000;

/** How an account is made known to a server that does not know it. */
export interface Registration {
  readonly handle: string | null;
  readonly invitation: string | null;
}

/** A link of the own chain with what was stored beside it. */
interface KeptLink extends AppendLink {
  readonly seq: number;
}

/**
 * Brings `directory` up to the chain as this device has verified it. Nothing happens where it is there.
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
  const { accountId } = context.identity;
  const links = await keptLinks(context);
  if (!links.ok) return links;
  const there = await directory.chain(accountId, context.chain().seq);
  let from = 0;
  if (there.ok) {
    from = there.value.headSeq;
  } else {
    const isUnknown = there.error.type === "Refused" && there.error.code === "unknown-account";
    if (!isUnknown) return there;
    const [genesis] = links.value;
    if (genesis === undefined || genesis.boxes === null) return err({ type: "BoxesMissing" });
    const { link, boxes } = genesis;
    const registered = await directory.register({ genesis: link, boxes, ...how, isRestored: true });
    if (!registered.ok) return registered;
    from = 1;
  }
  for (const { seq, ...link } of links.value) {
    if (seq <= from) continue;
    const appended = await appendPatiently(context, directory, link);
    if (!appended.ok) return appended;
    onLink(seq, links.value.length);
  }
  return ok();
}

async function appendPatiently(
  context: EngineContext,
  directory: DirectoryClient,
  link: AppendLink,
): Promise<Result<void, ClientError>> {
  for (;;) {
    const appended = await directory.appendLink(context.identity.accountId, link);
    if (appended.ok || appended.error.type !== "Refused") return appended;
    const { code, retryAfterMs } = appended.error;
    if (code !== "rate-limited" || retryAfterMs === undefined || retryAfterMs > PATIENCE_MS_MAX)
      return appended;
    await sleep(context.clock, retryAfterMs);
  }
}

/** Every link as it was received, with the boxes it came with: those of its epoch, or one for a device it added. */
async function keptLinks(context: EngineContext): Promise<Result<readonly KeptLink[], ClientError>> {
  const { tables, identity } = context;
  const rows = await tables.chain.scan({ under: [identity.accountId] });
  if (!rows.ok) return rows;
  const kept: KeptLink[] = [];
  let epoch = 0;
  let addedInEpoch = 0;
  for (const [index, { value }] of rows.value.entries()) {
    const parsed = parseLink(value.link);
    if (!parsed.ok)
      return err({ type: "StoreCorrupt", key: tables.chain.key(identity.accountId, index + 1) });
    const { payload } = parsed.value.body;
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
    kept.push({
      seq: index + 1,
      link: value.link,
      boxes: startsEpoch ? (boxes.value?.boxes ?? null) : null,
      box,
    });
  }
  return ok(kept);
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
