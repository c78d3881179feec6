/**
 * Packing the account's documents for a snapshot: what changed since the last one, everything else carried over.
 * Rules SN31, SN33, SN38, SN39.
 *
 * Nothing is given that was not opened again from its own sealed bytes and compared. Where each document is stands in
 * rows, so a program that ends in between packs nothing twice.
 */
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { BLOBS_PER_READ_MAX, FRAME_BYTES_MAX, SNAPSHOT_PACK_DOCUMENTS_MAX } from "../../base/limits.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Documents } from "../../document/documents.ts";
import type { DocumentName } from "../../log/document-name.ts";
import {
  HEADS_PER_DOCUMENT_MAX,
  openPack,
  type Pack,
  type PackedDocument,
  type SavedDocument,
  sealPack,
} from "../../log/snapshot/pack.ts";
import { parseArchivedOp } from "../../messenger/archived-op.ts";
import type { AccountLog } from "../account-log/account-log.ts";
import type { ClientError } from "../client-error.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Gateway } from "../connection/gateway.ts";
import { type PackPlan, planPacks, type PresentDocument } from "./plan-packs.ts";
import { headBytes, headsOf, logOf, packKey } from "./snapshot-source.ts";

export interface PackerDeps {
  readonly context: EngineContext;
  readonly documents: Documents;
  readonly log: AccountLog;
}

/** Room for a frame's own structure. */
const UPLOAD_BYTES_MAX = FRAME_BYTES_MAX - 8_192;

/** Every document, packed and on the server. Null when one does not come back as it was, or is more than a pack holds. */
export async function packDocuments(
  deps: PackerDeps,
  gateway: Gateway,
): Promise<Result<readonly Pack[] | null, ClientError>> {
  const plan = await planNow(deps);
  if (!plan.ok) return plan;
  const upload = createUpload(deps.context, gateway);
  const packs = [...plan.value.kept];
  for (const names of plan.value.groups) {
    const packed = await packGroup(deps, names, plan.value.packBytes, upload);
    if (!packed.ok || packed.value === null) return packed;
    packs.push(...packed.value);
  }
  const sent = await upload.end();
  return sent.ok ? ok(packs) : sent;
}

async function planNow({ context, documents, log }: PackerDeps): Promise<Result<PackPlan, ClientError>> {
  const packed = await context.tables.packed.scan();
  if (!packed.ok) return packed;
  const rows = await context.tables.heads.scan();
  if (!rows.ok) return rows;
  const packs = packed.value.map(({ value }) => value);
  const of = { id: (one: PackedDocument) => log.ref(one.name).id, heads: joinedHeads };
  const known = new Set(
    packs.flatMap((pack) => pack.documents.map((one) => `${of.id(one)} ${of.heads(one)}`)),
  );
  const present: PresentDocument[] = [];
  for (const { value } of rows.value) {
    const { id } = log.ref(value.document);
    const told = [...value.heads].sort().join();
    // The row can lag behind the document, and what the document holds is what is packed.
    const heads = known.has(`${id} ${told}`)
      ? ok(value.heads)
      : await documents.heads(log.ref(value.document));
    if (!heads.ok) return heads;
    present.push({ id, name: value.document, heads: [...heads.value].sort().join() });
  }
  return ok(planPacks(present, packs, of));
}

const joinedHeads = (one: PackedDocument): string => headsOf(one).join();

