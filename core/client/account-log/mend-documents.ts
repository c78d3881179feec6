/**
 * Documents that do not load whole: what still opens of them and what waits in rows is kept, and the log is read again
 * from its start, through the same checks as ever. Rule AR17.
 */
import { assert } from "../../base/assert.ts";
import type { DocumentId } from "../../base/ids.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import type { DocumentName } from "../../log/document-name.ts";
import type { ClientError } from "../client-error.ts";
import type { DirectRows } from "../direct/direct-rows.ts";
import type { EngineContext } from "../engine-context.ts";
import type { DocumentHeads, HeldDocument } from "./document-heads.ts";
import type { LogIntake } from "./log-intake.ts";

export interface DamagedDocuments {
  /** A stored document does not load whole; the next `mend` sees to it. */
  note(id: DocumentId): void;
  isAny(): boolean;
  mend(): Promise<Result<void, ClientError>>;
  /** Kinds of documents that `mend` has seen to since this was last asked. */
  takeMended(): ReadonlySet<string>;
}

export interface MendDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly heads: DocumentHeads;
  readonly direct: DirectRows;
  readonly intake: LogIntake;
}

export function createDamagedDocuments(deps: MendDeps): DamagedDocuments {
  const { context, documents, heads, direct, intake } = deps;
  const { tables, store } = context;
  const damaged = new Set<DocumentId>();
  const mendedKinds = new Set<string>();

  function note(id: DocumentId): void {
    const name = heads.nameOf(id);
    // A document that was damaged before it had a row cannot be named; whoever uses it next names it.
    if (damaged.has(id) || name === undefined) return;
    damaged.add(id);
    context.raise({ type: "DocumentDamaged", documentKind: name.type });
  }

  async function mend(): Promise<Result<void, ClientError>> {
    if (damaged.size === 0) return ok();
    const mended: HeldDocument[] = [];
    for (const id of damaged) {
      const name = heads.nameOf(id);
      assert(name !== undefined, "a damaged document is noted by its name");
      const repaired = await repairFromRows(name);
      if (!repaired.ok) return repaired;
      mended.push({ name, heads: repaired.value });
      heads.record(name, repaired.value);
      // All it holds was read from the log, or has a row in `out`.
      heads.setTracked(id, true);
    }
    // AR17: from the start, as a new device reads it; what is known changes nothing.
    const again = intake.restart();
    const rows = mended.map((one) => heads.row(one.name, one.heads));
    const written = await store.batch([...rows, ...again.writes]);
    if (!written.ok) return written;
    damaged.clear();
    again.commit();
    for (const { name } of mended) mendedKinds.add(name.type);
    return ok();
  }

  /** Returns the heads of the document as far as it could be brought back here. */
  async function repairFromRows(name: DocumentName): Promise<Result<readonly string[], ClientError>> {
    const ref = heads.ref(name);
    const journaled = await tables.journal.scan();
    if (!journaled.ok) return journaled;
    const out = await tables.out.scan();
    if (!out.ok) return out;
    const changes = [...journaled.value, ...out.value]
      .filter((row) => heads.ref(row.value.document).id === ref.id)
      .flatMap((row) => row.value.changes)
      .concat(direct.changesOf(ref.id));
    const repaired = await documents.repair(ref, { changes, isLossAccepted: true });
    return repaired.ok ? documents.heads(ref) : repaired;
  }

  function takeMended(): ReadonlySet<string> {
    const taken = new Set(mendedKinds);
    mendedKinds.clear();
    return taken;
  }

  return { note, isAny: () => damaged.size > 0, mend, takeMended };
}
