/** What a device holds, as hashes that are equal on two devices when, and only when, they hold the same. Rule AR9. */
import { type Bytes, toHex, toUtf8 } from "../base/bytes.ts";
import { idBytes } from "../base/ids.ts";
import { ok, type Result } from "../base/result.ts";
import { hash } from "../crypto/hash.ts";
import { LABEL } from "../crypto/labels.ts";
import type { NamedOp } from "../messenger/op.ts";
import { timelineOf } from "../messenger/timeline.ts";
import type { StateFingerprint } from "./client.ts";
import type { ClientError } from "./client-error.ts";
import type { Engine } from "./engine.ts";

/** Hashes heads of all documents, ids of all ops, and the view. */
export async function fingerprintOf(engine: Engine): Promise<Result<StateFingerprint, ClientError>> {
  const { tables, documents, log, contacts, ops, views, context } = engine;
  const rows = await tables.heads.scan();
  if (!rows.ok) return rows;
  const partsByKind = new Map<string, Bytes[]>();
  for (const { key, value } of rows.value) {
    const heads = await documents.heads(log.ref(value.document));
    if (!heads.ok) return heads;
    const parts = partsByKind.get(value.document.type) ?? [];
    parts.push(toUtf8(key), ...[...heads.value].sort().map(toUtf8));
    partsByKind.set(value.document.type, parts);
  }
  const headsByKind = Object.fromEntries(
    [...partsByKind].sort().map(([kind, parts]) => [kind, digest(parts)]),
  );
  const all = await contacts.all();
  if (!all.ok) return all;
  const ids: string[] = [];
  const view: Bytes[] = [];
  for (const contact of [...all.value].sort((a, b) => (a.accountId < b.accountId ? -1 : 1))) {
    const named = await ops.all(contact.conversationId);
    if (!named.ok) return named;
    ids.push(...named.value.map((op: NamedOp) => op.id));
    const { state, petname, givenName, handle, origin } = contact;
    view.push(toUtf8(JSON.stringify([contact.accountId, state, petname, givenName, handle, origin])));
    for (const message of timelineOf(named.value, context.times.latestMs())) view.push(idBytes(message.id));
  }
  const tags = await views.tags();
  if (!tags.ok) return tags;
  const rules = await views.tagRules();
  if (!rules.ok) return rules;
  view.push(toUtf8(JSON.stringify([tags.value, rules.value])));
  return ok({ headsByKind, ops: digest(ids.sort().map(toUtf8)), opCount: ids.length, view: digest(view) });
}

function digest(parts: readonly Bytes[]): string {
  return toHex(hash(LABEL.fingerprint, ...parts));
}