async function packGroup(
  deps: PackerDeps,
  names: readonly DocumentName[],
  bytesMax: number,
  upload: Upload,
): Promise<Result<readonly Pack[] | null, ClientError>> {
  const packs: Pack[] = [];
  let contents: SavedDocument[] = [];
  let size = 0;
  const close = async (): Promise<Result<boolean, ClientError>> => {
    const sealed = sealAndOpen(deps.context, contents);
    if (sealed === null) return ok(false);
    packs.push(sealed.pack);
    [contents, size] = [[], 0];
    const added = await upload.add(sealed.pack, sealed.blobs);
    return added.ok ? ok(true) : added;
  };
  for (const name of names) {
    const saved = await deps.context.serial.run(() => saveOne(deps, name));
    if (!saved.ok || saved.value === null) return saved.ok ? ok(null) : saved;
    const isFull =
      size + saved.value.saved.length > bytesMax || contents.length === SNAPSHOT_PACK_DOCUMENTS_MAX;
    const closed = isFull && contents.length > 0 ? await close() : ok(true);
    if (!closed.ok || !closed.value) return closed.ok ? ok(null) : closed;
    contents.push(saved.value);
    size += saved.value.saved.length;
  }
  const closed = contents.length > 0 ? await close() : ok(true);
  if (!closed.ok) return closed;
  return ok(closed.value ? packs : null);
}

/** SN31: saved, and loaded again by itself. */
async function saveOne(
  { documents, log }: PackerDeps,
  name: DocumentName,
): Promise<Result<SavedDocument | null, ClientError>> {
  const ref = log.ref(name);
  const saved = await documents.save(ref);
  if (!saved.ok) return saved;
  if (saved.value.heads.length > HEADS_PER_DOCUMENT_MAX) return ok(null);
  const loaded = documents.inspect(ref, saved.value.bytes);
  if (!loaded.ok) return loaded;
  if ([...loaded.value.heads].sort().join() !== [...saved.value.heads].sort().join()) return ok(null);
  let newestHlc = 0;
  for (const [, bytes] of loaded.value.ops) {
    const op = parseArchivedOp(bytes);
    if (op.ok) newestHlc = Math.max(newestHlc, op.value.op.op.hlc);
  }
  return ok({
    document: { name, heads: headBytes(saved.value.heads), newestHlc },
    saved: saved.value.bytes,
  });
}

/** SN31: what comes out of the sealed bytes is what was loaded. */
function sealAndOpen(
  context: EngineContext,
  contents: readonly SavedDocument[],
): ReturnType<typeof sealPack> {
  const sealed = sealPack(context.random, logOf(context), contents, context.padding());
  if (sealed === null) return null;
  const opened = openPack(logOf(context), sealed.pack, sealed.blobs);
  const isSame =
    opened.ok && contents.every(({ saved }, at) => equalBytes(opened.value[at] ?? new Uint8Array(0), saved));
  return isSame ? sealed : null;
}

interface Upload {
  add(pack: Pack, blobs: readonly Bytes[]): Promise<Result<void, ClientError>>;
  end(): Promise<Result<void, ClientError>>;
}

function createUpload(context: EngineContext, gateway: Gateway): Upload {
  let blobs: Bytes[] = [];
  let packs: Pack[] = [];
  async function end(): Promise<Result<void, ClientError>> {
    const sent = await sendBlobs(gateway, blobs);
    if (!sent.ok) return sent;
    // SN33: only after the server has them; a row without blobs would be carried into a snapshot that lacks them.
    const written = await context.store.batch(
      packs.map((pack) => context.tables.packed.put([packKey(pack)], pack)),
    );
    [blobs, packs] = [[], []];
    return written;
  }
  return {
    async add(pack, more) {
      packs.push(pack);
      blobs.push(...more);
      const size = blobs.reduce((sum, { length }) => sum + length, 0);
      return size < UPLOAD_BYTES_MAX / 2 ? ok() : end();
    },
    end,
  };
}

/** Sends blobs in as many frames as they need. */
export async function sendBlobs(
  gateway: Gateway,
  blobs: readonly Bytes[],
): Promise<Result<void, ClientError>> {
  for (let from = 0; from < blobs.length; ) {
    const part: Bytes[] = [];
    let size = 0;
    while (from < blobs.length) {
      const next = blobs[from];
      if (next === undefined || (part.length > 0 && size + next.length > UPLOAD_BYTES_MAX)) break;
      if (part.length === BLOBS_PER_READ_MAX) break;
      part.push(next);
      size += next.length + 8;
      from++;
    }
    const sent = await gateway.call("done", { type: "putBlobs", blobs: part });
    if (!sent.ok) return sent;
  }
  return ok();
}
