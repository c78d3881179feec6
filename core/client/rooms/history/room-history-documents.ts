/**
 * Which ops of a room's shared documents a member hands on to somebody who came later: all of a document, or nothing. Runs within the
 * serial. Rule SD17.
 */
import { type ConversationId, type OpId, parseId } from "../../../base/ids.ts";
import { ok, type Result } from "../../../base/result.ts";
import { hlcToMs } from "../../../messenger/hlc.ts";
import { type NamedOp, OP_KIND } from "../../../messenger/op.ts";
import { isTakenAway, sharedDocumentOf } from "../../../messenger/shared/shared-change.ts";
import { rowKeyParts } from "../../../store/row-key.ts";
import type { StoreError } from "../../../store/tx-store.ts";
import type { OpStore } from "../../conversations/op-store.ts";
import type { Tables } from "../../tables.ts";

export interface DocumentChoice {
  /** Before it nothing of a document was written; infinite where there is none. */
  readonly beginMs: number;
  /** Whether an op that may be handed on is: one of a document only with what it belongs to. */
  allows(op: NamedOp): Promise<Result<boolean, StoreError>>;
}

type Row =
  Awaited<ReturnType<Tables["shared"]["scan"]>> extends Result<readonly (infer R)[], unknown> ? R : never;

/** For one who `isHad` says has an op already, and `mayGet` may get it. */
export async function chooseDocuments(
  {
    context: { tables },
    ops,
  }: { readonly context: { readonly tables: Pick<Tables, "shared"> }; readonly ops: Pick<OpStore, "get"> },
  {
    roomId,
    isHad,
    mayGet,
  }: {
    readonly roomId: ConversationId;
    readonly isHad: (op: NamedOp) => boolean;
    readonly mayGet: (op: NamedOp) => unknown;
  },
): Promise<Result<DocumentChoice, StoreError>> {
  const rows = await tables.shared.scan({ under: [roomId] });
  if (!rows.ok) return rows;
  const byDocument = Map.groupBy(rows.value, ({ key }) => rowKeyParts(key)[2]);
  const known = new Map<OpId, boolean>();

  async function readOp({ key, value }: Row): Promise<Result<NamedOp | null, StoreError>> {
    const id = parseId("op", rowKeyParts(key)[3] ?? "");
    return id.ok ? ops.get({ conversationId: roomId, ...value, id: id.value }) : ok(null);
  }

  /** Its making is there for them, and nobody took it away. */
  async function isWhole(document: OpId): Promise<Result<boolean, StoreError>> {
    let creation: NamedOp | null = null;
    const removals: NamedOp[] = [];
    for (const row of byDocument.get(document) ?? []) {
      const op = await readOp(row);
      if (!op.ok) return op;
      if (op.value?.id === document) creation = op.value;
      if (op.value?.op.kind === OP_KIND.sharedRemoval) removals.push(op.value);
    }
    if (creation === null || !(isHad(creation) || mayGet(creation) !== null)) return ok(false);
    return ok(!isTakenAway(creation, removals));
  }

  return ok({
    beginMs: rows.value.reduce(
      (least, { value }) => Math.min(least, hlcToMs(value.hlc)),
      Number.POSITIVE_INFINITY,
    ),
    async allows(op) {
      const document = sharedDocumentOf(op);
      // That one was taken away is told in any case: somebody may have handed it on before.
      if (document === null || op.op.kind === OP_KIND.sharedRemoval) return ok(true);
      const before = known.get(document);
      if (before !== undefined) return ok(before);
      const found = await isWhole(document);
      if (found.ok) known.set(document, found.value);
      return found;
    },
  });
}
