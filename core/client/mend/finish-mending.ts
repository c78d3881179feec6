/** The part of mending that needs documents and contacts. Rule ST61. Runs within the serial, once the parts have started. */
import { ok, type Result } from "../../base/result.ts";
import { isDamage } from "../../document/document-error.ts";
import { isBucket } from "../../log/document-name.ts";
import { parseOp } from "../../messenger/op.ts";
import type { ClientError } from "../client-error.ts";
import type { ContactBook } from "../contacts/contact-book.ts";
import type { Conversations } from "../conversations/conversations.ts";
import type { EngineContext } from "../engine-context.ts";
import type { OpStore } from "../conversations/op-store.ts";
import type { Outbox } from "../conversations/outbox.ts";
import type { MendRow } from "../tables.ts";

export interface FinishDeps {
  readonly context: EngineContext;
  readonly contacts: ContactBook;
  readonly conversations: Conversations;
  readonly ops: OpStore;
  readonly outbox: Outbox;
}

/** Does what is left; what a damaged document hinders is done when that is mended. Raises an alarm that tells of it. */
export async function finishMending(deps: FinishDeps): Promise<Result<void, ClientError>> {
  const { context } = deps;
  const { tables, store } = context;
  const row = await tables.mend.get();
  if (!row.ok) return row;
  if (row.value === null) return ok();
  context.raise({ type: "RowsMended", rows: row.value.rows });
  const rebuilt = await rebuild(deps, row.value);
  if (!rebuilt.ok) return isDamage(rebuilt.error) ? ok() : rebuilt;
  return store.batch([tables.mend.remove()]);
}

async function rebuild(deps: FinishDeps, plan: MendRow): Promise<Result<void, ClientError>> {
  const { context, conversations } = deps;
  const heads = await context.tables.heads.scan();
  if (!heads.ok) return heads;
  const wanted = new Set(plan.conversations);
  const buckets = heads.value
    .map(({ value }) => value.document)
    .filter((name) => isBucket(name) && wanted.has(name.conversationId));
  if (buckets.length > 0) {
    const adopted = await conversations.adopt(buckets, { isHistory: true });
    if (!adopted.ok) return adopted;
  }
  const unarchived = await addUnarchived(deps, wanted);
  return unarchived.ok ? queueUnsent(deps, plan.unsent) : unarchived;
}

/** Ops that are in no bucket yet. */
async function addUnarchived(
  { context, ops }: FinishDeps,
  wanted: ReadonlySet<string>,
): Promise<Result<void, ClientError>> {
  const { tables, store } = context;
  const archive = await tables.archive.scan();
  if (!archive.ok) return archive;
  const outbox = await tables.outbox.scan();
  if (!outbox.ok) return outbox;
  const found = [...archive.value, ...outbox.value].flatMap(({ value }) => {
    const op = parseOp(value.op);
    return op.ok && wanted.has(op.value.op.conversationId) ? [op.value] : [];
  });
  const addition = await ops.add(found, context.times.latestMs());
  if (!addition.ok) return addition;
  const written = await store.batch(addition.value.writes);
  if (written.ok) addition.value.commit();
  return written;
}

/** Own ops that were on their way to the other side: the rows they were kept in are gone, the ops are not. */
async function queueUnsent(
  { context, contacts, ops, outbox }: FinishDeps,
  unsent: MendRow["unsent"],
): Promise<Result<void, ClientError>> {
  const all = unsent.length === 0 ? ok([]) : await contacts.all();
  if (!all.ok) return all;
  for (const key of unsent) {
    const op = await ops.get({ ...key, device: context.identity.deviceId });
    if (!op.ok) return op;
    const contact = all.value.find((one) => one.conversationId === key.conversationId);
    if (op.value === null || contact === undefined) continue;
    const queued = outbox.put(op.value, contact.accountId);
    const written = await context.store.batch([queued.write]);
    if (!written.ok) return written;
    queued.commit();
  }
  return ok();
}
